"""A job of Dagster for each thing that people do to a segment as a whole: the same functions as the commands call.

Such a job edits files and neither opens the warehouse nor calculates, so the next run finds what it did. What the web
page shows of a definition changes when definitions are reloaded.
Not here: what is done (`editing.py`, `cloning.py`, `moving.py`), and the jobs that calculate (`orchestration/jobs.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from pydantic import Field

from orchestration.inbox import Inbox
from orchestration.lifecycle import Done, clone, delete, pause, pin, reopen, resume, unpin
from orchestration.lifecycle.files import errors_of, unknown
from orchestration.names import lifecycle_job
from orchestration.segment_folder import segments_of
from orchestration.settings import Settings

USER_TAG = "user"  # who launched a run, where Dagster has log-ins


class OneSegment(dg.Config):
    """Which segment, and who asks."""

    segment: str = Field(description="The segment's name.")
    by: str = Field(
        "", description="Who asks for it, for the log. May be empty where Dagster knows who started the run."
    )


class Copy(OneSegment):
    """Which segment, the name of its copy, and who asks."""

    new_name: str = Field(description="Name of the copy: small letters, digits and _.")
    title: str = Field("", description="Title of the copy; empty: `Copy of ...`, if there is one to copy.")


@dataclass(frozen=True)
class _Act:
    """`do` takes settings, the configuration, who asks, and when."""

    name: str
    description: str
    do: Callable[[Settings, Any, str, datetime], Done]
    config: type[OneSegment] = OneSegment


def lifecycle_jobs(settings: Settings) -> list[dg.JobDefinition]:
    """One job for each."""
    return [_job(settings, act) for act in ACTS]


def _job(settings: Settings, act: _Act) -> dg.JobDefinition:
    def step(context: dg.OpExecutionContext, config: Any) -> None:
        by = config.by.strip() or context.run.tags.get(USER_TAG, "")
        if not by:
            raise dg.Failure("found nobody under `by`, expected who asks for it", allow_retries=False)
        try:
            done = act.do(settings, config, by, datetime.now(UTC))
        except (ValueError, OSError) as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        for sentence in done.told:
            context.log.info(sentence)
        context.add_output_metadata(_shown(done))

    step.__annotations__ = {"context": dg.OpExecutionContext, "config": act.config, "return": None}
    op = dg.op(name=act.name, description=act.description, out=dg.Out(dg.Nothing))(step)

    @dg.job(
        name=lifecycle_job(act.name),
        description=act.description,
        executor_def=dg.in_process_executor,
        # If its process died, the file says whether it was done, and a person decides.
        tags={"dagster/max_retries": "0"},
    )
    def job() -> None:
        op()

    return job


def _shown(done: Done) -> dict[str, Any]:
    """What changed: file and hashes. Who asked stands in the run's configuration and in the log of changes."""
    shown: dict[str, Any] = {"segment": done.segment, "changed": done.change is not None, "told": "\n".join(done.told)}
    if done.change is not None:
        names = ("file", "hash_before", "hash_after", "text_before", "text_after", "source")
        shown |= {name: value for name in names if (value := getattr(done.change, name)) is not None}
    return shown


def _refresh(settings: Settings, config: OneSegment, by: str, at: datetime) -> Done:
    """A request in the inbox, as `segments refresh --no-wait` drops it; the sensor starts the run."""
    name, folder = config.segment, segments_of(settings)
    if name in folder.broken:
        raise errors_of(name, folder)
    if name not in folder.definitions:
        raise unknown(name, {*folder.definitions, *folder.broken}, settings.segments)
    request = Inbox(settings.home).drop([name], by, at)
    return Done(name, None, (f"{name} is calculated as soon as the sensor takes the request {request.id}",))


def _by_name(
    act: Callable[[Settings, str, str, datetime], Done],
) -> Callable[[Settings, OneSegment, str, datetime], Done]:
    """An action that needs no more than the segment's name."""
    return lambda settings, config, by, at: act(settings, config.segment, by, at)


ACTS = (
    _Act(
        "clone",
        "Writes the file of a new segment with another's rule: owned by whoever asks, not pinned, sending nothing.",
        lambda settings, config, by, at: clone(settings, config.segment, config.new_name, by, at, config.title or None),
        Copy,
    ),
    _Act(
        "pause",
        "Takes a segment out of all schedules; it keeps its members as they are.",
        _by_name(pause),
    ),
    _Act(
        "resume",
        "Takes a pause back: the next run that the segment is due for calculates it.",
        _by_name(resume),
    ),
    _Act("refresh", "Asks for a segment, and those that read it, to be calculated as of now.", _refresh),
    _Act(
        "pin",
        "Marks a segment as ready to use: shown from the first local midnight after the next run.",
        _by_name(pin),
    ),
    _Act(
        "unpin",
        "Takes the mark `ready to use` off: shown until the first local midnight after the next run.",
        _by_name(unpin),
    ),
    _Act(
        "delete",
        "Moves a segment's file to `deleted/`, unless something uses it; its members leave with the next run.",
        _by_name(delete),
    ),
    _Act(
        "reopen",
        "Brings a deleted segment back; the next run calculates it.",
        _by_name(reopen),
    ),
)
