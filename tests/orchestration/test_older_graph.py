"""Dagster's graph is as old as its last reload; what models read follows the segment files of the run at hand."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from orchestration.definitions import build_defs
from orchestration.manifest import STAMP
from orchestration.names import AS_OF_TAG, DAILY_JOB
from tests.orchestration.workspace import Workspace, a_user, an_event

pytestmark = pytest.mark.long


def test_a_run_after_the_last_predictive_segment_is_gone_ends_well(tmp_path: Path):
    shop = Workspace(tmp_path)
    shop.land("users", a_user("ada"))
    shop.land("events", an_event("ada", "purchase", "2026-03-01T10:00:00Z"))
    predict = "predict: {event: purchase, learn_from: 9 days, predict: 2 days, %s}\n"
    shop.define(buyers="[{did: purchase}]", likely=predict % "precision: 0.5", most=predict % "band: most")
    shop.run("2026-03-02")
    (shop.settings.project / "target" / STAMP).unlink(missing_ok=True)  # as after a new version of the models
    defs = build_defs(shop.settings)
    shop.undefine("likely")
    shop.undefine("most")
    with dg.DagsterInstance.ephemeral() as instance:
        run = defs.resolve_job_def(DAILY_JOB).execute_in_process(
            partition_key="2026-03-02",
            instance=instance,
            tags={AS_OF_TAG: shop.moment("2026-03-03").isoformat()},
            raise_on_error=False,
        )
    assert shop.statuses() == {"buyers": "ready", "likely": "deleted", "most": "deleted"}
    failed = [event.step_key for event in run.all_events if event.is_step_failure]
    assert (run.success, failed) == (True, [])
