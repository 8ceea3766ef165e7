"""What is computed once, what is computed at all, and what happens when one definition cannot be."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from orchestration.segment_tests.memory import rendered
from segmentation.plan import compile as compile_module
from segmentation.plan.sql import DIALECT
from tests.plan.engine import compiled, members, members_of, slots_of
from tests.reference.rules import ALL, make_segments
from tests.reference.worlds import ZONES, make_world

AS_OF = datetime(2026, 1, 15, tzinfo=UTC)
TABLES: dict[str, list[dict[str, Any]]] = {
    "users": [{"user_id": name, "attributes": {"tier": tier}} for name, tier in (("ann", "gold"), ("bob", "basic"))],
    "events": [
        {"user_id": "ann", "event": "view", "ts": datetime(2025, 12, 1, 10, tzinfo=UTC), "properties": {}},
        {"user_id": "ann", "event": "view", "ts": datetime(2026, 1, 14, 10, tzinfo=UTC), "properties": {}},
        {"user_id": "bob", "event": "buy", "ts": datetime(2026, 1, 14, 11, tzinfo=UTC), "properties": {}},
    ],
}
GOLD = {"attribute": "tier", "equals": "gold"}
VIEWED = {"did": "view", "within": "7 days"}
BOUGHT = {"did": "buy"}


def who(**rules: Any) -> dict[str, dict[str, Any]]:
    """Segments of a rule each."""
    return {name: {"name": name, "who": rule} for name, rule in rules.items()}


# ---------------------------------------------------------------- once


@pytest.mark.parametrize(
    "leaf",
    [
        GOLD,
        VIEWED,
        {"sequence": [{"did": "view"}, {"did": "buy", "after": "1 hour"}]},
        {"regularly": "view", "every": "week", "in_last": 4, "at_least": 2},
        {"interest": {"event": "view", "property": "kind", "equals": "shoes", "at_least": "30%"}},
        {"rfm": {"event": "buy", "segment": "champions"}},
        {"clicked": "any", "within": "7 days"},
        {"reachable": "email"},
        {"device_model": "Pixel 9"},
    ],
)
def test_equal_leaves_of_different_segments_are_one_condition(leaf: dict[str, Any]) -> None:
    plan = compiled(who(a=leaf, b={"all": [leaf, {"tag": "vip"}]}, c={"not": leaf}), AS_OF)
    assert plan.conditions == 2
    assert plan.words == 1


def test_did_and_did_not_are_one_condition() -> None:
    assert compiled(who(a={"did": "view"}, b={"did_not": "view"}), AS_OF).conditions == 1


def test_the_order_of_events_and_of_files_makes_no_other_condition() -> None:
    assert compiled(who(a={"did": ["view", "buy"]}, b={"did": ["buy", "view"]}), AS_OF).conditions == 1


def test_leaves_that_differ_in_a_literal_are_two_conditions() -> None:
    one = {"attribute": "n", "equals": 1}
    assert compiled(who(a=one, b={"attribute": "n", "equals": True}), AS_OF).conditions == 2


def test_the_ten_cells_of_a_grid_share_their_scores() -> None:
    names = ["champions", "loyal_users", "hibernating", "at_risk"]
    plan = compiled(who(**{name: {"rfm": {"event": "buy", "segment": name}} for name in names}), AS_OF)
    assert plan.conditions == 4
    assert plan.models["user_conditions"].count("cume_dist") == 2


def test_more_conditions_than_a_word_holds_take_another_word() -> None:
    leaves = {f"s{n:03}": {"attribute": "n", "equals": n} for n in range(130)}
    plan = compiled(who(**leaves), AS_OF)
    assert (plan.conditions, plan.words) == (130, 3)
    tables = {"users": [{"user_id": f"u{n}", "attributes": {"n": n}} for n in (0, 63, 64, 129)]}
    found = members(who(**leaves), tables, AS_OF)
    assert {name: users for name, users in found.items() if users} == {
        "s000": {"u0"}, "s063": {"u63"}, "s064": {"u64"}, "s129": {"u129"}
    }  # fmt: skip


# ---------------------------------------------------------------- one fails alone

IMPOSSIBLE = {  # `later`, that is
    "now": {"name": "now", "live": {"did": "arrive"}},
    "later": {"name": "later", "live": {"did": "view", "who": {"segment": "now"}}},
}


def test_a_definition_that_cannot_be_computed_fails_alone_and_says_why() -> None:
    segments = {**who(gold=GOLD, viewers=VIEWED), **IMPOSSIBLE}
    plan = compiled(segments, AS_OF)
    assert plan.computed == ("gold", "now", "viewers")
    assert plan.failed == {"later": "its filter reads segment now: the filter of a live segment cannot read a live one"}
    assert members_of(plan, TABLES, slots_of(segments)) == {"gold": {"ann"}, "now": set(), "viewers": {"ann"}}


def test_whoever_refers_to_a_failed_segment_without_members_fails_as_well_and_names_it() -> None:
    segments = {
        **who(gold=GOLD, reader={"segment": "later"}, reader_of_reader={"not": {"segment": "reader"}}),
        **IMPOSSIBLE,
    }
    plan = compiled(segments, AS_OF)
    assert plan.computed == ("gold", "now")
    assert set(plan.failed) == {"later", "reader", "reader_of_reader"}
    assert "later" in plan.failed["reader"]
    assert "reader" in plan.failed["reader_of_reader"]


def test_a_reference_to_a_failed_segment_reads_the_members_it_last_had() -> None:
    segments = {
        **who(reader={"all": [{"segment": "later"}, {"not": GOLD}]}, without={"not": {"segment": "later"}}),
        **IMPOSSIBLE,
    }
    plan = compiled(segments, AS_OF, stored=["later"])
    assert set(plan.failed) == {"later"}
    found = members_of(plan, TABLES, slots_of(segments), {"later": ["bob"]})
    assert found == {"now": set(), "reader": {"bob"}, "without": {"ann"}}


# ---------------------------------------------------------------- a part of them


def test_refreshing_one_segment_computes_its_conditions_only() -> None:
    segments = who(gold=GOLD, viewers=VIEWED, buyers=BOUGHT)
    plan = compiled(segments, AS_OF, compute=["viewers"])
    assert plan.computed == ("viewers",)
    assert plan.conditions == 1
    assert members_of(plan, TABLES, slots_of(segments)) == {"viewers": {"ann"}}


def test_refreshing_one_segment_leaves_the_tiles_as_they_are() -> None:
    segments = who(gold=GOLD, viewers=VIEWED, buyers=BOUGHT)
    whole, part = compiled(segments, AS_OF), compiled(segments, AS_OF, compute=["viewers"])
    assert part.layout == whole.layout
    assert part.models["event_tiles"] == whole.models["event_tiles"]
    assert part.models["user_profiles"] == whole.models["user_profiles"]


def test_tiles_of_the_same_layout_are_kept_and_of_another_are_built_anew() -> None:
    before = compiled(who(viewers=VIEWED), AS_OF)
    same = compiled(who(viewers={"did": "view", "within": "30 days"}), AS_OF, stored_layout=before.layout)
    other = compiled(who(viewers=VIEWED, buyers=BOUGHT), AS_OF, stored_layout=before.layout)
    assert "full_refresh=none" in same.models["event_tiles"]
    assert "full_refresh=true" in other.models["event_tiles"]


def test_a_refreshed_segment_reads_stored_members_of_those_that_are_not_refreshed() -> None:
    segments = {
        **who(gold=GOLD, viewers={"any": [VIEWED, {"segment": "gold"}]}),
        "rest": {"name": "rest", "who": {"segment": "all_users"}, "exclude": ["gold"]},
    }
    plan = compiled(segments, AS_OF, compute=["viewers", "rest"], stored=["gold"])
    # What was stored is frozen: by today's attributes ann would be gold, and bob would not.
    found = members_of(plan, TABLES, slots_of(segments), {"gold": ["bob"]})
    assert found == {"viewers": {"ann", "bob"}, "rest": {"ann"}}


def test_a_segment_that_refers_to_one_without_members_yet_fails_and_says_so() -> None:
    segments = who(gold=GOLD, reader={"segment": "gold"})
    plan = compiled(segments, AS_OF, compute=["reader"])
    assert plan.computed == ()
    assert "no members yet" in plan.failed["reader"]
    assert members_of(plan, TABLES, slots_of(segments)) == {}


def test_no_segments_are_a_plan_too() -> None:
    plan = compiled({}, AS_OF)
    assert plan.computed == ()
    assert members_of(plan, TABLES, {}) == {}


# ---------------------------------------------------------------- far away


@pytest.mark.parametrize(
    "rule",
    [
        {"did": "view", "within": "9000 years"},
        {"did": "view", "after": "0001-01-01"},
        {"did_not": "view", "after": "9999-12-31"},
        {"regularly": "view", "every": "month", "in_last": 10_000, "at_least": 1},
        {"sequence": [{"did": "view"}], "within": "999999999 weeks"},
        {"any": [{"sequence": [{"did": "view"}, {"did": "buy", "after": "999999999 days"}]}, BOUGHT]},
        {"any": [{"sequence": [{"did": "view"}, {"did_not": "buy", "after": "999999999 years"}]}, BOUGHT]},
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/New_York"])
def test_windows_beyond_the_calendar_are_open_ends_and_not_failures(rule: dict[str, Any], zone: str) -> None:
    expected = {"ann", "bob"} if "did_not" in rule else {"bob"} if "any" in rule else {"ann"}
    assert members(who(far=rule), TABLES, AS_OF, zone) == {"far": expected}


# ---------------------------------------------------------------- text of the statements


@pytest.mark.parametrize("seed", range(5))
def test_random_plans_are_one_statement_each_and_the_same_every_time(seed: int) -> None:
    world = make_world(seed, ZONES[seed % len(ZONES)])
    segments = make_segments(random.Random(seed), world, 60, ALL)
    plan = compiled(segments, world.as_of, world.timezone)
    shuffled = dict(random.Random(1).sample(list(segments.items()), len(segments)))
    assert compiled(shuffled, world.as_of, world.timezone).models == plan.models
    for name in plan.models:
        (statement,) = sqlglot.parse(rendered(plan.models[name]), dialect=DIALECT)
        assert isinstance(statement, sqlglot.exp.Query)


def test_conditions_read_events_by_the_one_name_that_knows_whose_they_are() -> None:
    folder = Path(compile_module.__file__).parent
    readers = {file.name for file in folder.rglob("*.py") if "ref('event_tiles')" in file.read_text()}
    assert readers == set()
