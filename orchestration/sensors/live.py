"""Micro-batches for live segments: files that landed are judged within a minute, without waiting for the daily run.

The landing area is listed and compared with what the last successful run of this sensor has judged. Once more a run is
due when files rested for as long as some segment waits for something not to happen, since only then is that over.
Not here: what a run does, and what lies in a file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

import dagster as dg

from connectors.landing_files import LandingError, LandingFile, list_landing
from orchestration.decisions import with_dependants
from orchestration.names import AS_OF_TAG, LIVE_SENSOR, LIVE_TAG, SEGMENTS_JOB, segment_key
from orchestration.settings import Settings
from segmentation.clock import EARLIEST
from segmentation.language.folder import Folder
from segmentation.language.model import Definition, Live, Within
from segmentation.plan.sequences import MICROSECONDS

SECONDS_BETWEEN_LOOKS = 10
MOST_ATTEMPTS = 3  # for the same files; then they wait for others, or for the daily run
MOST_SECONDS = 900  # a micro-batch whose process died must not hold up those after it for hours
LONGEST_WAIT = timedelta(days=1)  # what takes longer is left to the daily run
DONE = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


@dataclass(frozen=True)
class Cursor:
    """What the sensor remembers: the files it saw last and since when (ISO), and the stages of them that were judged.

    Stage 0 of files is their arrival; each span that they have rested for is one more. -1: none was judged yet.
    """

    files: str = ""
    since: str = EARLIEST.isoformat()
    judged: int = -1

    @classmethod
    def read(cls, text: str | None) -> Cursor:
        """From Dagster's text; of another form is as good as none."""
        try:
            return cls(**json.loads(text or "{}"))
        except (TypeError, ValueError):
            return cls()

    def text(self) -> str:
        """For Dagster."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Attempts:
    """What became of the runs that were requested: whether any is on its way, and, for the files and stage at hand,
    whether one succeeded and how many failed."""

    under_way: bool = False
    succeeded: bool = False
    failed: int = 0


@dataclass(frozen=True)
class Step:
    """What a look leads to: a cursor, and either the name of a run to request or a reason not to."""

    cursor: Cursor
    request: str | None = None
    reason: str = ""


def look(cursor: Cursor, files: str, now: datetime, spans: Sequence[timedelta]) -> tuple[Cursor, int]:
    """The cursor with what lies there now, and the stage of it that has been reached."""
    if files != cursor.files:
        cursor = Cursor(files, now.isoformat())
    rested = now - datetime.fromisoformat(cursor.since)
    return cursor, sum(span <= rested for span in spans)


def step(cursor: Cursor, stage: int, attempts: Attempts) -> Step:
    """Whether to request a run. The cursor moves on when one has succeeded, and not before."""
    if cursor.judged >= stage:
        return Step(cursor, reason="no new files")
    if attempts.under_way:
        return Step(cursor, reason="a run for live segments is on its way")
    if attempts.succeeded:
        return Step(replace(cursor, judged=stage), reason="these files are judged")
    if attempts.failed >= MOST_ATTEMPTS:
        return Step(
            cursor, reason=f"{attempts.failed} runs for these files failed: see their errors; other files start anew"
        )
    return Step(cursor, request=name_of(cursor.files, stage))


def name_of(files: str, stage: int) -> str:
    """What runs for these files at this stage are tagged with."""
    return f"{files}/{stage}"


def digest_of(files: Iterable[LandingFile]) -> str:
    """Changes whenever a file is added, changed or removed."""
    listed = "\n".join(f"{file.url} {file.fingerprint}" for file in files)
    return hashlib.sha256(listed.encode()).hexdigest()[:16]


def watched(definitions: Mapping[str, Definition]) -> list[str]:
    """Names of the live segments that somebody wants to be kept up to date."""
    return sorted(
        name
        for name, one in definitions.items()
        if isinstance(one.body, Live) and not one.paused and one.refresh.cron is not None
    )


def spans_of(definitions: Iterable[Definition]) -> list[timedelta]:
    """For how long segments wait for something not to happen, the shortest first."""
    waits = (one.body.within for one in definitions if isinstance(one.body, Live) and one.body.within)
    return sorted({span for span in map(_elapsed, waits) if span is not None and span <= LONGEST_WAIT})


def _elapsed(span: Within) -> timedelta | None:
    try:
        return timedelta(microseconds=span.count * MICROSECONDS[span.unit]) if span.unit in MICROSECONDS else None
    except OverflowError:
        return None


def attempts_for(instance: dg.DagsterInstance, name: str) -> Attempts:
    """What Dagster has recorded of the runs this sensor asked for."""
    waiting = [status for status in dg.DagsterRunStatus if status not in DONE]
    active = instance.get_runs(dg.RunsFilter(job_name=SEGMENTS_JOB, statuses=waiting))
    own = [run.status for run in instance.get_runs(dg.RunsFilter(tags={LIVE_TAG: name}))]
    return Attempts(
        under_way=any(LIVE_TAG in run.tags for run in active),
        succeeded=dg.DagsterRunStatus.SUCCESS in own,
        failed=sum(status in DONE and status is not dg.DagsterRunStatus.SUCCESS for status in own),
    )


def live_sensor(settings: Settings, folder: Folder) -> dg.SensorDefinition:
    """The sensor of a workspace, running from the start."""
    names = watched(folder.definitions)
    spans = spans_of(folder.definitions[name] for name in names)
    concerned = sorted(
        name
        for name in with_dependants(names, folder.definitions)
        if name in names or not folder.definitions[name].paused
    )

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
        attempts = attempts_for(context.instance, name_of(files, stage))
        taken = step(cursor, stage, attempts)
        if taken.request is None:
            return dg.SensorResult(skip_reason=taken.reason, cursor=taken.cursor.text())
        request = dg.RunRequest(
            # The same attempt is made once, even if the daemon dies before it has saved the cursor.
            run_key=f"{taken.request}/{attempts.failed}",
            asset_selection=[segment_key(name) for name in concerned],
            partition_key=(now - timedelta(microseconds=1)).astimezone(settings.zone).date().isoformat(),
            tags={
                AS_OF_TAG: now.isoformat(),
                LIVE_TAG: taken.request,
                "dagster/max_runtime": str(MOST_SECONDS),
            },
        )
        return dg.SensorResult(run_requests=[request], cursor=taken.cursor.text())

    return live_segments
