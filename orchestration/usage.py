"""Who uses a segment: messages that are still to be sent, and segments that read it.

What is sent already, and a paused segment, can do without: it keeps what it has. Not here: what follows from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from connectors.landing_files import LandingError
from orchestration.landing import load_messages
from orchestration.landing.copies import FOLDER as COPIES
from orchestration.settings import Settings
from segmentation.language.folder import Folder

# Messages carry no time of their last change: the later file tells the later state, as in staging.
TO_BE_SENT = """
    with now as (
        select message_id, title, lower(status) as status, segments, excluded_segments
        from raw.messages where message_id is not null and status is not null
        qualify row_number() over (partition by message_id order by file_no desc, row_no desc) = 1
    )
    select message_id, title, status from now
    where status in ('draft', 'scheduled') and list_contains(
        list_concat(
            coalesce(from_json(case when json_valid(segments) then segments end, '["VARCHAR"]'), []),
            coalesce(from_json(case when json_valid(excluded_segments) then excluded_segments end, '["VARCHAR"]'), [])
        ), ?)
    order by message_id
"""


@dataclass(frozen=True)
class Message:
    """A message that includes or excludes a segment and is not sent yet; `status` is draft or scheduled."""

    message_id: str
    title: str | None
    status: str


@dataclass(frozen=True)
class Usage:
    """`readers` are segments that read it and are calculated, `paused_readers` those that read it and are paused."""

    messages: tuple[Message, ...]
    readers: tuple[str, ...]
    paused_readers: tuple[str, ...]

    @property
    def is_used(self) -> bool:
        """Whether anything would miss the segment."""
        return bool(self.messages or self.readers)


def usage_of(settings: Settings, folder: Folder, name: str) -> Usage:
    """What uses a segment now. Raises LandingError: what cannot be looked at is not unused."""
    reading = folder.readers_of(name)
    mentioned = {
        file.stem
        for other in folder.broken - {name}
        for file in settings.segments.glob(f"{other}.y*ml")
        if _mentions(file, name)
    }
    return Usage(
        _messages(settings, name),
        tuple(sorted({other for other, one in reading.items() if not one.paused} | mentioned)),
        tuple(sorted(other for other, one in reading.items() if one.paused)),
    )


def _mentions(file: Path, name: str) -> bool:
    """Whether a file with an error has the name in it: nobody knows what it will say once it is mended."""
    return bool(re.search(rf"\b{re.escape(name)}\b", file.read_text(encoding="utf-8", errors="replace")))


def messages_to_be_sent(settings: Settings, names: Iterable[str]) -> dict[str, tuple[Message, ...]]:
    """Messages by the segment that they use, as they have landed by now: one may have been drafted since the last run.

    Raises LandingError.
    """
    names = list(names)
    if "://" not in settings.landing and not Path(settings.landing).expanduser().is_dir():
        return dict.fromkeys(names, ())  # a checkout without data
    with duckdb.connect() as connection:
        load_messages(connection, settings.landing, settings.home / COPIES)
        return {
            name: tuple(Message(*row) for row in connection.execute(TO_BE_SENT, [name]).fetchall()) for name in names
        }


def _messages(settings: Settings, name: str) -> tuple[Message, ...]:
    try:
        return messages_to_be_sent(settings, [name])[name]
    except LandingError as error:
        raise LandingError(f"whether a message uses {name} cannot be seen: {error}") from None
