"""The job of each vendor: one step that pulls what its configuration names. A stable target for schedules and sensors.

Not here: when it runs (`schedules.py`, `sensors/`), and how a pull is done and recorded (`runs.py`).
"""

import dagster as dg
from pydantic import Field

from connectors.pulls.audiences import HOURS, Choice
from connectors.pulls.workbench import DATA
from orchestration.ingest.pulling import Wish
from orchestration.ingest.runs import Around, failure
from orchestration.ingest.runs import pull as pull_into
from orchestration.names import PULL_OP, pull_job
from orchestration.settings import Settings
from segmentation.clock import parse_as_of

# A pull goes on for as many hours as its plan may fill, and the rest of the vendor's data follows.
MOST_SECONDS = int((HOURS + 2) * 3600)


class PullConfig(dg.Config):
    """What a run pulls. Empty means: all the vendor has, audiences by the plan for tonight, as of now."""

    what: list[str] = Field([], description="Of audiences, events, users and messages; empty: all that the vendor has.")
    audiences: list[str] = Field([], description="Ids of audiences; empty: what is due, within the vendor's allowance.")
    accept: str = Field("", description="Why a pull is taken that a gate refuses. It is noted.")
    at: str = Field("", description="The moment that the pull stands for, ISO with a zone; empty: now.")


def pulling(settings: Settings, vendor: str, around: Around) -> dg.JobDefinition:
    """The job that pulls from a vendor, as its assets do, with a choice of what."""

    # Dagster loads nothing if steps of two jobs share a name; the alias is what a run's configuration goes by.
    @dg.op(name=f"{PULL_OP}_from_{vendor}", pool=vendor, out=dg.Out(dg.Nothing))
    def pull(context: dg.OpExecutionContext, config: PullConfig) -> None:
        has = DATA[vendor]
        if unknown := [what for what in config.what if what not in has]:
            raise failure(around, [f"{vendor} gives no {unknown[0]}, only {', '.join(has)}"])
        try:
            at = parse_as_of(config.at, settings.zone) if config.at else None
        except ValueError as error:
            raise failure(around, [str(error)]) from None
        kinds = [what for what in has if what in (config.what or has)]
        wish = Wish(Choice("", tuple(config.audiences)) if config.audiences else None)
        pull_into(context, settings, around, vendor, kinds, wish, accept=config.accept, at=at)

    @dg.job(
        name=pull_job(vendor),
        executor_def=dg.in_process_executor,
        tags={"dagster/max_runtime": str(MOST_SECONDS)},
        description=f"Pulls from {vendor.title()} into landing files: audiences that are due within its allowance,"
        " days that may have changed, and the rest.",
    )
    def job() -> None:
        pull.alias(PULL_OP)()

    return job
