"""What people do to a segment as a whole: delete it, and open it again.

Its file is the truth: deleting moves it to `deleted/` beside the others, where it defines nothing, and the next run
ends the stays of its members; opening moves it back. Every change is logged (`changes.py`).
Not here: what a run makes of a file that is gone (`decisions.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from orchestration import changes
from orchestration.changes import Change
from orchestration.settings import Settings
from orchestration.usage import Usage, usage_of
from segmentation.language.folder import DELETED, ENDINGS, load_folder
from segmentation.language.problems import did_you_mean


class InUse(ValueError):
    """A segment that something would miss; the message is one sentence per line."""

    def __init__(self, name: str, usage: Usage) -> None:
        users = [
            f"message {one.message_id}{f' ({one.title})' if one.title else ''}, {one.status}, uses it"
            for one in usage.messages
        ]
        users += [f"segment {other} reads it" for other in usage.readers]
        super().__init__("\n".join(f"{name} is not deleted: {user}" for user in users))
        self.usage = usage


def delete(settings: Settings, name: str, by: str, at: datetime) -> tuple[Change, Usage]:
    """Deletes a segment, which can be undone. Raises InUse, and ValueError if there is no such segment."""
    folder = load_folder(settings.segments)
    file = _file(settings.segments, name)
    if file is None:
        if _file(settings.segments / DELETED, name) is not None:
            raise ValueError(f"segment {name} is deleted already")
        raise _unknown(name, {*folder.definitions, *folder.broken}, settings.segments)
    usage = usage_of(settings, folder, name)
    if usage.is_used:
        raise InUse(name, usage)
    definition = folder.definitions.get(name)
    target = settings.segments / DELETED / file.name
    change = Change(at, by, "delete", name, _told(target, settings), definition.hash if definition else None, None)
    _move(file, target, settings, change)
    return change, usage


def reopen(settings: Settings, name: str, by: str, at: datetime) -> Change:
    """Takes a deletion back. Raises ValueError if it is not deleted, or would have an error as things are now."""
    if _file(settings.segments, name) is not None:
        raise ValueError(f"segment {name} is not deleted")
    file = _file(settings.segments / DELETED, name)
    if file is None:
        deleted = [one.stem for one in (settings.segments / DELETED).glob("*.y*ml")]
        raise _unknown(name, deleted, settings.segments / DELETED)
    folder = load_folder(settings.segments, also=[file])
    definition = folder.definitions.get(name)
    if definition is None:
        raise ValueError("\n".join(str(one) for one in folder.problems if Path(one.file).stem == name))
    target = settings.segments / file.name
    change = Change(at, by, "reopen", name, _told(target, settings), None, definition.hash)
    _move(file, target, settings, change)
    return change


def _file(folder: Path, name: str) -> Path | None:
    return next((folder / f"{name}{ending}" for ending in ENDINGS if (folder / f"{name}{ending}").is_file()), None)


def _unknown(name: str, known: Iterable[str], folder: Path) -> ValueError:
    return ValueError(f"there is no segment {name!r} in {folder}{did_you_mean(name, sorted(known))}")


def _told(file: Path, settings: Settings) -> str:
    """A path that means the same in every checkout."""
    return file.relative_to(settings.segments.parent).as_posix()


def _move(file: Path, target: Path, settings: Settings, change: Change) -> None:
    """Moves and logs, both or neither."""
    if target.exists():
        raise ValueError(f"{target} is there already, from an earlier deletion: remove or rename it first")
    target.parent.mkdir(exist_ok=True)
    file.rename(target)
    try:
        changes.append(settings.home, change)
    except BaseException:
        target.rename(file)
        raise
