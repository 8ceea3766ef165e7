"""A vendor's list of audiences against what has landed: what is new, renamed or gone, and what is to be pulled.

What was pulled is read off the last good file of an audience and not remembered, so a pull that failed, was refused or
left an audience out moves nothing. Remembered is what was said before, and how often a state was asked for in vain.
Pure decisions. Not here: asking the vendor, and what fits into its allowance (`catalogue.py`, `connectors/pulls`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

from orchestration.sensors.records import MOST_ATTEMPTS


@dataclass(frozen=True)
class State:
    """An audience as the vendor lists it, or as the last good file has it; a vendor may tell neither of the two."""

    name: str
    users: int | None = None
    computed: datetime | None = None

    def is_in(self, last: LastPull | None) -> bool:
        """Whether the last good pull has this state: by the time of computation, else by the number of users. The name
        counts as well, since segments may go by it."""
        if last is None or last.state.name != self.name:
            return False
        if self.computed is not None:
            return last.state.computed == self.computed
        return self.users is None or last.state.users == self.users

    @property
    def digest(self) -> str:
        """Changes with any of it."""
        return digest_of(self.name, self.users, self.computed)


@dataclass(frozen=True)
class LastPull:
    """The last good file of an audience."""

    state: State
    at: datetime


@dataclass(frozen=True)
class Remembered:
    """An audience as it was last said to be, and the state that was asked for last, with the times it was in vain."""

    name: str
    gone: bool = False
    asked: str = ""
    times: int = 0


@dataclass(frozen=True)
class Refused:
    """Credentials that the vendor does not take: when it said so (ISO), and the sentence."""

    at: str
    why: str


@dataclass(frozen=True)
class Cursor:
    """What a sensor remembers; `requests` were made so far, `shown` is the digest of the catalogue shown last."""

    audiences: Mapping[str, Remembered] = field(default_factory=dict)
    requests: int = 0
    shown: str = ""
    refused: Refused | None = None

    @classmethod
    def read(cls, text: str | None) -> Cursor:
        """From Dagster's text; of another form is as good as none."""
        try:
            found = json.loads(text or "{}")
            audiences = {key: Remembered(**one) for key, one in found.pop("audiences", {}).items()}
            refused = found.pop("refused", None)
            return cls(audiences=audiences, refused=Refused(**refused) if refused else None, **found)
        except (AttributeError, TypeError, ValueError):
            return cls()

    def text(self) -> str:
        """For Dagster."""
        return json.dumps(asdict(self), ensure_ascii=False)


@dataclass(frozen=True)
class Found:
    """What a look at the list leads to. `told` are sentences of what is other than it was; `due` are ids to pull,
    `given_up` ids that were asked for often enough, `gone` ids with the reason. `cursor` remembers what was told."""

    cursor: Cursor
    told: tuple[str, ...]
    due: tuple[str, ...]
    given_up: tuple[str, ...]
    gone: Mapping[str, str]


def compare(
    cursor: Cursor, listed: Mapping[str, State], pulled: Mapping[str, LastPull], left_out: Mapping[str, str]
) -> Found:
    """The list, by id, against the last good files and what was said before.

    `left_out` has the reasons why audiences are not among the listed, as far as there are any.
    """
    told: list[str] = []
    due: list[str] = []
    given_up: list[str] = []
    gone: dict[str, str] = {}
    audiences: dict[str, Remembered] = {}
    for key, state in listed.items():
        before, last = cursor.audiences.get(key), pulled.get(key)
        told += _news(key, state, before, last)
        now = Remembered(state.name)
        if not state.is_in(last):
            if before is not None and before.asked == state.digest:
                now = replace(now, asked=before.asked, times=before.times)
            (due if now.times < MOST_ATTEMPTS else given_up).append(key)
        audiences[key] = now
    for key in sorted({*cursor.audiences, *pulled} - set(listed)):
        before = cursor.audiences.get(key)
        name = before.name if before else pulled[key].state.name
        gone[key] = left_out.get(key, "it is listed no longer")
        if before is None or not before.gone:
            told.append(f"gone: {name} ({key}): {gone[key]}")
        audiences[key] = Remembered(name, gone=True)
    return Found(replace(cursor, audiences=audiences, refused=None), tuple(told), tuple(due), tuple(given_up), gone)


def asked_for(cursor: Cursor, listed: Mapping[str, State], ids: Collection[str]) -> Cursor:
    """After a pull of these was asked for. Until their files show it, that counts as in vain."""
    asked = {
        key: replace(one, asked=listed[key].digest, times=one.times + 1) if key in ids else one
        for key, one in cursor.audiences.items()
    }
    return replace(cursor, audiences=asked, requests=cursor.requests + 1)


def digest_of(*parts: object) -> str:
    """A short text that changes with any of the parts."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _news(key: str, state: State, before: Remembered | None, last: LastPull | None) -> list[str]:
    known = before.name if before else last.state.name if last else None
    if known is None:
        users = "size unknown" if state.users is None else f"{state.users:,} users"
        return [f"new: {state.name} ({key}), {users}"]
    back = [f"back: {known} ({key}) is listed again"] if before and before.gone else []
    renamed = [f"renamed: {known} ({key}) is {state.name} now"] if known != state.name else []
    return back + renamed
