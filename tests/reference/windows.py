"""Local days and the windows that segments are written with.

Here: the run's moment in its zone, calendar arithmetic, and the bounds of every window form.
Not here: what lies inside a window (events, date attributes).
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

WINDOW_WORDS = ("within", "between", "from", "to", "exactly", "before", "after", "on")
TICK = timedelta(microseconds=1)

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIMESTAMP = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(Z|[+-]\d{2}:\d{2})?")
_SPAN = re.compile(r"(\d+) (minute|hour|day|week|month|year)s?")


@dataclass(frozen=True)
class Interval:
    """A half-open stretch of time `[start, end)`; None is unbounded."""

    start: datetime | None
    end: datetime | None

    def holds(self, instant: datetime) -> bool:
        return (self.start is None or instant >= self.start) and (self.end is None or instant < self.end)


def parse_date(text: Any) -> date | None:
    """The date that a text is, or None."""
    if not isinstance(text, str) or not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def parse_timestamp(text: Any) -> datetime | None:
    """The UTC instant that a text with a time of day is, or None; without a zone it is read as UTC."""
    found = _TIMESTAMP.fullmatch(text) if isinstance(text, str) else None
    if not found:
        return None
    day, clock_time, zone = found.groups()
    try:
        return datetime.fromisoformat(f"{day}T{clock_time}{'+00:00' if zone in (None, 'Z') else zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def parse_span(text: str) -> tuple[int, str]:
    """`30 days` as (30, "day")."""
    found = _SPAN.fullmatch(text)
    if not found:
        raise ValueError(f"not a span of time: {text!r}")
    return int(found[1]), found[2]


def later(instant: datetime, text: str) -> datetime:
    """The instant a span of elapsed time later: a day is 24 hours here, months go by the calendar in UTC."""
    count, unit = parse_span(text)
    if unit in ("month", "year"):
        return datetime.combine(shift(instant.date(), count, unit), instant.timetz())
    return instant + timedelta(**{f"{unit}s": count})


def shift(day: date, count: int, unit: str) -> date:
    """Calendar arithmetic; a day that the target month lacks becomes its last one."""
    if unit == "day":
        return day + timedelta(days=count)
    if unit == "week":
        return day + timedelta(days=7 * count)
    months = day.year * 12 + day.month - 1 + (count if unit == "month" else 12 * count)
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


class Clock:
    """The moment of a run and the zone whose days count."""

    def __init__(self, as_of: datetime, timezone: str) -> None:
        self.as_of = as_of.astimezone(UTC)
        self.zone = ZoneInfo(timezone)
        self.today = self.local(self.as_of).date()

    def local(self, instant: datetime) -> datetime:
        return instant.astimezone(self.zone)

    def day_start(self, day: date) -> datetime:
        """The first instant of a local date, in UTC, also where midnight is skipped or comes twice."""
        midnight = datetime.combine(day, time(), self.zone)  # fold=0: the first of two midnights
        start = midnight.astimezone(UTC)
        if self.local(start).replace(tzinfo=None) == datetime.combine(day, time()):
            return start
        before = start - timedelta(days=1)  # midnight is skipped: the date begins where the clock jumps
        while start - before > TICK:
            middle = before + (start - before) / 2
            before, start = (before, middle) if self.local(middle).date() >= day else (middle, start)
        return start

    def day(self, day: date) -> Interval:
        return Interval(self.day_start(day), self.day_start(day + timedelta(days=1)))

    def local_day(self, text: str) -> date:
        """The local date that a date or timestamp literal is or lies in."""
        day = parse_date(text)
        if day is not None:
            return day
        return self.local(self._instant(text)).date()

    def _instant(self, text: str) -> datetime:
        instant = parse_timestamp(text)
        if instant is None:
            raise ValueError(f"not a date or timestamp: {text!r}")
        return instant

    def point(self, text: str) -> datetime:
        """An end of `from` and `to`: a date, a timestamp, `N units ago` or `in N units`."""
        day = parse_date(text)
        if day is not None:
            return self.day_start(day)
        if text.endswith(" ago") or text.startswith("in "):
            count, unit, sign = self._offset(text)
            if unit in ("minute", "hour"):
                return self.as_of + sign * timedelta(**{f"{unit}s": count})
            return self.day_start(shift(self.today, sign * count, unit))
        return self._instant(text)

    @staticmethod
    def _offset(text: str) -> tuple[int, str, int]:
        if text.endswith(" ago"):
            return *parse_span(text.removesuffix(" ago")), -1
        return *parse_span(text.removeprefix("in ")), 1

    def offset_day(self, text: str) -> date:
        """`today`, `yesterday`, `tomorrow`, `5 days ago` or `in 5 days` as a local date."""
        near = {"today": 0, "yesterday": -1, "tomorrow": 1}
        if text in near:
            return self.today + timedelta(days=near[text])
        count, unit, sign = self._offset(text)
        return shift(self.today, sign * count, unit)

    def event_window(self, words: Mapping[str, Any]) -> Interval:
        """The stretch in which events count: never beyond the run's moment."""
        window = self._bounds(words)
        end = self.as_of if window.end is None else min(window.end, self.as_of)
        return Interval(window.start, end)

    def value_window(self, words: Mapping[str, Any]) -> Interval:
        """The stretch in which a date value counts: it may lie ahead, except under `within: N units`."""
        return self._bounds(words)

    def _bounds(self, words: Mapping[str, Any]) -> Interval:
        given = [word for word in WINDOW_WORDS if word in words]
        if not given:
            return Interval(None, None)
        if given[0] in ("from", "to"):
            start = self.point(words["from"]) if "from" in words else None
            return Interval(start, self.point(words["to"]) if "to" in words else None)
        (word,) = given
        literal = words[word]
        if word == "within":
            return self._within(literal)
        if word == "between":
            first, last = literal
            day = parse_date(last)
            end = self.day_start(day + timedelta(days=1)) if day else self._instant(last)
            return Interval(self.point(first), end)
        if word == "exactly":
            return self.day(self.offset_day(literal))
        if word == "on":
            return self.day(self.local_day(literal))
        if word == "before":
            return Interval(None, self.point(literal))
        day = parse_date(literal)
        return Interval(self.day_start(day + timedelta(days=1)) if day else self._instant(literal) + TICK, None)

    def _within(self, literal: str) -> Interval:
        if literal in ("today", "yesterday"):
            return self.day(self.offset_day(literal))
        which, _, unit = literal.partition(" ")
        if which in ("this", "previous"):
            first = {
                "week": self.today - timedelta(days=self.today.weekday()),
                "month": self.today.replace(day=1),
                "year": self.today.replace(month=1, day=1),
            }[unit]
            if which == "previous":
                first = shift(first, -1, unit)
            return Interval(self.day_start(first), self.day_start(shift(first, 1, unit)))
        count, unit = parse_span(literal)
        if unit in ("minute", "hour"):
            return Interval(self.as_of - timedelta(**{f"{unit}s": count}), self.as_of)
        return Interval(self.day_start(shift(self.today, -count, unit)), self.as_of)


def window_of_events(leaf: Mapping[str, Any], clock: Clock) -> Interval:
    """The stretch in which a leaf's events count."""
    return clock.event_window({word: leaf[word] for word in WINDOW_WORDS if word in leaf})
