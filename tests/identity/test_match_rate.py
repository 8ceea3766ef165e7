"""What people see of the matching: checks and numbers in Dagster, and the way from the vendor to people in `show`."""

from __future__ import annotations

from dataclasses import replace

import dagster as dg
import pytest
from click.testing import CliRunner

from orchestration.assets.matching_checks import CHECKS
from orchestration.cli import main
from orchestration.definitions import build_defs
from orchestration.matching import Matching
from orchestration.names import DAILY_JOB, segment_key
from orchestration.waterfall import Waterfall, judge, waterfalls, worries
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


def test_each_worry_is_of_one_check_which_has_its_number_beside_its_limit():
    judged = judge(replace(GOOD, ambiguous=3), Matching(match_rate_below=0.85, ambiguous_above=0.029))
    assert {check for check, about in judged.items() if about.said} == {"ambiguity"}
    assert {check: dict(about.numbers) for check, about in judged.items()} == {
        "match_rate": {"match_rate": 0.85, "match_rate_below": 0.85},
        "ambiguity": {"ambiguous_share": 0.03, "ambiguous_above": 0.029},
        "whole": {"fetched_users": 100, "connector_users": 100},
    }
    unknown = judge(replace(GOOD, connector_users=None, match_rate=None), Matching())
    assert dict(unknown["whole"].numbers) == {"fetched_users": 100}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("match_rate"))
    twins = [{**a_user(name), "external_id": "E3"} for name in ("cem", "dan")]
    workspace.land("users", {**a_user("ada"), "external_id": "E1"}, {**a_user("bea"), "external_id": "E2"}, *twins)
    workspace.land("events", an_event("ada", "purchase", "2026-03-01T09:00:00Z"))
    workspace.land("audiences", pull("1", "PN_poor", "2026-03-01", 3), pull("2", "PN_fine", "2026-03-01", 2),
                   pull("3", "PN_twins", "2026-03-01", 4))  # fmt: skip
    workspace.land("audience_members", *rows("1", "2026-03-01", "E1", "E8", "E9"), *rows("2", "2026-03-01", "E1", "E2"),
                   *rows("3", "2026-03-01", "E1", "E2", "E3"))  # fmt: skip
    workspace.define(
        poor="connector: {mixpanel: {cohort: PN_poor}}",
        fine="connector: {mixpanel: {cohort: PN_fine}}",
        twins="connector: {mixpanel: {cohort: PN_twins}}",
        lost="connector: {mixpanel: {cohort: PN_lost}}",
    )
    return workspace


@pytest.mark.long
def test_dagster_checks_the_matching_of_each_connector_segment_and_keeps_its_numbers(workspace: Workspace):
    with dg.DagsterInstance.ephemeral() as instance:
        job = build_defs(workspace.settings).resolve_job_def(DAILY_JOB)
        result = job.execute_in_process(partition_key="2026-03-01", instance=instance, raise_on_error=False)
        assert not result.success  # one cohort did not land; the others are calculated and reported
        told = {(one.asset_key.path[-1], one.check_name): one for one in result.get_asset_check_evaluations()}
        assert {
            name: " ".join(check for check in CHECKS if not told[name, check].passed)
            for name in ("poor", "fine", "twins", "lost")
        } == {"poor": "match_rate", "fine": "", "twins": "ambiguity whole", "lost": ""}
        poor, twins = told["poor", "match_rate"], told["twins", "ambiguity"]
        assert {poor.severity, twins.severity} == {dg.AssetCheckSeverity.WARN}
        assert poor.description == "1 of 3 users that Mixpanel reports were found (33.3%, expected 50% or more)"
        assert twins.description == "1 of 3 rows could be several users (33.3%, expected 2% or less)"
        numbers = {name: value.value for name, value in twins.metadata.items()}
        assert numbers == {"ambiguous_share": 0.3333, "ambiguous_above": 0.02}
        event = instance.get_latest_materialization_event(segment_key("poor"))
        assert event is not None
        assert event.asset_materialization is not None
        numbers = {name: value.value for name, value in event.asset_materialization.metadata.items()}
        assert (numbers["connector_users"], numbers["netmera_users"], numbers["match_rate"]) == (3, 1, 0.3333)
        assert (numbers["ambiguous_share"], numbers["matched_anew"]) == (0, 3)
    assert set(waterfalls(workspace.settings, ["poor", "fine", "twins", "lost"])) == {"poor", "fine", "twins"}


@pytest.mark.long
def test_what_a_run_did_of_the_matching_is_told_as_well(workspace: Workspace):
    workspace.run("2026-03-02T06:00:00Z")
    assert {name: one.matched_anew for name, one in waterfalls(workspace.settings, ["poor", "twins"]).items()} == {
        "poor": 0, "twins": 0,
    }  # fmt: skip


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
