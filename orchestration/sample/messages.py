"""Messages, and what people did with them on the day of sending; the calendar sends one campaign every nine days."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from orchestration.sample import shop
from orchestration.sample.draw import generator, per_mille
from orchestration.sample.events import micros
from orchestration.sample.people import crowd
from orchestration.sample.profiles import midnight

SCHEMA = pa.schema(
    [
        ("message_id", pa.string()),
        ("user_id", pa.string()),
        ("kind", pa.string()),
        ("ts", pa.timestamp("us", tz="UTC")),
        ("revenue", pa.float64()),
    ]
)
_SENT_AT = 10 * 3600
_AUDIENCE = 60  # per mille of the crowd
# Of those who got as far as the step before, per mille; the opening hours of a day leave time for all of it.
_STEPS = (("impression", 720), ("opened", 380), ("clicked", 340), ("converted", 120))


def is_campaign_day(day: date) -> bool:
    """Whether the calendar sends something that day."""
    return day.toordinal() % shop.DAYS_BETWEEN_CAMPAIGNS == 0


def messages(first_day: date, last_day: date) -> list[dict[str, Any]]:
    """The campaigns sent in a span of days, the next one as scheduled, and a draft."""
    step = timedelta(days=1)
    day, rows = first_day, []
    while day <= last_day:
        if is_campaign_day(day):
            rows.append(_message(day, "sent"))
        day += step
    while not is_campaign_day(day):
        day += step
    rows.append(_message(day, "scheduled"))
    rows.append({
        "message_id": "msg-draft-1", "title": "Spring collection", "channel": "email", "status": "draft",
        "created_at": _iso(last_day, 9), "segments": ["gold_and_platinum", "category_explorers"],
        "excluded_segments": [],
    })  # fmt: skip
    return rows


def message_events_table(seed: int, users: int, day: date) -> pa.Table:
    """Targets and responses of the day's campaign, in steps that follow each other within the day."""
    rng = generator(seed, 8, day.toordinal())
    people = crowd(seed, users, day.toordinal())
    ids = np.array(people.user_ids, dtype=object)
    reached = np.flatnonzero(per_mille(rng, _AUDIENCE, users))
    at = np.full(len(reached), _SENT_AT, dtype=np.int64)
    parts: list[tuple[str, Any, Any, Any]] = [("targeted", reached, at, None)]

    def go_on(kind: str, which: np.ndarray[Any, Any], longest: int) -> None:
        nonlocal reached, at
        reached, at = reached[which], at[which] + rng.integers(1, longest, int(which.sum()))
        revenue = rng.integers(2_000, 26_000, len(reached)) / 100 if kind == "converted" else None
        parts.append((kind, reached, at, revenue))

    go_on("sent", per_mille(rng, 980, len(reached)), 120)
    arrives = per_mille(rng, 950, len(reached))
    parts.append(("failed", reached[~arrives], at[~arrives] + 60, None))
    go_on("delivered", arrives, 120)
    for kind, share in _STEPS:
        go_on(kind, per_mille(rng, share, len(reached)), 10_000)
    tables = [
        pa.table(
            [
                pa.array([_message_id(day)] * len(who), pa.string()),
                pa.array(ids[who], pa.string()),
                pa.array([kind] * len(who), pa.string()),
                pa.array(micros(day.toordinal(), when), pa.timestamp("us", tz="UTC")),
                pa.nulls(len(who), pa.float64()) if revenue is None else pa.array(revenue),
            ],
            schema=SCHEMA,
        )
        for kind, who, when, revenue in parts
    ]
    return pa.concat_tables(tables)


def _message(day: date, status: str) -> dict[str, Any]:
    campaign = shop.CAMPAIGNS[day.toordinal() // shop.DAYS_BETWEEN_CAMPAIGNS % len(shop.CAMPAIGNS)]
    return {
        "message_id": _message_id(day), "title": campaign.title, "channel": campaign.channel, "status": status,
        "created_at": _iso(day - timedelta(days=3), 9), "sent_at": _iso(day, 10) if status == "sent" else None,
        "segments": list(campaign.segments), "excluded_segments": list(campaign.excluded),
    }  # fmt: skip


def _message_id(day: date) -> str:
    return f"msg-{day:%Y%m%d}"


def _iso(day: date, hour: int) -> str:
    return f"{midnight(day) + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}"
