"""Which segments of a folder differ from a commit, file by file: what a branch would land.

Not here: reading the commit (`revisions.py`), and what the change does (`diff.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from orchestration.questions.revisions import Revision
from segmentation.language.folder import ENDINGS, Folder
from segmentation.language.model import StaticList


def changed_segments(folder: Path, revision: Revision, definitions: Folder) -> list[str]:
    """Names whose file is new, gone or other than at a commit, or whose list is. Ends of lines are no difference."""
    here = {
        file.name: _plain(file.read_bytes())
        for file in folder.iterdir()
        if file.suffix in ENDINGS and not file.is_dir()
    }
    then = {path: _plain(content) for path, content in revision.files.items()}
    names = {PurePosixPath(file).stem for file in {*here, *then} if here.get(file) != then.get(file)}
    return sorted(names | {name for name, _, _ in _lists(folder, revision, definitions)})


def changed_lists(folder: Path, revision: Revision, definitions: Folder) -> dict[str, str]:
    """What is said of the segments whose list differs from a commit: whom its lines name only a run can tell."""
    told = {}
    for name, file, (now, then) in _lists(folder, revision, definitions):
        more, fewer = len(now - then), len(then - now)
        told[name] = (
            f"Lines of its list {file}: {more:,} are new and {fewer:,} are gone; whom they name is known once a run has"
            " read it."
        )
    return told


def _lists(
    folder: Path, revision: Revision, definitions: Folder
) -> Iterator[tuple[str, str, tuple[set[bytes], set[bytes]]]]:
    """Lists whose file differs: segment, file, and the lines of both sides."""
    for name, definition in definitions.definitions.items():
        if not isinstance(definition.body, StaticList):
            continue
        file = definition.body.file
        path = folder / file
        now = _lines(path.read_bytes()) if path.is_file() else set()
        then = _lines(revision.contents.get(PurePosixPath(file).as_posix(), b""))
        if now != then and ".." not in PurePosixPath(file).parts:  # what lies outside the folder was not read
            yield name, file, (now, then)


def _lines(content: bytes) -> set[bytes]:
    return {line.strip() for line in content.splitlines() if line.strip()}


def _plain(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n")
