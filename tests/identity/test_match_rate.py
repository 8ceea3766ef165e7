"""What people see of the matching: a check and numbers in Dagster, and the way from the vendor to people in `show`."""

from __future__ import annotations

from dataclasses import replace

import dagster as dg
import pytest
from click.testing import CliRunner

from orchestration.cli import main
from orchestration.definitions import build_defs
from orchestration.matching import Matching
from orchestration.names import DAILY_JOB, segment_key
from orchestration.waterfall import Waterfall, waterfalls, worries
from tests.identity.test_connector_segments import pull, rows
from tests.orchestration.workspace import Workspace, a_user, an_event

GOOD = Waterfall("a", "mixpanel", "1", "PN_a", 100, 100, 98, 90, 85, 40, 0.85, None, 1, 8, 2, 1)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (GOOD, []),
        (replace(GOOD, match_rate=0.5), []),
        (
            replace(GOOD, netmera_users=49, match_rate=0.49),
            ["49 of 100 users that Mixpanel reports were found (49.0%, expected 50% or more)"],
        ),
        (replace(GOOD, ambiguous=3), ["3 of 100 rows could be several users (3.0%, expected 2% or less)"]),
        (replace(GOOD, connector_users=101), ["100 rows came where Mixpanel reports 101"]),
        (replace(GOOD, connector_users=None, match_rate=None), []),
        (Waterfall("a", "mixpanel", "1", "PN_a", 0, 0, 0, 0, 0, 0, None, None, 0, 0, 0, 0), []),
    ],
)
def test_a_poor_match_rate_doubtful_ids_and_missing_rows_are_worth_a_look(one: Waterfall, said: list[str]):
    assert worries(one, Matching()) == said


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("match_rate"))
    workspace.land("users", {**a_user("ada"), "external_id": "E1"}, {**a_user("bea"), "external_id": "E2"})
    workspace.land("events", an_event("ada", "purchase", "2026-03-01T09:00:00Z"))
    workspace.land("audiences", pull("1", "PN_poor", "2026-03-01", 3), pull("2", "PN_fine", "2026-03-01", 2))
    workspace.land("audience_members", *rows("1", "2026-03-01", "E1", "E8", "E9"), *rows("2", "2026-03-01", "E1", "E2"))
    workspace.define(
        poor="connector: {mixpanel: {cohort: PN_poor}}",
        fine="connector: {mixpanel: {cohort: PN_fine}}",
        lost="connector: {mixpanel: {cohort: PN_lost}}",
    )
    return workspace


@pytest.mark.long
def test_dagster_checks_the_matching_of_each_connector_segment_and_keeps_its_numbers(workspace: Workspace):
    with dg.DagsterInstance.ephemeral() as instance:
        job = build_defs(workspace.settings).resolve_job_def(DAILY_JOB)
        result = job.execute_in_process(partition_key="2026-03-01", instance=instance, raise_on_error=False)
        assert not result.success  # one cohort did not land; the others are calculated and reported
        told = {
            one.asset_key.path[-1]: one
            for one in result.get_asset_check_evaluations()
            if one.check_name == "match_rate"
        }
        assert {name: one.passed for name, one in told.items()} == {"poor": False, "fine": True, "lost": True}
        assert told["poor"].severity == dg.AssetCheckSeverity.WARN
        assert told["poor"].description == (
            "1 of 3 users that Mixpanel reports were found (33.3%, expected 50% or more)"
        )
        event = instance.get_latest_materialization_event(segment_key("poor"))
        assert event is not None
        assert event.asset_materialization is not None
        numbers = {name: value.value for name, value in event.asset_materialization.metadata.items()}
        assert (numbers["connector_users"], numbers["netmera_users"], numbers["match_rate"]) == (3, 1, 0.3333)
    assert set(waterfalls(workspace.settings, ["poor", "fine", "lost"])) == {"poor", "fine"}


@pytest.mark.long
def test_show_tells_the_way_from_the_vendor_to_people(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    workspace.run("2026-03-02T12:00:00Z")
    monkeypatch.setenv("SEGMENTS_HOME", str(workspace.settings.home))
    shown = CliRunner().invoke(main, ["show", "poor", "--segments", str(workspace.settings.segments)], "segments")
    lines = [" ".join(line.split()) for line in shown.output.splitlines()]
    start = lines.index("Mixpanel cohort PN_poor (1), pulled 1 Mar 2026 02:00 UTC")
    assert lines[start + 2 : start + 11] == [
        "users that Mixpanel reports 3 100.0%",
        "rows that came 3 100.0%",
        "with an identifier 3 100.0%",
        "known here 1 33.3%",
        "users, each once 1 33.3%",
        "reachable by push 0 0.0%",
        "",
        "Rows that led to nobody: 2 not found",
        "To look at: 1 of 3 users that Mixpanel reports were found (33.3%, expected 50% or more)",
    ]
