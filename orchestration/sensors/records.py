"""What Dagster has recorded of the runs that a sensor asked for: which are not over yet, and what became of the others.

Not here: what follows from it (the sensors).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from orchestration.names import pull_job

MOST_ATTEMPTS = 3  # for the same thing; then it waits for a change, or for the next run by the clock
DONE = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
WAITING = [status for status in dg.DagsterRunStatus if status not in DONE]
RETRIED_WITHIN = timedelta(minutes=5)  # where Dagster does that it takes seconds; later than this it is not coming


@dataclass(frozen=True)
class Attempts:
    """What became of the runs that were requested: whether any is on its way, and, for what is at hand, whether one
    succeeded and how many failed."""

    under_way: bool = False
    succeeded: bool = False
    failed: int = 0


def is_over(record: dg.RunRecord, now: datetime) -> bool:
    """Whether a run has ended, and not as one whose process died, in whose place Dagster is about to start another."""
    run = record.dagster_run
    if run.is_complete_and_waiting_to_retry:
        return now >= record.update_timestamp.astimezone(UTC) + RETRIED_WITHIN
    return run.status in DONE


def is_under_way(instance: dg.DagsterInstance, job: str, tag: str) -> bool:
    """Whether a run of the job that carries the tag, whatever its value, is queued or running."""
    return any(tag in run.tags for run in instance.get_runs(dg.RunsFilter(job_name=job, statuses=WAITING)))


def is_being_pulled(instance: dg.DagsterInstance, connector: str) -> bool:
    """Whether a pull of the vendor is queued or running, by its job or as an asset."""
    return any(
        run.job_name == pull_job(connector) or any(key.path[0] == connector for key in run.asset_selection or ())
        for run in instance.get_runs(dg.RunsFilter(statuses=WAITING))
    )


def attempts_for(instance: dg.DagsterInstance, tag: str, value: str, under_way: bool) -> Attempts:
    """What became of the runs with this tag of this value."""
    statuses = [run.status for run in instance.get_runs(dg.RunsFilter(tags={tag: value}))]
    return Attempts(
        under_way=under_way,
        succeeded=dg.DagsterRunStatus.SUCCESS in statuses,
        failed=sum(status in DONE and status is not dg.DagsterRunStatus.SUCCESS for status in statuses),
    )


def says_why(instance: dg.DagsterInstance, tag: str, value: str) -> bool:
    """Whether a run with this tag of this value failed with a reason of its own, so that another would say the same."""
    failed = dg.RunsFilter(tags={tag: value}, statuses=[dg.DagsterRunStatus.FAILURE])
    return any(is_own_reason(event) for run in instance.get_runs(failed) for event in failures(instance, run.run_id))


def failures(instance: dg.DagsterInstance, run: str) -> Iterator[dg.DagsterEvent]:
    """The failures of a run's steps; none if its process died."""
    for record in instance.get_records_for_run(run, of_type=dg.DagsterEventType.STEP_FAILURE).records:
        if record.event_log_entry.dagster_event is not None:
            yield record.event_log_entry.dagster_event


def is_own_reason(failure: dg.DagsterEvent) -> bool:
    """Whether a step said itself that it failed, rather than broke."""
    return failure.step_failure_data.user_failure_data is not None
