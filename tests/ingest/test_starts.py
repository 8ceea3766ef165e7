"""What starts a pull: the nightly schedule of each vendor, and other programs in their own process."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
import pytest

from orchestration.ingest.runs import Around
from orchestration.instance import open_instance
from orchestration.launch import launch_pull
from orchestration.names import VENDORS, pull_job, pull_key
from orchestration.schedules import schedules
from segmentation.language.folder import load_texts
from tests.ingest.place import Place


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendor_is_pulled_every_night_once_its_account_is_configured(place: Place, vendor: str):
    environ = place.world.environ
    folder = load_texts({})
    (one,) = [
        each for each in schedules(place.settings, folder, Around(environ)) if each.name == pull_job(vendor)
    ]  # fmt: skip
    assert (one.cron_schedule, one.execution_timezone) == ("30 2 * * *", "UTC")
    assert one.default_status == dg.DefaultScheduleStatus.RUNNING
    tick = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 1, 15, 2, 30, tzinfo=UTC))
    asked = one.evaluate_tick(tick)
    assert [request.run_config for request in asked.run_requests or []] == [{}]
    environ.clear()
    skipped = one.evaluate_tick(tick)
    assert not skipped.run_requests
    assert "is missing" in str(skipped.skip_message)


def test_another_program_pulls_in_its_own_process_and_the_workspace_remembers(place: Place):
    environ = place.world.environ
    at = datetime(2026, 1, 15, 12, tzinfo=UTC)
    told = launch_pull(
        place.settings, "mixpanel", what=["audiences"], audiences=["41001", "7"], at=at, environ=environ
    )  # fmt: skip
    assert told == ["mixpanel, list of cohorts: there is no cohort with the id or name '7'"]
    assert {row["fetched_at"] for row in place.world.rows("audiences/mixpanel-41001")} == {at}
    with open_instance(place.settings) as instance:
        assert instance.get_materialized_partitions(pull_key("mixpanel", "audiences")) == {"41001"}
        (run,) = instance.get_runs()
        assert (run.job_name, run.status) == ("pull_mixpanel", dg.DagsterRunStatus.FAILURE)
    assert launch_pull(place.settings, "netmera", what=["users"], environ=environ) == []
    assert launch_pull(place.settings, "netmera", what=["events"], environ=environ) == [
        "netmera gives no events, only audiences, users, messages"
    ]
    assert launch_pull(place.settings, "netmera", environ={}) == [
        "netmera, settings: the environment variable NETMERA_API_KEY is missing"
    ]
