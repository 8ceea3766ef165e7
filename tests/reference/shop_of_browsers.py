"""A world whose truth is known: those who look around often buy within the week, and hardly anybody else does.

Browsers look and buy all the time. Former buyers bought a lot and stopped, which is what makes counting alone wrong.
Passers-by looked once, so that there is no gap to measure. The silent never did anything. Newcomers registered in the
last week and bought at once: nobody could have foreseen them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

SORTS = {"browser": 180, "former": 160, "passer": 120, "silent": 160, "newcomer": 30}
DAYS = 45


def tables(as_of: datetime, *, scale: float = 1.0, seed: int = 7) -> dict[str, list[dict[str, Any]]]:
    """Landing rows up to a moment; `scale` makes every sort of people smaller or larger."""
    dice = random.Random(seed)
    users: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for sort, many in SORTS.items():
        for number in range(round(many * scale)):
            user = f"{sort}{number:03d}"
            born = as_of - timedelta(days=3 if sort == "newcomer" else 200 + number, hours=number % 5)
            known = sort == "newcomer" or number % 4
            users.append({"user_id": user, "created_at": born if known else None, "updated_at": born, "attributes": {}})
            for n, (name, days_ago, properties) in enumerate(_life(sort, dice)):
                ts = as_of - timedelta(days=days_ago, seconds=dice.randrange(1, 80_000))
                events.append({"event_id": f"{user}-{n}", "user_id": user, "event": name, "ts": ts,
                               "properties": properties})  # fmt: skip
    return {"users": users, "events": events}


def _life(sort: str, dice: random.Random) -> Iterator[tuple[str, float, dict[str, Any]]]:
    if sort == "browser":
        for day in range(DAYS):
            for _ in range(dice.choice((0, 1, 2))):
                yield "page_view", day, {}
            if dice.random() < 0.35:
                yield "purchase", day, {"amount": dice.choice((5, 50, 500))}
    elif sort == "former":
        for day in range(18, DAYS):
            if dice.random() < 0.7:
                yield "purchase", day, {"amount": 50}
        if dice.random() < 0.03:
            yield "purchase", 2, {"amount": 50}
    elif sort == "passer":
        yield "page_view", dice.randrange(8, 30), {}
        if dice.random() < 0.05:
            yield "purchase", dice.randrange(6), {"amount": 5}
    elif sort == "newcomer":
        yield "purchase", 0, {"amount": 500}
