"""Connector segments from day to day: who is in, what is published, and pulls that went wrong.

The tests build on each other's workspace in the order of the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.orchestration.workspace import Workspace, a_device, a_user, an_event

pytestmark = pytest.mark.long

COLUMNS = """
    connector_users, fetched_users, with_identifier, known, netmera_users, reachable_push, match_rate,
    no_identifier, not_found, ambiguous, invalid_format, status
"""


USERS = (
    {**a_user("ada"), "external_id": "E1"},
    {**a_user("bea"), "external_id": "E2", "email": "bea@x.test"},
    {**a_user("cem"), "external_id": "E3"},
    {**a_user("dan"), "external_id": "E3"},
    {**a_user("eve"), "external_id": "E5"},
)


def pull(audience_id: str, name: str, day: str, reported: int) -> dict[str, Any]:
    return {
        "connector": "mixpanel", "audience_id": audience_id, "name": name, "description": f"About {name}",
        "reported_users": reported, "fetched_at": f"{day}T02:00:00Z",
    }  # fmt: skip


def rows(audience_id: str, day: str, *ids: str, **emails: str) -> list[dict[str, Any]]:
    """Rows of a pull, by id alone or by id and e-mail."""
    row = {"connector": "mixpanel", "audience_id": audience_id, "fetched_at": f"{day}T02:00:00Z"}
    return [{**row, "connector_user_id": one, "email": emails.get(one)} for one in (*ids, *emails)]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("connectors"))
    workspace.land("users", *USERS)
    workspace.land(
        "devices",
        a_device("ada", "ios", has_token=True, push_permission=True),
        a_device("bea", "android", has_token=True, push_permission=True),
        a_device("eve", "web", has_token=True, push_permission=True),
    )
    workspace.land("blacklist", {"user_id": "bea", "channel": "push", "listed": True, "at": "2026-02-01T00:00:00Z"})
    workspace.land("events/1", an_event("ada", "purchase", "2026-03-01T09:00:00Z"))
    workspace.land("audiences/1", pull("1", "PN_lapsed", "2026-03-02", 9), pull("2", "PN_unused", "2026-03-02", 1))
    workspace.land(
        "audience_members/1",
        *rows("1", "2026-03-02", "E1", "E3", "E5", "", "nobody", unknown="BEA@x.test", E2="?"),
        {**rows("1", "2026-03-02", "")[0], "msisdn": "0532"},
        *rows("2", "2026-03-02", "E1"),
    )
    workspace.define(
        lapsed="connector: {mixpanel: {cohort: PN_lapsed}}",
        by_id='connector: {mixpanel: {cohort: "1"}}\nexclude: [buyers]',
        buyers="[{did: purchase}]",
        both="[{segment: lapsed}, {segment: buyers}]",
        reached="[{reachable: push}, {segment: lapsed}]",
        unknown="connector: {mixpanel: {cohort: PN_laps}}",
        another="connector: {amplitude: {cohort: Openers}}",
    )
    workspace.run("2026-03-02")
    return workspace


def compare_with_fresh(workspace: Workspace, as_of: str, root: Path) -> None:
    """The published matching and the members against those of a workspace that has run once, on the same files."""
    fresh = Workspace(root)
    for folder in ("landing", "segments"):
        (fresh.root / folder).symlink_to(workspace.root / folder, target_is_directory=True)
    fresh.run(as_of)
    assert fresh.members() == workspace.members()
    public = ("connector_segments", "id_matches")
    assert fresh.public(*public) == workspace.public(*public)


def row_of(workspace: Workspace, segment: str) -> tuple[Any, ...]:
    return workspace.rows(f"select {COLUMNS} from segments.connector_segments where segment = '{segment}'")[0]


def test_members_are_users_found_each_once_and_take_part_in_everything(workspace: Workspace):
    assert workspace.members() == {
        "lapsed": "ada bea eve", "by_id": "bea eve", "buyers": "ada", "both": "ada", "reached": "ada",
    }  # fmt: skip
    assert workspace.changes("2026-03-02")[-1] == ("reached", "entered", "initial", "ada")
    # Nobody was created for the ids that found nobody.
    assert workspace.rows("select count(*) from plan.user_profiles") == [(5,)]


def test_the_way_from_the_vendor_to_people_is_published(workspace: Workspace):
    expected = (9, 8, 6, 5, 3, 1, 3 / 9, 1, 1, 1, 1, "ready")
    assert row_of(workspace, "lapsed") == expected
    assert row_of(workspace, "by_id") == expected  # the audience's numbers, whatever the segment leaves out
    assert len(workspace.members()["reached"].split()) == expected[5]
    names = workspace.rows(
        "select segment, segment_name, description, updated_at::varchar from segments.connector_segments order by all"
    )
    at = "2026-03-02 02:00:00"
    assert names == [
        ("by_id", "PN_lapsed", "About PN_lapsed", at),
        ("lapsed", "PN_lapsed", "About PN_lapsed", at),
        (None, "PN_unused", "About PN_unused", at),
    ]
    told = workspace.rows(
        "select connector_user_id, outcome, strategy, user_id from segments.id_matches where audience_id = '1'"
        " order by all"
    )
    assert told == [
        ("", "invalid_format", None, None),
        ("", "no_identifier", None, None),
        ("E1", "matched", "external_id", "ada"),
        ("E2", "matched", "external_id", "bea"),
        ("E3", "ambiguous", "external_id", None),
        ("E5", "matched", "external_id", "eve"),
        ("nobody", "not_found", None, None),
        ("unknown", "matched", "email", "bea"),
    ]


def test_a_cohort_that_did_not_land_fails_alone(workspace: Workspace):
    failed = {name: workspace.reason(name) for name, status in workspace.statuses().items() if status == "failed"}
    assert set(failed) == {"unknown", "another"}
    assert failed["unknown"].endswith("landed are PN_lapsed (1), PN_unused (2); did you mean 'PN_lapsed'?")
    assert failed["another"].startswith("no cohort of Amplitude has landed yet")
    workspace.undefine("unknown")
    workspace.undefine("another")


def test_a_short_pull_keeps_the_members_and_makes_the_segment_stale(workspace: Workspace):
    workspace.land("audiences/2", pull("1", "PN_lapsed", "2026-03-03", 9))
    workspace.land("audience_members/2", *rows("1", "2026-03-03", "E1"))
    workspace.run("2026-03-03")
    assert workspace.members()["lapsed"] == "ada bea eve"
    assert workspace.statuses() == {
        "another": "deleted", "both": "stale", "buyers": "ready", "by_id": "stale", "lapsed": "stale",
        "reached": "stale", "unknown": "deleted",
    }  # fmt: skip
    reason = (
        "the last pull of cohort PN_lapsed (1) at 2026-03-03 02:00 UTC brought 1 of 9 users: the 8 users of the pull at"
        " 2026-03-02 02:00 UTC stay"
    )
    assert workspace.reason("lapsed") == reason
    assert workspace.reason("both") == f"reads segment lapsed, which rests on older data: {reason}"
    assert row_of(workspace, "lapsed")[:5] == (9, 8, 6, 5, 3)
    # The rows that did come are told all the same, as those of that pull.
    assert workspace.rows("select fetched_at::date::varchar, count(*) from segments.id_matches where audience_id = '1'"
                          " group by all order by all") == [("2026-03-02", 8), ("2026-03-03", 1)]  # fmt: skip


def test_a_whole_pull_replaces_the_members_and_an_empty_audience_is_one(workspace: Workspace):
    workspace.land("audiences/3", pull("1", "PN_lapsed", "2026-03-04", 2), pull("2", "PN_unused", "2026-03-04", 0))
    workspace.land("audience_members/3", *rows("1", "2026-03-04", "E2", "E5"))
    workspace.define(unused="connector: {mixpanel: {cohort: PN_unused}}")
    workspace.run("2026-03-04")
    assert workspace.members() == {"lapsed": "bea eve", "by_id": "bea eve", "buyers": "ada"}
    assert workspace.changes("2026-03-04")[-2:] == [
        ("lapsed", "left", "data", "ada"),
        ("reached", "left", "data", "ada"),
    ]
    assert {status for name, status in workspace.statuses().items() if name not in ("another", "unknown")} == {"ready"}
    assert row_of(workspace, "lapsed") == (2, 2, 2, 2, 2, 0, 1.0, 0, 0, 0, 0, "ready")
    assert row_of(workspace, "unused") == (0, 0, 0, 0, 0, 0, None, 0, 0, 0, 0, "ready")


def test_an_audience_renamed_at_the_vendor_fails_by_name_and_not_by_id(workspace: Workspace):
    workspace.land("audiences/4", pull("1", "PN_gone_quiet", "2026-03-05", 1))
    workspace.land("audience_members/4", *rows("1", "2026-03-05", "E2"))
    workspace.run("2026-03-05")
    assert workspace.statuses()["lapsed"] == "failed"
    assert workspace.members()["lapsed"] == "bea eve"
    assert workspace.members()["by_id"] == "bea"
    workspace.define(lapsed="connector: {mixpanel: {cohort: PN_gone_quiet}}")
    workspace.run("2026-03-05T12:00:00Z", only=["lapsed"])
    assert workspace.members()["lapsed"] == "bea"
    assert row_of(workspace, "by_id")[:2] == (1, 1)


def test_day_by_day_comes_to_the_same_as_all_at_once(workspace: Workspace, tmp_path: Path):
    workspace.run("2026-03-06")
    # The run before had the same pulls and users: no match was made anew, and no row of a pull written again.
    assert workspace.rows("select sum(matched_anew), max(written_in) < max(run_no) from state.matched_pulls") == [
        (0, True)
    ]
    compare_with_fresh(workspace, "2026-03-06", tmp_path)


def test_a_run_that_dies_shows_nothing_of_its_pulls(workspace: Workspace, tmp_path: Path):
    public = ("connector_segments", "id_matches")
    before = workspace.public(*public)
    workspace.land("audiences/5", pull("1", "PN_gone_quiet", "2026-03-06", 2))
    workspace.land("audience_members/5", *rows("1", "2026-03-06", "E1", "E5"))
    workspace.land("audience_members/3", *rows("1", "2026-03-04", "E2", "E1"))  # replaced, with as many rows
    workspace.land("users", *USERS[1:], {**USERS[0], "external_id": "E9"}, {**a_user("fay"), "external_id": "E1"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("orchestration.recalculation.publish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            workspace.run("2026-03-07")
    assert workspace.public(*public) == before
    assert workspace.members()["lapsed"] == "bea"
    workspace.run("2026-03-07")
    assert workspace.members()["lapsed"] == "eve fay"
    assert row_of(workspace, "lapsed")[:2] == (2, 2)
    assert workspace.public("id_matches") != before["id_matches"]
    compare_with_fresh(workspace, "2026-03-07", tmp_path)


def test_a_pull_that_lands_while_a_run_is_on_its_way_publishes_nothing(workspace: Workspace):
    from orchestration import recalculation

    build = recalculation.dbt

    def members_go(*arguments: Any, **options: Any) -> Any:
        workspace.land("audience_members/5", *rows("1", "2026-03-06", "E1"))
        return build(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recalculation, "dbt", members_go)
        with pytest.raises(recalculation.DbtFailed, match="assert_every_fetched_row_has_an_outcome"):
            workspace.run("2026-03-08")
    assert workspace.members()["lapsed"] == "eve fay"
