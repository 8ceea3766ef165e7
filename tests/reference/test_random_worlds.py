"""Random worlds and rules are only worth comparing if they repeat, are legal, and divide people."""

from __future__ import annotations

import random

import pytest

from tests.reference.evaluator import evaluate
from tests.reference.rules import ALL, CORE, make_segments
from tests.reference.worlds import ZONES, make_world


@pytest.mark.parametrize("zone", ZONES)
def test_a_seed_always_makes_the_same_world_and_rules(zone: str) -> None:
    first, second = make_world(7, zone), make_world(7, zone)
    assert first == second
    assert make_segments(random.Random(1), first, 20) == make_segments(random.Random(1), second, 20)


@pytest.mark.parametrize("kinds", [CORE, ALL], ids=["core", "all"])
@pytest.mark.parametrize("zone", ZONES)
def test_most_random_segments_hold_some_people_and_not_all(zone: str, kinds: tuple[str, ...]) -> None:
    world = make_world(11, zone)
    members = evaluate(make_segments(random.Random(5), world, 60, kinds), world.tables, world.as_of, zone,
                       strategies=world.strategies)  # fmt: skip
    everybody = len({row["user_id"] for row in world.tables["users"]})
    telling = [name for name, users in members.items() if 0 < len(users) < everybody]
    assert len(telling) > 30


def test_a_random_rule_needs_no_more_than_the_levels_and_leaves_a_file_may_have() -> None:
    world = make_world(3)
    for definition in make_segments(random.Random(2), world, 200).values():
        levels, leaves = _size(definition.get("who", {}))
        assert levels <= 5
        assert leaves <= 50


def _size(node: object) -> tuple[int, int]:
    """Levels of groups and number of leaves."""
    if isinstance(node, dict) and "not" in node:
        children = [node["not"]]
    elif isinstance(node, dict):
        children = node.get("all") or node.get("any") or []
    else:
        children = node if isinstance(node, list) else []
    if not children:
        return 0, 1
    sizes = [_size(child) for child in children]
    return 1 + max(levels for levels, _ in sizes), sum(leaves for _, leaves in sizes)
