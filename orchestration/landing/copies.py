"""Files of an object store, copied beside the warehouse while they are needed.

The views name plain paths, so dbt needs neither fsspec nor a vendor's credentials, in whatever process it runs.
A copy is named after url and fingerprint: it is fetched once, and dropped when no view reads it any more.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from pathlib import Path

import fsspec

from connectors.landing_files import LandingFile

FOLDER = "landing_copies"  # beside the warehouse


def is_local(file: LandingFile) -> bool:
    """Whether the file can be read where it lies."""
    return "://" not in file.url


def copy_path(file: LandingFile, folder: Path) -> Path:
    """Where the copy of a remote file lies; its ending tells the format, as in the landing area."""
    digest = hashlib.sha256(f"{file.url}\n{file.fingerprint}".encode()).hexdigest()[:32]
    name = file.url.rsplit("/", 1)[-1]
    return folder / (digest + name[name.index(".") if name.count(".") == 1 else name.rindex(f".{file.format}") :])


def local_path(file: LandingFile, folder: Path) -> str:
    """A path that this machine can read: the file itself, or a copy that is whole."""
    if is_local(file):
        return file.url
    path = copy_path(file, folder)
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}")
        filesystem, remote = fsspec.url_to_fs(file.url)
        filesystem.get_file(remote, str(unfinished))
        os.replace(unfinished, path)
    return str(path)


def drop_copies(folder: Path, wanted: Collection[str]) -> None:
    """Remove the copies whose path is not wanted."""
    if folder.is_dir():
        for path in folder.iterdir():
            if str(path) not in wanted:
                path.unlink()
