"""Mixpanel on loopback: list of cohorts, members by page, raw export by day.

Bodies of errors are those seen from the vendor. Chosen where nothing was seen: `total` on the first page only, an
expired paging session is a 400, refused calls do not count. Not here: HTTP (server.py).
"""

from __future__ import annotations

import json
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connectors.clock import Clock, SystemClock
from connectors.standin.server import Busy, Reply, Request, StandIn, as_json

_HELP = "For more information, please consult our documentation"
_GZIP_FROM = 1400


@dataclass(frozen=True)
class MixpanelCohort:
    """A cohort of `size` members; `member(n)` is the n-th answer of engage. `count` is what the list shows."""

    id: int
    name: str
    size: int
    member: Callable[[int], Mapping[str, Any]]
    description: str = ""
    count: int | None = None

    @classmethod
    def of(cls, id: int, name: str, ids: Sequence[str | int], **more: Any) -> MixpanelCohort:
        """A cohort of these ids, without properties."""
        return cls(id, name, len(ids), lambda n: {"$distinct_id": ids[n], "$properties": {}}, **more)


@dataclass
class Faults:
    """Off until set."""

    per_hour: int | None = 60
    concurrent: int = 5
    plan_excludes_queries: bool = False
    refuse_as_400: bool = False
    busy: Busy = field(default_factory=Busy)
    page_size: int = 1000
    repeat_total: bool = False  # on every page
    wrong_total: int = 0  # added to it
    expire_session_before_page: int | None = None
    expire_session_once_before_page: int | None = None
    short_page: int | None = None  # which loses its second half
    repeated_page: int | None = None  # comes in place of the next
    terminated_early: bool = False
    cut_mid_line: bool = False
    truncated_gzip: bool = False
    empty_export: bool = False


