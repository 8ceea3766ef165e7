"""A folder of this machine as a store: files are written beside their place, forced to the disk, and renamed.

Not here: the order in which files get their names (`stores.py`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from orchestration.exports.naming import UNFINISHED, unfinished
from orchestration.exports.stores import Doing, Store
from orchestration.files import sha256_of


class Folder(Store):
    """Drafts lie in the folder itself, under names that begin with a dot, so that a rename is all that is left."""

    def __init__(self, place: Path) -> None:
        self.place: Path = place

    def reach(self) -> None:
        """It is made when something is written."""

    def close(self) -> None:
        """Nothing is open."""

    def draft(self, name: str) -> Path:
        """Beside its place."""
        self.place.mkdir(parents=True, exist_ok=True)
        return self.place / unfinished(name)

    def clear(self, beginning: str) -> None:
        """Removes drafts."""
        for file in self.place.glob(f".{beginning}*{UNFINISHED}"):
            file.unlink()

    def bring(self, names: Sequence[str], doing: Doing) -> None:
        """To the disk: after a crash, a name must not stand for less than was written."""
        for name in names:
            _force(self.draft(name))

    def read(self, name: str) -> bytes | None:
        """None if it is not there."""
        try:
            return (self.place / name).read_bytes()
        except FileNotFoundError:
            return None

    def fetch(self, name: str, file: Path) -> bool:
        """A copy."""
        try:
            shutil.copyfile(self.place / name, file)
        except FileNotFoundError:
            return False
        return True

    def has(self, name: str, size: int, sha256: str) -> bool:
        """By all of its bytes."""
        file = self.place / name
        return file.is_file() and file.stat().st_size == size and sha256_of(file) == sha256

    def put(self, names: Sequence[str], manifest: str, content: bytes) -> None:
        """Names outlive a crash as well."""
        super().put(names, manifest, content)
        _force(self.place)

    def _name(self, name: str) -> None:
        self.draft(name).replace(self.place / name)

    def _write(self, name: str, content: bytes) -> None:
        self.draft(name).write_bytes(content)
        _force(self.draft(name))
        self._name(name)

    def _remove(self, name: str) -> None:
        (self.place / name).unlink(missing_ok=True)


def _force(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
