"""Delete and reopen: the file of a segment moves to `deleted/` beside the others, where it defines nothing, and back.

The next run ends the stays of its members, or calculates it again. Not here: who uses a segment (`usage.py`).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

from orchestration.activation.named import Activation, activations_of
from orchestration.activation.workplace import holding
from orchestration.changes import Change, text_hash
from orchestration.lifecycle.files import (
    Done,
    errors_of,
    exists_without_a_file,
    file_of,
    logged,
    one_at_a_time,
    told_path,
    unknown,
)
from orchestration.settings import Settings
from orchestration.usage import Usage, usage_of
from segmentation.language.folder import DELETED, load_folder
from segmentation.language.model import Definition
from segmentation.language.words import SYSTEM_SEGMENTS


class InUse(ValueError):
    """A segment that something would miss; the message is one sentence per line."""

    def __init__(self, name: str, usage: Usage) -> None:
        users = [
            f"message {one.message_id}{f' ({one.title})' if one.title else ''}, {one.status}, uses it"
            for one in usage.messages
        ]
        users += [f"segment {other} reads it" for other in usage.readers]
        super().__init__("\n".join(f"{name} is not deleted: {user}" for user in users))
        self.segment, self.usage = name, usage


def delete(settings: Settings, name: str, by: str, at: datetime) -> Done:
    """Deletes a segment, which can be undone. Raises InUse, and ValueError if there is no such segment."""
    with one_at_a_time(settings):
        folder = load_folder(settings.segments)
        file = file_of(settings.segments, name)
        earlier = file_of(settings.segments / DELETED, name)
        if name in SYSTEM_SEGMENTS:
            raise exists_without_a_file(name)
        if file is None:
            if earlier is not None:
                raise ValueError(f"segment {name} is deleted already")
            raise unknown(name, {*folder.definitions, *folder.broken}, settings.segments)
        if earlier is not None:
            raise ValueError(f"{earlier} is there already, from an earlier deletion: remove or rename it first")
        usage = usage_of(settings, folder, name)
        if usage.is_used:
            raise InUse(name, usage)
        definition = folder.definitions.get(name)
        target = settings.segments / DELETED / file.name
        change = Change(
            at=at,
            by=by,
            action="delete",
            segment=name,
            file=told_path(target, settings),
            hash_before=definition.hash if definition else None,
            hash_after=None,
            text_before=text_hash(file.read_bytes()),
        )
        target.parent.mkdir(exist_ok=True)
        _move(settings, change, file, target)
    told = [f"{name} is deleted: its file is now {change.file}, and its members leave with the next run"]
    told += _out_there(settings, name, definition)
    if usage.paused_readers:
        waiting = ", ".join(usage.paused_readers)
        told.append(f"Paused segments that read it cannot be calculated again before it is back: {waiting}")
    return Done(name, change, tuple(told), {"deleted": True, **asdict(usage)})


def _out_there(settings: Settings, name: str, definition: Definition | None) -> list[str]:
    """What was sent stays where it is. The ledgers say so, as the warehouse may be in use."""
    told = []
    for stream in holding(settings.home, f"{name}.*"):
        one = _filling(definition, stream)
        what, activation = (f"to {one.to} {one.place}", one.name) if one else ("earlier", stream.partition(".")[2])
        told.append(
            f"What was sent {what} stays there: `segments activate {name} --to {activation} --withdraw --send` takes it"
            " back"
        )
    return told


def _filling(definition: Definition | None, stream: str) -> Activation | None:
    """The activation whose people are in a ledger; a message fills that of its tag."""
    with suppress(ValueError):
        for one in activations_of(definition) if definition else ():
            if stream in (one.stream, replace(one, to="netmera_tag").stream):
                return one
    return None


def reopen(settings: Settings, name: str, by: str, at: datetime) -> Done:
    """Takes a deletion back. Raises ValueError if it is not deleted, or would have an error as things are now."""
    with one_at_a_time(settings):
        if file_of(settings.segments, name) is not None or name in SYSTEM_SEGMENTS:
            raise ValueError(f"segment {name} is not deleted")
        file = file_of(settings.segments / DELETED, name)
        if file is None:
            deleted = [one.stem for one in (settings.segments / DELETED).glob("*.y*ml")]
            raise unknown(name, deleted, settings.segments / DELETED)
        folder = load_folder(settings.segments, also=[file])
        definition = folder.definitions.get(name)
        if definition is None:
            raise errors_of(name, folder)
        target = settings.segments / file.name
        change = Change(
            at=at,
            by=by,
            action="reopen",
            segment=name,
            file=told_path(target, settings),
            hash_before=None,
            hash_after=definition.hash,
            text_after=text_hash(file.read_bytes()),
        )
        _move(settings, change, file, target)
    return Done(name, change, (f"{name} is back: its file is {change.file} again, and the next run calculates it",))


def _move(settings: Settings, change: Change, file: Path, target: Path) -> None:
    logged(settings, change, lambda: file.rename(target), lambda: target.rename(file))
