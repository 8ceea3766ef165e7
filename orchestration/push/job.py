"""The job `send_push`: a message to a segment, by the same functions as `segments push`.

Runs that the sensor starts name a message that waits; a person in the launchpad gives one. Not here: the sensor.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import dagster as dg
from pydantic import Field

from connectors.errors import ConnectorError
from connectors.netmera_messages import PLATFORMS, PushMessage
from orchestration.activation.run import activate
from orchestration.activation.wish import Outcome, Wish
from orchestration.gates.results import Override
from orchestration.lifecycle.jobs import USER_TAG
from orchestration.names import PUSH_JOB, activation_step
from orchestration.published import NothingPublished
from orchestration.push.asked import schedule, serve
from orchestration.push.words import DRAFT, TO, push_activation
from orchestration.settings import Settings
from orchestration.warehouse import WarehouseBusy
from segmentation.clock import parse_as_of, utc_text

NOW = "now"
OP = "push"  # Dagster wants another name than that of the job
_TOLD = (ValueError, OSError, ConnectorError, NothingPublished, WarehouseBusy)


class PushConfig(dg.Config):
    """What goes to whom, and when."""

    segment: str = Field("", description="The segment's name.")
    title: str = Field("", description="Names the campaign in the panel, and stands above the text on devices.")
    text: str = Field("", description="What the message says.")
    platforms: list[str] = Field(list(PLATFORMS), description="ios, android or both.")
    tag: str = Field("", description="The tag that the segment's members get; empty: the segment's name.")
    when: str = Field(DRAFT, description="draft, now, or a moment such as 2026-12-01T09:00 in the workspace's zone.")
    send: bool = Field(False, description="Without it, it is only said what would be sent.")
    override: str = Field("", description="Why it goes out although a gate is closed.")
    by: str = Field("", description="Who asks. May be empty where Dagster knows who started the run.")
    waiting: str = Field("", description="A message of the outbox whose moment has come, for the sensor; nothing else.")


def push_job(settings: Settings) -> dg.JobDefinition:
    """The job of a workspace."""

    def step(context: dg.OpExecutionContext, config: PushConfig) -> None:
        by = config.by.strip() or context.run.tags.get(USER_TAG, "")
        try:
            if config.waiting:
                outcome = serve(
                    settings, config.waiting, source_run=context.run_id, doing=context.log.info
                )  # fmt: skip
            else:
                outcome = _asked(settings, config, by, context)
        except _TOLD as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        context.add_output_metadata(_shown(outcome))
        if outcome.ending == "closed":
            raise dg.Failure(outcome.said, allow_retries=False)
        context.log.info(outcome.said)

    step.__annotations__ = {"context": dg.OpExecutionContext, "config": PushConfig, "return": None}
    told = "Gives a segment's members its tag, and the tag a push message: a draft, now, or at a moment."
    push = dg.op(name=OP, description=told, pool=activation_step(TO), out=dg.Out(dg.Nothing))(step)

    @dg.job(
        name=PUSH_JOB,
        description=told,
        executor_def=dg.in_process_executor,
        # What may be tried again the outbox knows better than whoever counts runs.
        tags={"dagster/max_retries": "0"},
    )
    def job() -> None:
        push()

    return job


def _asked(settings: Settings, config: PushConfig, by: str, context: dg.OpExecutionContext) -> Outcome:
    if not by:
        raise ValueError("found nobody under `by`, expected who asks for it")
    now = datetime.now(UTC).replace(microsecond=0)
    message = PushMessage(config.title, config.text, tuple(config.platforms))
    override = Override(by, config.override) if config.override else None
    tag = config.tag or config.segment
    if config.when not in (DRAFT, NOW):
        at = parse_as_of(config.when, settings.zone)
        if config.send:
            push = schedule(settings, config.segment, tag, message, at, by, now, override)
            return Outcome("nothing", f"“{push.title}” goes out at {utc_text(at)}, as {push.id}", {})
    activation = push_activation(config.segment, tag, message, **{DRAFT: config.when == DRAFT})
    wish = Wish(
        at=now, by=by, send=config.send, override=override, source_run=context.run_id, doing=context.log.info
    )  # fmt: skip
    return activate(settings, activation, wish)


def _shown(outcome: Outcome) -> dict[str, Any]:
    return {"ending": outcome.ending, "said": outcome.said, **outcome.counts, **outcome.details}
