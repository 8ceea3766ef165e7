"""What was tried since an audience last landed: failures and accepted pulls, from the notes of the landing folder.

Not here: what follows for a segment (`orchestration/audiences.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.notes import ALL, Notes


@dataclass(frozen=True)
class Failure:
    """A pull that failed: the moment it stands for, and why in one sentence."""

    at: datetime
    reason: str


@dataclass(frozen=True)
class Attempts:
    """`failed` are those whose last attempt failed, by connector and audience id; the id `all` is the whole list.

    `accepted` are pulls, by connector, audience id and moment, that somebody took though few came.
    """

    failed: Mapping[tuple[str, str], Failure] = field(default_factory=dict)
    accepted: Set[tuple[str, str, datetime]] = frozenset()

    def failure(self, connector: str, audience_id: str) -> Failure | None:
        """The last failure that concerns an audience: its own, or that of the list."""
        found = [self.failed.get((connector, key)) for key in (audience_id, ALL)]
        return max(filter(None, found), key=lambda one: one.at, default=None)


NONE = Attempts()


def read_attempts(landing: str, as_of: datetime) -> Attempts:
    """What the notes say up to a moment; a landing area that is no folder has none."""
    if "://" in landing:
        return NONE
    failed: dict[tuple[str, str], Failure] = {}
    accepted: set[tuple[str, str, datetime]] = set()
    noted = [(at, note) for note in Notes(Path(landing).expanduser()).read() if (at := _moment(note)) is not None]
    for at, note in sorted(noted, key=lambda one: one[0]):  # stable: of one moment, in the order of the file
        key = str(note.get("key"))
        if at > as_of or (note.get("table") != "audience_members" and (note.get("table"), key) != ("audiences", ALL)):
            continue
        thing = (str(note.get("connector")), key)
        failed.pop(thing, None)
        if note.get("outcome") == "failed":
            failed[thing] = Failure(at, str(note.get("reason") or "for no reason that was noted"))
        elif note.get("accepted"):
            accepted.add((*thing, at))
    return Attempts(failed, accepted)


def _moment(note: Mapping[str, Any]) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(note.get("at")))
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
