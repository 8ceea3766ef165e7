"""A pull as a step of Dagster: one code path for the job of a vendor and for whoever materializes an asset of it.

Not here: the assets and jobs (`assets/pulls.py`, `jobs.py`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import dagster as dg

from connectors.clock import Clock
from connectors.errors import NotConfigured
from connectors.pulls.workbench import Workbench
from orchestration.ingest.bench import workbench
from orchestration.ingest.events import Context, Recorder
from orchestration.ingest.gate import Gate
from orchestration.ingest.pulling import Wish, pull_kinds
from orchestration.settings import Settings

MOST_SENTENCES = 50  # in the error of a run; its log has all of them


def _silent(sentence: str) -> None:
    pass


def _quiet(sentence: str, seconds: float) -> None:
    pass


@dataclass
class Around:
    """What surrounds pulls: where accounts come from, a clock, and who hears that something waits, and for how many
    seconds. `failures` of the last pull are left in it."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    clock: Clock | None = None
    waiting: Callable[[str, float], None] = _quiet
    failures: list[str] = field(default_factory=list)

    def bench(self, settings: Settings, **more: Any) -> Workbench:
        """The workbench of a pull in these surroundings. Raises ValueError as `workbench` does."""
        told = {"doing": _silent, "on_wait": self.waiting, **more}
        return workbench(settings, environ=self.environ, clock=self.clock, **told)


def pull(
    context: Context,
    settings: Settings,
    around: Around,
    connector: str,
    kinds: Sequence[str],
    wish: Wish,
    *,
    wanted: Sequence[str] = (),
    accept: str = "",
    at: datetime | None = None,
) -> None:
    """Pulls and records; `wanted` days that could not even be tried are failures too.

    Raises Failure at the end, with one sentence for each thing that failed. Nothing is tried again: what is transient
    was, by the client, and the rest stays as it is until somebody mends it.
    """
    gate = Gate(settings.pulls, accept, f"run {context.run_id[:8]}")
    recorder = Recorder(context, connector, gate)

    def on_wait(sentence: str, seconds: float) -> None:
        context.log.info(f"{sentence} (in {seconds:,.0f} s)")
        around.waiting(sentence, seconds)

    try:
        bench = around.bench(
            settings, doing=context.log.debug, on_wait=on_wait, at=at, gate=gate, told=recorder.tried
        )  # fmt: skip
        bench.check(connector)
    except (NotConfigured, ValueError) as error:
        raise failure(around, [str(error)]) from None
    recorder.bench = bench
    try:
        reports = pull_kinds(bench, connector, kinds, wish, recorder.plan)
    finally:
        recorder.finish()
    failures = [sentence for report in reports.values() for sentence in report.failures]
    for report in reports.values():
        if report.failed:
            context.log.error(report.failed)
        for remark in report.remarks:
            context.log.warning(remark)
    if not any(report.failed for report in reports.values()):
        tried = {one.key for report in reports.values() for one in report.tried}
        failures += [
            f"{connector}, events of {day}: the day is not over there yet" for day in wanted if day not in tried
        ]
    if failures:
        raise failure(around, failures)
    around.failures = []


def failure(around: Around, failures: list[str]) -> dg.Failure:
    """What a step raises that ends with these sentences."""
    around.failures = failures
    shown = failures[:MOST_SENTENCES]
    if more := len(failures) - len(shown):
        shown.append(f"and {more:,} more, which stand in the log of this run")
    return dg.Failure("\n".join(shown), allow_retries=False)
