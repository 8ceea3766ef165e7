"""Messages whose moment has come become runs of `send_push`, one each, and so do those whose process died on them.

Nothing here opens the warehouse or asks Netmera. Not here: what a run does (`push/asked.py`).
"""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from orchestration.names import PUSH_JOB, PUSH_SENSOR
from orchestration.push.job import OP
from orchestration.push.outbox import Outbox, Push
from orchestration.settings import Settings
from segmentation.clock import utc_text

SECONDS_BETWEEN_LOOKS = 30


def push_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor of a workspace, running from the start."""

    @dg.sensor(
        name=PUSH_SENSOR,
        job_name=PUSH_JOB,
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Push messages that wait for a moment (`segments push --at`), when it has come.",
    )
    def scheduled_pushes(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        now = datetime.now(UTC)
        due = Outbox(settings.home).due(now)
        if not due:
            return dg.SkipReason("no message is due")
        return dg.SensorResult(run_requests=[_run(one, now) for one in due])

    return scheduled_pushes


def run_key(push: Push, now: datetime) -> str:
    """One run for each attempt, one for each process that died, and a last one that says that it is too late."""
    taken = f"{push.taken_by} {utc_text(push.taken_at)}" if push.taken_at else ""  # a number of a process comes again
    return f"{push.id}/{push.attempts}/{taken}{'/too_late' if push.is_too_late(now) else ''}"


def _run(push: Push, now: datetime) -> dg.RunRequest:
    config = {"ops": {OP: {"config": {"waiting": push.id}}}}
    return dg.RunRequest(run_key=run_key(push, now), run_config=config, tags={"segments/push": push.id})
