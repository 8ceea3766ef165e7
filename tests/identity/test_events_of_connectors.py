"""Events that carry a connector's id count for the user whose it is now: nobody, cem, dan, and nobody again.

The tests build on each other's workspace in the order of the file; the events land once, before the first run.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.identity.test_connector_segments import compare_with_fresh
from tests.orchestration.workspace import Workspace, a_user, an_event

pytestmark = pytest.mark.long

RULES = {
    "buyers": "[{did: purchase}]",
    "often": "[{did: purchase, count: {gte: 2}}]",
    "spenders": "[{did: purchase, sum: {of: amount, gte: 30}}]",
    "first_in_february": "[{did: purchase, first_time: true, between: [2026-02-01, 2026-02-28]}]",
    "returned": "[{sequence: [{did: visit}, {did: purchase, after: 3 days}]}]",
    "likes_hats": "[{interest: {event: purchase, property: category, equals: hats, at_least: 50%}}]",
    "daily": "[{regularly: purchase, every: day, in_last: 30, at_least: 2}]",
    "not_a_buyer": "[{did_not: purchase}]",
}
TILES = "select event, ts, person_no, marked from plan.event_tiles order by all"


def of_mixpanel(said: str, name: str, ts: str, **properties: Any) -> dict[str, Any]:
    event = an_event("", name, ts, **properties)
    return {**event, "user_id": None, "source": "mixpanel", "source_user_id": said, "event_id": f"{said}-{ts}"}


def users(**external_ids: str | None) -> list[dict[str, Any]]:
    ids: Mapping[str, str | None] = {"ada": "E1", "cem": None, "dan": None, "eve": "E5", **external_ids}
    return [{**a_user(name), "external_id": one} for name, one in ids.items()]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("events"))
    workspace.land("users", *users())
    workspace.land(
        "events/1",
        an_event("ada", "purchase", "2026-02-20T10:00:00Z", amount=10, category="hats"),
        an_event("cem", "visit", "2026-02-25T10:00:00Z"),
        an_event("cem", "purchase", "2026-03-01T10:00:00Z", amount=10, category="shoes"),
        an_event("dan", "visit", "2026-02-27T10:00:00Z"),
        of_mixpanel("E3", "purchase", "2026-02-26T10:00:00Z", amount=20, category="hats"),
        of_mixpanel("E3", "purchase", "2026-02-28T10:00:00Z", amount=5, category="hats"),
        of_mixpanel("nobody", "purchase", "2026-02-26T10:00:00Z", amount=20),
        {
            **of_mixpanel("E5", "visit", "2026-02-26T10:00:00Z"),
            "user_id": "ada",
        },  # ours is known, theirs does not count
    )
    workspace.define(**RULES)
    workspace.run("2026-03-02")
    # A mark on the tiles that only cutting anew takes away.
    workspace.rows("alter table plan.event_tiles add column marked integer default 1")
    return workspace


def test_an_id_that_belongs_to_nobody_counts_for_nobody(workspace: Workspace):
    members = workspace.members()
    assert members["buyers"] == "ada cem"
    assert members["not_a_buyer"] == "dan eve"
    assert "often" not in members
    assert workspace.rows("select source_user_id, outcome from identity.source_people order by all") == [
        ("E3", "not_found"), ("nobody", "not_found"),
    ]  # fmt: skip


def run_with_the_same_events(workspace: Workspace, as_of: str) -> dict[str, str]:
    """Members after a run that cut no tile and read no event."""
    before = workspace.rows(TILES), workspace.rows("from plan.tile_days order by all")
    workspace.run(as_of)
    assert (workspace.rows(TILES), workspace.rows("from plan.tile_days order by all")) == before
    return workspace.members()


def test_a_match_that_comes_later_corrects_history(workspace: Workspace, tmp_path: Path):
    workspace.land("users", *users(cem=" E3 "))
    members = run_with_the_same_events(workspace, "2026-03-03")
    assert members == {
        "buyers": "ada cem", "often": "cem", "spenders": "cem", "first_in_february": "ada cem", "returned": "cem",
        "likes_hats": "ada cem", "daily": "cem", "not_a_buyer": "dan eve",
    }  # fmt: skip
    compare_with_fresh(workspace, "2026-03-03", tmp_path)


def test_an_id_that_moves_takes_its_history_along(workspace: Workspace, tmp_path: Path):
    workspace.land("users", *users(dan="E3"))
    members = run_with_the_same_events(workspace, "2026-03-04")
    assert members == {
        "buyers": "ada cem dan", "often": "dan", "first_in_february": "ada dan", "returned": "dan",
        "likes_hats": "ada dan", "daily": "dan", "not_a_buyer": "eve",
    }  # fmt: skip
    compare_with_fresh(workspace, "2026-03-04", tmp_path)


def test_an_id_of_two_users_counts_for_neither(workspace: Workspace, tmp_path: Path):
    # As a version of the project that did not carry matches over has left its warehouse.
    workspace.rows("drop table identity.user_ids cascade")
    for table in ("audience_ids", "source_people"):
        workspace.rows(f"create or replace table identity.{table} as select * exclude (is_anew, rules, state) from"
                       f" identity.{table}")  # fmt: skip
    workspace.land("users", *users(cem="E3", dan="E3"))
    members = run_with_the_same_events(workspace, "2026-03-05")
    assert members["buyers"] == "ada cem"
    assert members["not_a_buyer"] == "dan eve"
    assert "often" not in members
    compare_with_fresh(workspace, "2026-03-05", tmp_path)


def test_an_audience_that_knows_the_e_mail_of_an_id_says_whose_it_is(workspace: Workspace, tmp_path: Path):
    workspace.land("users", *users(), {**a_user("fay"), "email": "fay@x.test"})
    row = {"connector": "mixpanel", "audience_id": "1", "fetched_at": "2026-03-05T02:00:00Z"}
    workspace.land("audiences", {**row, "name": "PN_a", "reported_users": 1})
    workspace.land("audience_members", {**row, "connector_user_id": "E3", "email": "Fay@X.test"})
    members = run_with_the_same_events(workspace, "2026-03-06")
    assert members["buyers"] == "ada cem fay"
    assert members["often"] == members["daily"] == "fay"
    assert workspace.rows("select source_user_id, outcome, strategy from identity.source_people order by all") == [
        ("E3", "matched", "email"), ("nobody", "not_found", None),
    ]  # fmt: skip
    compare_with_fresh(workspace, "2026-03-06", tmp_path)


def test_without_matched_ids_conditions_read_the_tiles_themselves(workspace: Workspace):
    def definition() -> str:
        return str(workspace.rows("select sql from duckdb_views() where view_name = 'person_events'")[0][0])

    assert "JOIN" in definition().upper()
    workspace.unland("audience_members")
    workspace.unland("audiences")
    workspace.run("2026-03-07")
    assert "JOIN" not in definition().upper()
    assert workspace.members()["buyers"] == "ada cem"
