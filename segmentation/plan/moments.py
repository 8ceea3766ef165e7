"""Checks and windows at many moments: the instants at which people qualify, instead of the one moment of a run.

Such an instant is a column of a query. Windows in minutes and hours are measured from it; everything else depends on
its local day, and the few days that a run judges are known, so their bounds are computed in Python like all others and
chosen by the day. Not here: which instants there are (`live_triggers.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeGuard
from zoneinfo import ZoneInfo

from segmentation.clock import EARLIEST, LATEST, Clock, anniversary_days, bounds
from segmentation.language.model import FromTo, Offset, Point, Window, Within
from segmentation.plan.checks import Checks
from segmentation.plan.facets import Facets, as_instant, local
from segmentation.plan.sequences import elapsed
from segmentation.plan.sql import FALSE, Sql, all_of, any_of, literal


@dataclass(frozen=True)
class Moments:
    """Instants in a column (naive UTC), each on one of the local `days`; `day` is the column of its local day."""

    instant: Sql
    day: Sql
    days: tuple[date, ...]
    zone: ZoneInfo

    def bounds(self, window: Window) -> tuple[Sql | None, Sql | None]:
        """Start and end of a window as seen from each instant; None is open."""
        match window:
            case Within(count, unit):
                return self._start(Offset(-count, unit)), self.instant
            case FromTo(start, end):
                return None if start is None else self._start(start), None if end is None else self._end(end)
            case _:
                return (
                    self._by_day(lambda clock: bounds(window, clock, of_events=False).start, EARLIEST),
                    self._by_day(lambda clock: bounds(window, clock, of_events=False).end, LATEST),
                )

    def holds(self, value: Sql, window: Window) -> Sql:
        """Whether a timestamp lies in the window; a window without ends asks only that it is known."""
        start, end = self.bounds(window)
        terms = [] if start is None else [Sql(f"{value} >= {start}")]
        terms += [] if end is None else [Sql(f"{value} < {end}")]
        return all_of(terms or [Sql(f"{value} is not null")])

    def earliest(self, window: Window) -> datetime | None:
        """An instant before which the window begins at no moment; None if there is none."""
        return bounds(window, self.clock(self.days[0]), of_events=False).start

    def clock(self, day: date) -> Clock:
        """The clock at the first instant of a local day."""
        return Clock(Clock(LATEST, self.zone).midnight(day), self.zone)

    def _start(self, point: Point) -> Sql | None:
        if rolls(point):
            return self._shifted(point)
        return self._by_day(lambda clock: bounds(FromTo(point, None), clock, of_events=False).start, EARLIEST)

    def _end(self, point: Point) -> Sql | None:
        if rolls(point):
            return self._shifted(point)
        return self._by_day(lambda clock: bounds(FromTo(None, point), clock, of_events=False).end, LATEST)

    def _shifted(self, by: Offset) -> Sql:
        span = elapsed(Within(abs(by.count), by.unit))
        if span is None:  # longer than the calendar
            return literal(EARLIEST if by.count < 0 else LATEST)
        return Sql(f"({self.instant} {'-' if by.count < 0 else '+'} {span})")

    def _by_day(self, value_at: Callable[[Clock], datetime | None], is_open: datetime) -> Sql | None:
        values = {day: value_at(self.clock(day)) or is_open for day in self.days}
        distinct = set(values.values())
        if len(distinct) == 1:
            value = distinct.pop()
            return None if value == is_open else literal(value)
        cases = " ".join(f"when {literal(day)} then {literal(value)}" for day, value in values.items())
        return Sql(f"(case {self.day} {cases} end)")


def rolls(point: Point) -> TypeGuard[Offset]:
    """Whether a point is measured from the instant itself and not from its day."""
    return isinstance(point, Offset) and point.unit in ("minutes", "hours")


class MomentChecks(Checks):
    """Checks whose windows are seen from the moments."""

    def __init__(self, clock: Clock, moments: Moments) -> None:
        super().__init__(clock)
        self.moments = moments

    def in_window(self, window: Window, instant: Sql) -> Sql:
        """Whether an instant lies in a window that is seen from each moment."""
        return self.moments.holds(instant, window)

    def _anniversary(self, offset: Offset, f: Facets) -> Sql:
        on = f"{local(as_instant(f, self.clock), self.clock)}::date"
        terms = []
        for day in self.moments.days:
            try:
                _, pairs = anniversary_days(offset, self.moments.clock(day))
            except OverflowError:
                continue
            falls = any_of(Sql(f"(month({on}) = {month} and day({on}) = {d})") for month, d in sorted(pairs))
            terms.append(Sql(f"({self.moments.day} = {literal(day)} and {falls})"))
        return any_of(terms) if terms else FALSE
