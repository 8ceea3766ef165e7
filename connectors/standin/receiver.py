"""A customer's own receiver of webhooks on loopback: it believes what is signed and fresh, takes each batch once, and
knows by the events who is in.

Its checks are written from the Standard Webhooks specification and share no code with what signs. Not here: HTTP
(server.py), and how batches are made (connectors/hooks).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from connectors.clock import Clock, SystemClock
from connectors.standin.server import Busy, Outage, Reply, Request, StandIn, as_json

_TOLERANCE = 300  # seconds


@dataclass
class Faults(Outage):
    """Off until set.

    In an outage, whose batches are counted over those that were taken, the connection is cut. `slow` are seconds until
    an answer begins, for the next `slow_times` calls; `echo` repeats what was posted in a refusal.
    """

    busy: Busy = field(default_factory=Busy)
    status: int | None = None  # every call is answered so
    location: str | None = None  # with this header
    echo: bool = False
    slow: float = 0.0
    slow_times: int = 0


@dataclass
class StandInReceiver:
    """`people` is who is in by the events so far. `posts` are the ids of all batches that were signed well, as they
    came; `taken` are batches by id, `seen` counts how often each event was applied. `on_taken` is called with the
    number of batches taken so far, before the answer."""

    secret: str
    path: str = "/hook"
    clock: Clock = field(default_factory=SystemClock)
    faults: Faults = field(default_factory=Faults)
    people: set[str] = field(default_factory=set)
    posts: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    taken: dict[str, Any] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    on_taken: Callable[[int], None] = lambda count: None
    _lock: Lock = field(default_factory=Lock, repr=False)

    def answer(self, request: Request, server: StandIn) -> Reply | None:
        """Knows POST of its one path."""
        if request.on_files_port or request.path != self.path:
            return None
        with self._lock:
            if self.faults.slow_times > 0:
                self.faults.slow_times -= 1
                time.sleep(self.faults.slow)
            return self._answer(request)

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events that were applied, in order."""
        return [event for batch in self.taken.values() for event in batch["events"]]

    def _answer(self, request: Request) -> Reply:
        if request.method != "POST":
            return as_json({"error": "POST it"}, 405)
        if busy := self.faults.busy.reply():
            return busy
        if self.faults.status is not None:
            told = request.raw.decode() if self.faults.echo else "as it was set"
            headers = {"Location": self.faults.location} if self.faults.location else {}
            return as_json({"error": told}, self.faults.status, **headers)
        if why := self._mistrust(request):
            self.refused.append(why)
            return as_json({"error": why}, 401)
        return self._take(request)

    def _mistrust(self, request: Request) -> str | None:
        """Why the request is not believed."""
        given = request.headers
        message_id, at = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
        if not message_id or not at.isdecimal():
            return "no webhook-id or webhook-timestamp"
        if abs(self.clock.now().timestamp() - int(at)) > _TOLERANCE:
            return "signed too long ago, or ahead of time"
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        digest = hmac.new(key, b".".join((message_id.encode(), at.encode(), request.raw)), hashlib.sha256).digest()
        expected = "v1," + base64.b64encode(digest).decode()
        if not any(hmac.compare_digest(expected, one) for one in given.get("webhook-signature", "").split(" ")):
            return "no signature fits"
        return None

    def _take(self, request: Request) -> Reply:
        batch_id = request.headers["webhook-id"]
        self.posts.append(batch_id)
        self.bodies.append(request.raw)
        number = len(self.taken) + 1
        if self.faults.swallows(number):
            raise ConnectionAbortedError
        if batch_id in self.taken:
            return as_json({"taken": "before"})
        self.taken[batch_id] = request.body
        for event in request.body["events"]:
            self.seen[event["id"]] += 1
            if self.seen[event["id"]] == 1:
                (self.people.add if event["change"] == "entered" else self.people.discard)(event["user_id"])
        self.on_taken(number)
        if self.faults.has_begun(number):
            raise ConnectionAbortedError
        return as_json({"taken": "now"})
