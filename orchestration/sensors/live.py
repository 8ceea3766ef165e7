"""Micro-batches for live segments: files that landed are judged within a minute, without waiting for the daily run.

The landing area is listed and compared with what the last successful run of this sensor has judged. Once more a run is
due when files rested for as long as some segment waits for something not to happen, since only then is that over.
Not here: what a run does, and what lies in a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg

from connectors.landing_files import LandingError, list_landing
from orchestration.names import LIVE_SENSOR, LIVE_TAG, SEGMENTS_JOB
from orchestration.sensors.landing_watch import (
    Cursor,
    digest_of,
    look,
    name_of,
    step,
    wants_to_be_current,
    with_readers,
)
from orchestration.sensors.records import attempts_for, is_under_way
from orchestration.sensors.run_requests import recalculation
from orchestration.settings import Settings
from segmentation.language.folder import Folder
from segmentation.language.model import Definition, Live, Within
from segmentation.plan.sequences import MICROSECONDS

SECONDS_BETWEEN_LOOKS = 10
MOST_SECONDS = 900  # a micro-batch whose process died must not hold up those after it for hours
LONGEST_WAIT = timedelta(days=1)  # what takes longer is left to the daily run


def watched(definitions: Mapping[str, Definition]) -> list[str]:
    """Names of the live segments that somebody wants to be kept up to date."""
    return sorted(name for name, one in definitions.items() if isinstance(one.body, Live) and wants_to_be_current(one))


def spans_of(definitions: Iterable[Definition]) -> list[timedelta]:
    """For how long segments wait for something not to happen, the shortest first."""
    waits = (one.body.within for one in definitions if isinstance(one.body, Live) and one.body.within)
    return sorted({span for span in map(_elapsed, waits) if span is not None and span <= LONGEST_WAIT})


def _elapsed(span: Within) -> timedelta | None:
    try:
        return timedelta(microseconds=span.count * MICROSECONDS[span.unit]) if span.unit in MICROSECONDS else None
    except OverflowError:
        return None


def live_sensor(settings: Settings, folder: Folder) -> dg.SensorDefinition:
    """The sensor of a workspace, running from the start."""
    names = watched(folder.definitions)
    spans = spans_of(folder.definitions[name] for name in names)
    concerned = with_readers(names, folder.definitions)

    @dg.sensor(
        name=LIVE_SENSOR,
        job_name=SEGMENTS_JOB,
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="New landing files, judged for live segments and those that read them: "
        + (", ".join(names) or "there are none."),
    )
    def live_segments(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if not names:
            return dg.SkipReason("there are no live segments")
        try:
            files = digest_of(list_landing(settings.landing))
        except LandingError as error:
            return dg.SkipReason(str(error))
        now = datetime.now(UTC)
        cursor, stage = look(Cursor.read(context.cursor), files, now, spans)
        under_way = is_under_way(context.instance, SEGMENTS_JOB, LIVE_TAG)
        attempts = attempts_for(context.instance, LIVE_TAG, name_of(files, stage), under_way)
        taken = step(cursor, stage, attempts)
        if taken.request is None:
            return dg.SensorResult(skip_reason=taken.reason, cursor=taken.cursor.text())
        request = recalculation(
            settings,
            concerned,
            now,
            run_key=f"{taken.request}/{attempts.failed}",
            tags={LIVE_TAG: taken.request},
            seconds=MOST_SECONDS,
        )
        return dg.SensorResult(run_requests=[request], cursor=taken.cursor.text())

    return live_segments
