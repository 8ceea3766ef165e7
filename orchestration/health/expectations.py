"""What a segment is expected to be: as fresh as its refresh policy promises, and about as large as it has been.

Pure, with the rules as constants: a check of a run and a finding of the report say the same. Not here: where moments
and sizes come from (`orchestration/recent_sizes.py`), and how they are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, floor, sqrt
from statistics import median

from croniter import croniter

from segmentation.clock import Clock
from segmentation.language.model import Definition

LEAST_SLACK, MOST_SLACK = timedelta(hours=1), timedelta(hours=6)
HISTORY_DAYS = 28  # recorded days before the last one
LEAST_DAYS = 7
BAND = 0.3  # of the median
FEW = 10  # users that may come or go without a word
SHRUNK = 0.5  # of the median


def promised(definition: Definition, clock: Clock) -> datetime | None:
    """The moment that members have to stand for at least, aware UTC; None if no schedule promises anything.

    That is the last tick of its schedule, but the slack: a tick counts once a run had time for it, which is as long as
    from tick to tick, between one and six hours.
    """
    cron = definition.refresh.cron
    if cron is None or definition.paused:
        return None
    now = clock.as_of.astimezone(clock.zone)
    last = croniter(cron, now + timedelta(seconds=1)).get_prev(datetime)
    interval = last - croniter(cron, last).get_prev(datetime)
    slack = min(max(interval, LEAST_SLACK), MOST_SLACK)
    at = (clock.as_of - slack).astimezone(clock.zone)
    return croniter(cron, at + timedelta(seconds=1)).get_prev(datetime).astimezone(UTC)


@dataclass(frozen=True)
class Band:
    """Sizes that do not surprise, both included, and the median of the recorded days that they come from."""

    low: int
    high: int
    median: float
    days: int


def size_band(history: Sequence[int]) -> Band | None:
    """The band around sizes of recorded days; None for fewer than 7 of them, which say too little.

    It is the median of the last 28 days, give or take 30 %, or three times its square root, or 10 users, whichever is
    most: a small segment swings more by chance.
    """
    recent = history[-HISTORY_DAYS:]
    if len(recent) < LEAST_DAYS:
        return None
    middle = median(recent)
    give = _give(middle)
    return Band(max(0, ceil(middle - give)), floor(middle + give), middle, len(recent))


def shrunk(users: int, history: Sequence[int]) -> Band | None:
    """The band, if the size is under half of the median and lower than the band: a loss, and not one by chance."""
    band = size_band(history)
    return band if band is not None and users < SHRUNK * band.median and users < band.low else None


def _give(middle: float) -> float:
    return max(BAND * middle, 3 * sqrt(middle), FEW)
