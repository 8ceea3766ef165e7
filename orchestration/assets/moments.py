"""The run a step belongs to: its days, their moments, and whether each is the present or the past.

A backfill of many days is one run, so that past days can follow on each other. Not here: the arithmetic of days
(`orchestration/partitions.py`), and the calculations themselves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from orchestration import state
from orchestration.names import AS_OF_TAG, AUTOMATIC_TAGS, OVER_RECORDED_TAG, PAST_TAG, REQUEST_TAG
from orchestration.partitions import after_the_last, end_of, moment
from orchestration.past_days import reconstruct_now
from orchestration.recalculation import recalculate_now
from orchestration.settings import Settings
from orchestration.warehouse import connect
from orchestration.watch import Watch


@dataclass(frozen=True)
class RunMoment:
    """A day of a run. `is_past` if it was over before: it is reconstructed, and the present is left."""

    day: date
    as_of: datetime
    is_past: bool
    is_finished: bool


def run_moments(context: dg.AssetExecutionContext, settings: Settings) -> list[RunMoment]:
    """Reads the run's partitions, tags and start time, and the last published run; days in order, those of the past
    first. Hold the workspace: as long as another run may publish, the answer is not final."""
    record = context.instance.get_run_record_by_id(context.run_id)
    started = record.create_timestamp if record else datetime.now(UTC)
    tags = dict(context.run.tags)
    with connect(settings.warehouse) as connection:
        state.prepare_schema(connection)
        last = state.read_state(connection).last_as_of
        done = state.finished(connection, context.run_id)
    found = []
    for day in map(date.fromisoformat, sorted(context.partition_keys)):
        if PAST_TAG in tags:
            found.append(RunMoment(day, end_of(day, settings), True, done))
            continue
        as_of = moment(day, started.astimezone(UTC), tags, settings)
        as_of, is_past = after_the_last(as_of, day, last, settings, is_tick=AS_OF_TAG in tags)
        found.append(RunMoment(day, as_of, is_past, done))
    return found


def calculate(
    context: dg.AssetExecutionContext,
    settings: Settings,
    moments: Iterable[RunMoment],
    watch: Watch,
    only: Iterable[str] | None = None,
) -> None:
    """Reconstructs the days that are over, then recalculates at the other moments in order; `watch` hears of it."""
    moments = list(moments)
    if past := [now.day for now in moments if now.is_past]:
        watch.reconstructed = reconstruct_now(
            settings, past, only=only, on_node=watch.on_node, on_day=watch.on_day, **of_run(context)
        )
    for now in moments:
        if not now.is_past:
            watch.prepared = recalculate_now(
                settings,
                now.as_of,
                only=only,
                source_run=context.run_id,
                on_node=watch.on_node,
                automatic=is_automatic(context.run.tags),
            )


def is_automatic(tags: Mapping[str, str]) -> bool:
    """Whether nobody asked for a run: a sensor also starts those that somebody requested."""
    return REQUEST_TAG not in tags and not AUTOMATIC_TAGS.isdisjoint(tags)


def of_run(context: dg.AssetExecutionContext) -> dict[str, Any]:
    """What a run says to past days: its id, and whether they show over recorded ones."""
    return {"source_run": context.run_id, "over_recorded": OVER_RECORDED_TAG in context.run.tags}