@dataclass
class StandInMixpanel:
    """One project. `events` are raw export lines by project day, as objects or as bytes."""

    cohorts: Sequence[MixpanelCohort] = ()
    events: Mapping[date, Sequence[Mapping[str, Any] | bytes]] = field(default_factory=dict)
    project_id: str = "77"
    username: str = "svc"
    secret: str = "s3cret-of-svc"
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    clock: Clock = field(default_factory=SystemClock)
    faults: Faults = field(default_factory=Faults)
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: dict[str, deque[Any]] = {"query": deque(), "export": deque()}
        self._running = 0

    def answer(self, request: Request, server: StandIn) -> Reply | None:
        """Knows both prefixes of the query API, and the raw export."""
        if request.on_files_port:
            return None
        for prefix in ("/api/query/", "/api/2.0/"):
            if request.path.startswith(prefix):
                verb = request.path.removeprefix(prefix).rstrip("/")
                if verb in ("cohorts/list", "engage", "export"):
                    return self._guarded(verb, request)
        return None

    def _guarded(self, verb: str, request: Request) -> Reply:
        self.calls.append(verb)
        if request.basic != (self.username, self.secret) or request.param("project_id") != self.project_id:
            told = "Unable to authenticate request"
            return Reply(400, told.encode()) if self.faults.refuse_as_400 else as_json({"error": told}, 401)
        if busy := self.faults.busy.reply():
            return busy
        if self.faults.plan_excludes_queries and verb != "export":
            return as_json({"error": "Your plan does not allow API calls. Upgrade at mixpanel.com/pricing"}, 402)
        kind = "export" if verb == "export" else "query"
        with self._lock:
            self._running += 1
            refused = self._over_limit(kind, request)
        try:
            if refused:
                return refused
            return {"cohorts/list": self._list, "engage": self._engage, "export": self._export}[verb](request)
        finally:
            with self._lock:
                self._running -= 1

    def _over_limit(self, kind: str, request: Request) -> Reply | None:
        now, counted = self.clock.now(), self._counted[kind]
        while counted and counted[0] <= now - timedelta(hours=1):
            counted.popleft()
        most = self.faults.per_hour
        if (most is not None and len(counted) >= most) or self._running > self.faults.concurrent:
            told = (
                f"Query rate limit exceeded for project_id: {self.project_id}. {self._running}/{self.faults.concurrent}"
                f" queries running concurrently and {len(counted) + 1}/{most} queries running in the last hour. {_HELP}"
            )
            return as_json({"request": f"{request.path}?...", "error": told}, 429)
        counted.append(now)
        return None

    def _list(self, request: Request) -> Reply:
        return as_json([
            {
                "id": one.id, "project_id": int(self.project_id), "name": one.name, "description": one.description,
                "count": one.size if one.count is None else one.count, "is_visible": 1,
                "created": "2025-11-03 08:14:22", "data_group_id": None,
            }
            for one in self.cohorts
        ])  # fmt: skip

    def _engage(self, request: Request) -> Reply:
        wanted = json.loads(request.param("filter_by_cohort", "{}")).get("id")
        cohort = next((one for one in self.cohorts if one.id == wanted), None)
        if cohort is None:
            return as_json({"error": "cohort not found"}, 400)
        faults, page = self.faults, int(request.param("page", "0"))
        session = f"1763712000-{cohort.id}"
        if page and request.param("session_id") != session:
            return as_json({"error": "session_id is required for pages after the first"}, 400)
        if page and page == faults.expire_session_before_page:
            return as_json({"error": "session expired"}, 400)
        if page and page == faults.expire_session_once_before_page:
            faults.expire_session_once_before_page = None
            return as_json({"error": "session expired"}, 400)
        shown = page - 1 if faults.repeated_page is not None and page == faults.repeated_page + 1 else page
        first = shown * faults.page_size
        last = min(cohort.size, first + faults.page_size)
        if page == faults.short_page:
            last = first + (last - first) // 2
        found = {
            "page": page, "page_size": faults.page_size, "session_id": session, "status": "ok",
            "results": [cohort.member(n) for n in range(first, last)],
        }  # fmt: skip
        if page == 0 or faults.repeat_total:
            found["total"] = cohort.size + faults.wrong_total
        return as_json(found)

    def _export(self, request: Request) -> Reply:
        try:
            first, last = (date.fromisoformat(request.param(name)) for name in ("from_date", "to_date"))
        except ValueError:
            return Reply(400, b"from_date and to_date are required")
        if last > self.clock.now().astimezone(self.zone).date():
            return Reply(400, b"to_date cannot be later than today")
        if self.faults.empty_export:
            return Reply(200, b"", {"Content-Type": "text/plain"})
        days = (first + timedelta(days=n) for n in range((last - first).days + 1))
        milliseconds = request.param("time_in_ms") == "true"
        body = (_line(one, milliseconds) for day in days for one in self.events.get(day, ()))
        return self._stream(body, "gzip" in request.headers.get("accept-encoding", ""))

    def _stream(self, body: Iterator[bytes], gzip: bool) -> Reply:
        faults, headers = self.faults, {"Content-Type": "text/plain"}
        head = b""
        while len(head) <= _GZIP_FROM and (line := next(body, None)) is not None:
            head += line
        whole = _chunks(head, body)
        if faults.terminated_early:
            whole = _chunks(b"", whole, b"terminated early\n")
        if faults.cut_mid_line:
            return Reply(200, _chunks(head[: len(head) // 2 + 3], iter(())), headers, cut=True)
        if len(head) > _GZIP_FROM and gzip:
            headers["Content-Encoding"] = "gzip"
            whole = _gzipped(whole, truncated=faults.truncated_gzip)
        return Reply(200, whole, headers)


def _line(one: Mapping[str, Any] | bytes, milliseconds: bool) -> bytes:
    if isinstance(one, bytes):
        return one
    if milliseconds:
        properties = one["properties"]
        one = {**one, "properties": {**properties, "time": int(properties["time"] * 1000)}}
    return json.dumps(one, ensure_ascii=False).encode() + b"\n"


def _chunks(head: bytes, body: Iterator[bytes], tail: bytes = b"") -> Iterator[bytes]:
    held = head
    for line in body:
        held += line
        if len(held) > 1 << 16:
            yield held
            held = b""
    yield held + tail


def _gzipped(chunks: Iterator[bytes], truncated: bool) -> Iterator[bytes]:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    for chunk in chunks:
        yield packer.compress(chunk) + packer.flush(zlib.Z_SYNC_FLUSH)
    if not truncated:
        yield packer.flush()
