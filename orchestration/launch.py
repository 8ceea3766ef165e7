"""Starting a recalculation, a backfill or a pull from outside the UI, recorded by Dagster like a run of the UI.

Not here: the steps of a recalculation (`recalculation.py`) and the assets (`assets/`).
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from dagster import DagsterUnknownPartitionError
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from orchestration.dbt_runner import Built
from orchestration.names import (
    AS_OF_TAG,
    DAILY_JOB,
    OVER_RECORDED_TAG,
    PAST_TAG,
    PULL_OP,
    REQUEST_TAG,
    SEGMENTS_JOB,
    pull_job,
    segment_key,
)
from orchestration.past_days import Reconstructed
from orchestration.recalculation import Prepared, day_of
from orchestration.settings import Settings
from orchestration.watch import Watch

if TYPE_CHECKING:
    from dagster import DagsterEvent


QUIETLY = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}  # the whole log is in the UI


class RunFailed(RuntimeError):
    """A step of the run failed; the message is its first error in one sentence. Nothing was published by that step."""


def launch(
    settings: Settings,
    as_of: datetime,
    *,
    only: Iterable[str] | None = None,
    on_node: Callable[[Built], None] | None = None,
    waiting: Callable[[], None] | None = None,
    request: str | None = None,
) -> Prepared:
    """Recalculates all segments, or those named and what reads them, in this process; returns what was decided.

    `request` is the id of the request that the run serves. Segments that could not be recalculated are among its
    decisions. Raises RunFailed when the run published nothing, and ValueError for settings and folders that cannot be
    read.
    """
    watch = Watch(on_node, waiting)
    errors = _execute(
        settings,
        watch,
        SEGMENTS_JOB if only is not None else DAILY_JOB,
        only,
        {AS_OF_TAG: as_of.astimezone(UTC).isoformat(), **({REQUEST_TAG: request} if request else {})},
        day_of(as_of, settings).isoformat(),
    )
    if watch.prepared is None or any(event.step_key != "segments" for event in errors):
        raise RunFailed(sentence_of(errors[0]) if errors else "the run ended before anything was decided")
    if errors and not watch.prepared.failures:
        raise RunFailed(sentence_of(errors[0]))
    return watch.prepared


def launch_past(
    settings: Settings,
    first: date,
    last: date,
    *,
    only: Iterable[str] | None = None,
    over_recorded: bool = False,
    on_node: Callable[[Built], None] | None = None,
    on_day: Callable[[date], None] | None = None,
    waiting: Callable[[], None] | None = None,
) -> Reconstructed:
    """Reconstructs the days from the first to the last for the segments named, or all, in one run.

    Raises RunFailed, when the days up to the one that failed are written, and ValueError as `launch` does.
    """
    tags = {ASSET_PARTITION_RANGE_START_TAG: first.isoformat(), ASSET_PARTITION_RANGE_END_TAG: last.isoformat()}
    tags[PAST_TAG] = "true"
    if over_recorded:
        tags[OVER_RECORDED_TAG] = "true"
    watch = Watch(on_node, waiting, on_day)
    errors = _execute(settings, watch, SEGMENTS_JOB, only, tags, None)
    if watch.reconstructed is None:
        raise RunFailed(sentence_of(errors[0]) if errors else "the run ended before anything was decided")
    if errors and not watch.reconstructed.failures:
        raise RunFailed(sentence_of(errors[0]))
    return watch.reconstructed


def launch_pull(
    settings: Settings,
    connector: str,
    *,
    what: Iterable[str] = (),
    audiences: Iterable[str] = (),
    at: datetime | None = None,
    accept: str = "",
    environ: Mapping[str, str] | None = None,
    waiting: Callable[[str, float], None] | None = None,
) -> list[str]:
    """Pulls from a vendor in this process, by the vendor's job; gives one sentence for each thing that failed.

    `waiting` hears of waits for the vendor: why, and for how many seconds. Raises ValueError as `launch` does.
    """
    import dagster as dg

    from orchestration.assets.pulls import pull_assets
    from orchestration.ingest.job import pulling
    from orchestration.ingest.runs import Around
    from orchestration.instance import open_instance

    around = Around(os.environ if environ is None else environ)
    if waiting:
        around.waiting = waiting
    # The vendors alone: neither segments nor models have a part in a pull, and loading them takes 4 s.
    definitions = dg.Definitions(
        assets=pull_assets(settings, around), jobs=[pulling(settings, connector, around)]
    )  # fmt: skip
    wanted = {"what": list(what), "audiences": list(audiences), "accept": accept, "at": at.isoformat() if at else ""}
    with open_instance(settings) as instance, redirect_stdout(io.StringIO()):
        result = definitions.resolve_job_def(pull_job(connector)).execute_in_process(
            instance=instance,
            run_config={"ops": {PULL_OP: {"config": wanted}}, **QUIETLY},
            raise_on_error=False,
        )
    failed = [event for event in result.all_events if event.is_step_failure]
    return around.failures or [sentence_of(event) for event in failed]


def _execute(
    settings: Settings,
    watch: Watch,
    job: str,
    only: Iterable[str] | None,
    tags: dict[str, str],
    partition_key: str | None,
) -> list[DagsterEvent]:
    """Runs a job in this process; the failures of its steps."""
    from orchestration.definitions import build_defs  # with Dagster and dbt 5 s
    from orchestration.instance import open_instance

    definitions = build_defs(settings, watch)
    try:
        with open_instance(settings) as instance, redirect_stdout(io.StringIO()):
            result = definitions.resolve_job_def(job).execute_in_process(
                partition_key=partition_key,
                instance=instance,
                asset_selection=[segment_key(name) for name in only] if only is not None else None,
                tags=tags,
                run_config=QUIETLY,
                raise_on_error=False,
            )
    except DagsterUnknownPartitionError:
        raise ValueError(
            f"a run belongs to a day from {settings.first_day} (`first_day` of settings.toml) to today, and"
            f" {partition_key} is none of them"
        ) from None
    return [event for event in result.all_events if event.is_step_failure]


def sentence_of(event: object) -> str:
    """The innermost reason of a failed step, without the class names that Dagster puts before it."""
    error = event.event_specific_data.error  # type: ignore[attr-defined]
    while error.cause is not None:
        error = error.cause
    text = " ".join(line.strip() for line in error.message.splitlines() if line.strip())
    return re.sub(r"^([\w.]+\.)?\w*(Error|Failure|Failed|Busy|Exception): ", "", text)[:1500]
