"""The run a step belongs to: its day, its moment, and whether that is the present or the past.

Not here: the arithmetic of days (`orchestration/partitions.py`).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg

from orchestration import state
from orchestration.names import AS_OF_TAG
from orchestration.partitions import after_the_last, moment
from orchestration.settings import Settings
from orchestration.warehouse import connect


@dataclass(frozen=True)
class RunMoment:
    """`is_past` if the run stands for a day that was over before: it reconstructs that day and leaves the present."""

    day: date
    as_of: datetime
    is_past: bool
    is_finished: bool


def run_moment(context: dg.AssetExecutionContext, settings: Settings) -> RunMoment:
    """Reads the run's partition, tags and start time, and the last published run. Hold the workspace: as long as
    another run may publish, the answer is not final."""
    day = date.fromisoformat(context.partition_key)
    record = context.instance.get_run_record_by_id(context.run_id)
    started = record.create_timestamp if record else datetime.now(UTC)
    tags = dict(context.run.tags)
    as_of = moment(day, started.astimezone(UTC), tags, settings)
    with connect(settings.warehouse) as connection:
        state.prepare_schema(connection)
        last = state.read_state(connection).last_as_of
        done = state.finished(connection, context.run_id)
    as_of, is_past = after_the_last(as_of, day, last, settings, is_tick=AS_OF_TAG in tags)
    return RunMoment(day, as_of, is_past, done)
