"""One bad segment fails alone: broken files, lost attributes, edits, deletions and pauses, day by day.

The tests build on each other's workspace in the order of the file.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.orchestration.workspace import Workspace, a_user, an_event

GOLD = "who:\n  - {attribute: tier, equals: gold}\n"
USERS = (a_user("ada", tier="gold"), a_user("bea", tier="gold"), a_user("cem", tier="basic"), a_user("dan", tier=None))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("apart"))
    workspace.define(
        gold=GOLD,
        gold_buyers="[{segment: gold}, {segment: buyers}]",
        buyers="[{did: purchase, within: 2 days}]",
        basic="[{attribute: tier, equals: basic}]",
        readers_of_basic="[{not: {segment: basic}}]",
    )
    workspace.land("users", *USERS)
    for day in range(1, 8):
        workspace.land(f"events/{day}", an_event("ada" if day < 3 else "bea", "purchase", f"2026-03-0{day}T09:00:00Z"))
    workspace.run("2026-03-02")
    return workspace


def test_a_broken_file_fails_alone_and_keeps_its_last_good_members(workspace: Workspace):
    workspace.define(gold="who:\n  - {atribute: tier, equals: gold}\n")
    workspace.land("users", *USERS, a_user("eve", tier="basic"))
    prepared = workspace.run("2026-03-04")
    assert workspace.statuses() == {
        "basic": "ready", "buyers": "ready", "gold": "failed", "gold_buyers": "stale", "readers_of_basic": "ready",
    }  # fmt: skip
    assert workspace.members() == {
        "basic": "cem eve", "buyers": "ada bea", "gold": "ada bea", "gold_buyers": "ada bea",
        "readers_of_basic": "ada bea dan",
    }  # fmt: skip
    assert f"{Path('segments') / 'gold.yml'}:3: found unknown word 'atribute'" in workspace.reason("gold")
    assert workspace.reason("gold_buyers").startswith("reads segment gold, whose last recalculation failed")
    assert set(prepared.failures) == {"gold"}
    assert len(prepared.problems) == 1
    updated = dict(workspace.rows("select segment, updated_at::date::varchar from segments.segments"))
    assert {name: day for name, day in updated.items() if day != "2026-03-04"} == {"gold": "2026-03-02"}


def test_a_broken_file_that_nobody_repairs_stays_failed_and_those_that_read_it_stale(workspace: Workspace):
    workspace.run("2026-03-04T12:00:00Z", only=["buyers"])
    assert {name for name, status in workspace.statuses().items() if status != "ready"} == {"gold", "gold_buyers"}
    assert workspace.statuses()["gold_buyers"] == "stale"


def test_edits_deletions_and_pauses_are_told_apart_from_data(workspace: Workspace):
    workspace.define(gold=GOLD.replace("gold", "basic"), basic="paused: true\n" + GOLD)
    workspace.undefine("buyers")
    workspace.define(gold_buyers="[{segment: gold}]")
    workspace.run("2026-03-05")
    assert workspace.statuses() == {
        "basic": "not_active", "buyers": "deleted",
        "gold": "ready", "gold_buyers": "ready", "readers_of_basic": "ready",
    }  # fmt: skip
    assert workspace.members() == {
        "basic": "cem eve", "gold": "cem eve", "gold_buyers": "cem eve",
        "readers_of_basic": "ada bea dan",  # it reads the members of a paused segment as they were
    }  # fmt: skip
    causes = {cause for _, _, cause, _ in workspace.changes("2026-03-05")}
    assert causes == {"definition"}
    assert [
        who for name, change, _, who in workspace.changes("2026-03-05") if (name, change) == ("buyers", "left")
    ] == [
        "ada",
        "bea",
    ]
    assert workspace.days("buyers")["2026-03-04"] == (0, 0, 2)


def test_a_lost_attribute_fails_its_segments_until_it_is_back(workspace: Workspace):
    workspace.define(basic="[{did: purchase}]")
    workspace.land("users", *(a_user(name) for name in ("ada", "bea", "cem")), a_user("eve", tier=None))
    for as_of in ("2026-03-06", "2026-03-07"):
        workspace.run(as_of)
        assert workspace.statuses() == {
            "basic": "ready", "buyers": "deleted",
            "gold": "failed", "gold_buyers": "stale", "readers_of_basic": "ready",
        }  # fmt: skip
        assert workspace.reason("gold") == "attribute tier is on no user any more (4 users had it when last seen)"
        assert workspace.members()["gold"] == "cem eve"
    workspace.land("users", *USERS)
    workspace.run("2026-03-08")
    assert set(workspace.statuses().values()) == {"ready", "deleted"}
    assert workspace.members()["gold"] == "cem"
    assert workspace.changes("2026-03-08")[0] == ("gold", "left", "data", "eve")


def test_a_file_that_is_back_gets_its_members_back_by_definition(workspace: Workspace):
    workspace.define(buyers="[{did: purchase, within: 2 days}]")
    prepared = workspace.run("2026-03-08T06:00:00Z", only=["buyers"])
    assert prepared.computed == ("buyers",)
    assert workspace.statuses()["buyers"] == "ready"
    assert workspace.changes("2026-03-08T06:00:00Z") == [("buyers", "entered", "definition", "bea")]
