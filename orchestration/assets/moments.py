"""The run a step belongs to: its day, its moment, and whether that is the present or the past.

Not here: the arithmetic of days (`orchestration/partitions.py`).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg

from orchestration import state
from orchestration.partitions import moment
from orchestration.settings import Settings
from orchestration.warehouse import connect


@dataclass(frozen=True)
class RunMoment:
    """`is_past` if a later moment was published already: such a run reconstructs its day and leaves the present."""

    day: date
    as_of: datetime
    is_past: bool
    is_finished: bool


def run_moment(context: dg.AssetExecutionContext, settings: Settings) -> RunMoment:
    """Reads the run's partition, tags and start time; opens the warehouse for a moment."""
    day = date.fromisoformat(context.partition_key)
    record = context.instance.get_run_record_by_id(context.run_id)
    started = record.create_timestamp if record else datetime.now(UTC)
    as_of = moment(day, started.astimezone(UTC), dict(context.run.tags), settings)
    with connect(settings.warehouse) as connection:
        state.prepare_schema(connection)
        last = state.read_state(connection).last_as_of
        done = state.finished(connection, context.run_id)
    return RunMoment(day, as_of, last is not None and as_of < last, done)
