"""Starting a recalculation from outside the UI, recorded by Dagster like any run that the UI starts.

Not here: the steps of a recalculation (`recalculation.py`) and the assets (`assets/`).
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta

from orchestration.dbt_runner import Built
from orchestration.names import AS_OF_TAG, DAILY_JOB, SEGMENTS_JOB, segment_key
from orchestration.recalculation import Prepared
from orchestration.settings import Settings
from orchestration.watch import Watch


class RunFailed(RuntimeError):
    """A step of the run failed; the message is its first error in one sentence. Nothing was published by that step."""


def launch(
    settings: Settings,
    as_of: datetime,
    *,
    only: Iterable[str] | None = None,
    on_node: Callable[[Built], None] | None = None,
    waiting: Callable[[], None] | None = None,
) -> Prepared:
    """Recalculates all segments, or those named and what reads them, in this process; returns what was decided.

    Segments that could not be recalculated are among its decisions. Raises RunFailed when the run published nothing,
    and ValueError for settings and folders that cannot be read.
    """
    from orchestration.definitions import build_defs  # with Dagster and dbt 5 s
    from orchestration.instance import open_instance

    watch = Watch(on_node, waiting)
    definitions = build_defs(settings, watch)
    job = definitions.resolve_job_def(SEGMENTS_JOB if only is not None else DAILY_JOB)
    day = (as_of - timedelta(microseconds=1)).astimezone(settings.zone).date()
    with open_instance(settings) as instance, redirect_stdout(io.StringIO()):
        result = job.execute_in_process(
            partition_key=day.isoformat(),
            instance=instance,
            asset_selection=[segment_key(name) for name in only] if only is not None else None,
            tags={AS_OF_TAG: as_of.astimezone(UTC).isoformat()},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},  # the whole log is in the UI
            raise_on_error=False,
        )
    errors = [event for event in result.all_events if event.is_step_failure]
    if watch.prepared is None or any(event.step_key != "segments" for event in errors):
        raise RunFailed(_sentence(errors[0]) if errors else "the run ended before anything was decided")
    if errors and not watch.prepared.failures:
        raise RunFailed(_sentence(errors[0]))
    return watch.prepared


def _sentence(event: object) -> str:
    """The innermost reason of a failed step, without the class names that Dagster puts before it."""
    error = event.event_specific_data.error  # type: ignore[attr-defined]
    while error.cause is not None:
        error = error.cause
    text = " ".join(line.strip() for line in error.message.splitlines() if line.strip())
    return re.sub(r"^([\w.]+\.)?[A-Z]\w*(Error|Failure|Failed|Busy|Exception): ", "", text)[:1500]
