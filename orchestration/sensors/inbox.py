"""Serving the inbox: requests that people and programs dropped become runs, within seconds of their arrival.

A request is done when a run of its own succeeded, and fails after three that did not, or once somebody stopped one.
Nothing here opens the warehouse. A request for members to be sent becomes a run of their activations, and is refused
where nothing may be sent.
Not here: the inbox itself (`orchestration/inbox.py`), and waiting for a request (`cli/requested.py`).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from orchestration.activation.chosen import chosen, require_allowed
from orchestration.activation.named import Activation
from orchestration.inbox import SENSOR, Inbox, Request
from orchestration.jobs import activation_job, segments_job
from orchestration.launch import sentence_of
from orchestration.names import (
    ACTIVATION_JOB,
    AS_OF_TAG,
    REQUEST_SENSOR,
    REQUEST_TAG,
    REQUESTED_BY_TAG,
    SEGMENTS_JOB,
    activation_key,
)
from orchestration.sensors.records import MOST_ATTEMPTS, failures, is_over, is_own_reason
from orchestration.sensors.run_requests import of_segments, to_activate
from orchestration.settings import Settings
from segmentation.language.folder import Folder
from segmentation.language.model import Definition
from segmentation.language.problems import unknown_segment

SECONDS_BETWEEN_LOOKS = 10
MOST_AT_ONCE = 20  # requests that become runs in one look; the queue takes them one by one anyway


@dataclass(frozen=True)
class Served:
    """What became of the runs of one request: the one that succeeded, the last that somebody stopped, the last that
    failed, and how many did."""

    under_way: bool = False
    succeeded: str | None = None
    stopped: str | None = None
    failed: str | None = None
    failures: int = 0


def served(instance: dg.DagsterInstance, request: Request, now: datetime) -> Served:
    """As Dagster has recorded it; the newest run comes first there."""
    records = instance.get_run_records(dg.RunsFilter(tags={REQUEST_TAG: request.id}))
    runs = [one.dagster_run for one in records]
    succeeded, stopped, failed = (
        [run.run_id for run in runs if run.status is status]
        for status in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE)
    )
    return Served(
        under_way=not all(is_over(one, now) for one in records),
        succeeded=next(iter(succeeded), None),
        stopped=next(iter(stopped), None),
        failed=next(iter(failed), None),
        failures=len(failed),
    )


def refusal(
    request: Request, known: Collection[str], folder: Path, definitions: Mapping[str, Definition]
) -> str | None:
    """Why a request can never be served: a name that is neither an asset nor a file, or what `asked_of` says. A file
    that is no asset yet waits until definitions are reloaded, or until whoever waits for it calculates it."""
    for name in request.segments:
        if name not in known and not any((folder / f"{name}{ending}").exists() for ending in (".yml", ".yaml")):
            return unknown_segment(name, known)
    try:
        if set(request.segments) <= set(known):
            asked_of(request, definitions)
    except ValueError as error:
        return str(error)
    return None


def asked_of(request: Request, definitions: Mapping[str, Definition]) -> list[Activation]:
    """The activations that a request asks for; none for one that asks for segments to be calculated. Raises ValueError
    in one sentence if a segment has none of them, or if they may not be sent from here."""
    if request.activate is None:
        return []
    found: list[Activation] = []
    for name in request.segments:
        if name not in definitions:  # a run that chose nothing would be one of all activations
            raise ValueError(f"{name} cannot be read: `segments validate` says why")
        found += chosen(definitions[name], request.activate.to)
    if request.activate.send:
        require_allowed(found, os.environ)
    return found


def request_sensor(settings: Settings, folder: Folder) -> dg.SensorDefinition:
    """The sensor of a workspace, running from the start."""
    known = {*folder.definitions, *folder.broken}

    @dg.sensor(
        name=REQUEST_SENSOR,
        jobs=[segments_job(), activation_job()],
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests in the inbox: `segments refresh`, or files that programs move into `requests/new/`, which"
        " may also ask for members to be sent.",
    )
    def refresh_requests(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        inbox, now = Inbox(settings.home), datetime.now(UTC)
        inbox.say_served(settings.segments, known, now)
        wanted = []
        for request in inbox.taken():
            if request.taken_by == SENSOR:
                wanted += _go_on(inbox, request, context.instance, now, settings, folder.definitions)
            elif inbox.is_left(request, now):
                inbox.give_back(request)
        for request in inbox.waiting(now):
            why = refusal(request, known, settings.segments, folder.definitions)
            if why is not None:
                if inbox.take(request, SENSOR):
                    inbox.end(request, now, reason=why)
            elif known.issuperset(request.segments) and len(wanted) < MOST_AT_ONCE and inbox.take(request, SENSOR):
                wanted.append(_run(request, 0, now, settings, folder.definitions))
        if not wanted:
            return dg.SkipReason("no new requests")
        return dg.SensorResult(run_requests=wanted)

    return refresh_requests


def _go_on(
    inbox: Inbox,
    request: Request,
    instance: dg.DagsterInstance,
    now: datetime,
    settings: Settings,
    definitions: Mapping[str, Definition],
) -> list[dg.RunRequest]:
    """What is left to do for a request that was taken here before."""
    runs = served(instance, request, now)
    if runs.succeeded:
        inbox.end(request, now, run=runs.succeeded)
        return []
    if runs.under_way:
        return []
    if runs.stopped:  # whoever stops a run does not want another
        inbox.end(request, now, run=runs.stopped, reason=f"somebody stopped the run {runs.stopped}")
        return []
    if runs.failed:
        failure = next(failures(instance, runs.failed), None)
        # Another run would say the same as one that said itself why it failed.
        if runs.failures >= MOST_ATTEMPTS or (failure is not None and is_own_reason(failure)):
            reason = sentence_of(failure) if failure is not None else f"the run {runs.failed} ended before its end"
            inbox.end(request, now, run=runs.failed, reason=reason)
            return []
    try:
        return [_run(request, runs.failures, now, settings, definitions)]
    except ValueError as error:  # definitions were loaded anew since it was taken
        inbox.end(request, now, reason=str(error))
        return []


def _run(
    request: Request, attempt: int, now: datetime, settings: Settings, definitions: Mapping[str, Definition]
) -> dg.RunRequest:
    """A calculation is for a moment that was asked for, else for the moment at which it begins. What is sent is for the
    moment of the request, whichever run sends it: a message goes by its moment, and goes out once."""
    run_key, tags = f"{request.id}/{attempt}", {REQUEST_TAG: request.id, REQUESTED_BY_TAG: request.by}
    if request.activate is not None:
        asked, activations = request.activate, asked_of(request, definitions)
        return dg.RunRequest(
            run_key=run_key,
            job_name=ACTIVATION_JOB,
            asset_selection=[activation_key(one.segment, one.name) for one in activations],
            run_config=to_activate(activations, send=asked.send, override=asked.override, also=asked.also),
            tags={**tags, AS_OF_TAG: request.at.isoformat()},
        )
    if request.as_of is not None:
        tags[AS_OF_TAG] = request.as_of.isoformat()
    asked_for = of_segments(settings, request.segments, request.as_of or now, run_key=run_key, tags=tags)
    return asked_for.with_replaced_attrs(job_name=SEGMENTS_JOB)
