"""A segment's file once more, under another name.

The copy is the same text but for who made it, when, and what is everybody's business: it is not ready to use before
somebody says so, and it sends nothing. Two segments that write to one audience of a vendor would undo each other's
work, and a copy is made to be changed.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from orchestration.changes import Change, text_hash
from orchestration.files import create
from orchestration.lifecycle.files import (
    Done,
    checked,
    exists_without_a_file,
    file_of,
    logged,
    one_at_a_time,
    source_of,
    told_path,
)
from orchestration.settings import Settings
from segmentation.language import words
from segmentation.language.edit import CannotEdit, Value, edited
from segmentation.language.folder import DELETED, load_folder
from segmentation.language.model import Definition, StaticList


def clone(settings: Settings, name: str, new: str, by: str, at: datetime, title: str | None = None) -> Done:
    """Writes the file of a new segment with the rule of another. `at` is also, in the workspace's zone, the day of
    `created_on`; a title becomes `Copy of ...` unless another is given.

    Raises ValueError with a sentence per line, for a name that is taken, deleted, or none.
    """
    with one_at_a_time(settings):
        folder = load_folder(settings.segments)
        source = source_of(settings, name, folder)
        _refuse_the_name(settings, new)
        before = source.definition
        meant = replace(
            before,
            name=new,
            title=title or (f"Copy of {before.title}" if before.title else None),
            created_by=by,
            created_on=at.astimezone(settings.zone).date(),
            ready_to_use=False,
            activate=(),
        )
        try:
            text = edited(source.text, _differences(before, meant))
        except CannotEdit as error:
            raise ValueError(f"{source.path}:{error.line}: {error.message}; nothing was written") from None
        path = source.path.with_name(f"{new}{source.path.suffix}")
        after = checked(settings, path, text, meant)
        content = source.with_text(text)
        change = Change(
            at=at,
            by=by,
            action="clone",
            segment=new,
            file=told_path(path, settings),
            hash_before=None,
            hash_after=after.hash,
            text_after=text_hash(content),
            source=name,
        )
        logged(settings, change, lambda: create(path, content), path.unlink)
    return Done(new, change, (f"{new} is a copy of {name}: its file is {change.file}", *_to_know(before)))


def _refuse_the_name(settings: Settings, new: str) -> None:
    if not words.NAME.match(new):
        suggestion = re.sub(r"[^a-z0-9]+", "_", new.lower()).strip("_")
        hint = f"; did you mean {suggestion!r}?" if words.NAME.match(suggestion) else ""
        raise ValueError(
            f"found {new!r}, expected a name of at most 100 small letters, digits and _, beginning with a letter{hint}"
        )
    if new in words.SYSTEM_SEGMENTS:
        raise exists_without_a_file(new)
    if file_of(settings.segments, new) is not None:
        raise ValueError(f"segment {new} is there already: choose another name")
    if file_of(settings.segments / DELETED, new) is not None:
        raise ValueError(f"segment {new} is deleted, and its past stays under its name: choose another name")


def _differences(before: Definition, meant: Definition) -> dict[str, Value]:
    """What has to be edited, and no more than that."""
    changes: dict[str, Value] = {"name": meant.name}
    if meant.title != before.title:
        changes["title"] = meant.title
    changes["created_by"] = meant.created_by
    changes["created_on"] = str(meant.created_on)
    return {**changes, "ready_to_use": False, "activate": None}


def _to_know(before: Definition) -> list[str]:
    told = []
    if before.activate:
        told.append("What it sends and where to was left out (`activate`): no two segments should send to one place")
    if isinstance(before.body, StaticList) and before.body.on_upload == "add":
        told.append(f"It begins with the file as it is now: earlier uploads of {before.name} are not in it")
    if before.paused:
        told.append(f"It is paused, as {before.name} is")
    return told
