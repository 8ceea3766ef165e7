"""The log of what people did to segments: one line of JSON per change in `changes.jsonl`, which only grows.

Who, when, what, and hashes before and after: of the definition, which decides who is a member, and of the file's text,
which tells apart changes that leave the members alone. A refresh is no change: it leaves the file as it is; who asked
for it stands in its request (`inbox.py`) and on the run that served it.
Not here: what a change does (`lifecycle/`), and what runs computed, which the warehouse records.
"""

from __future__ import annotations

import errno
import getpass
import hashlib
import json
import os
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path

from filelock import FileLock

from segmentation.clock import utc_text

FILE = "changes.jsonl"


@dataclass(frozen=True)
class Change:
    """`at` is aware UTC. A hash is None where there is no definition or none that can be read, a hash of the text where
    there is no file, or in lines of versions that did not write it. `source` is what a clone was made from."""

    at: datetime
    by: str
    action: str
    segment: str
    file: str
    hash_before: str | None
    hash_after: str | None
    text_before: str | None = None
    text_after: str | None = None
    source: str | None = None


def whoever_runs_this() -> str:
    """The user name that the environment or the operating system gives."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number without a name
        return f"uid {os.getuid()}"


def text_hash(content: bytes) -> str:
    """The hash of what a file holds, byte for byte."""
    return hashlib.sha256(content).hexdigest()[:16]


def append(home: Path, change: Change) -> None:
    """Adds a change; it is on disk when this returns."""
    home.mkdir(parents=True, exist_ok=True)
    told = {**asdict(change), "at": utc_text(change.at)}
    line = (json.dumps(told, ensure_ascii=False) + "\n").encode()
    with FileLock(home / "changes.lock"), (home / FILE).open("ab", buffering=0) as log:
        size = log.tell()
        try:
            if log.write(line) != len(line):
                raise OSError(errno.ENOSPC, "the line was written in part", str(home / FILE))
            os.fsync(log.fileno())
        except BaseException:
            os.truncate(home / FILE, size)  # half a line would spoil the next one
            raise


def read(home: Path) -> list[Change]:
    """All changes, oldest first; what later versions say beside is left out. Raises ValueError naming a line that is
    none."""
    file = home / FILE
    if not file.exists():
        return []
    known = {field.name for field in fields(Change)}
    found = []
    for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = {name: value for name, value in json.loads(line).items() if name in known}
            found.append(Change(**{**row, "at": datetime.fromisoformat(row["at"])}))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ValueError(f"{file}:{number}: found a line that is no change, expected one as JSON") from None
    return found
