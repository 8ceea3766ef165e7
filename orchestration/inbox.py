"""Requests to refresh segments or to send their members, by people or programs: files in `requests/` of the workspace.

They lie beside the warehouse and not in it, so that asking never waits for a calculation. A request is one JSON file.
It lies in `new/` until somebody takes it, in `taken/` while it is served, and ends in `done/` or `failed/`; every step
is one rename, so two can never serve the same. A program needs no more than to move a file such as
`{"segments": ["power_users"]}` into `new/`; with `"activate": {"send": true}` beside it, members are sent.
Not here: who serves them (`sensors/inbox.py`, `cli/requested.py`).
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from orchestration.files import write_if_changed
from orchestration.gates.results import Override
from segmentation.clock import parse_as_of, utc_text
from segmentation.language.problems import did_you_mean
from segmentation.language.words import ALSO

FOLDER = "requests"
SERVED = "served.json"  # when somebody last looked into the inbox, and for which segments
SENSOR = "sensor"
A_PROGRAM = "a program"  # who asks where a file does not say
KEPT = timedelta(days=30)
HALF_WRITTEN = timedelta(seconds=5)  # a file that is younger may be one that somebody is still writing
State = Literal["new", "taken", "done", "failed"]
STATES: tuple[State, ...] = ("new", "taken", "done", "failed")
ENDED = STATES[2:]
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Activate:
    """That members are to be sent: to the activation of this name, or to all of the segments' if `to` is None; without
    `send` it is a dry run. `also` are causes that are sent beside those of the file."""

    to: str | None = None
    send: bool = False
    override: Override | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """Somebody asks for segments to be calculated, as of `as_of`, or as of whenever that happens if it is None; with
    `activate`, for their members to be sent as the last run left them.

    `taken_by` is who serves it; `run` is the Dagster run that did, `reason` why it failed. Moments are aware UTC.
    """

    id: str
    segments: tuple[str, ...]
    by: str
    at: datetime
    as_of: datetime | None = None
    activate: Activate | None = None
    taken_by: str | None = None
    ended_at: datetime | None = None
    run: str | None = None
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """What its file holds; what is not known yet is left out."""
        moments = {"at", "as_of", "ended_at"}
        said = {name: _text(value) if name in moments else value for name, value in asdict(self).items()}
        return {name: value for name, value in said.items() if value is not None}


class Inbox:
    """The requests of one workspace."""

    def __init__(self, home: Path) -> None:
        self._root = home / FOLDER

    def drop(
        self,
        segments: Iterable[str],
        by: str,
        at: datetime,
        as_of: datetime | None = None,
        activate: Activate | None = None,
    ) -> Request:
        """Adds a request. Those that were dropped first come first."""
        stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        request = Request(f"{stamp}-{secrets.token_hex(3)}", tuple(segments), by, at, as_of, activate)
        self._write(request, "new")
        return request

    def waiting(self, now: datetime) -> list[Request]:
        """Requests that nobody has taken, oldest first. A file that is none ends in `failed/`, with the reason."""
        return [one for path in self._files("new") if (one := self._read_or_refuse(path, now)) is not None]

    def taken(self) -> list[Request]:
        """Requests that somebody serves, oldest first."""
        found = []
        for path in self._files("taken"):
            with suppress(FileNotFoundError):  # it has just ended
                found.append(_read(path))
        return found

    def is_left(self, request: Request, now: datetime) -> bool:
        """Whether the taker of a taken request was a process of this machine that is no more, which may have died
        before it wrote its name into the file that it had moved."""
        if request.taken_by is not None:
            return is_gone(request.taken_by)
        try:
            moved = datetime.fromtimestamp(self._path(request.id, "taken").stat().st_ctime, UTC)
        except FileNotFoundError:
            return False
        return now - moved >= HALF_WRITTEN

    def take(self, request: Request, by: str) -> bool:
        """Whether the request is now ours to serve: one of several takers gets it."""
        if not self._move(request, "new", "taken"):
            return False
        self._write(replace(request, taken_by=by), "taken")
        return True

    def give_back(self, request: Request) -> None:
        """Lays a request that its taker left undone where others find it."""
        self._write(replace(request, taken_by=None), "taken")
        self._move(request, "taken", "new")

    def end(self, request: Request, now: datetime, *, run: str | None = None, reason: str | None = None) -> None:
        """A taken request is done, or has failed for a reason; those that ended a month ago are forgotten."""
        self._write(replace(request, ended_at=now, run=run, reason=reason), "taken")
        self._move(request, "taken", "failed" if reason else "done")
        for state in ENDED:
            for path in (self._root / state).glob("*"):
                if datetime.fromtimestamp(path.stat().st_mtime, UTC) < now - KEPT:
                    path.unlink(missing_ok=True)

    def look_up(self, id: str) -> tuple[State, Request] | None:
        """Where a request is; None if it is not there (any more)."""
        # In the order in which it moves on: whatever moves while we look is found at a later place.
        for state in STATES:
            path = self._path(id, state)
            try:
                return state, _read(path, ended=state in ENDED)
            except FileNotFoundError:
                continue
        return None

    def say_served(self, folder: Path, segments: Iterable[str], now: datetime) -> None:
        """Somebody has just looked into the inbox, on behalf of these segments of a folder of definitions."""
        file = self._root / SERVED
        write_if_changed(file, json.dumps({"folder": str(folder), "segments": sorted(segments)}).encode())
        os.utime(file, (now.timestamp(), now.timestamp()))

    def is_served(self, folder: Path, segments: Iterable[str], now: datetime, patience: timedelta) -> bool:
        """Whether somebody looked into the inbox that lately, and knows these segments of the folder."""
        file = self._root / SERVED
        try:
            seen = datetime.fromtimestamp(file.stat().st_mtime, UTC)
            said = json.loads(file.read_bytes())
            return now - seen <= patience and said["folder"] == str(folder) and set(segments) <= set(said["segments"])
        except FileNotFoundError:
            return False

    def _read_or_refuse(self, path: Path, now: datetime) -> Request | None:
        try:
            return _read(path)
        except FileNotFoundError:
            return None  # somebody took it just now
        except ValueError as error:
            arrived = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            if now - arrived >= HALF_WRITTEN:
                refused = Request(path.stem, (), A_PROGRAM, arrived, ended_at=now, reason=f"{path.name}: {error}")
                path.replace(self._folder("failed") / f"{path.stem}.refused")
                self._write(refused, "failed")
            return None

    def _write(self, request: Request, state: State) -> None:
        write_if_changed(self._path(request.id, state), json.dumps(request.as_json(), ensure_ascii=False).encode())

    def _move(self, request: Request, source: State, target: State) -> bool:
        target_path = self._path(request.id, target)
        target_path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._path(request.id, source).rename(target_path)
        except FileNotFoundError:
            return False
        return True

    def _path(self, id: str, state: State) -> Path:
        return self._root / state / f"{id}.json"

    def _folder(self, state: State) -> Path:
        folder = self._root / state
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _files(self, state: State) -> list[Path]:
        return sorted(path for path in (self._root / state).glob("*.json") if not path.name.startswith("."))


def this_process() -> str:
    """Who takes a request that is served by the process at hand."""
    return f"{os.getpid()}@{socket.gethostname()}"


def is_gone(taken_by: str | None) -> bool:
    """Whether the taker was a process of this machine that is no more."""
    number, _, host = (taken_by or "").partition("@")
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, ValueError):
        return False
    return False


def _read(path: Path, *, ended: bool = False) -> Request:
    """Raises ValueError in words for a file that is no request. One that `ended` may have been refused as that."""
    try:
        said = json.loads(path.read_bytes())
    except UnicodeDecodeError:
        raise ValueError("found no UTF-8, expected JSON") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"found no JSON ({error}), expected an object with `segments`") from None
    names = said.get("segments") if isinstance(said, dict) else None
    if not isinstance(names, list) or not (names or ended) or not all(isinstance(one, str) and one for one in names):
        raise ValueError(f"found {str(names)[:60]} as segments, expected a list of names")
    if not _NAME.fullmatch(path.stem):
        raise ValueError("found other signs in the name of the file than letters, digits, `_`, `.` and `-`")
    arrived = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return Request(
        path.stem,
        tuple(dict.fromkeys(names)),
        str(said.get("by") or A_PROGRAM),
        _moment(said, "at") or arrived,
        _moment(said, "as_of"),
        _activate(said),
        said.get("taken_by"),
        _moment(said, "ended_at"),
        said.get("run"),
        said.get("reason"),
    )


def _activate(said: dict[str, Any]) -> Activate | None:
    """What is asked of activations. Raises ValueError for a word that means nothing here, as it may have been meant to
    keep something from being sent."""
    asked = said.get("activate")
    if asked is None:
        return None
    if not isinstance(asked, dict):
        raise ValueError(f'found {str(asked)[:60]!r} under activate, expected an object such as {{"send": true}}')
    if said.get("as_of") is not None:
        raise ValueError("found as_of beside activate: members are sent as the last run left them")
    words = ("to", "send", "override", "also")
    if unknown := sorted(set(asked) - set(words)):
        raise ValueError(
            f"found {unknown[0]!r} under activate, expected {', '.join(words)}{did_you_mean(unknown[0], words)}"
        )
    to, send, also = asked.get("to"), asked.get("send", False), asked.get("also") or []
    if not isinstance(to, str | None):
        raise ValueError(f"found {str(to)[:60]!r} under to, expected the name of an activation such as meta_120331")
    if not isinstance(send, bool):
        raise ValueError(f"found {str(send)[:60]!r} under send, expected true or false")
    if not isinstance(also, list) or not set(map(str, also)) <= set(ALSO):
        raise ValueError(f"found {str(also)[:60]} under also, expected a list of {' and '.join(ALSO)}")
    return Activate(to, send, _override(asked.get("override")), tuple(also))


def _override(said: object) -> Override | None:
    if said is None:
        return None
    if not isinstance(said, dict) or not all(isinstance(said.get(word), str) for word in ("by", "reason")):
        raise ValueError('expected override as an object such as {"by": "ada", "reason": "sizes are as planned"}')
    return Override(said["by"], said["reason"])


def _moment(said: dict[str, Any], name: str) -> datetime | None:
    text = said.get(name)
    if text is None:
        return None
    try:
        return parse_as_of(str(text)[:60], ZoneInfo("UTC"))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _text(moment: datetime | None) -> str | None:
    return utc_text(moment) if moment else None
