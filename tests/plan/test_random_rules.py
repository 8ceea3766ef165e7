"""Random rules on random worlds: the compiled plan agrees with the reference evaluator, person for person."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from tests.plan.engine import differences, members
from tests.reference.evaluator import evaluate
from tests.reference.rules import ALL, CORE, make_segments
from tests.reference.worlds import ZONES, make_world

KINDS = {"core": CORE, "all": ALL}


def disagreements(seed: int, zone: str, kinds: Sequence[str], count: int) -> list[str]:
    """One line for each segment whose members differ, with its rule."""
    world = make_world(seed, zone)
    segments = make_segments(random.Random(f"{seed}/{'/'.join(kinds)}"), world, count, kinds)
    expected = evaluate(segments, world.tables, world.as_of, zone, strategies=world.strategies)
    lines = differences(expected, members(segments, world.tables, world.as_of, zone, world.strategies))
    return [f"{line}\n    {segments[line.partition(':')[0]]}" for line in lines]


@pytest.mark.parametrize(("seed", "kinds"), [(seed, "all" if seed % 2 else "core") for seed in range(20)])
def test_plan_and_reference_agree_on_random_rules(seed: int, kinds: str) -> None:
    assert disagreements(seed, ZONES[seed % len(ZONES)], KINDS[kinds], 60) == []


@pytest.mark.parametrize("leaf", [leaf for leaf in ALL if leaf not in ("segment", "did", "aggregate", "attribute")])
def test_plan_and_reference_agree_on_each_kind_of_leaf_alone(leaf: str) -> None:
    assert disagreements(1000, ZONES[len(leaf) % len(ZONES)], (leaf,), 60) == []


@pytest.mark.long
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("seed", range(2000, 2012))
def test_plan_and_reference_agree_on_thousands_of_random_rules(seed: int, zone: str) -> None:
    assert disagreements(seed, zone, ALL, 100) == []
