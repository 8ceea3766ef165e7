"""Files of an export under their real names: each whole or not at all, and the manifest after all of them.

They are written beside their place under a name that begins with a dot, forced to the disk, and renamed.
Not here: what is in them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from orchestration.exports.manifest import ENDING, read_if_any

UNFINISHED = ".tmp"


def stem_of(number: int, segment: str, as_of: datetime) -> str:
    """`7_win_back_20260115T000000Z`: the segment's permanent number, its name, the moment of its members."""
    return f"{number}_{segment}_{as_of.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def names_of(stem: str, ending: str, parts: int) -> list[str]:
    """Names of the files of an export, which say how many there are if it is more than one."""
    if parts == 1:
        return [f"{stem}.{ending}"]
    return [f"{stem}_part{part}of{parts}.{ending}" for part in range(1, parts + 1)]


def unfinished(file: Path) -> Path:
    """Where a file is written before it gets its name."""
    return file.with_name(f".{file.name}{UNFINISHED}")


def clear_unfinished(folder: Path, number: int, segment: str) -> None:
    """Removes what exports of a segment that died have left in a folder."""
    for file in folder.glob(f".{number}_{segment}_*{UNFINISHED}"):
        file.unlink()


def place(files: Sequence[Path], manifest: Path, content: bytes) -> list[Path]:
    """Gives unfinished files their names, and writes the manifest; returns files of an export that this replaces and
    that are gone with it, because it has other parts."""
    before = _named_in(manifest)
    manifest.unlink(missing_ok=True)  # it must not stand beside files that it does not describe
    for file in files:
        _force(unfinished(file))
        unfinished(file).replace(file)
    unfinished(manifest).write_bytes(content)
    _force(unfinished(manifest))
    unfinished(manifest).replace(manifest)
    gone = [file for file in before if file not in files]
    for file in gone:
        file.unlink(missing_ok=True)
    _force(manifest.parent)
    return gone


def manifest_of(folder: Path, stem: str, ending: str) -> Path:
    """The manifest of an export, whatever number of files it has."""
    return folder / f"{stem}.{ending}{ENDING}"


def _named_in(manifest: Path) -> list[Path]:
    told = read_if_any(manifest)
    return [manifest.parent / Path(file["name"]).name for file in told["files"]] if told else []


def _force(path: Path) -> None:
    """To the disk: after a crash, a name must not stand for less than was written."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
