"""When a run takes place: its one moment, the workspace's time zone, and what every window means there.

Everything that turns words about time into UTC instants is here; nothing here reads the wall clock, so a run of last
year gives last year's answer. Bounds are computed in Python because SQL engines disagree about midnights that a
clock change skips or repeats. Not here: how windows are written (language/parse_window.py).
"""

from __future__ import annotations

import calendar
import difflib
import re
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from segmentation.language.model import (
    After,
    Before,
    Between,
    Calendar,
    Exactly,
    FromTo,
    Moment,
    Offset,
    On,
    Point,
    Unit,
    Window,
    Within,
)

MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)
EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_ISO_TIMESTAMP = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?\Z", re.ASCII
)


def utc_text(moment: datetime) -> str:
    """`2026-01-15T00:00:00Z`, microseconds only if there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Bounds(NamedTuple):
    """A half-open stretch of time, `start <= t < end`, as aware UTC datetimes; None is an open end."""

    start: datetime | None
    end: datetime | None


class Anniversary(NamedTuple):
    """The local day on which a yearly date is looked for, and the (month, day) pairs that fall on it."""

    day: date
    month_days: frozenset[tuple[int, int]]


@dataclass(frozen=True)
class Clock:
    """The moment a run stands for and the workspace's zone. `as_of` is an aware UTC datetime, microseconds included."""

    as_of: datetime
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if self.as_of.tzinfo is None:
            raise ValueError(f"as_of {self.as_of.isoformat()} has no zone, expected an aware datetime")
        object.__setattr__(self, "as_of", self.as_of.astimezone(UTC))

    @property
    def today(self) -> date:
        """The local date of `as_of`."""
        return self.as_of.astimezone(self.zone).date()

    def midnight(self, day: date) -> datetime:
        """The first instant of a local date, in UTC.

        A date whose midnight is skipped begins when the clocks have moved, one whose midnight comes twice begins at
        the first of the two, and a date that a zone left out altogether is empty.
        """
        return _midnight(day, self.zone)


@lru_cache(maxsize=4096)
def _midnight(day: date, zone: ZoneInfo) -> datetime:
    local = datetime(day.year, day.month, day.day, tzinfo=zone)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant  # fold is 0: the first of two equal midnights
    # The midnight lies in a gap: the day begins at the change itself, which sits between the two readings of it.
    before, after = local.replace(fold=1).astimezone(UTC), instant
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def full_months(clock: Clock, count: int) -> Bounds:
    """The last calendar months that were over at the clock's moment; a start before the calendar begins is open."""
    first = clock.today.replace(day=1)
    try:
        start = clock.midnight(shift(first, -count, "months"))
    except OverflowError:
        start = None
    return Bounds(start, clock.midnight(first))


def parse_moment(text: str) -> Moment | None:
    """A date from `2026-04-01`, an aware UTC datetime from an ISO timestamp (no zone is UTC), None from anything else.

    Raises ValueError for what looks like a date or timestamp and is none, such as 2026-02-30.
    """
    if _ISO_DATE.match(text):
        return date.fromisoformat(text)
    if match := _ISO_TIMESTAMP.match(text):
        moment = datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3] or 'Z'}")
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            raise ValueError("year is out of range") from None
    return None


def parse_as_of(text: str, zone: ZoneInfo) -> datetime:
    """The instant a run stands for: a timestamp (UTC without zone), or the local midnight that begins a bare date.

    Raises ValueError with one sentence when the text is neither.
    """
    try:
        moment = parse_moment(text.strip())
    except ValueError as error:
        raise ValueError(f"found {text!r}: {error}; expected an ISO date or timestamp") from None
    if moment is None:
        raise ValueError(f"found {text!r}, expected a date (2026-01-15) or a timestamp (2026-01-15T00:00:00Z)")
    return moment if isinstance(moment, datetime) else _midnight(moment, zone)


