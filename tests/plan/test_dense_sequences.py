"""Sequences over crowded timelines, where every step has many ways to be taken and most events share their minute."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.plan.engine import differences, members
from tests.reference.evaluator import evaluate

AS_OF = datetime(2026, 1, 15, tzinfo=UTC)
NAMES = ("a", "b", "c")


def crowd(rng: random.Random) -> dict[str, list[dict[str, Any]]]:
    """Sixty users who do three things within the last dozen minutes, some in rooms that the events name."""
    users = [{"user_id": f"u{number}"} for number in range(60)]
    events = [
        {
            "user_id": user["user_id"],
            "event": rng.choice(NAMES),
            "event_id": f"{user['user_id']}/{number}",
            "ts": AS_OF - timedelta(minutes=rng.randint(1, 12), microseconds=rng.choice([0, 0, 0, 1])),
            "properties": rng.choice([{"room": 1}, {"room": 1.0}, {"room": "1"}, {"room": None}, {}]),
        }
        for user in users
        for number in range(rng.randint(0, 14))
    ]
    return {"users": users, "events": events}


def some_sequence(rng: random.Random) -> dict[str, Any]:
    """Up to five steps; steps that must not be taken stand in the middle as well."""
    steps: list[dict[str, Any]] = [{"did": rng.choice(NAMES)}]
    for _ in range(rng.randint(1, 4)):
        word = rng.choice(["did", "did", "did_not"])
        step: dict[str, Any] = {word: rng.choice([*NAMES, ["a", "b"], "any"] if word == "did" else NAMES)}
        if rng.random() < 0.6:
            step["after"] = f"{rng.randint(0, 5)} minutes"
        if rng.random() < 0.15:
            step["where"] = [{"property": "room", "exists": True}]
        steps.append(step)
    leaf: dict[str, Any] = {"sequence": steps}
    if rng.random() < 0.4:
        leaf["same"] = "room"
    if rng.random() < 0.4:
        leaf |= rng.choice([{"within": "9 minutes"}, {"from": "10 minutes ago", "to": "4 minutes ago"}])
    return leaf


@pytest.mark.parametrize("seed", range(6))
def test_sequences_in_a_crowd_are_found_by_trying_every_combination(seed: int) -> None:
    rng = random.Random(seed)
    tables = crowd(rng)
    segments = {f"s{n:02}": {"name": f"s{n:02}", "who": some_sequence(rng)} for n in range(50)}
    expected = evaluate(segments, tables, AS_OF)
    assert len([users for users in expected.values() if 0 < len(users) < 60]) > 20
    lines = differences(expected, members(segments, tables, AS_OF))
    assert [f"{line}\n    {segments[line.partition(':')[0]]}" for line in lines] == []
