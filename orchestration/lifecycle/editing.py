"""Pause and resume, pin and unpin: one flag in the file of a segment.

Members are stored whatever a flag says, so nothing but the file is touched. Not here: how its text is edited
(`segmentation/language/edit.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

from orchestration.changes import Change, text_hash
from orchestration.files import replace_content
from orchestration.lifecycle.files import Done, Source, checked, logged, one_at_a_time, source_of, told_path
from orchestration.settings import Settings
from segmentation.language.edit import CannotEdit, edited
from segmentation.language.folder import load_folder


class _Flag(NamedTuple):
    """An action: the flag it sets, and what is said of a segment, afterwards or if it was so before."""

    action: str
    word: Literal["paused", "ready_to_use"]
    value: bool
    done: str
    already: str


_PAUSE = _Flag(
    "pause", "paused", True, "{name} is paused: no schedule calculates it, and it keeps its members",
    "{name} is paused already",
)  # fmt: skip
_RESUME = _Flag(
    "resume", "paused", False, "{name} is resumed: the next run that it is due for calculates it",
    "{name} is not paused (one that rests because nobody uses it comes back by `segments refresh {name}`)",
)  # fmt: skip
_PIN = _Flag(
    "pin", "ready_to_use", True, "{name} is pinned: shown as ready to use from the first midnight after the next run",
    "{name} is pinned already",
)  # fmt: skip
_UNPIN = _Flag(
    "unpin", "ready_to_use", False, "{name} is not pinned any more: shown until the first midnight after the next run",
    "{name} is not pinned",
)  # fmt: skip


def pause(settings: Settings, name: str, by: str, at: datetime) -> Done:
    """Takes a segment out of all schedules. Raises ValueError, as all of these do, with a sentence per line."""
    return _set(_PAUSE, settings, name, by, at, _who_reads_on)


def resume(settings: Settings, name: str, by: str, at: datetime) -> Done:
    """Takes a pause back; refused if the file would then have an error, such as reading a segment that is deleted."""
    return _set(_RESUME, settings, name, by, at)


def pin(settings: Settings, name: str, by: str, at: datetime) -> Done:
    """Marks a segment as ready to use."""
    return _set(_PIN, settings, name, by, at)


def unpin(settings: Settings, name: str, by: str, at: datetime) -> Done:
    """Takes the mark off."""
    return _set(_UNPIN, settings, name, by, at)


def _who_reads_on(readers: Collection[str]) -> tuple[str, ...]:
    if not readers:
        return ()
    return (f"Segments that read it go on with these members: {', '.join(sorted(readers))}",)


def _set(
    flag: _Flag,
    settings: Settings,
    name: str,
    by: str,
    at: datetime,
    beside: Callable[[Collection[str]], tuple[str, ...]] = lambda _: (),
) -> Done:
    with one_at_a_time(settings):
        folder = load_folder(settings.segments)
        source = source_of(settings, name, folder)
        state: dict[str, Any] = {flag.word: flag.value}
        if getattr(source.definition, flag.word) == flag.value:
            return Done(name, None, (flag.already.format(name=name),), state)
        change = _write(flag, settings, source, by, at)
    readers = [other for other, one in folder.readers_of(name).items() if not one.paused]
    return Done(name, change, (flag.done.format(name=name), *beside(readers)), state)


def _write(flag: _Flag, settings: Settings, source: Source, by: str, at: datetime) -> Change:
    before = source.definition
    try:
        text = edited(source.text, {flag.word: flag.value})
    except CannotEdit as error:
        raise ValueError(f"{source.path}:{error.line}: {error.message}; nothing was written") from None
    meant = replace(before, paused=flag.value) if flag.word == "paused" else replace(before, ready_to_use=flag.value)
    after = checked(settings, source.path, text, meant)
    content = source.with_text(text)
    change = Change(
        at=at,
        by=by,
        action=flag.action,
        segment=before.name,
        file=told_path(source.path, settings),
        hash_before=before.hash,
        hash_after=after.hash,
        text_before=text_hash(source.content),
        text_after=text_hash(content),
    )
    logged(
        settings,
        change,
        lambda: replace_content(source.path, source.content, content),
        lambda: replace_content(source.path, content, source.content),
    )
    return change
