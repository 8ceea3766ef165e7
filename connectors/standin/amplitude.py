"""Amplitude on loopback: cohorts, their download in three steps, usage, raw export by hour.

The file of a large cohort lies on the other port behind a link that lives one minute and refuses credentials. Chosen
where nothing was seen: the words of the 429, 404 for an unknown cohort, gzip for the file behind the link.
Not here: HTTP (server.py).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import threading
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.clock import Clock, SystemClock
from connectors.standin.server import Busy, Reply, Request, StandIn, as_json

_LINK_LIVES = timedelta(seconds=60)
_STEPS = re.compile(r"/api/5/cohorts/(?:request/(?P<asked>[^/]+)(?P<file>/file)?|request-status/(?P<status>[^/]+))")


@dataclass(frozen=True)
class AmplitudeCohort:
    """A cohort; `rows` of its file by column, among them `user_id`. `size` is what the list shows."""

    id: str
    name: str
    rows: Sequence[Mapping[str, str]]
    computed: int = 1763690000
    size: int | None = None
    large: bool = False
    description: str = ""


@dataclass
class Faults:
    """Off until set."""

    busy: Busy = field(default_factory=Busy)
    per_month: int = 500
    concurrent: int = 5
    polls: int = 1  # answers of 202 before the job is done
    never_done: bool = False
    dead_links: int = 0  # the next so many
    truncated_file: bool = False
    cut_file: bool = False
    plain_file_behind_link: bool = False
    most_hours: int | None = None  # of one export
    too_much_status: int = 400
    refused_windows: tuple[str, ...] = ()  # `20240101T00-20240101T23`
    member_not_gzip: bool = False
    truncated_archive: bool = False
    usage_unknown: bool = False


@dataclass
class StandInAmplitude:
    """One project. `events` are raw export objects by hour of upload, such as `20251101T05`."""

    cohorts: Sequence[AmplitudeCohort] = ()
    events: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    api_key: str = "amp-key"
    secret_key: str = "s3cret-of-amp"
    clock: Clock = field(default_factory=SystemClock)
    faults: Faults = field(default_factory=Faults)
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[tuple[AmplitudeCohort, list[str]]] = []
        self._polled: dict[str, int] = {}
        self._links: dict[str, tuple[str, datetime]] = {}
        self._asked_at: list[datetime] = []
        self._running = 0

    def answer(self, request: Request, server: StandIn) -> Reply | None:
        """Knows the cohorts, the export, and the files behind its own links."""
        if request.on_files_port:
            return self._linked(request)
        if not (request.path.startswith(("/api/3/cohorts", "/api/5/cohorts/")) or request.path == "/api/2/export"):
            return None
        self.calls.append(request.path)
        if request.basic != (self.api_key, self.secret_key):
            details = {"details": "Invalid API/Secret Key combination"}
            return as_json({"error": {"http_code": 403, "type": "unspecified", "metadata": details}}, 403)
        if busy := self.faults.busy.reply():
            return busy
        with self._lock:
            self._running += 1
            over = self._running > self.faults.concurrent
        try:
            return _error(429, "Too many concurrent requests") if over else self._routed(request, server)
        finally:
            with self._lock:
                self._running -= 1

    def _routed(self, request: Request, server: StandIn) -> Reply:
        if request.path == "/api/3/cohorts":
            return as_json({"cohorts": [_listed(one) for one in self.cohorts]})
        if request.path == "/api/3/cohorts/usage":
            return self._usage()
        if request.path == "/api/2/export":
            return self._export(request)
        step = _STEPS.fullmatch(request.path)
        if step is None:
            return _error(404, "no such path")
        if step["status"]:
            return self._status(step["status"])
        return self._file(step["asked"], server) if step["file"] else self._request(step["asked"], request)

    def _usage(self) -> Reply:
        if self.faults.usage_unknown:
            return as_json({})
        usage = {"limit": self.faults.per_month, "usage": len(self._asked_at), "resets_at": "2025-12-01"}
        return as_json({"rest_download": usage})

    def _request(self, cohort_id: str, request: Request) -> Reply:
        cohort = next((one for one in self.cohorts if one.id == cohort_id), None)
        if cohort is None:
            return _error(404, "Cohort not found")
        now = self.clock.now()
        with self._lock:
            month = [at for at in self._asked_at if (at.year, at.month) == (now.year, now.month)]
            if len(month) >= self.faults.per_month:
                return _error(429, f"Exceeded the limit of {self.faults.per_month} cohort downloads per month")
            self._asked_at.append(now)
            self._requests.append((cohort, request.params.get("propKeys", [])))
            name = f"r{len(self._requests) - 1}"
        return as_json({"request_id": name, "cohort_id": cohort_id}, 202)

    def _known(self, name: str) -> tuple[AmplitudeCohort, list[str]] | None:
        number = name.removeprefix("r")
        known = number.isdecimal() and int(number) < len(self._requests)
        return self._requests[int(number)] if known else None

    def _status(self, name: str) -> Reply:
        if (found := self._known(name)) is None:
            return _error(404, "Request not found")
        self._polled[name] = self._polled.get(name, 0) + 1
        said = {"request_id": name, "cohort_id": found[0].id}
        if self.faults.never_done or self._polled[name] <= self.faults.polls:
            return as_json({**said, "async_status": "JOB INPROGRESS"}, 202)
        return as_json({**said, "async_status": "JOB COMPLETED"})

    def _file(self, name: str, server: StandIn) -> Reply:
        if (found := self._known(name)) is None:
            return _error(404, "Request not found")
        if not found[0].large:
            return self._body(_csv(*found), packed=False)
        key = f"/cohorts/{name}-{len(self._links)}.csv.gz"
        self._links[key] = (name, self.clock.now() + _LINK_LIVES)
        return Reply(302, b"", {"Location": f"{server.files_url}{key}?X-Amz-Signature=abc"})

    def _linked(self, request: Request) -> Reply | None:
        if request.path not in self._links:
            return None
        self.calls.append("link")
        name, until = self._links[request.path]
        if "authorization" in request.headers:
            return Reply(400, b"<Error><Code>InvalidArgument</Code></Error>")
        if self.faults.dead_links:
            self.faults.dead_links -= 1
            until = self.clock.now()
        if self.clock.now() >= until:
            return Reply(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
        return self._body(_csv(*self._requests[int(name[1:])]), packed=not self.faults.plain_file_behind_link)

    def _body(self, content: bytes, packed: bool) -> Reply:
        content = gzip.compress(content, mtime=0) if packed else content
        if self.faults.truncated_file:
            content = content[:-9]
        return Reply(200, content, {"Content-Type": "text/csv"}, cut=self.faults.cut_file)

    def _export(self, request: Request) -> Reply:
        start, end = request.param("start"), request.param("end")
        try:
            first, last = (datetime.strptime(one, "%Y%m%dT%H").replace(tzinfo=UTC) for one in (start, end))
        except ValueError:
            return Reply(400)
        hours = (last - first) // timedelta(hours=1) + 1
        if f"{start}-{end}" in self.faults.refused_windows or hours > (self.faults.most_hours or hours):
            return Reply(self.faults.too_much_status)
        wanted = [f"{first + timedelta(hours=n):%Y%m%dT%H}" for n in range(hours)]
        if not any(self.events.get(hour) for hour in wanted):
            return Reply(404)
        content = self._archive([(hour, self.events[hour]) for hour in wanted if self.events.get(hour)])
        return Reply(200, content[:-40] if self.faults.truncated_archive else content)

    def _archive(self, hours: Sequence[tuple[str, Sequence[Mapping[str, Any]]]]) -> bytes:
        """Several files an hour, each gzip of JSON lines."""
        spool = io.BytesIO()
        with zipfile.ZipFile(spool, "w") as archive:
            for hour, events in hours:
                for part in range(2):
                    lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in events[part::2]).encode()
                    name = f"434735/434735_{hour[:4]}-{hour[4:6]}-{hour[6:8]}_{int(hour[9:])}#{part}.json.gz"
                    info = zipfile.ZipInfo(name, (2025, 11, 1, 0, 0, 0))
                    archive.writestr(info, lines if self.faults.member_not_gzip else gzip.compress(lines, mtime=0))
        return spool.getvalue()


def _listed(one: AmplitudeCohort) -> dict[str, Any]:
    return {
        "id": one.id, "appId": 434735, "name": one.name, "description": one.description, "type": "redshift",
        "size": len(one.rows) if one.size is None else one.size, "archived": False, "hidden": False, "finished": True,
        "published": True,
        "lastMod": one.computed, "createdAt": 1763000000, "lastComputed": one.computed, "owners": [], "viewers": [],
        "definition": {"version": 3}, "is_predictive": False, "metadata": None,
    }  # fmt: skip


def _csv(cohort: AmplitudeCohort, properties: Sequence[str]) -> bytes:
    names = ["amplitude_id", "user_id", *properties]
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([row.get(name, "") for name in names] for row in cohort.rows)
    return text.getvalue().encode()


def _error(status: int, message: str) -> Reply:
    return as_json({"error": {"http_code": status, "type": "invalid", "message": message, "metadata": {}}}, status)
