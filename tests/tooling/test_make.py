"""The Makefile and what it starts: the promises a newcomer meets before any Python of ours runs."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON_3_9 = "#!/bin/sh\nexit 1\n"  # the version check is all that setup asks of it
PYTHON_WITHOUT_VENV = '#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; esac\n'
PYTHON_WITHOUT_NETWORK = """#!/bin/sh
case "$*" in
    *"-m venv"*) mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
    *"-m pip"*) echo "WARNING: Retrying after connection broken by NewConnectionError" >&2; exit 1 ;;
esac
"""


def make(*arguments: str) -> str:
    return subprocess.run(["make", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def setup_in(checkout: Path, python: str | None) -> subprocess.CompletedProcess[str]:
    """Run setup in an empty checkout on a machine whose only Python, if any, is the given script."""
    machine = checkout / "bin"
    machine.mkdir()
    for tool in ("bash", "sh", "dirname", "tee", "grep", "mkdir", "cp", "rm"):
        (machine / tool).symlink_to(shutil.which(tool) or pytest.fail(f"no {tool} here"))
    if python is not None:
        (machine / "python3").write_text(python)
        (machine / "python3").chmod(stat.S_IRWXU)
    (checkout / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/setup", checkout / "scripts/setup")
    return subprocess.run(
        [checkout / "scripts/setup"], env={"PATH": str(machine)}, capture_output=True, text=True, check=False
    )


def test_plain_make_lists_every_target():
    makefile = (ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (help .*)$", makefile, re.MULTILINE)
    assert targets is not None
    listed = [line.split()[1] for line in make().splitlines()]
    assert listed == targets[1].split()


@pytest.mark.parametrize(
    ("python", "advice"),
    [
        (None, "no Python 3.11, 3.12 or 3.13 found; install one"),
        (PYTHON_3_9, "no Python 3.11, 3.12 or 3.13 found; install one"),
        (PYTHON_WITHOUT_VENV, "python3 has no venv module; install it"),
        (PYTHON_WITHOUT_NETWORK, "Installing uv needs the package index and cannot reach it"),
    ],
    ids=["no python", "old python", "no venv", "no network"],
)
def test_setup_says_in_one_sentence_what_is_missing(tmp_path: Path, python: str | None, advice: str):
    result = setup_in(tmp_path, python)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(f"setup: {advice}")
    assert result.stderr.count("setup: ") == 1
    assert not (tmp_path / ".venv/.synced").exists()


@pytest.mark.parametrize("script", ["scripts/setup", ".ci/run"])
def test_scripts_are_valid_and_can_be_started(script: str):
    assert os.access(ROOT / script, os.X_OK)
    subprocess.run(["bash", "-n", ROOT / script], check=True)
