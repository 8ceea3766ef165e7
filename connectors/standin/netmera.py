"""Netmera's REST API on loopback: segments, members, attributes, devices, stats and results.

Codes and messages of errors are those of its documentation. Not here: HTTP (server.py), and what is sent to Netmera
(netmera_writes.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.clock import Clock, SystemClock
from connectors.standin.netmera_writes import Writes, WritesFaults, error
from connectors.standin.server import Busy, Reply, Request, StandIn, as_json

_PREFIX = "/rest/3.0/"


@dataclass
class Faults(WritesFaults):
    """Off until set."""

    busy: Busy = field(default_factory=Busy)
    ip_not_allowed: bool = False
    server_error: bool = False
    empty_members: bool = False
    circular_pages: bool = False


@dataclass
class StandInNetmera:
    """One application.

    `segments`: id to (name, extIds). `users`: extId to `msisdn`, `email`, `profile` and `devices`. `messages`: objects
    of getPushStats, each with `results`, objects of getPushResult; those that are sent here come on top. `written` is
    what was sent: tags, definitions, messages. A tag in `panel_segments` is shown as a segment of that id, too.
    """

    segments: Mapping[int, tuple[str, Sequence[str]]] = field(default_factory=dict)
    users: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    messages: Sequence[Mapping[str, Any]] = ()
    api_key: str = "netmera-key"
    page_size: int = 10
    clock: Clock = field(default_factory=SystemClock)
    faults: Faults = field(default_factory=Faults)
    calls: list[str] = field(default_factory=list)
    panel_segments: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.written = Writes(lambda: self.users, self._everybody_in, self.clock, lambda: self.faults)

    def answer(self, request: Request, server: StandIn) -> Reply | None:
        """Knows every verb under /rest/3.0."""
        if request.on_files_port or not request.path.startswith(_PREFIX):
            return None
        verb = request.path.removeprefix(_PREFIX)
        self.calls.append(verb)
        if request.headers.get("x-netmera-api-key") != self.api_key:
            return error(403, 2010, "API key is invalid")
        if self.faults.ip_not_allowed:
            return error(403, 2021, "Your IP is not allowed")
        if busy := self.faults.busy.reply():
            return busy
        if self.faults.server_error:
            return error(500, 2001, "Internal server error")
        verbs = {
            "getSegments": self._segments, "getSegmentUsers": self._members, "getProfileAttributes": self._profile,
            "getDevices": self._devices, "getPushStats": self._stats, "getPushResult": self._results,
        }  # fmt: skip
        if verb in verbs:
            return verbs[verb](request, server)
        return self.written.answer(verb, request) or error(404, 2020, "no such verb")

    def _shown_segments(self) -> dict[int, tuple[str, Sequence[str]]]:
        tags = {key: (tag, sorted(self.written.tags.get(tag, ()))) for key, tag in self.panel_segments.items()}
        return {**self.segments, **tags}

    def _everybody_in(self, segment: str) -> set[str]:
        return {one for name, members in self._shown_segments().values() if name == segment for one in members}

    def _all_messages(self) -> list[Mapping[str, Any]]:
        return [*self.messages, *self.written.messages]

    def _segments(self, request: Request, server: StandIn) -> Reply:
        if request.headers.get("x-netmera-os") not in ("IOS", "ANDROID"):
            return error(400, 2020, "Missing required parameter")
        return as_json({
            "list": [
                {"id": key, "name": name, "userCount": len(members), "type": "PRODUCT_SEGMENT"}
                for key, (name, members) in self._shown_segments().items()
            ]
        })  # fmt: skip

    def _members(self, request: Request, server: StandIn) -> Reply:
        if request.headers.get("x-netmera-os") not in ("IOS", "ANDROID"):
            return error(400, 2020, "Missing required parameter")
        key = request.param("id")
        if not key.isdecimal() or int(key) not in self._shown_segments():
            return error(400, 5042, "Segment not found")
        name, members = self._shown_segments()[int(key)]
        shown = [] if self.faults.empty_members else [self._member(one) for one in members]
        return as_json({"name": name, "list": shown})

    def _member(self, external_id: str) -> dict[str, Any]:
        known = self.users.get(external_id, {})
        return {"externalId": external_id or None, "msisdn": known.get("msisdn"), "email": known.get("email")}

    def _profile(self, request: Request, server: StandIn) -> Reply:
        external_id = request.param("extId")
        if external_id not in self.users:
            return error(400, 5016, "The external id is not found in the current application")
        return as_json({"extId": external_id, "profile": self.users[external_id].get("profile", {})})

    def _devices(self, request: Request, server: StandIn) -> Reply:
        external_id = request.param("extId")
        if external_id not in self.users:
            return error(400, 5016, "The user with given identifier is not found")
        return as_json({"extId": external_id, "devices": self.users[external_id].get("devices", [])})

    def _stats(self, request: Request, server: StandIn) -> Reply:
        shown = [
            {key: value for key, value in one.items() if key not in ("results", "asked")}
            for one in self._all_messages()
        ]
        if key := request.param("notificationKey"):
            found = [one for one in shown if str(one["notificationKey"]) == key]
            return as_json(found[0]) if found else error(400, 5003, "Message with given messageId could not be found")
        start, end = int(request.param("start", "0")), int(request.param("end", str(1 << 62)))
        return as_json({"messages": [one for one in shown if start <= (one["startDate"] or 0) <= end]})

    def _results(self, request: Request, server: StandIn) -> Reply:
        """The offset is opaque to clients; in here it is the message and the place."""
        key, _, place = request.param("offset", f"{request.param('notificationKey')}.0").partition(".")
        most = min(int(request.param("max", "10")), self.page_size)
        message = next((one for one in self._all_messages() if str(one["notificationKey"]) == key), None)
        if message is None:
            return error(400, 5003, "Message with given messageId could not be found")
        first, results = int(place), message.get("results", [])
        page: dict[str, Any] = {"list": results[first : first + most]}
        if first + most < len(results):
            following = 0 if self.faults.circular_pages else first + most
            page["nextPage"] = f"{server.url}{_PREFIX}getPushResult?offset={key}.{following}&max={most}"
        return as_json(page)
