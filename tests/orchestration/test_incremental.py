"""Day by day comes to the same as all at once, and only the days that changed are cut anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.orchestration.story import arrive, begin
from tests.orchestration.workspace import Workspace, a_user, an_event

pytestmark = pytest.mark.long

TILES = """
    select p.id, t.* exclude (person_no) from plan.event_tiles as t
    join staging.people as p using (person_no) order by all
"""
CHANGES = ("late", "replaced", "vanished", "new people")


def disturb(workspace: Workspace, change: str) -> None:
    if change == "late":  # a quiet day of weeks ago, and one that has events already
        workspace.land(
            "events/late",
            an_event("dan", "purchase", "2026-02-11T08:00:00Z"),
            an_event("dan", "purchase", "2026-03-01T08:00:00Z"),
        )
    if change == "replaced":
        workspace.land("events/second", an_event("bea", "purchase", "2026-03-02T21:30:00Z"))
    if change == "vanished":
        workspace.unland("events/before")
    if change == "new people":  # whose ids come before those that have numbers already
        workspace.land("users", *(a_user(name, tier="gold") for name in ("aaa", "ada", "bea", "cem", "dan")))
        workspace.land("events/new", an_event("aaa", "purchase", "2026-03-04T08:00:00Z"))


@pytest.fixture(scope="module")
def by_days(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = begin(Workspace(tmp_path_factory.mktemp("by_days"), "Europe/Istanbul"))
    workspace.define(often="[{did: purchase, count: {gte: 2}}]")
    workspace.run("2026-03-02")
    arrive(workspace, "2026-03-03")
    workspace.run("2026-03-03")
    return workspace


@pytest.mark.parametrize("change", CHANGES)
def test_members_and_tiles_are_those_of_a_fresh_warehouse(by_days: Workspace, change: str, tmp_path: Path):
    disturb(by_days, change)
    as_of = f"2026-03-0{4 + CHANGES.index(change)}"
    by_days.run(as_of)
    fresh = Workspace(tmp_path, by_days.zone)
    for folder in ("landing", "segments"):
        (fresh.root / folder).symlink_to(by_days.root / folder, target_is_directory=True)
    fresh.run(as_of)
    assert by_days.members() == fresh.members()
    assert by_days.rows(TILES) == fresh.rows(TILES)
    sizes = "select segment, users from segments.segments order by segment"
    assert by_days.rows(sizes) == fresh.rows(sizes)


def with_marked_tiles(root: Path) -> Workspace:
    """After a run, with a mark on every row of the tiles that only cutting anew takes away."""
    workspace = begin(Workspace(root, "Europe/Istanbul"))
    workspace.define(in_rome="[{did: purchase, near: {city: Rome}}]")  # so that tiles hold the city
    workspace.run("2026-03-03")
    workspace.rows("update plan.event_tiles set city = 'as it was'")
    return workspace


def test_a_late_event_cuts_only_its_own_day_anew(tmp_path: Path):
    workspace = with_marked_tiles(tmp_path)
    workspace.land("events/late", an_event("bea", "purchase", "2026-02-26T23:00:00Z"))
    workspace.run("2026-03-04")
    told = workspace.rows("select day::varchar, city, count(*) from plan.event_tiles group by all order by all")
    assert told == [("2026-02-26", None, 2), ("2026-03-01", "as it was", 1)]


def test_other_rules_about_the_same_events_leave_the_tiles_alone(tmp_path: Path):
    workspace = with_marked_tiles(tmp_path)
    workspace.define(buyers="[{did: purchase, within: 5 days, count: {gte: 2}}]")
    workspace.run("2026-03-03")
    assert workspace.rows("select distinct city from plan.event_tiles") == [("as it was",)]
    workspace.define(visitors="[{did: visit}]")
    workspace.run("2026-03-03")
    assert workspace.rows("select distinct city from plan.event_tiles") == [(None,)]
    assert workspace.members()["visitors"] == "cem"
