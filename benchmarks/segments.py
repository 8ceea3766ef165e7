"""Made segments: the rule as a file would have it, and beside it the query a person would write by hand.

Both are drawn from the same numbers, so their members must be equal; the comparison checks that.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from benchmarks.data import AS_OF, CATEGORIES, EVENT_NAMES, TIERS

WINDOWS = (1, 3, 7, 14, 30, 60, 90)


@dataclass(frozen=True)
class Made:
    """`rule` is the body of `who`; `sql` selects the members' `user_id` from typed tables `users` and `events`."""

    name: str
    rule: object
    sql: str


def make_segments(count: int, seed: int = 1) -> list[Made]:
    """Segments of one to three conditions; a third of the conditions after the first are negative."""
    rng = random.Random(seed)
    return [_segment(rng, f"segment_{number:04d}") for number in range(count)]


def write_segments(segments: list[Made], folder: Path) -> None:
    """One YAML file (JSON is YAML) per segment."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in segments:
        (folder / f"{one.name}.yml").write_text(json.dumps({"name": one.name, "who": one.rule}))


def _segment(rng: random.Random, name: str) -> Made:
    leaves, conditions = [], []
    for number in range(rng.choice((1, 1, 2, 2, 3))):
        draw = rng.random()
        leaf, sql = _attribute(rng) if number and draw < 0.15 else _did(rng, negative=number > 0 and draw < 0.45)
        leaves.append(leaf)
        conditions.append(sql)
    return Made(name, {"all": leaves}, f"select user_id from users where {' and '.join(conditions)}")


def _attribute(rng: random.Random) -> tuple[dict[str, object], str]:
    if rng.random() < 0.5:
        tier = rng.choice(TIERS)
        return {"attribute": "tier", "equals": tier}, f"tier = '{tier}'"
    age = rng.randrange(20, 70, 5)
    return {"attribute": "age", "gte": age}, f"age >= {age}"


def _did(rng: random.Random, negative: bool) -> tuple[dict[str, object], str]:
    event = f"event_{int(EVENT_NAMES * rng.random() ** 2.5):02d}"
    days = rng.choice(WINDOWS)
    start = (AS_OF - timedelta(days=days)).replace(tzinfo=None)
    leaf: dict[str, object] = {"did_not" if negative else "did": event, "within": f"{days} days"}
    where = [f"event = '{event}'", f"ts >= timestamp '{start}'", f"ts < timestamp '{AS_OF.replace(tzinfo=None)}'"]
    draw = rng.random()
    if draw < 0.3:
        category = rng.choice(CATEGORIES)
        leaf["where"] = [{"property": "category", "equals": category}]
        where.append(f"category = '{category}'")
    elif draw < 0.5:
        amount = rng.choice((50, 100, 200, 300, 400))
        leaf["where"] = [{"property": "amount", "gt": amount}]
        where.append(f"amount > {amount}")
    having = ""
    if not negative:
        having = _aggregate(rng, leaf)
    grouped = f" group by user_id having {having}" if having else ""
    return (
        leaf,
        f"user_id {'not in' if negative else 'in'} (select user_id from events where {' and '.join(where)}{grouped})",
    )


def _aggregate(rng: random.Random, leaf: dict[str, object]) -> str:
    draw = rng.random()
    if draw < 0.5:
        return ""
    if draw < 0.75:
        least = rng.choice((2, 3, 5, 10))
        leaf["count"] = {"gte": least}
        return f"count(*) >= {least}"
    if draw < 0.9:
        least = rng.choice((100, 500, 1000))
        leaf["sum"] = {"of": "amount", "gt": least}
        return f"round(sum(amount), 6) > {least}"
    least = rng.choice((100, 200, 300))
    leaf["avg"] = {"of": "amount", "gte": least}
    return f"round(avg(amount), 6) >= {least}"
