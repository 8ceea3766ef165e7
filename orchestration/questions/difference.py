"""The values that a comparison of two versions of a segment is told with.

Not here: how they come about (`diff.py`), and how they are shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from orchestration.questions.moves import Flow
from orchestration.usage import Message
from segmentation.language.model import Definition

EditChange = Literal["added", "removed", "changed", "joined", "means_others"]
Held = bool | None  # None where the condition does not stand on that side


@dataclass(frozen=True)
class Told:
    """One side of a segment."""

    kind: str
    words: str
    definition_hash: str
    paused: bool


@dataclass(frozen=True)
class Shift:
    """How people who move one way stand to one edit: how many hold its condition by the old and by the new rule, and
    for how many of them the edit is a reason to move."""

    held_old: int = 0
    holds_new: int = 0
    because: int = 0

    def plus(self, held: tuple[Held, Held], users: int, because: bool) -> Shift:
        """With some more people, who all stand alike."""
        old, new = held
        return Shift(
            self.held_old + users * bool(old), self.holds_new + users * bool(new), self.because + users * because
        )


@dataclass(frozen=True)
class Edit:
    """One condition that the edit touches, in words; `old` or `new` is None where it stands on one side alone.

    `means_others` is a condition whose words stayed: a segment that it reads was edited, or it ranks other people.
    """

    change: EditChange
    old: str | None
    new: str | None
    entering: Shift | None = None
    leaving: Shift | None = None


@dataclass(frozen=True)
class Reason:
    """An edit as it concerns somebody: whether they held the old condition, and hold the new one."""

    change: str
    old: str | None
    held_old: Held
    new: str | None
    holds_new: Held


@dataclass(frozen=True)
class Why:
    """People who enter or leave for the same reasons. Of several reasons, each alone may be enough, or all needed."""

    enters: bool
    users: int
    because: tuple[Reason, ...]


@dataclass(frozen=True)
class Person:
    """Somebody who moves, and why."""

    user_id: str
    enters: bool
    because: tuple[Reason, ...]

    @property
    def place(self) -> tuple[str, str]:
        """By which samples are drawn and ordered, the same in every run."""
        return hashlib.md5(self.user_id.encode(), usedforsecurity=False).hexdigest(), self.user_id


@dataclass(frozen=True)
class Destination:
    """Where members go by `activate`, and whether the edit adds or removes it. A variable is named, not its value."""

    to: str
    what: str | None
    when: str
    change: Literal["same", "added", "removed"] = "same"


@dataclass(frozen=True)
class Reader:
    """A segment that reads the changed one, itself or through others; `note` says why it has no flow, or what it is."""

    segment: str
    kind: str
    is_direct: bool
    flow: Flow | None
    note: str | None
    destinations: tuple[Destination, ...]


@dataclass(frozen=True)
class Difference:
    """What the edit of one segment does.

    `change` is new, deleted, rule (who is in is decided otherwise), beside (something else that runs go by or people
    read), or same (at most comments, spelling and order differ). `flow` is None where nothing could be counted; where
    there is a warehouse, `uncounted` says why. `data` are people recorded whom the old rule does not name on this data,
    and the reverse: what came of data and not of the edit. `messages` are to be sent, each with the segment it uses.
    """

    segment: str
    change: str
    old: Told | None
    new: Told | None
    edits: tuple[Edit, ...]
    beside: tuple[str, ...]
    flow: Flow | None
    uncounted: str | None
    why: tuple[Why, ...]
    data: tuple[int, int] | None
    readers: tuple[Reader, ...]
    messages: tuple[tuple[str, Message], ...]
    destinations: tuple[Destination, ...]
    people: tuple[Person, ...]
    notes: tuple[str, ...]


def destinations(old: Definition | None, new: Definition | None) -> tuple[Destination, ...]:
    """Where members of a segment go, on either side."""
    before, after = (
        [_destination(one) for one in definition.activate] if definition else [] for definition in (old, new)
    )
    found = [one if one in before or old is None else _as(one, "added") for one in after]
    return (*found, *(one if new is None else _as(one, "removed") for one in before if one not in after))


def _as(one: Destination, change: Literal["added", "removed"]) -> Destination:
    return Destination(one.to, one.what, one.when, change)


def _destination(written: Any) -> Destination:
    assert isinstance(written, Mapping)
    what = next((str(written[word]) for word in ("audience", "tag", "url_env", "path") if word in written), None)
    when = written["when"]
    rhythm = ", ".join(f"{word} {day}" for word, day in when.items()) if isinstance(when, Mapping) else str(when)
    return Destination(str(written["to"]), what, rhythm)
