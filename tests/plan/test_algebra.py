"""Laws that hold whatever the data: complements, De Morgan, exclusion, nesting. Tried on random rules and worlds."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.plan.engine import members
from tests.reference.rules import ALL, make_segments
from tests.reference.worlds import ZONES, make_world

SEEDS = range(5)
PAIRS = 12


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"world {seed}")
def found(request: pytest.FixtureRequest) -> tuple[dict[str, set[str]], set[str]]:
    """Members of every combination below, over one world, and all its users."""
    seed = request.param
    world = make_world(seed, ZONES[seed % len(ZONES)])
    drawn = make_segments(random.Random(seed), world, 10 * PAIRS, ALL)
    rules = [definition["who"] for definition in drawn.values() if "who" in definition]
    plain = [rule for rule in rules if levels(rule) <= 3]
    segments: dict[str, Any] = dict(drawn)
    for number in range(PAIRS):
        segments |= combined(number, grouped(plain[2 * number]), grouped(plain[2 * number + 1]))
    doing = [rule for rule in plain if isinstance(rule, dict) and "did" in rule and "include_non_doers" not in rule]
    for number, rule in enumerate(doing):
        segments[f"did_{number}"] = named(f"did_{number}", who=rule)
        opposite = {"did_not" if word == "did" else word: value for word, value in rule.items()}
        segments[f"did_not_{number}"] = named(f"did_not_{number}", who=opposite)
    assert len(doing) > 5
    everybody = {row["user_id"] for row in world.tables["users"]}
    return members(segments, world.tables, world.as_of, world.timezone), everybody


def levels(rule: Any) -> int:
    """How deep the groups of a rule go."""
    children = rule if isinstance(rule, list) else []
    if isinstance(rule, dict):
        children = rule.get("all") or rule.get("any") or ([rule["not"]] if "not" in rule else [])
    return 1 + max(map(levels, children)) if children else 0


def grouped(rule: Any) -> Any:
    """A bare list as the group that it means."""
    return {"all": rule} if isinstance(rule, list) else rule


def named(name: str, **words: Any) -> dict[str, Any]:
    return {"name": name, **words}


def combined(number: int, a: Any, b: Any) -> dict[str, dict[str, Any]]:
    """Two rules, put together in every way."""
    inside_a, inside_b = {"segment": f"a_{number}"}, {"segment": f"b_{number}"}
    bodies: dict[str, dict[str, Any]] = {
        "a": {"who": a},
        "b": {"who": b},
        "not_a": {"who": {"not": a}},
        "both": {"who": {"all": [a, b]}},
        "either": {"who": {"any": [a, b]}},
        "not_both": {"who": {"not": {"all": [a, b]}}},
        "lacks_one": {"who": {"any": [{"not": a}, {"not": b}]}},
        "not_either": {"who": {"not": {"any": [a, b]}}},
        "lacks_two": {"who": {"all": [{"not": a}, {"not": b}]}},
        "a_without_b": {"who": {"all": [a, {"not": b}]}},
        "a_excluding_b": {"who": a, "exclude": [f"b_{number}"]},
        "a_including_b": {"who": a, "include": [f"b_{number}"]},
        "both_nested": {"who": {"all": [inside_a, inside_b]}},
        "either_nested": {"who": {"any": [inside_a, inside_b]}},
        "not_a_nested": {"who": {"not": inside_a}},
        "both_deeply_nested": {"who": {"segment": f"both_nested_{number}"}},
    }
    return {f"{word}_{number}": named(f"{word}_{number}", **body) for word, body in bodies.items()}


Found = tuple[dict[str, set[str]], set[str]]


def test_a_rule_and_its_complement_are_disjoint_and_together_everybody(found: Found) -> None:
    members_by_name, everybody = found
    for n in range(PAIRS):
        assert members_by_name[f"a_{n}"] & members_by_name[f"not_a_{n}"] == set()
        assert members_by_name[f"a_{n}"] | members_by_name[f"not_a_{n}"] == everybody


def test_did_not_is_the_complement_of_did(found: Found) -> None:
    members_by_name, everybody = found
    for name in [name for name in members_by_name if name.startswith("did_") and not name.startswith("did_not_")]:
        assert members_by_name[name.replace("did_", "did_not_")] == everybody - members_by_name[name]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("not_both", "lacks_one"),
        ("not_either", "lacks_two"),
        ("a_excluding_b", "a_without_b"),
        ("a_including_b", "both"),
        ("both_nested", "both"),
        ("either_nested", "either"),
        ("not_a_nested", "not_a"),
        ("both_deeply_nested", "both"),
    ],
)
def test_two_ways_to_say_one_thing_have_the_same_members(found: Found, one: str, other: str) -> None:
    members_by_name, _ = found
    for n in range(PAIRS):
        assert members_by_name[f"{one}_{n}"] == members_by_name[f"{other}_{n}"]


def test_all_is_the_intersection_and_any_the_union(found: Found) -> None:
    members_by_name, _ = found
    for n in range(PAIRS):
        assert members_by_name[f"both_{n}"] == members_by_name[f"a_{n}"] & members_by_name[f"b_{n}"]
        assert members_by_name[f"either_{n}"] == members_by_name[f"a_{n}"] | members_by_name[f"b_{n}"]