def parse_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name, links such as US/Pacific included; ValueError names the nearest one."""
    try:
        return ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        lowered = {known.lower(): known for known in sorted(zoneinfo.available_timezones())}
        near = difflib.get_close_matches(name.lower(), lowered, n=1)
        hint = f"; did you mean {lowered[near[0]]}?" if near else ""
        raise ValueError(f"found time zone {name!r}, expected an IANA name such as Europe/Istanbul{hint}") from None


def shift(day: date, count: int, unit: Unit) -> date:
    """A calendar day some days, weeks, months or years later (earlier if negative); month ends clamp.

    Raises OverflowError outside the years 1 to 9999.
    """
    if unit == "days":
        return day + timedelta(days=count)
    if unit == "weeks":
        return day + timedelta(weeks=count)
    if unit not in ("months", "years"):
        raise ValueError(f"{unit} do not count in whole days")
    months = day.year * 12 + day.month - 1 + (count if unit == "months" else count * 12)
    year, month = divmod(months, 12)
    if not date.min.year <= year <= date.max.year:
        raise OverflowError("date value out of range")
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def bounds(window: Window, clock: Clock, *, of_events: bool) -> Bounds:
    """What a window covers at the clock's moment.

    Events end at `as_of` at the latest, since what comes later is not known yet; a date attribute may lie ahead, so
    there only `within: N units` looks back and ends at `as_of`. A start or end beyond the calendar is open, and a
    window whose start lies after its end comes back empty.
    """
    start, end = _reach(window, clock)
    if of_events:
        end = min(end, clock.as_of)
    start = min(start, end)
    return Bounds(None if start == EARLIEST else start, None if end == LATEST else end)


def _reach(window: Window, clock: Clock) -> tuple[datetime, datetime]:
    match window:
        case Within(count, unit):
            return _point(Offset(-count, unit), clock), clock.as_of
        case Calendar(word):
            first, behind = _calendar_days(word, clock.today)
            return _begin(first, clock), _begin(behind, clock)
        case Between(start, end):
            return _point(start, clock), end if isinstance(end, datetime) else _end_of(end, clock)
        case FromTo(since, until):
            return (
                EARLIEST if since is None else _point(since, clock),
                LATEST if until is None else _point(until, clock),
            )
        case Exactly(offset):
            try:
                day = shift(clock.today, offset.count, offset.unit)
            except OverflowError:  # a day that the calendar does not have holds nothing
                return clock.as_of, clock.as_of
            return _begin(day, clock), _end_of(day, clock)
        case Before(moment):
            return EARLIEST, _point(moment, clock)
        case After(moment):
            return moment + MICROSECOND if isinstance(moment, datetime) else _end_of(moment, clock), LATEST
        case On(moment):
            on = moment.astimezone(clock.zone).date() if isinstance(moment, datetime) else moment
            return _begin(on, clock), _end_of(on, clock)


def _calendar_days(word: str, today: date) -> tuple[date, date]:
    """First day of a calendar word, and the day after its last."""
    if word == "today":
        return today, today + DAY
    if word == "yesterday":
        return today - DAY, today
    which, _, unit = word.partition(" ")
    if unit == "week":
        first = today - timedelta(days=today.isoweekday() - 1)
    else:
        first = today.replace(day=1) if unit == "month" else today.replace(month=1, day=1)
    plural: Unit = "weeks" if unit == "week" else "months" if unit == "month" else "years"
    return (first, shift(first, 1, plural)) if which == "this" else (shift(first, -1, plural), first)


def _point(point: Point, clock: Clock) -> datetime:
    """The instant of a point: dates and offsets in days or longer are local midnights, shorter offsets roll."""
    if isinstance(point, datetime):
        return point
    if isinstance(point, date):
        return _begin(point, clock)
    try:
        if point.unit == "minutes":
            return clock.as_of + timedelta(minutes=point.count)
        if point.unit == "hours":
            return clock.as_of + timedelta(hours=point.count)
        return _begin(shift(clock.today, point.count, point.unit), clock)
    except OverflowError:
        return EARLIEST if point.count < 0 else LATEST


def _begin(day: date, clock: Clock) -> datetime:
    try:
        return clock.midnight(day)
    except OverflowError:
        return EARLIEST if day.year == date.min.year else LATEST


def _end_of(day: date, clock: Clock) -> datetime:
    return LATEST if day == date.max else _begin(day + DAY, clock)


def anniversary_days(offset: Offset, clock: Clock) -> Anniversary:
    """The local day `offset` days from today and the birthdays that fall on it; 29 Feb counts on 28 Feb in common
    years. Raises OverflowError outside the calendar."""
    day = shift(clock.today, offset.count, offset.unit)
    pairs = {(day.month, day.day)}
    if (day.month, day.day) == (2, 28) and not calendar.isleap(day.year):
        pairs.add((2, 29))
    return Anniversary(day, frozenset(pairs))
