"""Files that appear whole or not at all, what tells two versions of a file apart, and locks and folders that last as
long as somebody works.

Not here: where they lie and what is in them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout


class Overtaken(ValueError):
    """Somebody else has written the file in the meantime."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"{file} has just been changed by somebody else; nothing was written, so look at it and try again"
        )


def write_if_changed(file: Path, content: bytes) -> None:
    """Writes a file atomically unless it has this content already."""
    if file.exists() and file.read_bytes() == content:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")  # others may read the file meanwhile
    temporary.write_bytes(content)
    temporary.replace(file)


def replace_content(file: Path, before: bytes, after: bytes) -> None:
    """Replaces what a file holds, whole or not at all, and keeps its mode and owner; of a link, the file it leads to.

    Raises Overtaken if it holds something else than `before` by now.
    """
    target = file.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        _write(temporary, after)
        shutil.copymode(target, temporary)
        with suppress(PermissionError):  # only root can give files away
            os.chown(temporary, target.stat().st_uid, target.stat().st_gid)
        if target.read_bytes() != before:
            raise Overtaken(file)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def create(file: Path, content: bytes) -> None:
    """Writes a file that is not there yet, whole or not at all. Raises FileExistsError if it is."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        _write(temporary, content)
        try:
            os.link(temporary, file)  # a rename would replace what somebody has put there meanwhile
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            if file.exists():
                raise
            temporary.rename(file)
    finally:
        temporary.unlink(missing_ok=True)


def stamp_of(file: Path) -> str:
    """Size and time of the last change: with another stamp, a file may hold something else."""
    stat = file.stat()
    return f"{stat.st_size}-{stat.st_mtime_ns}"


def sha256_of(file: Path) -> str:
    """The SHA-256 of what a file holds, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@contextmanager
def locked(file: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Keeps others out by a lock file; calls `waiting` once if somebody else has it first."""
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0.05)
    except Timeout:
        if waiting:
            waiting()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def emptied(folder: Path) -> Iterator[Path]:
    """A folder that nobody else may read. What a process that died has left in it is removed, and the folder itself in
    the end."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(file: Path, content: bytes) -> None:
    with file.open("wb") as open_file:
        open_file.write(content)
        open_file.flush()
        os.fsync(open_file.fileno())
