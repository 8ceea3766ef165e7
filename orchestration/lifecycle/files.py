"""The file of a segment: found by its name, changed by one at a time, and logged, both or neither.

Not here: what is changed (`editing.py`, `cloning.py`, `moving.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from orchestration import changes
from orchestration.changes import Change
from orchestration.settings import Settings
from segmentation.language.folder import DELETED, ENDINGS, Folder, load_folder
from segmentation.language.model import Definition
from segmentation.language.problems import unknown_segment
from segmentation.language.words import SYSTEM_SEGMENTS

LOCK = "lifecycle.lock"
PATIENCE = 60  # seconds; a change takes less than one, unless it has to fetch messages from far away
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Done:
    """What was done to a segment: `change` is None if it was so already, `told` are sentences for people, and `more`
    is what programs are told beside the change."""

    segment: str
    change: Change | None
    told: tuple[str, ...]
    more: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """One flat object."""
        change = asdict(self.change) if self.change else {}
        return {"segment": self.segment, "changed": self.change is not None, **self.more, **change}


@dataclass(frozen=True)
class Source:
    """A segment file without errors: where it is, its bytes, and what they define."""

    path: Path
    content: bytes
    definition: Definition

    @property
    def text(self) -> str:
        """What it says."""
        return self.content.decode("utf-8-sig")

    def with_text(self, text: str) -> bytes:
        """The bytes of another text; a mark of the encoding stays in front."""
        return (BOM if self.content.startswith(BOM) else b"") + text.encode()


@contextmanager
def one_at_a_time(settings: Settings) -> Iterator[None]:
    """Changes of a workspace's segments wait for each other. Raises ValueError if that takes too long."""
    settings.home.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(settings.home / LOCK, timeout=PATIENCE):
            yield
    except Timeout:
        raise ValueError(f"somebody else has been changing segments for {PATIENCE} seconds; try again") from None


def source_of(settings: Settings, name: str, folder: Folder) -> Source:
    """The file of a segment that can be edited. Raises ValueError: one sentence, or every error of the file."""
    if name in SYSTEM_SEGMENTS:
        raise exists_without_a_file(name)
    path = file_of(settings.segments, name)
    if path is None:
        if file_of(settings.segments / DELETED, name) is not None:
            raise ValueError(f"segment {name} is deleted: `segments reopen {name}` brings it back")
        raise unknown(name, {*folder.definitions, *folder.broken}, settings.segments)
    definition = folder.definitions.get(name)
    if definition is None:
        raise errors_of(name, folder)
    return Source(path, path.read_bytes(), definition)


def checked(settings: Settings, path: Path, text: str, meant: Definition) -> Definition:
    """What a text will define as a file of the folder. Raises ValueError unless that is what is meant."""
    folder = load_folder(settings.segments, instead={path: text})
    found = folder.definitions.get(meant.name)
    if found is None:  # without a line, as it would be one of a text that is not there
        problems = [one.message for one in folder.problems if Path(one.file).stem == meant.name]
        raise ValueError("\n".join(f"{meant.name} would have an error: {message}" for message in problems))
    if _compared(found) != _compared(meant):
        raise ValueError(f"{path} is written in a way that only a person should change; nothing was written")
    return found


def _compared(definition: Definition) -> dict[str, Any]:
    """All that a definition says, wherever it stands in its file."""
    said = {one.name: getattr(definition, one.name) for one in fields(Definition) if one.name != "file"}
    return {**said, "tests": [replace(test, line=0) for test in definition.tests]}


def file_of(folder: Path, name: str) -> Path | None:
    """The file of a name in a folder, whatever its ending."""
    return next((folder / f"{name}{ending}" for ending in ENDINGS if (folder / f"{name}{ending}").is_file()), None)


def told_path(file: Path, settings: Settings) -> str:
    """A path that means the same in every checkout."""
    return file.relative_to(settings.segments.parent).as_posix()


def unknown(name: str, known: Iterable[str], folder: Path) -> ValueError:
    """What is said of a name that nothing has."""
    return ValueError(unknown_segment(name, known, folder))


def exists_without_a_file(name: str) -> ValueError:
    """What is said of a system segment."""
    return ValueError(f"segment {name} exists without a file, so there is nothing to change")


def errors_of(name: str, folder: Folder) -> ValueError:
    """Every error of a file, each on a line."""
    return ValueError("\n".join(str(one) for one in folder.problems if Path(one.file).stem == name))


def logged(settings: Settings, change: Change, do: Callable[[], object], undo: Callable[[], object]) -> None:
    """Does and logs, both or neither."""
    do()
    try:
        changes.append(settings.home, change)
    except BaseException:
        undo()
        raise
