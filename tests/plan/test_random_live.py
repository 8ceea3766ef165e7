"""Random live segments: plan and reference agree on members, and on who qualified when on each day that is judged."""

from __future__ import annotations

import random
from datetime import UTC, timedelta
from typing import Any

import pytest

from orchestration.segment_tests import memory
from segmentation.clock import DAY, Clock, parse_zone
from segmentation.plan.live_triggers import Judged
from tests.plan.engine import compiled, differences, members, slots_of
from tests.plan.identity_models import build_identity, build_person_events
from tests.reference.evaluator import evaluate, live_qualifications
from tests.reference.live_rules import make_live_segments, make_live_world
from tests.reference.worlds import ZONES, World

LATE_DAYS = 3


def qualifications(segments: dict[str, Any], world: World) -> dict[str, dict[Any, Any]]:
    """The first instant at which the filter held, by segment, user and day, of the days that a run judges."""
    plan = compiled(segments, world.as_of, world.timezone, late_arrival_days=LATE_DAYS)
    assert not plan.failed, plan.failed
    slots = slots_of(segments)
    with memory.in_memory() as connection:
        memory.load(connection, world.tables)
        build_identity(connection, {}, {})
        connection.execute(f"create table event_tiles as {memory.rendered(plan.models['event_tiles'])}")
        build_person_events(connection)
        for name in ("user_profiles", "user_conditions", "live_moments"):
            connection.execute(f"create table {name} as {memory.rendered(plan.models[name])}")
        rows = connection.execute(
            "select segment_no, user_id, day, min(qualified_at) from live_moments join user_profiles using (person_no)"
            " where holds group by all"
        ).fetchall()
    names = {number: name for name, number in slots.items()}
    found: dict[str, dict[Any, Any]] = {name: {} for name in segments if name.startswith("live_")}
    for number, user, day, instant in rows:
        found[names[number]][user, day] = instant.replace(tzinfo=UTC)
    return found


def disagreements(seed: int, zone: str, count: int) -> list[str]:
    """One line for each segment on which plan and reference differ, with its rule."""
    world = make_live_world(seed, zone)
    segments = make_live_segments(random.Random(f"live/{seed}"), world, count)
    lines = differences(
        evaluate(segments, world.tables, world.as_of, zone), members(segments, world.tables, world.as_of, zone)
    )
    judged = Judged.at(Clock(world.as_of, parse_zone(zone)), LATE_DAYS)
    expected = live_qualifications(segments, world.tables, world.as_of, zone)
    for name, found in qualifications(segments, world).items():
        wanted = {key: instant for key, instant in expected[name].items() if key[1] >= judged.first}
        differ = sorted(wanted.items() ^ found.items(), key=str)
        if differ:
            lines.append(f"{name}: {differ[:3]}")
    return [f"{line}\n    {segments[line.partition(':')[0]]}" for line in lines]


@pytest.mark.parametrize("seed", range(6))
def test_plan_and_reference_agree_on_random_live_segments(seed: int) -> None:
    assert disagreements(seed, ZONES[seed % len(ZONES)], 24) == []


@pytest.mark.long
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("seed", range(3000, 3008))
def test_plan_and_reference_agree_on_many_random_live_segments(seed: int, zone: str) -> None:
    assert disagreements(seed, zone, 60) == []


@pytest.mark.parametrize("zone", ZONES)
def test_random_live_segments_divide_people(zone: str) -> None:
    world = make_live_world(1, zone)
    segments = make_live_segments(random.Random(1), world, 40)
    found = evaluate(segments, world.tables, world.as_of, zone)
    assert sum(0 < len(users) < 25 for name, users in found.items() if name.startswith("live_")) > 15


def test_a_midnight_ends_the_day_it_is_judged_for_and_begins_that_of_dates() -> None:
    world = make_live_world(1, "UTC")
    clock = Clock(world.as_of.replace(hour=0, minute=0, second=0, microsecond=0), parse_zone("UTC"))
    judged, later = Judged.at(clock, 3), Judged.at(Clock(clock.as_of + timedelta(microseconds=1), clock.zone), 3)
    assert (judged.first, judged.current, judged.date_day) == (
        clock.today - 4 * DAY, clock.today - DAY, clock.today
    )  # fmt: skip
    assert (later.first, later.current, later.date_day) == (clock.today - 3 * DAY, clock.today, clock.today)
