"""Which code a run was made by: the version of the package, the commit of the checkout, and a hash of the sources.

The commit is what people look up; the hash tells code apart where nothing is committed.
Not here: versions of libraries, which `uv.lock` fixes for a commit.
"""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from orchestration.dbt_runner import DBT_OWN
from orchestration.settings import ROOT

PACKAGE = "segment-pipeline"
SOURCES = ("segmentation", "orchestration", "dbt_project")
ENDINGS = {".py", ".sql", ".yml"}


@dataclass(frozen=True)
class Code:
    """`commit` is None outside of a checkout of git; `sources` is a SHA-256 of what decides who is in."""

    version: str | None
    commit: str | None
    sources: str

    def as_json(self) -> dict[str, str | None]:
        """By name, for storage."""
        return asdict(self)


@cache
def code_of_this_process() -> Code:
    """The code that runs here: what is edited on disk later counts for processes that start later."""
    return Code(_version(), _commit(), _sources())


def _version() -> str | None:
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    try:
        told = subprocess.run(
            ["git", "-C", str(ROOT), "rev-parse", "--show-toplevel", "HEAD"],
            capture_output=True, text=True, timeout=10, check=True,
        ).stdout.splitlines()  # fmt: skip
    except (OSError, subprocess.SubprocessError):  # no git, or no repository
        return None
    # The checkout may lie inside of another repository, whose commit says nothing about it.
    return told[1] if len(told) == 2 and told[0] == str(ROOT) else None


def _sources() -> str:
    digest = hashlib.sha256()
    for folder in SOURCES:
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix in ENDINGS and file.is_file() and not DBT_OWN & set(file.relative_to(ROOT).parts):
                digest.update(f"{file.relative_to(ROOT).as_posix()}\n".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
