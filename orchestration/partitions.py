"""Days as partitions, and the moment that a run of one stands for.

The last partition is today, which is not over: its moment is the start of the run, which makes Materialize mean
"now". Not here: what a run does with its moment.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import dagster as dg

from orchestration.names import AS_OF_TAG
from orchestration.settings import Settings
from segmentation.clock import Clock, parse_as_of


def days(settings: Settings) -> dg.DailyPartitionsDefinition:
    """Local days of the workspace, from the first day of history up to and including today."""
    return dg.DailyPartitionsDefinition(
        start_date=settings.first_day.isoformat(), timezone=settings.zone.key, end_offset=1
    )


def end_of(day: date, settings: Settings) -> datetime:
    """The midnight that ends a local day, in UTC."""
    return Clock(datetime(2000, 1, 1, tzinfo=UTC), settings.zone).midnight(day + timedelta(days=1))


def moment(day: date, started: datetime, tags: dict[str, str], settings: Settings) -> datetime:
    """The one `as_of` of a run: what its tag says, else the end of its day, else (the day is not over) its start."""
    if AS_OF_TAG in tags:
        return parse_as_of(tags[AS_OF_TAG], settings.zone)
    return min(end_of(day, settings), started)


def after_the_last(
    as_of: datetime, day: date, last: datetime | None, settings: Settings, *, is_tick: bool
) -> tuple[datetime, bool]:
    """A run's moment in view of the last published one, and whether the run is about the past.

    History does not go back. A run that another one overtook (somebody refreshed a segment while it waited) stands for
    that one's moment; for the tick of a midnight, which is the only recalculation of its day, this holds through the
    day that follows.
    """
    if last is None or as_of >= last:
        return as_of, False
    if last < end_of(day, settings) or (is_tick and last < end_of(day + timedelta(days=1), settings)):
        return last, False
    return as_of, True
