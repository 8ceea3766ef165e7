"""The clock: one schedule for the daily recalculation, one for every other refresh policy that a segment names, one for
the weekly health report, and one for each vendor's pull.

A tick's own time is the run's moment, so a late start changes nothing. Not here: what a run computes.
"""

import re
from datetime import UTC, datetime

import dagster as dg

from connectors.errors import NotConfigured
from orchestration.ingest.runs import Around
from orchestration.names import AS_OF_TAG, DAILY_JOB, HEALTH_JOB, SEGMENTS_JOB, VENDORS, pull_job, segment_key
from orchestration.recalculation import day_of
from orchestration.settings import Settings
from segmentation.clock import Clock
from segmentation.language.folder import Folder

DAILY = "0 0 * * *"
MONDAY_MORNING = "0 7 * * 1"
SIGNS = {"*": "x", "/": "_by_", "-": "_to_", ",": "_and_", "#": "_nth_"}


def schedules(settings: Settings, folder: Folder, around: Around | None = None) -> list[dg.ScheduleDefinition]:
    """Running from the start: a schedule that waits for a click is a segment that silently stops updating."""
    by_cron: dict[str, list[str]] = {}
    for definition in folder.definitions.values():
        cron = definition.refresh.cron
        if cron is not None and cron != DAILY and not definition.paused:
            by_cron.setdefault(cron.lower(), []).append(definition.name)  # MON and mon would share a name
    others = [_others(cron, sorted(names), settings) for cron, names in sorted(by_cron.items())]
    nightly = [_nightly(vendor, settings, around or Around()) for vendor in VENDORS]
    return [_daily(settings), *others, _weekly(settings), *nightly]


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
        # Where midnight comes twice, the day began at the first of them, whichever the tick is.
        midnight = _midnight(context, settings)
        return dg.RunRequest(
            partition_key=day_of(midnight, settings).isoformat(), tags={AS_OF_TAG: midnight.isoformat()}
        )

    return daily_recalculation


def _others(cron: str, names: list[str], settings: Settings) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=schedule_name(cron),
        job_name=SEGMENTS_JOB,
        cron_schedule=cron,
        execution_timezone=settings.zone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Segments with the policy `{cron}`: {', '.join(names)}.",
    )
    def refresh(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if context.scheduled_execution_time == _midnight(context, settings):
            return dg.SkipReason("the daily recalculation at midnight covers it")
        tick = context.scheduled_execution_time.astimezone(UTC)
        return dg.RunRequest(
            asset_selection=[segment_key(name) for name in names],
            partition_key=day_of(tick, settings).isoformat(),
            tags={AS_OF_TAG: tick.isoformat()},
        )

    return refresh


def _weekly(settings: Settings) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=HEALTH_JOB,
        job_name=HEALTH_JOB,
        cron_schedule=MONDAY_MORNING,
        execution_timezone=settings.zone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="The health report, on Monday at 07:00 of the workspace.",
    )
    def weekly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(tags={AS_OF_TAG: context.scheduled_execution_time.astimezone(UTC).isoformat()})

    return weekly


def _nightly(vendor: str, settings: Settings, around: Around) -> dg.ScheduleDefinition:
    starts = settings.pulls.starts

    @dg.schedule(
        name=pull_job(vendor),
        job_name=pull_job(vendor),
        cron_schedule=f"{starts.minute} {starts.hour} * * *",
        execution_timezone=settings.zone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"What {vendor.title()} gives, at {starts:%H:%M} of the workspace, if its account is configured.",
    )
    def nightly() -> dg.RunRequest | dg.SkipReason:
        try:
            around.bench(settings).check(vendor)
        except (NotConfigured, ValueError) as error:
            return dg.SkipReason(str(error))
        return dg.RunRequest()

    return nightly


def schedule_name(cron: str) -> str:
    """A name for each cron line: `refresh_0_9_x_x_1_to_5`. Dagster loads nothing if two schedules share one."""
    for sign, word in SIGNS.items():
        cron = cron.replace(sign, word)
    return f"refresh_{re.sub('[^0-9a-z_]', '_', cron)}"


def _midnight(context: dg.ScheduleEvaluationContext, settings: Settings) -> datetime:
    """The first instant of the local day of a tick."""
    clock = Clock(context.scheduled_execution_time, settings.zone)
    return clock.midnight(clock.today)
