"""The health report of whole runs: costs that add up to what was measured; the page says what the command says."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import dagster as dg
import pytest
from click.testing import CliRunner

from orchestration.cli import main
from orchestration.definitions import build_defs
from orchestration.health.report import health
from orchestration.names import AS_OF_TAG, DAILY_JOB, HEALTH_JOB, HEALTH_KEY, SEGMENTS_JOB, segment_key
from tests.orchestration.workspace import Workspace, a_user, an_event

COSTS = "select segment, seconds, rows, bytes, read_rows, member_rows from segments.segment_costs"
GOLD = "who: [{attribute: tier, equals: gold}]\n"


class Place:
    """A workspace, and an instance that remembers its runs."""

    def __init__(self, workspace: Workspace, instance: dg.DagsterInstance) -> None:
        self.workspace, self.instance = workspace, instance

    def execute(
        self, job: str, day: str | None = None, as_of: str | None = None, only: Sequence[str] = ()
    ) -> dg.ExecuteInProcessResult:
        return build_defs(self.workspace.settings).resolve_job_def(job).execute_in_process(
            partition_key=day,
            instance=self.instance,
            asset_selection=[segment_key(name) for name in only] or None,
            tags={AS_OF_TAG: self.workspace.moment(as_of).isoformat()} if as_of else None,
            raise_on_error=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory):
    """One daily run through Dagster, in which a cohort is missing."""
    workspace = Workspace(tmp_path_factory.mktemp("health"))
    workspace.define(
        gold=GOLD + "created_on: 2025-01-01\n",
        gold_again=GOLD,
        buyers="created_on: 2025-01-01\nwho: [{did: purchase, within: 30 days}]\n",
        eager_buyers="who: [{did: purchase, within: 30 days}, {did: visit}]\n",
        drafted="created_on: 2025-01-01\nwho: [{did: visit}]\n",
        lost="connector: {mixpanel: {cohort: PN_lost}}\n",
    )
    workspace.land("users", *(a_user(name, tier="gold") for name in ("ada", "bea")), a_user("cem"), a_user("dan"))
    workspace.land(
        "events",
        *(an_event(name, "purchase", "2026-03-01T10:00:00Z") for name in ("ada", "bea", "cem")),
        an_event("dan", "purchase", "2025-01-01T10:00:00Z"),
        *(an_event(name, "visit", "2026-03-01T11:00:00Z") for name in ("ada", "dan")),
    )
    sent_at = "2025-06-02T00:00:00Z"
    push = {"title": "Hi", "channel": "push", "created_at": "2025-06-01T00:00:00Z"}
    workspace.land(
        "messages",
        {"message_id": "m1", "status": "sent", "segments": '["buyers"]', "sent_at": sent_at, **push},
        {"message_id": "m2", "status": "draft", "segments": '["drafted"]', **push},
    )
    workspace.land("message_events", {"message_id": "m1", "user_id": "ada", "kind": "sent", "ts": sent_at})
    with dg.DagsterInstance.ephemeral() as instance:
        place = Place(workspace, instance)
        assert not place.execute(DAILY_JOB, "2026-03-01").success  # for want of the cohort, and the others are there
        yield place


@pytest.mark.long
def test_the_seconds_of_all_nodes_of_a_run_are_shared_out_and_add_up(place: Place):
    nodes = dict(place.workspace.rows("select node, sum(seconds) from raw.run_costs group by node"))
    assert {"stg_users", "event_tiles", "segment_stays", "segments", "assert_sizes_follow_from_flows"} <= set(nodes)
    ((seconds,),) = place.workspace.rows("select sum(seconds) from segments.segment_costs")
    assert seconds == pytest.approx(sum(nodes.values()))
    assert min(second for _, second, *_ in place.workspace.rows(COSTS)) > 0


@pytest.mark.long
def test_rows_are_those_that_conditions_look_at_and_those_of_members(place: Place):
    found = {name: (read, members) for name, _, _, _, read, members in place.workspace.rows(COSTS)}
    # Three purchases of 30 days are asked for by two, and so are two visits; four users are looked at for two.
    assert {name: found[name] for name in ("gold", "gold_again", "buyers", "eager_buyers", "drafted")} == {
        "gold": (2, 2), "gold_again": (2, 2), "buyers": (2, 3), "eager_buyers": (1 + 1, 1), "drafted": (1, 2),
    }  # fmt: skip
    assert "lost" not in found
    ((members,),) = place.workspace.rows("select count(*) from segments.segment_members")
    assert sum(own for _, own in found.values()) == members
    assert all(rows == read + own and size > 0 for _, _, rows, size, read, own in place.workspace.rows(COSTS) if rows)


@pytest.mark.long
def test_the_page_and_the_command_tell_the_same_and_name_nobody(place: Place, monkeypatch: pytest.MonkeyPatch):
    workspace = place.workspace
    assert place.execute(HEALTH_JOB, as_of="2026-03-02T07:00:00Z").success
    report = health(workspace.settings, workspace.moment("2026-03-02T07:00:00Z"))
    assert {(one.kind, one.segment) for one in report.findings} == {
        ("failing", "lost"), ("duplicate", "gold"), ("unused", "gold"), ("unused", "buyers"),
    }  # fmt: skip
    assert (report.judged, report.runs, report.counts["unused"]) == (6, 1, 2)
    event = place.instance.get_latest_materialization_event(HEALTH_KEY)
    assert event is not None
    assert event.asset_materialization is not None
    told = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    assert {kind: told[kind] for kind in report.counts} == dict(report.counts)
    assert told["seconds"] == round(report.seconds, 3)
    assert sum(one.seconds for one in report.costs) == pytest.approx(report.seconds)
    page = str(told["report"])
    assert "3 of 6 segments are worth a look" in page
    assert "- `gold`: has the same rule as gold\\_again" in page
    assert "| `buyers` | 1 |" in page
    names = [name for (name,) in workspace.rows("select user_id from staging.stg_users")]
    assert not [name for name in names if re.search(rf"\b{name}\b", repr(told))]

    monkeypatch.setenv("SEGMENTS_HOME", str(workspace.settings.home))
    monkeypatch.setattr("orchestration.cli.health.wall_clock", lambda: workspace.moment("2026-03-02T07:00:00Z"))
    call = ["health", "--segments", str(workspace.settings.segments)]
    result = CliRunner().invoke(main, [*call, "--json"], "segments")
    data = json.loads(result.stdout)
    assert result.exit_code == 0
    assert data["counts"] == dict(report.counts)
    assert data["cards"]["active_segment_count"]["value"] == len(
        workspace.rows("select segment from segments.segments where status not in ('not_active', 'deleted')")
    )
    assert f"{data['cards']['active_segment_count']['value']:.0f} active" in page
    assert [(one["kind"], one["segment"], one["said"]) for one in data["findings"]] == [
        (one.kind, one.segment, one.said) for one in report.findings
    ]
    lines = CliRunner().invoke(main, call, "segments").output.splitlines()
    assert lines[0] == "As of 2 Mar 2026 07:00 UTC: 3 of 6 segments are worth a look"
    assert "  gold: has the same rule as gold_again" in lines


@pytest.mark.long
def test_members_that_no_run_renews_are_stale_by_the_next_morning(place: Place):
    report = health(place.workspace.settings, place.workspace.moment("2026-03-03T07:00:00Z"))
    assert sorted(one.segment for one in report.findings if one.kind == "stale") == [
        "buyers", "drafted", "eager_buyers", "gold", "gold_again",
    ]  # fmt: skip
    later = health(place.workspace.settings, place.workspace.moment("2026-03-10T07:00:00Z"))
    assert (later.runs, later.costs) == (0, ())


@pytest.mark.long
def test_a_refresh_costs_what_it_computes_and_says_that_the_size_is_out_of_line(place: Place):
    workspace = place.workspace
    workspace.rows(
        "insert into state.segment_size_log by name"
        " select 0 as run_no, segment_no, as_of - interval 1 day * n as as_of,"
        " day - n::integer as day, 100 as users, 0 as ios, 0 as android, 0 as web, 0 as entered, 0 as left_count"
        " from state.segment_size_log join state.segment_names using (segment_no), range(1, 8) as days(n)"
        " where segment = 'buyers'"
    )
    result = place.execute(SEGMENTS_JOB, "2026-03-02", "2026-03-02T08:00:00Z", only=["buyers"])
    assert result.success
    latest = "select segment from segments.segment_costs where as_of = '2026-03-02 08:00:00'"
    assert workspace.rows(latest) == [("buyers",)]
    told = {one.check_name: one for one in result.get_asset_check_evaluations()}
    assert set(told) == {"recalculated", "freshness", "size_band"}
    assert (told["size_band"].passed, told["size_band"].severity) == (False, dg.AssetCheckSeverity.WARN)
    assert told["size_band"].description == "3 users, expected 70 to 130: the median of 8 recorded days is 100"
    report = health(workspace.settings, workspace.moment("2026-03-02T09:00:00Z"))
    assert [(one.segment, one.said) for one in report.findings if one.kind == "shrinking"] == [
        ("buyers", "has 3 users, 3% of 100, the median of 8 days")
    ]


@pytest.mark.long
def test_what_an_unpublished_run_cost_is_not_seen(place: Place):
    before = place.workspace.rows(f"{COSTS} order by all")
    place.workspace.rows("insert into raw.segment_costs values (99, 'buyers', 1, 1, 1, 1)")
    assert place.workspace.rows(f"{COSTS} order by all") == before
