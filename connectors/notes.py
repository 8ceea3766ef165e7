"""`_pulls.jsonl` of a landing folder: a line for everything that a pull tried, what, when, how many rows, or why not.

Landing ignores the file, people and programs read it. Not here: what follows from a failure.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

FILE = "_pulls.jsonl"
ALL = "all"  # the key of a note that is about everything of its kind, such as the list of audiences
LARGE = 4 * 1024 * 1024
_LINES_KEPT = 5_000


@dataclass(frozen=True)
class Note:
    """What became of one thing that a pull tried: `key` is an audience's id, a day or a table.

    `skipped` is what had not changed at the vendor, so that its file is as good as new. `accepted` says who took what a
    gate refused, and why.
    """

    connector: str
    table: str
    key: str
    outcome: Literal["done", "failed", "skipped"]
    at: datetime
    rows: int | None = None
    reported: int | None = None
    reason: str | None = None
    accepted: str | None = None


class Notes:
    """The notes of a folder. Several processes may use one file."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._file = root / FILE

    def add(self, note: Note) -> None:
        """Adds a line."""
        said = {**asdict(note), "at": note.at.isoformat().replace("+00:00", "Z")}
        line = json.dumps({key: value for key, value in said.items() if value is not None}, ensure_ascii=False)
        with self._alone(), self._file.open("ab+") as notes:
            # Whoever was killed while writing left half a line, which must not swallow this one.
            if notes.tell() and not _ends_a_line(notes):
                notes.write(b"\n")
            notes.write(line.encode() + b"\n")

    def read(self) -> list[dict[str, Any]]:
        """All notes, oldest first; half a line of a process that was killed is none."""
        try:
            written = self._file.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        return [note for _, note in _read(written)]

    def tidy(self, large: int = LARGE, lines_kept: int = _LINES_KEPT) -> None:
        """Shortens a large file: the last lines stay, and of every thing its last note and its last good one."""
        with self._alone():
            if not self._file.exists() or self._file.stat().st_size <= large:
                return
            lines = _read(self._file.read_text(encoding="utf-8", errors="replace"))
            keep = set(range(max(0, len(lines) - lines_kept), len(lines)))
            last: dict[tuple[Any, ...], int] = {}
            for number, (_, note) in enumerate(lines):
                thing = (note.get("connector"), note.get("table"), note.get("key"))
                last[thing] = number
                if note.get("outcome") != "failed":
                    last[*thing, "good"] = number
            keep.update(last.values())
            draft = self._file.with_name(f"{FILE}.{os.getpid()}.tmp")
            draft.write_text("".join(f"{lines[number][0]}\n" for number in sorted(keep)), encoding="utf-8")
            draft.replace(self._file)

    def _alone(self) -> FileLock:
        self._root.mkdir(parents=True, exist_ok=True)
        return FileLock(self._root / f"{FILE}.lock")


def _read(written: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for line in written.split("\n"):
        try:
            note = json.loads(line)
        except ValueError:
            continue
        if isinstance(note, dict):
            found.append((line, note))
    return found


def _ends_a_line(file: Any) -> bool:
    file.seek(-1, os.SEEK_END)
    return bool(file.read(1) == b"\n")
