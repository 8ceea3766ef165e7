"""Cohorts and their members, by Mixpanel's query API.

A cohort is read as a whole, a page of 1,000 a call, and either all of it comes out or an error does.
Not here: which cohorts are worth their calls (pulls/plan.py), and where members are written.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.accounts import MixpanelAccount
from connectors.answers import whole
from connectors.budget import Ledger
from connectors.clock import Clock
from connectors.errors import BadAnswer, SessionExpired, ShortRead
from connectors.mixpanel.api import CALLS_PER_HOUR, VENDOR, http, query_allowance
from connectors.seen import Seen

PAGE_SIZE = 1000
_PACE = timedelta(hours=1) / CALLS_PER_HOUR


@dataclass(frozen=True)
class Cohort:
    """A cohort as the list shows it; `count` is the size at that moment."""

    id: str
    name: str
    description: str
    count: int | None
    created: datetime | None


@dataclass(frozen=True)
class Member:
    """A member; `properties` are those that were asked for and that it has."""

    distinct_id: str
    properties: dict[str, Any]


class Cohorts:
    """The query API of one project. Every call is noted in the ledger first and waits until the project may make it."""

    def __init__(
        self,
        account: MixpanelAccount,
        ledger: Ledger,
        clock: Clock,
        on_wait: Callable[[str, float], None] = lambda sentence, seconds: None,
    ) -> None:
        self.allowance = query_allowance(account)
        self._properties = account.members.asked
        self._ledger, self._clock, self._on_wait = ledger, clock, on_wait
        self._http = http(account, account.url, clock, on_wait)

    def list(self) -> list[Cohort]:
        """All cohorts of the project, in the vendor's order; one call."""
        asked = "list of cohorts"
        found = self._http.json("POST", "/cohorts/list", asked, before=lambda: self._spend(asked))
        if not isinstance(found, list) or not all(isinstance(one, dict) and "id" in one for one in found):
            raise BadAnswer(VENDOR, asked, "expected a list of cohorts with ids")
        return [_cohort(one) for one in found]

    def members(self, cohort: Cohort) -> Iterator[Member]:
        """Each member once, as they come.

        Raises ShortRead at the end if they are not as many as Mixpanel said, SessionExpired if paging was ended from
        over there (the caller may begin anew), other ConnectorErrors for a call that failed.
        """
        asked = f"members of cohort {cohort.id}"
        apart = self._pace(cohort.count)
        session: str | None = None
        total: int | None = None
        rows = number = 0
        before = b""
        seen = Seen()
        try:
            while True:
                page = self._page(cohort, asked, number, session, apart)
                results = page["results"]
                if number == 0:
                    total = whole(page.get("total"))
                    apart = max(apart, self._pace(total))
                session = str(page["session_id"]) if page.get("session_id") else session
                ids = [_text_id(one, asked) for one in results]
                digest = hashlib.blake2b(json.dumps(ids).encode(), digest_size=16).digest()
                if ids and digest == before:
                    raise ShortRead(VENDOR, asked, f"page {number} came twice in place of the next")
                before = digest
                rows += len(ids)
                for distinct_id, one in zip(ids, results, strict=True):
                    if seen.add(distinct_id):
                        properties = one.get("$properties")
                        yield Member(distinct_id, properties if isinstance(properties, dict) else {})
                if len(results) < (whole(page.get("page_size")) or PAGE_SIZE):
                    break
                if session is None:
                    raise BadAnswer(VENDOR, asked, "the first page names no session_id to go on with")
                number += 1
            self._check(cohort, asked, total, rows, len(seen))
        finally:
            seen.close()

    def _page(self, cohort: Cohort, asked: str, number: int, session: str | None, apart: timedelta) -> dict[str, Any]:
        form = {
            "filter_by_cohort": json.dumps({"id": int(cohort.id) if cohort.id.isdecimal() else cohort.id}),
            "include_all_users": "true",
            "output_properties": json.dumps(list(self._properties)),
            "page": str(number),
        }
        if session:
            form["session_id"] = session
        try:
            page = self._http.json("POST", "/engage", asked, form=form, before=lambda: self._spend(asked, apart))
        except BadAnswer as error:
            if number and error.status == 400:
                told = f"the paging session was ended before page {number}"
                raise SessionExpired(VENDOR, asked, told, 400) from None
            raise
        if not isinstance(page, dict) or not isinstance(page.get("results"), list):
            raise BadAnswer(VENDOR, asked, f"page {number} has no list of results")
        if page.get("status", "ok") != "ok":
            raise BadAnswer(VENDOR, asked, f"page {number} has another status than ok")
        if whole(page.get("page")) not in (None, number):
            raise ShortRead(VENDOR, asked, f"page {page['page']} came in place of page {number}")
        return page

    def _check(self, cohort: Cohort, asked: str, total: int | None, rows: int, members: int) -> None:
        if total is not None and total not in (rows, members):
            raise ShortRead(VENDOR, asked, f"{members:,} of {total:,} announced members came")
        if not members and cohort.count:
            raise ShortRead(VENDOR, asked, f"nobody came where the list of cohorts shows {cohort.count:,} members")

    def _pace(self, users: int | None) -> timedelta:
        return pace(users or 0, self._ledger.left(self.allowance, self._clock.now()))

    def _spend(self, asked: str, apart: timedelta = timedelta(0)) -> None:
        self._ledger.wait(self.allowance, self._clock, asked, vendor=VENDOR, apart=apart, on_wait=self._on_wait)


def calls_for(users: int) -> int:
    """Calls that reading so many members takes: the last page is the first that is not full."""
    return math.floor(users / PAGE_SIZE) + 1


def pace(users: int, left: int) -> timedelta:
    """Least time between the calls for so many members, if `left` calls can be made at once.

    What does not fit goes evenly: a paging session is not known to live through most of an hour of silence.
    """
    return timedelta(0) if calls_for(users) <= left else _PACE


def _cohort(one: dict[str, Any]) -> Cohort:
    return Cohort(
        id=str(one["id"]),
        name=str(one.get("name") or ""),
        description=str(one.get("description") or ""),
        count=whole(one.get("count")),
        created=_created(one.get("created")),
    )


def _created(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)).replace(tzinfo=UTC)
    except ValueError:
        return None


def _text_id(result: Any, asked: str) -> str:
    found = result.get("$distinct_id") if isinstance(result, dict) else None
    if not isinstance(found, (str, int)) or isinstance(found, bool) or found == "":
        raise BadAnswer(VENDOR, asked, "a member has no $distinct_id")
    return str(found)
