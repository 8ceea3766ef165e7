"""Triggers of live segments: who qualified by what they did, and at which instant, on the days that a run judges.

Each trigger is one query: person, instant (`qualified_at`, naive UTC) and the local day of that instant (`day`).
Not here: the filter that is applied then (`live_filters.py`), and what is remembered of it (dbt's state models).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from segmentation.clock import DAY, MICROSECOND, Clock
from segmentation.language.model import Filter, Live, Within
from segmentation.plan.aggregates import EVENTS, ROW, identity_of, number_tests, order_key
from segmentation.plan.checks import Checks
from segmentation.plan.events import EventConditions, Needs, rows_of
from segmentation.plan.facets import Facets, local
from segmentation.plan.fields import FieldSet
from segmentation.plan.moments import MomentChecks, Moments
from segmentation.plan.pages import address, host, of_addresses
from segmentation.plan.profiles import USER
from segmentation.plan.sequences import MICROSECONDS, elapsed
from segmentation.plan.sql import Sql, all_of, literal

SESSION = "session_id"
SESSION_DAYS = 7  # how far back a session may have begun for dates in its filters to be read
LONGEST_MONTH = timedelta(days=31)
NOBODY = Sql("select null::uinteger as person_no, null::timestamp as qualified_at, null::date as day where false")


@dataclass(frozen=True)
class Judged:
    """The local days whose triggers a run judges, `first` to `current`, and the day for date attributes.

    `current` is the day that a run stands for: a midnight ends the day before it. A date comes round with its day, so
    for dates it is the local date of the moment, which a midnight begins.
    """

    first: date
    current: date
    date_day: date

    @classmethod
    def at(cls, clock: Clock, late_arrival_days: int) -> Judged:
        """What a run at a clock judges; events may be late by so many days."""
        current = (clock.as_of - MICROSECOND).astimezone(clock.zone).date()
        return cls(current - late_arrival_days * DAY, current, clock.today)

    @property
    def days(self) -> tuple[date, ...]:
        """Every local day on which an instant of interest may lie."""
        first = self.first - SESSION_DAYS * DAY
        return tuple(first + n * DAY for n in range((self.date_day - first).days + 1))


class Triggers:
    """Writes the query of each trigger, and notes what it needs stored."""

    def __init__(
        self,
        clock: Clock,
        judged: Judged,
        event_fields: FieldSet,
        user_fields: FieldSet,
        needs: Needs,
        settings: Mapping[str, str],
    ) -> None:
        self.clock, self.judged, self.settings = clock, judged, settings
        self.fields, self.user_fields, self.needs = event_fields, user_fields, needs
        self.start = clock.midnight(judged.first)
        moments = Moments(Sql(f"{ROW}.qualified_at"), Sql(f"{ROW}.judged_on"), judged.days, clock.zone)
        self.checks = MomentChecks(clock, moments)
        self.events = EventConditions(self.checks, event_fields, needs)

    def query(self, live: Live) -> Sql:
        """One row per person and instant."""
        match live.trigger:
            case "action":
                return self._of_rows(self._happened(live.events, self.start), live)
            case "inaction":
                return self._inaction(live)
            case "date":
                return self._date(live)
            case "page":
                return self._page(live)
            case "referrer":
                return self._referrer(live)
            case "page_count":
                return self._page_count(live)

    def _happened(self, events: tuple[str, ...], start: datetime | None, after: Sql | None = None) -> Sql:
        """Events since an instant with the moment each one leads to, its own or a span later."""
        self.needs.want(events)
        moment = f"ts + {after}" if after else "ts"
        return Sql(
            f"(select *, {moment} as qualified_at, {local(Sql(moment), self.clock)}::date as judged_on"
            f" from {EVENTS} as {ROW} where {rows_of(events, start, self.clock.as_of)}) as {ROW}"
        )

    def _of_rows(self, rows: Sql, live: Live, *more: Sql) -> Sql:
        terms = all_of([*more, self._where(live)])
        return Sql(f"select {ROW}.person_no, {ROW}.qualified_at, {ROW}.judged_on as day from {rows} where {terms}")

    def _where(self, live: Live) -> Sql:
        return self.events.restriction(live.where, None, None)

    # ---------------------------------------------------------------- actions

    def _inaction(self, live: Live) -> Sql:
        """Each event is a window of its own: both its ends count, and it must be over."""
        self.needs.want(live.events)
        self.needs.want(live.then_not)
        span = elapsed(live.within)
        if span is None or live.within is None:  # longer than the calendar: never over
            self._where(live)
            return NOBODY
        began = self._happened(live.events, _before(self.start, live.within), span)
        over = Sql(f"{ROW}.qualified_at >= {literal(self.start)} and {ROW}.qualified_at <= {literal(self.clock.as_of)}")
        return Sql(
            f"select b.person_no, b.qualified_at, b.judged_on as day from"
            f" (select {ROW}.* from {began} where {all_of([over, self._where(live)])}) as b asof left join"
            f" (select {ROW}.person_no, {ROW}.ts from {EVENTS} as {ROW}"
            f" where {rows_of(live.then_not, _before(self.start, live.within), self.clock.as_of)}) as c"
            " on b.person_no = c.person_no and b.ts <= c.ts where c.ts is null or c.ts > b.qualified_at"
        )

    # ---------------------------------------------------------------- dates

    def _date(self, live: Live) -> Sql:
        """Users whose date has come round, from the first instant of the day; filters ask their attributes."""
        assert live.path is not None
        assert live.check is not None
        midnight = self.clock.midnight(self.judged.date_day)
        checks = Checks(Clock(midnight, self.clock.zone))
        terms = [checks.holds(live.check, self.user_fields.facets(live.path))]
        if live.where:
            terms.append(checks.filters(live.where, self.user_fields.facets))
        return Sql(
            f"select {USER}.person_no, {literal(midnight)} as qualified_at, {literal(self.judged.date_day)} as day"
            f" from {{{{ ref('user_profiles') }}}} as {USER} where {all_of(terms)}"
        )

    # ---------------------------------------------------------------- pages and sessions

    def _setting(self, name: str, default: str) -> str:
        return self.settings.get(name, default)

    def _views(self) -> tuple[str, ...]:
        return (self._setting("page_view", "page_view"),)

    def _url(self, name: str) -> Sql:
        return self.fields.facets(self._setting(f"page_{name}", name)).text

    def _page(self, live: Live) -> Sql:
        assert live.check is not None
        visited = self.checks.holds(of_addresses(live.check), Facets(text=address(self._url("url"))))
        return self._of_rows(self._happened(self._views(), self.start), live, visited)

    def _referrer(self, live: Live) -> Sql:
        """The first page view of a session, if it came from another host."""
        assert live.check is not None
        came_from, url = self._url("referrer"), self._url("url")
        external = Sql(f"{host(came_from)} <> '' and {host(came_from)} is distinct from {host(url)}")
        asked = self.checks.holds(of_addresses(live.check), Facets(text=address(came_from)))
        self.needs.columns.add("event_id")
        order = order_key(Sql(f"row({came_from}, {url})"))
        entries = Sql(
            f"(select {ROW}.* from {self._sessions()} where {self._session()} is not null"
            f" qualify row_number() over (partition by {ROW}.person_no, {self._session()} order by {order}) = 1)"
            f" as {ROW}"
        )
        return self._of_rows(entries, live, Sql(f"{ROW}.ts >= {literal(self.start)}"), external, asked)

    def _page_count(self, live: Live) -> Sql:
        """The page view of a session that makes the number of those before it, itself included, satisfy the test."""
        assert live.check is not None
        self.needs.columns.add("event_id")
        session = self._session()
        counted = Sql(
            f"select {ROW}.*, {session} as session, count(*) over (partition by {ROW}.person_no, {session}"
            f" order by {order_key()} rows unbounded preceding) as pages from {self._sessions()}"
            f" where {all_of([Sql(f'{session} is not null'), self._where(live)])}"
        )
        reached = (
            f"select {ROW}.* from ({counted}) as {ROW} where {number_tests(Sql(f'{ROW}.pages'), live.check.tests)}"
            f" qualify row_number() over (partition by {ROW}.person_no, {ROW}.session order by {ROW}.pages) = 1"
        )
        return Sql(
            f"select {ROW}.person_no, {ROW}.qualified_at, {ROW}.judged_on as day from ({reached}) as {ROW}"
            f" where {ROW}.ts >= {literal(self.start)}"
        )

    def _session(self) -> Sql:
        """The session of a page view; a view without one is in no session."""
        return identity_of(self.fields.facets(SESSION))

    def _sessions(self) -> Sql:
        """All page views of the people who viewed any on the days that are judged: a session may have begun before."""
        recent = rows_of(self._views(), self.start, self.clock.as_of)
        rows = self._happened(self._views(), None)
        return Sql(
            f"(select {ROW}.* from {rows} where {ROW}.person_no in"
            f" (select {ROW}.person_no from {EVENTS} as {ROW} where {recent})) as {ROW}"
        )


def _before(instant: datetime, span: Within) -> datetime | None:
    """An instant from which a span reaches the given one at the latest; None where the calendar begins."""
    try:
        if span.unit in ("months", "years"):
            return instant - LONGEST_MONTH * span.count * (12 if span.unit == "years" else 1)
        return instant - timedelta(microseconds=span.count * MICROSECONDS[span.unit])
    except OverflowError:
        return None


def asked_attributes(live: Live) -> set[str]:
    """The attributes of users that a trigger asks for."""
    if live.trigger != "date" or live.path is None:
        return set()
    filters = [one for item in live.where for one in ((item,) if isinstance(item, Filter) else item.filters)]
    return {live.path, *(one.path for one in filters)}
