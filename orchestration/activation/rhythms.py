"""When activations tick: the rhythms that a file names, as instants in the workspace's zone. Pure.

`daily`, weekly and monthly tick at the midnight that begins a local day, a cron line at its times on the wall clock: a
time that clocks skip comes as much later as they skip, one that comes twice counts once, the first time.
Not here: whether a tick is to be acted on (`due.py`), and rhythms that follow changes, which do not tick.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from croniter import croniter

from segmentation.clock import Clock
from segmentation.language.words import WEEKDAYS

ON_CHANGE: Mapping[str, tuple[str, ...]] = {
    "on_enter": ("entered",), "on_leave": ("left",), "on_change": ("entered", "left"),
}  # fmt: skip
FULL_NAMES = dict(zip(WEEKDAYS, calendar.day_name, strict=True))
SECOND = timedelta(seconds=1)
MOST_SKIPPED = timedelta(hours=3)
LONGEST_MONTH = 31
When = str | Mapping[str, Any]


def rhythm(when: When) -> str:
    """What a rhythm goes by: `daily`, `weekly: mon`, `monthly: 31`, `0 9 * * *`."""
    if isinstance(when, str):
        return when
    (word, value), *_ = when.items()
    return f"{word}: {value}"


def ticks(when: When) -> bool:
    """Whether a rhythm goes by the clock; others follow changes of members."""
    return rhythm(when) not in ON_CHANGE


def is_calendar(when: When) -> bool:
    """Whether a rhythm means the night's recalculation of a day, rather than a time."""
    return not isinstance(when, str) or when == "daily"


def last_tick(when: When, now: datetime, zone: ZoneInfo) -> datetime:
    """The last tick at or before a moment, aware UTC."""
    if not is_calendar(when):
        return _last_of_cron(str(when), now, zone)
    clock = Clock(now, zone)
    days = (clock.today - timedelta(days=back) for back in range(2 * LONGEST_MONTH + 1))
    return clock.midnight(next(day for day in days if _falls_on(when, day)))


def next_tick(when: When, now: datetime, zone: ZoneInfo) -> datetime:
    """The first tick after a moment, aware UTC."""
    if not is_calendar(when):
        before = _wall(now, zone) - MOST_SKIPPED  # a time that is skipped may still be to come
        return next(at for at in _cron(str(when), before, forward=True, zone=zone) if at > now)
    clock = Clock(now, zone)
    days = (clock.today + timedelta(days=ahead) for ahead in range(2 * LONGEST_MONTH + 1))
    ticks = (clock.midnight(day) for day in days if _falls_on(when, day))
    return next(at for at in ticks if at > now)


def _falls_on(when: When, day: date) -> bool:
    if isinstance(when, str):
        return True
    if "weekly" in when:
        return WEEKDAYS[day.weekday()] == when["weekly"]
    return day.day == min(int(when["monthly"]), calendar.monthrange(day.year, day.month)[1])


def _last_of_cron(cron: str, now: datetime, zone: ZoneInfo) -> datetime:
    wall = _wall(now, zone)
    if now.astimezone(zone).fold:  # all times of the hour that comes twice were there once already
        wall += _repeated(now, zone)
    return next(at for at in _cron(cron, wall + SECOND, forward=False, zone=zone) if at <= now)


def _cron(cron: str, wall: datetime, *, forward: bool, zone: ZoneInfo) -> Iterator[datetime]:
    """Instants of a cron line from a time on the wall clock, that one left out."""
    line = croniter(cron, wall)
    while True:
        local = (line.get_next if forward else line.get_prev)(datetime)
        yield local.replace(tzinfo=zone).astimezone(UTC)  # fold is 0: the first of two, and later by what is skipped


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, microsecond=0, fold=0)


def _repeated(moment: datetime, zone: ZoneInfo) -> timedelta:
    local = moment.astimezone(zone)
    first, second = (local.replace(fold=fold).utcoffset() for fold in (0, 1))
    assert first is not None
    assert second is not None
    return first - second


def in_words(when: When) -> str:
    """`each Monday after the night's calculation`, as the end of a sentence."""
    if not isinstance(when, str):
        if "weekly" in when:
            return f"each {FULL_NAMES[when['weekly']]} after the night's calculation"
        number = int(when["monthly"])
        day = f"day {number} of each month" + (", or its last," if number > 28 else "")
        return f"on {day} after the night's calculation"
    told = {
        "daily": "each day after the night's calculation",
        "on_enter": "when somebody enters",
        "on_leave": "when somebody leaves",
        "on_change": "when somebody enters or leaves",
    }
    return told.get(when, f"at the ticks of `{when}`")
