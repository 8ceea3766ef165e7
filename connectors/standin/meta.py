"""Meta's Graph API on loopback: custom audiences of one ad account, which take members, lose them and are replaced.

A person is in an audience by all that came in a row and is found by any of it. Chosen where nothing was seen: a batch
whose number came before is taken again and counted again, a number that is left out is refused, an entry that is no
digest is counted as invalid and left out, and a replacement that nobody ends leaves everybody as they were. How
refusals read is in meta_refusals.py. Not here: HTTP (server.py).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Literal

from connectors.clock import Clock, SystemClock
from connectors.destinations import Action
from connectors.standin.meta_refusals import REFUSALS, conflict, parameter
from connectors.standin.people import Person, take_out
from connectors.standin.server import Busy, Outage, Reply, Request, StandIn, as_json

_PATH = re.compile(r"/v\d+\.\d+/(\d+)(?:/(users|usersreplace))?")
_DIGEST = re.compile("[0-9a-f]{64}")
_NOT_HASHED = ("EXTERN_ID", "MADID")
_KEYS = "EXTERN_ID EMAIL PHONE GEN DOBY DOBM DOBD LN FN FI CT ST ZIP MADID COUNTRY".split()
_SESSION_LASTS = timedelta(minutes=90)
_MOST_SAMPLES = 100


@dataclass
class Faults(Outage):
    """Off until set.

    `busy` refuses for too many calls, `pages` is how many calls are answered with a web page, `refusal` is a word of
    meta_refusals.py with which every batch is refused. A batch of more than `most_rows` has too many parameters, one of
    more than `too_much_above` is too much. Of every batch the last `lost_rows` get lost. A replacement is worked off
    for `replacing_for`.
    """

    busy: Busy = field(default_factory=Busy)
    pages: int = 0
    refusal: str | None = None
    most_rows: int = 10_000
    too_much_above: int | None = None
    lost_rows: int = 0
    replacing_for: timedelta = timedelta(0)


@dataclass
class Audience:
    """`people` is who is in it; `refusal` is a word of meta_refusals.py, for one that takes nobody any more."""

    people: set[Person] = field(default_factory=set)
    subtype: str = "CUSTOM"
    account: str = "42"
    refusal: Literal["deleted", "not_shared", "flagged"] | None = None
    replacement: Session | None = None
    replaced_until: datetime | None = None


@dataclass
class Session:
    """What came so far; `people` are those of a replacement."""

    audience: str
    opened: datetime
    batches: int = 0
    received: int = 0
    invalid: int = 0
    closed: bool = False
    people: set[Person] = field(default_factory=set)


@dataclass
class StandInMeta:
    """An ad account. `received` counts how often a person came in each direction (replacing is adding), `calls` are
    methods with what they were for, `sessions` are those that were opened, by number."""

    audiences: dict[str, Audience] = field(default_factory=lambda: {"120331": Audience()})
    access_token: str = "meta-token"
    app_secret: str | None = None
    clock: Clock = field(default_factory=SystemClock)
    faults: Faults = field(default_factory=Faults)
    received: Counter[tuple[Action, Person]] = field(default_factory=Counter)
    calls: list[str] = field(default_factory=list)
    sessions: dict[int, Session] = field(default_factory=dict)
    _batches: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def answer(self, request: Request, server: StandIn) -> Reply | None:
        """Knows audiences, their users, and the replacement of those."""
        path = _PATH.fullmatch(request.path)
        if request.on_files_port or path is None:
            return None
        number, edge = path.groups()
        with self._lock:
            self.calls.append(f"{request.method} {edge or 'audience'}")
            if refused := self._refused(request, number):
                return refused
            audience = self.audiences[number]
            if edge is None:
                return self._state(number, audience)
            return self._batch(number, audience, edge, request)

    def _refused(self, request: Request, number: str) -> Reply | None:
        if request.headers.get("authorization") != f"Bearer {self.access_token}":
            return REFUSALS["token_unknown"]
        if self.app_secret is not None and not self._proven(request, self.app_secret):
            return parameter("Invalid appsecret_proof provided in the API argument")
        if self.faults.busy.times > 0:
            self.faults.busy.times -= 1
            refusal = REFUSALS["too_many_calls"]
            pause = self.faults.busy.retry_after
            return Reply(refusal.status, refusal.body, {} if pause is None else {"Retry-After": pause})
        if self.faults.pages > 0:
            self.faults.pages -= 1
            return REFUSALS["page"]
        return None if number in self.audiences else REFUSALS["not_there"]

    def _proven(self, request: Request, secret: str) -> bool:
        moment = request.param("appsecret_time", "0")
        made = hmac.new(secret.encode(), f"{self.access_token}|{moment}".encode(), hashlib.sha256).hexdigest()
        fresh = abs(self.clock.now().timestamp() - int(moment)) < 300
        return fresh and hmac.compare_digest(made, request.param("appsecret_proof"))

    def _state(self, number: str, audience: Audience) -> Reply:
        if audience.refusal in ("deleted", "not_shared"):
            return REFUSALS[audience.refusal]
        status: dict[str, Any] = {"code": 200, "description": "Normal"}
        if audience.refusal == "flagged":
            status = {"code": 471, "description": "Flagged"}
        elif self._being_replaced(audience):
            status = {"code": 300, "description": "replace_in_progress"}
        told = {"id": number, "account_id": audience.account, "subtype": audience.subtype, "operation_status": status}
        return as_json(told)

    def _batch(self, number: str, audience: Audience, edge: str, request: Request) -> Reply:
        if word := self.faults.refusal or audience.refusal:
            return REFUSALS[word]
        self._batches += 1
        if self.faults.swallows(self._batches):
            return REFUSALS["server_failed"]
        reply = self._applied(number, audience, edge, request)
        return REFUSALS["server_failed"] if self.faults.has_begun(self._batches) else reply

    def _applied(self, number: str, audience: Audience, edge: str, request: Request) -> Reply:
        body = request.body if isinstance(request.body, dict) else {}
        payload = body.get("payload")
        payload = payload if isinstance(payload, dict) else {}
        schema, rows = payload.get("schema"), payload.get("data")
        if not isinstance(schema, list) or not set(schema) <= set(_KEYS) or not isinstance(rows, list) or not rows:
            return parameter("param payload must be an object with schema and data")
        if any(not isinstance(row, list) or len(row) != len(schema) for row in rows):
            return parameter("Number of columns in data does not match the schema")
        if len(rows) > self.faults.most_rows:
            return REFUSALS["too_many_parameters"]
        if self.faults.too_much_above is not None and len(rows) > self.faults.too_much_above:
            return REFUSALS["too_much"]
        removes = request.method == "DELETE" or request.param("method").upper() == "DELETE"
        replaces = edge == "usersreplace"
        if self._being_replaced(audience) and not (replaces and self._continues(audience, body.get("session"))):
            return conflict(1870145)
        session = self._session(number, audience, body.get("session"), replaces, optional=removes)
        if isinstance(session, Reply):
            return session
        came = rows[: len(rows) - self.faults.lost_rows]
        people = [_person(schema, row) for row in came]
        usable = [person for person in people if person]
        action: Action = "remove" if removes else "add"
        self.received.update((action, person) for person in usable)
        session.received += len(came)
        session.invalid += len(came) - len(usable)
        if removes:
            take_out(audience.people, usable)
        elif replaces:
            session.people.update(usable)
            if session.closed:
                audience.people, audience.replacement = session.people, None
                audience.replaced_until = self.clock.now() + self.faults.replacing_for
        else:
            audience.people.update(usable)
        number_of_session = next((key for key, one in self.sessions.items() if one is session), 1)
        unusable = [json.dumps(row) for row, person in zip(came, people, strict=True) if not person]
        samples = {str(place): row for place, row in enumerate(unusable[:_MOST_SAMPLES])}
        return as_json({
            "audience_id": number, "session_id": str(number_of_session), "num_received": session.received,
            "num_invalid_entries": session.invalid, "invalid_entry_samples": samples,
        })  # fmt: skip

    def _session(self, number: str, audience: Audience, given: Any, replaces: bool, optional: bool) -> Session | Reply:
        if given is None and optional:
            return Session(number, self.clock.now())
        key, batch = _whole(given, "session_id"), _whole(given, "batch_seq")
        if not 0 < key < 2**63 or batch < 1:
            return parameter("param session must have a positive session_id and a batch_seq from 1")
        session = self.sessions.get(key)
        if session is None:
            if batch != 1:
                return (
                    conflict(1870147) if replaces else parameter("The first batch of a session must have batch_seq 1")
                )
            session = self.sessions[key] = Session(number, self.clock.now())
            if replaces:
                audience.replacement = session
        if session.audience != number:
            return parameter("The session_id was used for another audience")
        if session.closed:
            return conflict(1870159) if replaces else parameter("The session was closed by its last batch")
        if self.clock.now() >= session.opened + _SESSION_LASTS:
            return conflict(1870158) if replaces else parameter("The session has expired")
        if batch not in (session.batches, session.batches + 1):
            return conflict(1870148) if replaces else parameter("A batch_seq of the session is missing")
        session.batches, session.closed = batch, given.get("last_batch_flag") is True
        return session

    def _being_replaced(self, audience: Audience) -> bool:
        now, open_one = self.clock.now(), audience.replacement
        if open_one and now < open_one.opened + _SESSION_LASTS:
            return True
        return audience.replaced_until is not None and now < audience.replaced_until

    def _continues(self, audience: Audience, given: Any) -> bool:
        known = self.sessions.get(_whole(given, "session_id"))
        return known is not None and (known is audience.replacement or known.closed)


def _whole(found: Any, name: str) -> int:
    value = found.get(name) if isinstance(found, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _person(schema: Sequence[str], row: Sequence[Any]) -> Person:
    """What identifies somebody in a row; nothing, if any cell is not what its column holds."""
    cells = {key: cell for key, cell in zip(schema, row, strict=True) if cell != ""}
    if any(not isinstance(one, str) for one in cells.values()):
        return frozenset()
    if any(not _DIGEST.fullmatch(one) for key, one in cells.items() if key not in _NOT_HASHED):
        return frozenset()
    return frozenset(cells.values())
