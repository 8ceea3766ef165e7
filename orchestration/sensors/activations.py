"""Activations that are due become runs: by the clock, or since a published run had members come or go.

A look knows the news of the last published run, the records of its own runs, and what it handled; it never opens the
warehouse. What is due is handled once a run for it has sent, has met a closed gate, or was stopped by somebody. What
failed is tried again after a pause, a few times; of one activation there is one run at a time. Where a vendor works
batches off later, a run looks after an hour, a few times, what became of them.
Not here: what is due (`orchestration/activation/due.py`), and what runs do (`assets/activations.py`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from connectors.clock import SystemClock
from orchestration.activation.due import Due, Handled, Look, beginning, first_seen, look
from orchestration.activation.named import Activation, activations_of
from orchestration.activation.news import News, read_news
from orchestration.activation.workplace import ledger_of
from orchestration.ingest.runs import Around
from orchestration.names import (
    ACTIVATION_JOB,
    ACTIVATION_SENSOR,
    ACTIVATION_TAG,
    ACTIVATIONS,
    AS_OF_TAG,
    DUE_TAG,
    ENDED_TAG,
    UNSETTLED_TAG,
    activation_key,
)
from orchestration.sensors.records import DONE, MOST_ATTEMPTS, WAITING
from orchestration.sensors.run_requests import to_activate
from orchestration.settings import Settings
from segmentation.clock import Clock, utc_text
from segmentation.language.folder import Folder
from segmentation.language.model import Definition
from segmentation.language.words import ALSO

SECONDS_BETWEEN_LOOKS = 30
PAUSE = timedelta(minutes=10)  # after what failed
SETTLING = timedelta(hours=1)  # a vendor that works batches off later wants as long
MOST_SECONDS = 6 * 3600  # of a run; one whose process died must not hold up its activation for ever
MOST_TOLD = 10  # sentences in the reason of a look
ANSWERS = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED}  # whoever stops a run does not want another
ALL = "*"  # a run of the job without a choice is of all activations


@dataclass(frozen=True)
class Tried:
    """What became of the runs for one thing that is due. A closed gate is an answer as well; runs after which a vendor
    was still at work are `unsettled`, and an answer only if there were several. `at` is the moment that the first was
    for."""

    answered: bool = False
    failed: int = 0
    last: datetime | None = None
    unsettled: int = 0
    at: datetime | None = None


@dataclass(frozen=True)
class Step:
    """What a look at one activation leads to: what is handled now, and either what to request or a reason not to."""

    handled: Handled
    due: Due | None = None
    reason: str = ""


@dataclass(frozen=True)
class Cursor:
    """What the sensor remembers, by stream."""

    handled: Mapping[str, Handled] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str | None) -> Cursor:
        """From Dagster's text; of another form is as good as none."""
        try:
            return cls({name: _handled(one) for name, one in json.loads(text or "{}").items()})
        except (AttributeError, KeyError, TypeError, ValueError):
            return cls()

    def text(self) -> str:
        """For Dagster."""
        said = {name: asdict(one) for name, one in self.handled.items()}
        return json.dumps(said, default=lambda moment: utc_text(moment), ensure_ascii=False)


def _handled(said: Mapping[str, Any]) -> Handled:
    ticks, waiting = (
        {name: datetime.fromisoformat(at) for name, at in moments.items()}
        for moments in (said["ticks"], said.get("waiting", {}))  # which earlier versions did not tell
    )
    return Handled(int(said["run_no"]), ticks, waiting)


def decide(found: Look, tried: Tried, now: datetime, *, under_way: bool = False) -> Step:
    """Whether to request a run for what a look found. All runs for it are for the moment of the first, as a message
    goes by its moment. What is handled moves on after an answer, and not before."""
    due = found.due
    if due is None:
        return Step(found.handled, reason=found.waits)
    if under_way:
        return Step(found.handled, reason="a run of it is on its way")
    if tried.answered:
        return Step(due.handled)
    if tried.failed >= MOST_ATTEMPTS:
        return Step(
            found.handled,
            reason=f"{tried.failed} runs for {due.name} failed: see their errors; the next tick or change starts anew",
        )
    pause = SETTLING if tried.unsettled else PAUSE * tried.failed
    if tried.last is not None and now < (again := tried.last + pause):
        what = "what became of the batches is asked" if tried.unsettled else "what failed is tried"
        return Step(found.handled, reason=f"{what} again at {again:%H:%M} UTC")
    return Step(found.handled, replace(due, at=tried.at or due.at))


def watched(folder: Folder) -> tuple[dict[str, tuple[Activation, Definition]], set[str]]:
    """By stream, activations that may run by themselves, which those of paused segments may not; and the segments whose
    activations cannot be read, which have an asset that says so."""
    found: dict[str, tuple[Activation, Definition]] = {}
    unreadable = set(folder.broken)
    for definition in folder.definitions.values():
        if definition.activate and not definition.paused:
            try:
                found |= {one.stream: (one, definition) for one in activations_of(definition)}
            except ValueError:
                unreadable.add(definition.name)
    return found, unreadable


