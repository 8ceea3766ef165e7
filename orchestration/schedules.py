"""The clock: one schedule for the daily recalculation, and one for every other refresh policy that a segment names.

A tick's own time is the run's moment, so a late start changes nothing. Not here: what a run computes.
"""

import re
from datetime import UTC, timedelta

import dagster as dg

from orchestration.names import AS_OF_TAG, DAILY_JOB, SEGMENTS_JOB, segment_key
from orchestration.settings import Settings
from segmentation.language.folder import Folder

DAILY = "0 0 * * *"


def schedules(settings: Settings, folder: Folder) -> list[dg.ScheduleDefinition]:
    """Running from the start: a schedule that waits for a click is a segment that silently stops updating."""
    by_cron: dict[str, list[str]] = {}
    for definition in folder.definitions.values():
        cron = definition.refresh.cron
        if cron is not None and cron != DAILY and not definition.paused:
            by_cron.setdefault(cron, []).append(definition.name)
    return [_daily(settings), *(_others(cron, sorted(names), settings) for cron, names in sorted(by_cron.items()))]


def _daily(settings: Settings) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=DAILY_JOB,
        job_name=DAILY_JOB,
        cron_schedule=DAILY,
        execution_timezone=settings.zone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="All segments with a clock, at midnight of the workspace, for the day that just ended.",
    )
    def daily_recalculation(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        day, tags = _moment(context, settings)
        return dg.RunRequest(partition_key=day, tags=tags)

    return daily_recalculation


def _others(cron: str, names: list[str], settings: Settings) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"refresh_{re.sub('[^0-9a-z]+', '_', cron.lower().replace('*', 'x')).strip('_')}",
        job_name=SEGMENTS_JOB,
        cron_schedule=cron,
        execution_timezone=settings.zone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Segments with the policy `{cron}`: {', '.join(names)}.",
    )
    def refresh(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        local = context.scheduled_execution_time.astimezone(settings.zone)
        if (local.hour, local.minute) == (0, 0):
            return dg.SkipReason("the daily recalculation at midnight covers it")
        day, tags = _moment(context, settings)
        return dg.RunRequest(asset_selection=[segment_key(name) for name in names], partition_key=day, tags=tags)

    return refresh


def _moment(context: dg.ScheduleEvaluationContext, settings: Settings) -> tuple[str, dict[str, str]]:
    tick = context.scheduled_execution_time.astimezone(UTC)
    day = (tick - timedelta(microseconds=1)).astimezone(settings.zone).date()
    return day.isoformat(), {AS_OF_TAG: tick.isoformat()}
