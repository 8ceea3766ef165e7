"""A branch in a real repository: what `segments diff` and the step of the CI say of it, with data and without."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from orchestration.questions.changed import changed_segments
from orchestration.questions.revisions import base_of, revision_of
from segmentation.language.folder import load_folder
from tests.cli.conftest import call
from tests.orchestration.workspace import Workspace
from tests.questions import shop

ROOT = Path(__file__).parents[2]
Asks = Callable[..., Result]
WHO = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@b.test",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@b.test",
}


def git(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, **WHO, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True, env=environment)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Segments of the shop on main, which went on after a branch began that edits, adds and deletes some."""
    root = tmp_path_factory.mktemp("repository")
    workspace = Workspace(root, shop.ZONE)
    workspace.define(**shop.DEFINITIONS)
    folder = workspace.settings.segments
    (folder / "lists").mkdir()
    (folder / "lists" / "vip.csv").write_text("Type,Identity\ng,bea\ng,dan\ng,nobody\ni,twins@shop.test\n")
    git(root, "init", "--initial-branch", "main")
    git(root, "add", "segments")
    git(root, "commit", "-m", "as it was")
    git(root, "switch", "-c", "branch")
    workspace.define(
        buyers="[{did: purchase, within: 30 days, count: {gte: 1}}]", fresh="[{did: visit, within: 2 days}]"
    )
    workspace.define(quiet="title: Quiet\nwho: [{did_not: visit, within: 2 days}]\n")
    workspace.undefine("mixed")
    git(root, "add", "-A", "segments")
    git(root, "commit", "-m", "an edit")
    git(root, "switch", "main")
    workspace.define(gold="[{attribute: tier, equals: platinum}]")
    git(root, "commit", "-am", "main goes on")
    git(root, "switch", "branch")
    (folder / "lists" / "vip.csv").write_text("Type,Identity\ng,bea\ng,eve\n")  # not even committed
    return root


@pytest.fixture
def asks(checkout: Path, asked: Workspace, monkeypatch: pytest.MonkeyPatch) -> Asks:
    """The command in the checkout, on the data of the shop."""
    monkeypatch.chdir(checkout)
    monkeypatch.setenv("SEGMENTS_HOME", str(asked.settings.home))
    monkeypatch.setenv("SEGMENTS_LANDING", asked.settings.landing)
    monkeypatch.setenv("SEGMENTS_TIMEZONE", shop.ZONE)
    return call


def test_changed_are_the_files_that_differ_from_where_the_branch_began(checkout: Path):
    folder = checkout / "segments"
    base = base_of(folder, "main")
    assert changed_segments(folder, base, load_folder(folder)) == ["buyers", "fresh", "mixed", "quiet", "vip"]
    assert "gold" in changed_segments(folder, revision_of(folder, "main"), load_folder(folder))
    assert base.commit == git(checkout, "rev-parse", "main~1")


def test_all_changes_of_a_branch_as_json(asks: Asks):
    told = json.loads(asks("diff", "--changed", "--against", "main", "--json").stdout)
    assert told["against"]["ref"] == "main"
    assert told["as_of"] == "2026-03-03T21:00:00Z"
    numbers = {one["segment"]: (one["change"], one["before"], one["after"]) for one in told["segments"]}
    assert numbers == {
        "buyers": ("rule", 2, 3),
        "fresh": ("new", 0, 1),
        "mixed": ("deleted", 2, 0),
        "quiet": ("beside", 4, 4),
        "vip": ("same", 2, 2),
    }
    assert all(one["users"] == [] for one in told["segments"])
    (vip,) = (one for one in told["segments"] if one["segment"] == "vip")
    assert vip["notes"] == [
        "Lines of its list lists/vip.csv: 1 are new and 3 are gone; whom they name is known once a run has read it."
    ]


def test_one_segment_against_a_commit_has_the_shape_that_machines_read(asks: Asks):
    told = json.loads(asks("diff", "buyers", "--against", "main~1", "--json").stdout)
    words = "against as_of segment change old new edits beside before after entering leaving staying uncounted why data"
    assert {*told} == {*words.split(), "dependants", "messages", "destinations", "users", "notes"}
    assert [one["user_id"] for one in told["users"]] == ["bea"]
    assert told["dependants"] == [
        {
            "segment": "gold_buyers", "kind": "who", "is_direct": True, "note": None, "destinations": [],
            "flow": {"before": 1, "after": 2, "entering": 1, "leaving": 0, "staying": 1},
        }
    ]  # fmt: skip


def test_a_person_reads_sizes_reasons_and_names_in_the_terminal(asks: Asks):
    told = asks("diff", "buyers")
    assert told.exit_code == 0
    for words in ("what the last run calculated", "at least 2 times", "gold_buyers", "bea enters: holds"):
        assert words in " ".join(told.stdout.split()), words
    assert "bea" not in asks("diff", "buyers", "--users", "0").stdout
    assert "bea" not in asks("diff", "buyers", "--markdown").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["buyers", "--against", "mian"], 1, "git knows no commit 'mian' here; did you mean 'main'?"),
        (["byers"], 1, "did you mean 'buyers'?"),
        ([], 2, "expected the name of a segment, or --changed"),
        (["--changed"], 2, "--changed needs --against"),
        (["buyers", "--json", "--markdown"], 2, "expected --json or --markdown"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(asks: Asks, arguments: list[str], code: int, said: str):
    told = asks("diff", *arguments)
    assert (told.exit_code, said in told.stderr) == (code, True)


def test_a_folder_outside_any_repository_is_one_sentence(asks: Asks, tmp_path: Path):
    (tmp_path / "a.yml").write_text("name: a\nwho: [{tag: x}]\n")
    told = asks("diff", "a", "--against", "main", "--segments", tmp_path)
    assert (told.exit_code, told.stderr.count("\n")) == (1, 1)
    assert "is in no git repository" in told.stderr


def test_the_step_of_the_ci_needs_no_data(checkout: Path, tmp_path: Path):
    told = step(checkout, tmp_path)
    assert told.returncode == 0, told.stderr
    assert "in words alone: nothing is calculated here" in told.stdout
    assert "| `buyers` | who is in | – | – | – | – | – |" in told.stdout
    assert "`did purchase at least 2 times in the last 30 days` → `did purchase at least once" in told.stdout
    assert not (tmp_path / "warehouse.duckdb").exists()


def test_a_file_with_an_error_is_said_as_everywhere_and_the_others_are_told(checkout: Path, tmp_path: Path):
    broken = checkout / "segments" / "broken.yml"
    broken.write_text("name: broken\nwho: [{did: x, whithin: 2 days}]\n")
    try:
        told = step(checkout, tmp_path)
    finally:
        broken.unlink()
    assert told.returncode == 1
    assert "segments/broken.yml:2: found unknown word 'whithin'" in told.stderr
    assert "segments/broken.yml:2: found unknown word" in told.stdout
    assert "### `buyers`" in told.stdout


def step(checkout: Path, home: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEGMENTS_")}
    environment = {**kept, "SEGMENTS_HOME": str(home), "BASE_REF": "main"}
    return subprocess.run([ROOT / ".ci/segment-diff"], cwd=checkout, env=environment, capture_output=True, text=True)