def kept(handled: Mapping[str, Handled], unreadable: Collection[str]) -> dict[str, Handled]:
    """What is remembered though nothing of it runs: a file with an error will be mended, and has missed nothing new."""
    return {stream: one for stream, one in handled.items() if stream.partition(".")[0] in unreadable}


def tried(instance: dg.DagsterInstance, stream: str, due: Due) -> Tried:
    """What became of the runs for something that is due, as Dagster has recorded it, the newest first."""
    records = instance.get_run_records(dg.RunsFilter(tags={ACTIVATION_TAG: stream, DUE_TAG: due.name}))
    ended = [one for one in records if one.dagster_run.status in DONE]
    good = [
        one for one in ended if one.dagster_run.status in ANSWERS or one.dagster_run.tags.get(ENDED_TAG) == "closed"
    ]
    unsettled = sum(UNSETTLED_TAG in one.dagster_run.tags for one in good)
    last = max((one.update_timestamp for one in ended), default=None)
    first = records[-1].dagster_run.tags.get(AS_OF_TAG) if records else None
    return Tried(
        len(good) > unsettled or unsettled >= MOST_ATTEMPTS,
        len(ended) - len(good),
        last.astimezone(UTC) if last else None,
        unsettled,
        datetime.fromisoformat(first) if first else None,
    )


def under_way(instance: dg.DagsterInstance) -> set[str]:
    """Streams of which a run is queued or running, by whomever; `ALL` for a run that chose none."""
    found = set()
    for run in instance.get_runs(dg.RunsFilter(statuses=WAITING)):
        if ACTIVATION_TAG in run.tags:
            found.add(run.tags[ACTIVATION_TAG])
        elif run.asset_selection is not None:
            found |= {".".join(key.path[1:]) for key in run.asset_selection if key.path[0] == ACTIVATIONS}
        elif run.job_name == ACTIVATION_JOB:
            found.add(ALL)
    return found


def activation_sensor(settings: Settings, folder: Folder, around: Around) -> dg.SensorDefinition:
    """The sensor of a workspace, running from the start."""
    time, (streams, unreadable) = around.clock or SystemClock(), watched(folder)

    @dg.sensor(
        name=ACTIVATION_SENSOR,
        job_name=ACTIVATION_JOB,
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="What leaves the house when it is due, as far as SEGMENTS_SEND allows: "
        + (", ".join(sorted(streams)) or "there are no activations."),
    )
    def activations(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        before = Cursor.read(context.cursor).handled
        news = read_news(settings.home)
        if news is None:
            if settings.warehouse.exists():  # of a version that told no news: what was there is left alone
                return dg.SkipReason("nothing has been published since activations are watched")
            news = News()
        now = time.now()
        clock, busy = Clock(now, settings.zone), under_way(context.instance)
        handled, requests, reasons = kept(before, unreadable), [], []
        for stream, (activation, definition) in streams.items():
            seen = before.get(stream) or first_seen(activation, news, now)
            found = look(activation, definition, seen, news, clock)
            if tells_changes(activation) and not ledger_of(settings.home, stream).exists():
                found = beginning(activation, found, news)
            attempts = tried(context.instance, stream, found.due) if found.due else Tried()
            taken = decide(found, attempts, now, under_way=not busy.isdisjoint({stream, ALL}))
            handled[stream] = taken.handled
            if taken.due is not None:
                requests.append(_request(activation, taken.due, attempts.failed + attempts.unsettled))
            elif taken.reason:
                reasons.append(f"{stream}: {taken.reason}")
        if more := len(reasons) - MOST_TOLD:
            reasons[MOST_TOLD:] = [f"and {more:,} more"] if more > 0 else []
        reason = None if requests else "; ".join(reasons) or "nothing is due"
        return dg.SensorResult(run_requests=requests, skip_reason=reason, cursor=Cursor(handled).text())

    return activations


def tells_changes(activation: Activation) -> bool:
    """Whether it tells of changes by their cause and does not know the whole segment."""
    return activation.to == "webhook"


def _request(activation: Activation, due: Due, before: int) -> dg.RunRequest:
    """The same `run_key` is run once, even if the daemon dies before it knows that it asked."""
    also = ALSO if due.whole and not tells_changes(activation) else ()
    return dg.RunRequest(
        run_key=f"{activation.stream} {due.name}/{before}",
        asset_selection=[activation_key(activation.segment, activation.name)],
        run_config=to_activate([activation], send=True, also=also),
        tags={
            ACTIVATION_TAG: activation.stream,
            DUE_TAG: due.name,
            AS_OF_TAG: due.at.isoformat(),
            "dagster/max_runtime": str(MOST_SECONDS),
        },
    )
