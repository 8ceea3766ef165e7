"""Names of the files of an export. Not here: where they are put (`stores.py`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from orchestration.exports.manifest import ENDING

UNFINISHED = ".tmp"
_PART = re.compile(r"_part\d+of\d+(?=\.\w+\Z)")


def beginning_of(number: int, segment: str) -> str:
    """How the names of all files of a segment begin: its permanent number, and its name."""
    return f"{number}_{segment}_"


def stem_of(number: int, segment: str, as_of: datetime) -> str:
    """`7_win_back_20260115T000000Z`, with the moment of its members."""
    return f"{beginning_of(number, segment)}{as_of.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def names_of(stem: str, ending: str, parts: int) -> list[str]:
    """Names of the files of an export, which say how many there are if it is more than one."""
    if parts == 1:
        return [f"{stem}.{ending}"]
    return [f"{stem}_part{part}of{parts}.{ending}" for part in range(1, parts + 1)]


def manifest_of(stem: str, ending: str) -> str:
    """The manifest of an export, whatever number of files it has."""
    return f"{stem}.{ending}{ENDING}"


def manifest_beside(name: str) -> str:
    """The manifest of the export that has a file of this name."""
    return _PART.sub("", name) + ENDING


def fits(manifest: str, ending: str, names: Sequence[str]) -> bool:
    """Whether these are the names of all files of the export that has this manifest."""
    stem = manifest.removesuffix(manifest_of("", ending))
    return manifest == manifest_of(stem, ending) and names == names_of(stem, ending, len(names))


def unfinished(name: str) -> str:
    """What a file is called before it gets its name."""
    return f".{name}{UNFINISHED}"
