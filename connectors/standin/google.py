"""Google's Data Manager API on loopback: audiences of one account of Google Ads, which take members and lose them.

Bodies of errors are those of its documentation and of calls that were recorded; what is asked of a request is in
google_requests.py. A person is in an audience by all identifiers that came together and is found by any of them. Not
here: HTTP (server.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from connectors.clock import Clock, SystemClock
from connectors.destinations import Action
from connectors.standin.google_requests import Violation, members_of, violation_of
from connectors.standin.people import Person, take_out
from connectors.standin.server import Busy, Outage, Reply, Request, StandIn, as_json

_PREFIX = "/v1/"
_ACTIONS: dict[str, Action] = {"audienceMembers:ingest": "add", "audienceMembers:remove": "remove"}
_WORDS = {
    400: ("INVALID_ARGUMENT", "There was a problem with the request."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    403: ("PERMISSION_DENIED", "The caller does not have permission"),
    409: ("ABORTED", "The operation was aborted."),
    429: ("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    503: ("UNAVAILABLE", "The service is currently unavailable."),
}


@dataclass
class Faults(Outage):
    """Off until set.

    `violation` refuses every batch for this reason. `unusable` are identifiers that nobody is found by, which comes out
    when a request is worked off: a member that has no other is reported. `failing` are requests, counted from 1, of
    which nothing is taken. A request is in process for the first `processing_for` questions for its status.
    """

    busy: Busy = field(default_factory=Busy)
    token_expired: bool = False
    violation: Violation | None = None
    unusable: Collection[str] = ()
    failing: Collection[int] = ()
    processing_for: int = 0
    requests_forgotten: bool = False
    per_minute: int = 300


@dataclass
class Accepted:
    """A request that got an id: what becomes of it, and how often somebody asked."""

    action: Action
    destination: Any
    people: Sequence[Person]
    unusable: int = 0
    failed: bool = False
    asked: int = 0


@dataclass
class StandInGoogle:
    """An account of Google Ads; `people` is who is in which audience, and an audience that is not there is unknown.

    `received` counts how often a person came in each direction, `calls` are the methods called.
    """

    people: dict[str, set[Person]] = field(default_factory=lambda: {"8001": set()})
    customer_id: str = "1234567890"
    manager_id: str | None = None
    access_token: str = "google-token"
    clock: Clock = field(default_factory=SystemClock)
    faults: Faults = field(default_factory=Faults)
    received: Counter[tuple[Action, Person]] = field(default_factory=Counter)
    requests: dict[str, Accepted] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    _at: list[datetime] = field(default_factory=list)
    _batches: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def answer(self, request: Request, server: StandIn) -> Reply | None:
        """Knows audienceMembers:ingest, audienceMembers:remove and requestStatus:retrieve."""
        method = request.path.removeprefix(_PREFIX)
        if request.on_files_port or method not in (*_ACTIONS, "requestStatus:retrieve"):
            return None
        with self._lock:
            self.calls.append(method)
            return self._refused(request) or (
                self._batch(_ACTIONS[method], request) if method in _ACTIONS else self._status(request)
            )

    def _refused(self, request: Request) -> Reply | None:
        if self.faults.token_expired or request.headers.get("authorization") != f"Bearer {self.access_token}":
            return _error(401)
        now = self.clock.now()
        self._at = [at for at in self._at if at > now - timedelta(minutes=1)]
        if len(self._at) >= self.faults.per_minute:
            return _error(429)
        self._at.append(now)
        if self.faults.busy.times > 0:
            self.faults.busy.times -= 1
            return _error(self.faults.busy.status, retry_after=self.faults.busy.retry_after)
        return None

    def _batch(self, action: Action, request: Request) -> Reply:
        body = request.body if isinstance(request.body, dict) else {}
        if violation := self.faults.violation or violation_of(action, body):
            return _error(400, violation)
        (destination,) = body["destinations"]
        audience = destination["productDestinationId"]
        managed_by = destination.get("loginAccount", {}).get("accountId")
        if destination["operatingAccount"]["accountId"] != self.customer_id or managed_by != self.manager_id:
            return _error(403)
        if audience not in self.people:
            return _error(400, Violation("destinations[0]", "INVALID_USER_LIST_ID", "User list is not valid."))
        self._batches += 1
        if self.faults.swallows(self._batches):
            return _error(503)
        accepted = self._accept(action, destination, members_of(body))
        return _error(503) if self.faults.has_begun(self._batches) else as_json({"requestId": accepted})

    def _accept(self, action: Action, destination: Any, people: Sequence[Person]) -> str:
        number = len(self.requests) + 1
        key = f"dm-{'ingest' if action == 'add' else 'remove'}-req-id-{number:03}"
        unusable = set(self.faults.unusable)
        found = [person for person in people if not person <= unusable]
        failed = number in self.faults.failing or not found
        self.requests[key] = Accepted(action, destination, people, len(people) - len(found), failed)
        self.received.update((action, person) for person in people)
        if not failed:
            audience = self.people[destination["productDestinationId"]]
            if action == "add":
                audience.update(found)
            else:
                take_out(audience, found)
        return key

    def _status(self, request: Request) -> Reply:
        one = self.requests.get(request.param("requestId"))
        if one is None or self.faults.requests_forgotten:
            told = "The request ID used to retrieve the status of a request is not valid."
            return _error(400, Violation("request_id", "INVALID_REQUEST_ID", told))
        one.asked += 1
        counts = {
            "recordCount": str(len(one.people)),
            "userIdentifierCount": str(sum(len(person) for person in one.people)),
        }
        status: dict[str, Any] = {"destination": one.destination, "requestStatus": "SUCCESS"}
        if one.action == "add":
            status["audienceMembersIngestionStatus"] = {"userDataIngestionStatus": counts}
        else:
            status["audienceMembersRemovalStatus"] = {"userDataRemovalStatus": counts}
        if one.asked <= self.faults.processing_for:
            status["requestStatus"] = "PROCESSING"
        elif one.failed or one.unusable:
            status["requestStatus"] = "FAILED" if one.failed else "PARTIAL_SUCCESS"
            reason, count = ("INVALID_FORMAT", one.unusable) if one.unusable else ("INTERNAL_ERROR", len(one.people))
            failed = {"reason": f"PROCESSING_ERROR_REASON_{reason}", "recordCount": str(count)}
            status["errorInfo"] = {"errorCounts": [failed]}
        return as_json({"requestStatusPerDestination": [status]})


def _error(status: int, violation: Violation | None = None, retry_after: str | None = None) -> Reply:
    word, message = _WORDS[status]
    request = f"t-{status}-{word.lower().replace('_', '-')}-req-id"
    kind = "type.googleapis.com/google.rpc."
    details: list[dict[str, Any]] = [{"@type": f"{kind}RequestInfo", "requestId": request}]
    if violation:
        about = {"@type": f"{kind}ErrorInfo", "reason": word, "domain": "datamanager.googleapis.com"}
        found = {"field": violation.field, "description": violation.description}
        if violation.reason:
            found["reason"] = violation.reason
        else:
            message = violation.description
        details = [
            {**about, "metadata": {"requestId": request}}, *details,
            {"@type": f"{kind}BadRequest", "fieldViolations": [found]},
        ]  # fmt: skip
    told = {"error": {"code": status, "message": message, "status": word, "details": details}}
    return as_json(told, status, **({} if retry_after is None else {"Retry_After": retry_after}))
