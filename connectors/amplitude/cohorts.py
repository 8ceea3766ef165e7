"""Cohorts and their members, by Amplitude's behavioral cohorts API: asked for, waited for, and read from a file.

Asking is what counts against the month, so that step is never repeated for a trouble of the later ones.
Not here: which cohorts are worth a download (pulls/plan.py), and where members are written.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import chain, repeat
from typing import Any
from urllib.parse import quote

from connectors.accounts import AmplitudeAccount
from connectors.amplitude.api import VENDOR, download_allowance, http
from connectors.answers import whole
from connectors.budget import Ledger
from connectors.clock import Clock
from connectors.errors import BadAnswer, BrokenStream, ConnectorError, ShortRead, VendorBusy
from connectors.seen import Seen
from connectors.streams import Cut, unpacked

_POLLS = (1.0, 2.0, 5.0)  # seconds before asking again; the last one from then on
_LONGEST_JOB = 600.0  # seconds; a minute is usual, whatever the size
_LINKS = 3  # each lives one minute
_MILLISECONDS_FROM = 100_000_000_000
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Cohort:
    """A cohort as the list shows it; `computed` moves when its members were worked out anew."""

    id: str
    name: str
    description: str
    size: int | None
    computed: datetime | None


@dataclass(frozen=True)
class Member:
    """A row of the file. `user_id` is empty for somebody Amplitude knows by a device only."""

    user_id: str
    properties: dict[str, str]


@dataclass(frozen=True)
class Usage:
    """Downloads of the month as Amplitude counts them; None is unknown, not zero."""

    limit: int | None
    used: int | None


class Cohorts:
    """The cohorts of one project."""

    def __init__(
        self,
        account: AmplitudeAccount,
        ledger: Ledger,
        clock: Clock,
        on_wait: Callable[[str, float], None] = lambda sentence, seconds: None,
    ) -> None:
        self.allowance = download_allowance(account)
        self._properties = account.members.asked
        self._ledger, self._clock, self._on_wait = ledger, clock, on_wait
        self._http = http(account, clock, on_wait)
        self._open: dict[str, str] = {}  # cohort to the request whose file was not read to its end

    def list(self) -> list[Cohort]:
        """The published cohorts that are not archived, in the vendor's order."""
        asked = "list of cohorts"
        found = self._http.json("GET", "/api/3/cohorts", asked)
        cohorts = found.get("cohorts") if isinstance(found, dict) else None
        if not isinstance(cohorts, list) or not all(isinstance(one, dict) and one.get("id") for one in cohorts):
            raise BadAnswer(VENDOR, asked, "expected a list of cohorts with ids")
        return [_cohort(one) for one in cohorts if not one.get("archived")]

    def usage(self) -> Usage:
        """What Amplitude says of this month. Nothing hangs on it, so whatever it does not say is unknown."""
        try:
            _, found = self._http.answer_once("GET", "/api/3/cohorts/usage", "usage of cohort downloads")
        except ConnectorError:
            return Usage(None, None)
        said = found.get("rest_download", found) if isinstance(found, dict) else {}
        said = said if isinstance(said, dict) else {}
        return Usage(whole(said.get("limit")), whole(said.get("usage", said.get("count"))))

    def members(self, cohort: Cohort) -> Iterator[Member]:
        """Each row of the cohort's file, once.

        Raises BrokenStream if the file ends too early or is no CSV with user_id, ShortRead if it is empty and the list
        shows members, VendorBusy if the file is not ready in ten minutes, other ConnectorErrors for a refused call.
        """
        asked = f"members of cohort {cohort.id}"
        # A file that was cut is read again under the request that was paid for.
        request = self._open.get(cohort.id) or self._request(cohort.id, asked)
        self._open[cohort.id] = request
        self._wait_for(request, asked)
        rows = 0
        seen = Seen()
        try:
            for member in self._file(request, asked):
                rows += 1
                identity = member.user_id or member.properties.get("amplitude_id", "")
                if not identity or seen.add(f"{bool(member.user_id)} {identity}"):
                    yield member
        finally:
            seen.close()
        del self._open[cohort.id]
        if not rows and cohort.size:
            raise ShortRead(VENDOR, asked, f"nobody came where the list of cohorts shows {cohort.size:,} members")

    def _request(self, cohort_id: str, asked: str) -> str:
        params: list[tuple[str, str]] = [("props", "1" if self._properties else "0")]
        params += [("propKeys", name) for name in self._properties]
        spend = partial(
            self._ledger.wait, self.allowance, self._clock, asked, vendor=VENDOR, on_wait=self._on_wait
        )  # fmt: skip
        found = self._http.json(
            "GET", f"/api/5/cohorts/request/{quote(cohort_id, safe='')}", asked, params=params, before=spend
        )
        if not isinstance(found, dict) or not found.get("request_id"):
            raise BadAnswer(VENDOR, asked, "the request got no request_id")
        return str(found["request_id"])

    def _wait_for(self, request: str, asked: str) -> None:
        """Until the job is done. The status code says so; the words in the body are for people."""
        waited = 0.0
        for pause in chain(_POLLS, repeat(_POLLS[-1])):
            status, _ = self._http.answer("GET", f"/api/5/cohorts/request-status/{quote(request, safe='')}", asked)
            if status == 200:
                return
            if status != 202:
                raise BadAnswer(VENDOR, asked, "the job is neither done nor under way", status)
            if waited >= _LONGEST_JOB:
                raise VendorBusy(VENDOR, asked, f"the file is not ready after {_LONGEST_JOB / 60:.0f} minutes")
            self._on_wait(f"{VENDOR}, {asked}: the file is being made", pause)
            self._clock.sleep(pause)
            waited += pause

    def _file(self, request: str, asked: str) -> Iterator[Member]:
        path = f"/api/5/cohorts/request/{quote(request, safe='')}/file"
        for attempt in range(1, _LINKS + 1):
            with self._http.opened("GET", path, asked, also=_REDIRECTS) as answer:
                if answer.status_code == 200:
                    yield from self._rows(self._http.body(answer, asked), asked)
                    return
                link = answer.headers.get("Location")
            if answer.status_code not in _REDIRECTS or not link:
                raise BadAnswer(VENDOR, asked, "expected the file or a link to it", answer.status_code)
            with self._http.elsewhere(self._http.absolute(path, link), asked) as file:
                if file.status_code == 200:
                    yield from self._rows(self._http.body(file, asked), asked)
                    return
                status = file.status_code
            if attempt < _LINKS:
                self._on_wait(f"{VENDOR}, {asked}: the link to the file is dead; asking for another", 0)
        raise BadAnswer(VENDOR, asked, f"{_LINKS} links to the file were dead in turn", status)

    def _rows(self, body: Iterator[bytes], asked: str) -> Iterator[Member]:
        try:
            text = io.TextIOWrapper(
                io.BufferedReader(_Reader(unpacked(unpacked(body)))), encoding="utf-8-sig", newline=""
            )
            rows = csv.reader(text, strict=True)
            header = next(rows, None)
            if header is None or "user_id" not in header:
                raise BrokenStream(VENDOR, asked, "the file has no column user_id")
            for row in rows:
                if not row:
                    continue
                if len(row) != len(header):
                    raise BrokenStream(
                        VENDOR, asked, f"line {rows.line_num} of the file has not as many cells as the header"
                    )
                named = dict(zip(header, row, strict=True))
                yield Member(named.pop("user_id"), named)
        except (Cut, csv.Error, UnicodeDecodeError):
            raise BrokenStream(VENDOR, asked, "the file ends too early or cannot be read as CSV") from None


class _Reader(io.RawIOBase):
    """Chunks as a file to read from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._rest = chunks, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def _cohort(one: dict[str, Any]) -> Cohort:
    return Cohort(
        id=str(one["id"]),
        name=str(one.get("name") or ""),
        description=str(one.get("description") or ""),
        size=whole(one.get("size")),
        computed=_epoch(one.get("lastComputed")),
    )


def _epoch(value: object) -> datetime | None:
    """Seconds in the documentation, milliseconds in the wild."""
    number = whole(value)
    if number is None:
        return None
    return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS_FROM else number, UTC)
