"""Messages that go out once: files in `pushes/` of the workspace, one for each message, moved on by renaming.

A message waits in `new/` for its moment, is in `sending/` while a process works on it, and ends in `done/` or
`failed/`. Who takes it and what is known of it is written before it moves, so a process that dies in between leaves a
file that others can go on with. A push is the one thing here that people notice if it is done twice. So before Netmera
is asked to send one, its file says so (`called_at`); whoever finds such a file without its process looks at Netmera,
and does not send. Where Netmera does not tell, it lies in `in_doubt/` until a person does.
Not here: sending (`sending.py`), and when a message is due (`sensors/push.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from connectors.netmera_messages import PushMessage
from orchestration.files import create, locked, write_if_changed
from orchestration.gates.results import Override
from orchestration.inbox import is_gone
from segmentation.clock import utc_text

FOLDER = "pushes"
State = Literal["new", "sending", "in_doubt", "done", "failed"]
STATES: tuple[State, ...] = ("new", "sending", "in_doubt", "done", "failed")  # in the order in which it moves on
LATEST = timedelta(hours=1)  # a message that could not go out by then is not wanted any more
LONGEST = timedelta(hours=7)  # whoever took a message and lives elsewhere is gone after that: Dagster ends runs before
_MOMENTS = ("asked_at", "at", "taken_at", "called_at", "not_before", "ended_at")


@dataclass(frozen=True)
class Push:
    """A message to the tag of a segment. Moments are aware UTC.

    `at` is when it is to go out, None for one that does not wait. A `draft` goes to nobody. `called_at` is when Netmera
    was asked to send it, `others` are the messages that it had by then, and `key` is its own for this one. `reason` is
    why it failed, or why nobody knows.
    """

    id: str
    segment: str
    tag: str
    title: str
    text: str
    platforms: tuple[str, ...]
    by: str
    asked_at: datetime
    at: datetime | None = None
    draft: bool = False
    override_by: str | None = None
    override_reason: str | None = None
    attempts: int = 0
    not_before: datetime | None = None
    taken_by: str | None = None
    taken_at: datetime | None = None
    called_at: datetime | None = None
    others: tuple[str, ...] = ()
    key: str | None = None
    ended_at: datetime | None = None
    reason: str | None = None

    @property
    def message(self) -> PushMessage:
        """What goes out. Raises ValueError in one sentence."""
        return PushMessage(self.title, self.text, self.platforms)

    @property
    def override(self) -> Override | None:
        """Who lets it go out although a gate is closed."""
        return Override(self.override_by, self.override_reason) if self.override_by and self.override_reason else None

    @property
    def may_be_out(self) -> bool:
        """Whether Netmera was asked for it, so that it must not be asked again."""
        return self.called_at is not None or self.key is not None

    @property
    def end(self) -> State | None:
        """Where it belongs if it has ended, though whoever noted that may have died before it moved it there."""
        if self.ended_at is None:
            return None
        return "done" if self.reason is None else "failed"

    def is_too_late(self, now: datetime) -> bool:
        """Whether its moment is over by so much that it is not sent any more."""
        return self.at is not None and now > self.at + LATEST

    def is_left_alone(self, now: datetime) -> bool:
        """Whether whoever took it is gone."""
        return is_gone(self.taken_by) or now > (self.taken_at or self.asked_at) + LONGEST

    def as_json(self) -> dict[str, Any]:
        """What its file holds; what is not known is left out."""
        said = {name: utc_text(value) if isinstance(value, datetime) else value for name, value in asdict(self).items()}
        return {name: value for name, value in said.items() if value not in (None, (), False, 0)}


class Outbox:
    """The messages of one workspace."""

    def __init__(self, home: Path) -> None:
        self._root = home / FOLDER

    def add(self, push: Push, state: State = "new") -> None:
        """Adds a message. Raises FileExistsError if there is one of its name, whatever became of it."""
        if self.look_up(push.id) is not None:
            raise FileExistsError(self._path(push.id, "new"))
        path = self._path(push.id, state)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        create(path, _bytes(push))

    def look_up(self, id: str) -> tuple[State, Push] | None:
        """Where a message is, by what it says if it has ended; None if there is none of this name."""
        for state in STATES:
            if (push := self._read(self._path(id, state))) is not None:
                return push.end or state, push
        return None

    def all(self, *states: State) -> list[tuple[State, Push]]:
        """The messages in the folders of some states, in all by default, the earliest first, with the states as
        `look_up` tells them."""
        found = [
            (push.end or state, push)
            for state in states or STATES
            for path in (self._root / state).glob("*.json")
            if not path.name.startswith(".") and (push := self._read(path)) is not None
        ]
        return sorted(found, key=lambda one: (one[1].at or one[1].asked_at, one[1].id))

    def due(self, now: datetime) -> list[Push]:
        """Messages whose moment has come, and those whose process died on them."""
        waiting = [push for _, push in self.all("new") if (push.not_before or push.at or push.asked_at) <= now]
        return waiting + [push for _, push in self.all("sending") if push.is_left_alone(now)]

    def take(self, push: Push, by: str, now: datetime, source: State = "new") -> Push | None:
        """The message, ours to send or to settle; None if somebody else has it."""
        mine = replace(push, taken_by=by, taken_at=now)
        return mine if self.move(mine, source, "sending") else None

    def take_over(self, push: Push, by: str, now: datetime) -> Push | None:
        """The same for one whose process died on it."""
        with self._alone():
            found = self._read(self._path(push.id, "sending"))
            if found is None or not found.is_left_alone(now):
                return None
            return self.write(replace(found, taken_by=by, taken_at=now))

    def write(self, push: Push, state: State = "sending") -> Push:
        """Notes more about a message where it lies."""
        write_if_changed(self._path(push.id, state), _bytes(push))
        return push

    def move(self, push: Push, source: State, target: State) -> bool:
        """What is known of a message is written, and it moves on; whether it was there to be moved."""
        path, moved = self._path(push.id, source), self._path(push.id, target)
        moved.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._alone():
            if not path.exists():
                return False
            self.write(push, source)
            path.rename(moved)
        return True

    def forget(self, push: Push) -> None:
        """A message that was to go out now, and did not, is none that waits."""
        self._path(push.id, "sending").unlink(missing_ok=True)

    def _alone(self) -> AbstractContextManager[None]:
        """Of two who look whether a message is theirs and then write that it is, the second looks afterwards."""
        return locked(self._root / ".lock")

    def _path(self, id: str, state: State) -> Path:
        return self._root / state / f"{id}.json"

    def _read(self, path: Path) -> Push | None:
        try:
            said = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        return _push(said)


def _bytes(push: Push) -> bytes:
    return json.dumps(push.as_json(), ensure_ascii=False, indent=2).encode()


def _push(said: Mapping[str, Any]) -> Push:
    kinds: dict[str, Callable[[Any], Any]] = {
        **dict.fromkeys(_MOMENTS, datetime.fromisoformat), "platforms": tuple, "others": tuple
    }  # fmt: skip
    known = {one.name for one in fields(Push)}
    return Push(**{name: kinds.get(name, lambda same: same)(value) for name, value in said.items() if name in known})
