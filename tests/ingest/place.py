"""A workspace whose vendors are on loopback: pulls through real Dagster runs, on an instance that remembers them.

Not here: what comes out (the tests).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.assets.pulls import pull_assets
from orchestration.ingest.job import pulling
from orchestration.ingest.runs import Around
from orchestration.names import PULL_OP, VENDORS, pull_job, pull_key
from orchestration.settings import Settings
from tests.connectors.world import World, world
from tests.orchestration.workspace import Workspace

QUIETLY = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Place:
    world: World
    workspace: Workspace
    instance: dg.DagsterInstance

    @property
    def settings(self) -> Settings:
        return self.workspace.settings

    def defs(self) -> dg.Definitions:
        """The vendors' part of the code location, which loads no dbt."""
        around = Around(self.world.environ, self.world.clock)
        assets = pull_assets(self.settings, around)
        everything = dg.define_asset_job("everything", executor_def=dg.in_process_executor)
        return dg.Definitions(
            assets=assets, jobs=[everything, *(pulling(self.settings, vendor, around) for vendor in VENDORS)]
        )

    def materialize(
        self, vendor: str, what: str, partition: str | None = None, until: str | None = None
    ) -> dg.ExecuteInProcessResult:
        """As the web page does it: a partition, or a range of them in one run."""
        ends = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
        span = dict(zip(ends, (partition or "", until or ""), strict=True))
        if what == "audiences" and partition and vendor != "netmera":
            self.instance.add_dynamic_partitions(f"{vendor}_audiences", [partition])
        return (
            self.defs()
            .resolve_implicit_global_asset_job_def()
            .execute_in_process(
                partition_key=None if until else partition,
                tags=span if until else None,
                asset_selection=[pull_key(vendor, what)],
                instance=self.instance,
                run_config=QUIETLY,
                raise_on_error=False,
            )
        )

    def pull(self, vendor: str, **config: Any) -> dg.ExecuteInProcessResult:
        """The vendor's job."""
        return (
            self.defs()
            .resolve_job_def(pull_job(vendor))
            .execute_in_process(
                instance=self.instance,
                run_config={"ops": {PULL_OP: {"config": config}}, **QUIETLY},
                raise_on_error=False,
            )
        )

    def shown(self, vendor: str, what: str) -> dict[str | None, dict[str, Any]]:
        """Metadata of the last materialization of each partition."""
        records = self.instance.fetch_materializations(pull_key(vendor, what), limit=100, ascending=True).records
        found = [record.asset_materialization for record in records if record.asset_materialization]
        return {one.partition: {name: value.value for name, value in one.metadata.items()} for one in found}

    def checks(self, vendor: str, what: str, check: str) -> dict[str | None, tuple[bool, str, str | None]]:
        """The last evaluation of each partition: whether it passed, how grave it is, what it says."""
        key = dg.AssetCheckKey(pull_key(vendor, what), check)
        history = self.instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
        found: dict[str | None, tuple[bool, str, str | None]] = {}
        for record in reversed(history):
            if record.evaluation is not None:
                one = record.evaluation
                found[one.partition] = (one.passed, one.severity.value, one.description)
        return found


def failures(result: dg.ExecuteInProcessResult) -> Sequence[str]:
    """What the failed steps say."""
    found = [event.event_specific_data for event in result.all_events if event.is_step_failure]
    return [sentence for one in found for sentence in str(one.user_failure_data.description).splitlines()]


@contextmanager
def a_place(root: Path) -> Iterator[Place]:
    with world(root) as made, dg.DagsterInstance.ephemeral() as instance:
        yield Place(made, Workspace(root), instance)
