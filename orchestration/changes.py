"""The log of what people did to segments: one line of JSON per change in `changes.jsonl`, which only grows.

Who, when, what, and the hash of the definition before and after. Not here: what a change does (`lifecycle.py`), and
what runs computed, which the warehouse records.
"""

from __future__ import annotations

import getpass
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

FILE = "changes.jsonl"


@dataclass(frozen=True)
class Change:
    """`at` is aware UTC; a hash is None where there is no definition, or none that can be read."""

    at: datetime
    by: str
    action: str
    segment: str
    file: str
    hash_before: str | None
    hash_after: str | None


def whoever_runs_this() -> str:
    """The user name that the environment or the operating system gives."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number without a name
        return f"uid {os.getuid()}"


def append(home: Path, change: Change) -> None:
    """Adds a change; it is on disk when this returns."""
    home.mkdir(parents=True, exist_ok=True)
    told = {**asdict(change), "at": change.at.astimezone(UTC).isoformat().replace("+00:00", "Z")}
    with FileLock(home / "changes.lock"), (home / FILE).open("a", encoding="utf-8") as log:
        log.write(json.dumps(told, ensure_ascii=False) + "\n")
        log.flush()
        os.fsync(log.fileno())


def read(home: Path) -> list[Change]:
    """All changes, oldest first."""
    if not (home / FILE).exists():
        return []
    rows = [json.loads(line) for line in (home / FILE).read_text(encoding="utf-8").splitlines() if line.strip()]
    return [Change(**{**row, "at": datetime.fromisoformat(row["at"])}) for row in rows]
