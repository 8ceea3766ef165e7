"""Where files of an export get their names: each whole or not at all, and the manifest after all of them.

What takes long, bringing the bytes, comes first and changes nothing that anybody reads. Then a few short steps give the
names. Not here: a store's own way of doing each (`folder.py`, `s3.py`, `sftp.py`), and what is in the files.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import tenacity

from connectors.errors import BadAnswer, ConnectorError, VendorBusy
from orchestration.exports.manifest import parsed
from segmentation.language.export_places import Place, Url

ATTEMPTS = 4  # to bring a file, when a connection breaks
PAUSES = tenacity.wait_exponential(multiplier=2, max=60)  # 2, 4, 8 seconds
Doing = Callable[[str], None]


class Missing(BadAnswer):
    """A remote store has no such file."""


class Store(ABC):
    """A place for exports. All of it may raise OSError for a folder and ConnectorError for a remote store."""

    place: Place

    @abstractmethod
    def draft(self, name: str) -> Path:
        """Where on this machine a file is written before it is brought."""

    @abstractmethod
    def clear(self, beginning: str) -> None:
        """Removes what exports that died have left of files whose names begin so."""

    @abstractmethod
    def bring(self, names: Sequence[str], doing: Doing) -> None:
        """Takes drafts to the store, where they have no name yet."""

    @abstractmethod
    def read(self, name: str) -> bytes | None:
        """What a small file holds; None if it is not there, or nobody may know."""

    @abstractmethod
    def fetch(self, name: str, file: Path) -> bool:
        """Copies a file to this machine; False if it is not there."""

    @abstractmethod
    def has(self, name: str, size: int, sha256: str) -> bool:
        """Whether a file is there as it was written, as far as it can be told without fetching it."""

    @abstractmethod
    def _name(self, name: str) -> None:
        """Gives a file that was brought its name, in the place of one that has it."""

    @abstractmethod
    def _write(self, name: str, content: bytes) -> None:
        """Writes a small file, whole or not at all."""

    def _restore(self, name: str, content: bytes) -> None:
        """Writes a small file that was removed, although something does not work."""
        self._write(name, content)

    @abstractmethod
    def _remove(self, name: str) -> None:
        """Removes a file, if it is there."""

    @abstractmethod
    def reach(self) -> None:
        """Asks the store for something, so that one that cannot be used is told before anything is done."""

    @abstractmethod
    def close(self) -> None:
        """Ends the connection."""

    def abandon(self, beginning: str) -> None:
        """As `clear`, after something failed that matters more."""
        with suppress(ConnectorError, OSError):
            self.clear(beginning)

    def put(self, names: Sequence[str], manifest: str, content: bytes) -> None:
        """Gives the files that were brought their names, and writes the manifest. Files of an export that this replaces
        are removed if it has other parts."""
        before = self.read(manifest)
        if before is not None:
            self._remove(manifest)  # it must not stand beside files that it does not describe
        named = False
        try:
            for name in names:
                self._name(name)
                named = True
        except BaseException:
            if before is not None and not named:  # what it describes still stands
                with suppress(ConnectorError, OSError):
                    self._restore(manifest, before)
            raise
        self._write(manifest, content)
        for gone in _named_in(before):
            if gone not in names:
                self._remove(gone)

    def told(self, manifest: str) -> dict[str, Any] | None:
        """What a manifest says that this export is going to replace; None if there is none that can be read."""
        content = self.read(manifest)
        return parsed(content) if content else None


@contextmanager
def opened(
    place: Place, workplace: Path, environ: Mapping[str, str], pause: Callable[[float], None] = time.sleep
) -> Iterator[Store]:
    """A store that can be reached. Drafts of a remote one are in `workplace`. Raises ConnectorError in one sentence
    if it cannot be asked."""
    store = _open(place, workplace, environ, pause)
    try:
        store.reach()
        yield store
    finally:
        store.close()


def _open(place: Place, workplace: Path, environ: Mapping[str, str], pause: Callable[[float], None]) -> Store:
    # What one does not export to is not loaded.
    if isinstance(place, Path):
        from orchestration.exports.folder import Folder

        return Folder(place)
    if place.scheme == "s3":
        from orchestration.exports.s3 import S3

        return S3(place, workplace, environ, pause)
    from orchestration.exports.sftp import Sftp

    return Sftp(place, workplace, environ, pause)


class Remote(Store):
    """A store to which drafts are sent; a file whose connection breaks is sent anew."""

    def __init__(self, place: Url, workplace: Path, pause: Callable[[float], None]) -> None:
        self.place: Url = place
        self._workplace = workplace
        self._pause = pause

    def draft(self, name: str) -> Path:
        """In the workplace of exports."""
        return self._workplace / name

    def bring(self, names: Sequence[str], doing: Doing) -> None:
        """Sends drafts, each a few times if it has to be."""
        for name in names:
            size = max(self.draft(name).stat().st_size, 1)

            def sent(bytes_: int, name: str = name, size: int = size) -> None:
                doing(f"sending {name}, {bytes_ / size:.0%} of {size / 1e6:,.1f} MB")

            for attempt in tenacity.Retrying(
                stop=tenacity.stop_after_attempt(ATTEMPTS),
                wait=PAUSES,
                retry=tenacity.retry_if_exception_type(VendorBusy),
                sleep=self._pause,
                reraise=True,
            ):
                with attempt:
                    self._send(name, sent)

    @abstractmethod
    def _send(self, name: str, sent: Callable[[int], None]) -> None:
        """Brings a draft; `sent` is told how many of its bytes are there."""


def _named_in(content: bytes | None) -> list[str]:
    told = parsed(content) if content else None
    return [file["name"] for file in told["files"]] if told else []
