"""How the seconds of a run are shared out over its segments: nothing lost, and each to its own. No database."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from orchestration.health.costs import Asked, shared_out, work_of
from segmentation.clock import Clock
from segmentation.language.folder import load_texts
from segmentation.plan.reads import TILES, USERS, Read, reads

PURCHASES = Read(TILES, ("purchase",))
VISITS = Read(TILES, ("visit",))
EVERYBODY = Read(USERS)
ROWS = {PURCHASES: 100, VISITS: 301, EVERYBODY: 50}
PER_ROW = {TILES: 10.0, USERS: 20.0}


def test_seconds_go_by_the_work_and_nothing_is_lost():
    asked = {
        "buyers": Asked("who", {"bought": PURCHASES}, 30),
        "visitors": Asked("who", {"visited": VISITS}, 10),
        "cohort": Asked("connector", {}, 60),
    }
    seconds = {"base": 3.0, "conditions": 4.01, "members": 10.0, "connector": 2.0, "live": 0.9}
    costs = shared_out(seconds, asked, ROWS, PER_ROW, 8.0)  # type: ignore[arg-type]
    assert {name: round(one.seconds, 6) for name, one in costs.items()} == {
        "buyers": 1 + 1.0 + 3 + 0.3,  # base evenly, conditions by rows, members by members; nobody is live
        "visitors": 1 + 3.01 + 1 + 0.3,
        "cohort": 1 + 0 + 6 + 2 + 0.3,
    }
    assert sum(one.seconds for one in costs.values()) == pytest.approx(sum(seconds.values()))
    assert {name: (one.read_rows, one.member_rows, one.rows, one.bytes) for name, one in costs.items()} == {
        "buyers": (100, 30, 130, 1240), "visitors": (301, 10, 311, 3090), "cohort": (0, 60, 60, 480),
    }  # fmt: skip


def test_equal_conditions_are_looked_at_once_and_those_who_ask_share_the_rows():
    asked = {
        "one": Asked("who", {"bought": PURCHASES, "visited": VISITS}, 0),
        "two": Asked("who", {"visited": VISITS}, 0),
    }
    costs = shared_out({"conditions": 401.0}, asked, ROWS, PER_ROW, 8.0)
    assert {name: one.read_rows for name, one in costs.items()} == {"one": 251, "two": 150}  # 301 rows, one left over
    assert {name: round(one.seconds, 6) for name, one in costs.items()} == {"one": 251.0, "two": 150.0}


def test_where_nobody_reads_or_has_members_the_costs_are_everybodys():
    asked = {name: Asked("who", {}, 0) for name in ("one", "two")}
    costs = shared_out({"conditions": 2.0, "members": 4.0, "predict": 6.0}, asked, {}, {}, 0.0)
    assert {name: one.seconds for name, one in costs.items()} == {"one": 6.0, "two": 6.0}
    assert shared_out({"base": 1.0}, {}, {}, {}, 0.0) == {}


@pytest.mark.parametrize(
    ("node", "folder", "work"),
    [
        ("stg_events", "staging", "base"),
        ("not_null_stg_events_ts", "", "base"),
        ("event_tiles", "plan", "conditions"),
        ("person_events", "matching", "conditions"),
        ("user_ids", "matching", "connector"),
        ("segment_bits_now", "plan", "members"),
        ("live_moments", "plan", "live"),
        ("live_log", "state", "live"),
        ("prediction_weights", "predictions", "predict"),
        ("list_rows", "segments", "list"),
        ("segment_stays", "state", "members"),
        ("segment_members", "segments", "members"),
    ],
)
def test_what_a_node_works_for(node: str, folder: str, work: str):
    assert work_of(node, folder) == work


CLOCK = Clock(datetime(2026, 3, 2, tzinfo=UTC), ZoneInfo("UTC"))
DAY = {n: datetime(2026, 3, n, tzinfo=UTC) for n in (1, 2)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("who: [{did: purchase}]", [Read(TILES, ("purchase",), None, CLOCK.as_of)]),
        ("who: [{did_not: purchase, within: 1 day}]", [Read(TILES, ("purchase",), DAY[1], CLOCK.as_of)]),
        ("who: [{did: any, within: 1 day}]", [Read(TILES, None, DAY[1], CLOCK.as_of)]),
        ("who: [{attribute: tier, equals: gold}, {attribute: age, gt: 3}]", [Read(USERS), Read(USERS)]),
        ("who: [{segment: other}]", []),
        ("live: {did: visit}", [Read(TILES, ("visit",), datetime(2026, 2, 26, tzinfo=UTC), CLOCK.as_of)]),
        ("connector: {mixpanel: {cohort: PN_a}}", []),
        (
            "who: [{sequence: [{did: visit}, {did: purchase}]}]",
            [Read(TILES, ("visit", "purchase"), None, CLOCK.as_of)],
        ),
    ],
)
def test_what_the_conditions_of_a_definition_look_at(text: str, expected: list[Read]):
    folder = load_texts({"one.yml": f"name: one\n{text}\n", "other.yml": "name: other\nwho: [{did: visit}]\n"})
    assert not folder.problems, folder.problems
    assert list(reads(folder.definitions["one"], CLOCK, late_arrival_days=3).values()) == expected


def test_a_condition_and_its_contrary_are_one():
    folder = load_texts({
        "one.yml": "name: one\nwho: [{did: purchase, within: 3 days}]\n",
        "two.yml": "name: two\nwho: [{did_not: purchase, within: 3 days}]\n",
    })  # fmt: skip
    one, two = (set(reads(folder.definitions[name], CLOCK, 3)) for name in ("one", "two"))
    assert one == two
