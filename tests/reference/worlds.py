"""Small random worlds: people, devices and events placed where answers go wrong.

Here: landing rows with instants on the edges of windows, ties, repeats, strangers, and values of every kind of wrong
type. Not here: rules (`rules.py`) and files (`landing_files.py`).
Nothing is drawn whose meaning the contract leaves open, so that two right readings never differ on a world.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.reference.connector_worlds import add_connectors
from tests.reference.landing_files import write_tables
from tests.reference.values import iso_text
from tests.reference.windows import TICK, Clock, shift

ZONES = ("UTC", "Europe/Istanbul", "America/New_York", "America/Havana", "Asia/Kathmandu")
EVENTS = ("app_open", "view", "add_to_cart", "purchase", "login", "any")
MESSAGES = ("m1", "m2", "spring_sale")
TAGS = ("vip", "new", "müşteri", "beta")
CITIES = {"London": (51.507, -0.128), "Istanbul": (41.01, 28.98), "New York": (40.71, -74.01)}
CHANNELS = ("email", "sms", "whatsapp")
SESSIONS = tuple(f"s{n}" for n in range(12))

# Runs near changes of the clock: New York and Havana spring forward on 8 March 2026 and fall back on 1 November.
MOMENTS = {
    "UTC": ("2026-01-15T00:00:00Z", "2026-03-31T15:00:00Z", "2024-03-01T00:00:00Z"),
    "Europe/Istanbul": ("2026-01-14T21:00:00Z", "2026-03-31T08:30:00.000001Z"),
    "America/New_York": ("2026-03-09T04:00:00Z", "2026-03-10T18:00:00Z", "2026-11-02T05:00:00Z"),
    "America/Havana": ("2026-03-09T04:00:00Z", "2026-11-02T05:00:00Z", "2026-11-03T17:00:00Z"),
    "Asia/Kathmandu": ("2026-01-14T18:15:00Z", "2026-02-28T10:00:00Z"),
}


@dataclass(frozen=True)
class World:
    """Landing rows by table, the moment of the run (aware), the workspace's zone, and strategies of matching."""

    tables: dict[str, list[dict[str, Any]]]
    as_of: datetime
    timezone: str
    strategies: dict[str, tuple[str, ...]]


def make_world(seed: int, timezone: str = "UTC") -> World:
    """The world of a seed: some 50 users, 600 events over some 100 days."""
    rng = random.Random(f"{seed}/{timezone}")
    as_of = datetime.fromisoformat(rng.choice(MOMENTS[timezone])).astimezone(UTC)
    clock = Clock(as_of, timezone)
    users = [_user(rng, clock, number) for number in range(rng.randint(40, 60))]
    ids = [row["user_id"] for row in users]
    if rng.random() < 0.5:  # the row of a user that was updated last is the one that counts
        old = {**users[0], "city": "Nowhere", "updated_at": users[0]["updated_at"] - timedelta(days=1)}
        users.insert(rng.randrange(len(users)), old)
    tables = {
        "users": users,
        "events": _events(rng, clock, ids),
        "devices": [_device(rng, number, rng.choice(ids)) for number in range(2 * len(ids))],
        "consents": _consents(rng, clock, ids),
        "blacklist": _blacklist(rng, clock, ids),
        "messages": _messages(clock),
        "message_events": _message_events(rng, clock, ids),
    }
    strategies = add_connectors(random.Random(f"{seed}/{timezone}/connectors"), tables, as_of)
    return World(tables, as_of, timezone, strategies)


def write_landing(world: World, folder: Path) -> None:
    """Write the world's tables as landing files."""
    write_tables(world.tables, folder)


# ---------------------------------------------------------------- users


def _user(rng: random.Random, clock: Clock, number: int) -> dict[str, Any]:
    city = rng.choice([*CITIES, None])
    lat, lon = _near(rng, city)
    user_id = f"00{number}" if number % 7 == 0 else f"u{number}"
    return {
        "user_id": user_id,
        "external_id": f"E{number}" if rng.random() < 0.8 else None,
        "email": rng.choice([f"{user_id}@example.com", f"{user_id}@example.com", "broken", None]),
        "msisdn": rng.choice([f"+9053200000{number:02}", "+90 532-000 00 01", "05320000001", None]),
        "created_at": _whole(_edge(rng, clock)),
        "updated_at": clock.as_of.replace(microsecond=0) - timedelta(hours=number),
        "is_test": rng.choice([True, False, False, False, None]),
        "city": city,
        "country": rng.choice(["TR", "GB", "US", None]),
        "lat": lat,
        "lon": lon,
        "attributes": _attributes(rng, clock) if rng.random() < 0.95 else None,
        "tags": None if rng.random() < 0.1 else rng.sample(TAGS, rng.randint(0, 3)),
    }


def _attributes(rng: random.Random, clock: Clock) -> dict[str, Any]:
    values: dict[str, Any] = {
        "tier": rng.choice(["gold", "gold", "silver", "Platinum", "GOLD", "", None, 5, True]),
        "age": rng.choice([17, 18, 25, 25.0, 30, 34.5, 64, "25", "1e1", "12,5", "nan", "", "1_000", True, None]),
        "total_spent": rng.choice([0, 0.1, 99.99, 100, 100.0, 1000, 12000.5, "100", "1000.0", -5, None]),
        "name": rng.choice(["İzmir", "izmir", "IZMIR", "Straße", "STRASSE", "Çağla", "çağla", "O'Neil", "a%b_c", ""]),
        "vip": rng.choice([True, False, "yes", "No", "TRUE", 1, 0, "1", 2, "maybe", None]),
        "likes": rng.choice([["shoes"], ["shoes", "hats"], ["horseshoes", 5], ["Hats", None], [], "shoes", None]),
        "scores": rng.choice([[1, 20], [7], [5.0], ["5"], [], 6, None]),
        "address": rng.choice(
            [{"city": "Rome", "zip": "01234"}, {"city": "Oslo", "zip": 1234}, {"city": None}, {}, None]
        ),
        "orders": rng.choice(_ORDERS),
        "app": rng.choice(["5.9", "5.10", "v5.10.0", "5.9.1-beta", "6.0+7", "6", "x.1", "", None]),
        "birthday": rng.choice(_birthdays(clock)),
        "last_order_at": _moment(rng, clock, _edge(rng, clock)),
        "appointment_on": _moment(rng, clock, _ahead(rng, clock)),
    }
    if rng.random() < 0.2:
        values["address.city"] = rng.choice(["Rome", "Paris"])
    if rng.random() < 0.2:
        values["country"] = rng.choice(["TR", "FR"])  # a key of the name of a column
    return {key: value for key, value in values.items() if rng.random() < 0.85}


_ORDERS: list[Any] = [
    [{"sku": "a", "price": 5, "tags": ["new"]}, {"sku": "b", "price": 50}],
    [{"sku": "a", "price": 50}, {"sku": "b", "price": 5, "tags": []}],
    [{"sku": "A", "price": "50"}],
    [{"sku": None, "price": 50}],
    {"sku": "b", "price": 40, "tags": ["new", "x"]},
    [],
    {},
    None,
]


def _birthdays(clock: Clock) -> list[Any]:
    near = [shift(clock.today, days, "day").replace(year=1992).isoformat() for days in (-1, 0, 0, 1, 5)]
    return [*near, "1992-02-29", "1992-02-28", "1992-03-01", "1990-07-01T22:30:00Z", "29.02.1992", "", None]


def _moment(rng: random.Random, clock: Clock, instant: datetime) -> Any:
    """An instant in one of the spellings that stored dates have."""
    instant = _whole(instant)
    return rng.choice([
        iso_text(instant),
        iso_text(instant).removesuffix("Z"),
        instant.astimezone(clock.zone).isoformat(),
        clock.local(instant).date().isoformat(),
        clock.local(instant).date().isoformat(),
        int(instant.timestamp()),
        str(int(instant.timestamp())),
        rng.choice(["soon", "2026-02-30", "20260110", "", None, True]),
    ])  # fmt: skip


# ---------------------------------------------------------------- instants


def _whole(instant: datetime) -> datetime:
    return instant.replace(microsecond=0)


def _edge(rng: random.Random, clock: Clock) -> datetime:
    """An instant of the last 100 days, often on the edge of a window, give or take a microsecond."""
    kind = rng.random()
    if kind < 0.45:
        return clock.as_of - timedelta(seconds=rng.randint(1, 100 * 86400), microseconds=rng.choice([0, 0, 123456]))
    nudge = rng.choice([-TICK, TICK * 0, TICK * 0, TICK])
    if kind < 0.8:
        days = rng.choice([0, 1, 2, 3, 5, 7, 14, 30, 31, 60, 90, clock.today.weekday(), clock.today.day - 1])
        return clock.day_start(clock.today - timedelta(days=days)) + nudge
    if kind < 0.9:
        return clock.as_of - timedelta(**{rng.choice(["hours", "minutes"]): rng.choice([1, 6, 24, 30, 48])}) + nudge
    local_hour = timedelta(hours=rng.choice([1, 2, 6, 9, 18, 22]))
    return clock.day_start(clock.today - timedelta(days=rng.randint(0, 20))) + local_hour + nudge


def _ahead(rng: random.Random, clock: Clock) -> datetime:
    start = clock.day_start(clock.today + timedelta(days=rng.choice([-1, 0, 1, 2, 5, 6, 30])))
    return start + timedelta(seconds=rng.choice([-1, 0, 0, 1, 36000]))


def _near(rng: random.Random, city: str | None) -> tuple[float | None, float | None]:
    """A point well inside 5 km of the city or well outside 50 km of it, or none."""
    if city is None or rng.random() < 0.2:
        return None, None
    lat, lon = CITIES[city]
    return lat + rng.choice([0, 0.01, -0.02, 1.5]), lon + rng.choice([0, 0.01])


# ---------------------------------------------------------------- events


def _events(rng: random.Random, clock: Clock, ids: list[str]) -> list[dict[str, Any]]:
    active = ids[: int(len(ids) * 0.85)]  # the others never did anything
    rows = [_event(rng, clock, number, rng.choice(active)) for number in range(rng.randint(500, 750))]
    for row in rng.sample(rows, 40):  # ties, told apart by an id or by nothing
        event_id = None if row["event_id"] is None else f"t{len(rows)}"
        tied = {"event": row["event"]} if event_id is None else {}
        rows.append({**_event(rng, clock, len(rows), row["user_id"]), "ts": row["ts"], "event_id": event_id, **tied})
    for row in rng.sample(rows, 40):  # repeats: the first copy that came in is the one that counts
        later = {**row, "ingested_at": row["ingested_at"] + timedelta(minutes=5)}
        if row["event_id"] is not None and rng.random() < 0.7:
            later["properties"] = {"amount": 9999, "category": "repeat"}
        rows.append(later)
    for row in rng.sample(rows, 10):
        rows.append({**row, "user_id": rng.choice(["stranger", "0", "U1"]), "event_id": f"x{len(rows)}"})
    for row in rng.sample(rows, 8):
        late = clock.as_of + rng.choice([TICK * 0, TICK, timedelta(hours=3)])
        rows.append({**row, "ts": late, "event_id": f"l{len(rows)}"})
    rng.shuffle(rows)
    return rows


def _event(rng: random.Random, clock: Clock, number: int, user_id: str) -> dict[str, Any]:
    city = rng.choice([*CITIES, None])
    lat, lon = _near(rng, city)
    blank: list[Any] = [{}, None]
    with_id = rng.random() < 0.8
    ts = _edge(rng, clock)
    if not with_id:  # no ties without an id: their order would be open
        ts = ts.replace(microsecond=number + 1000)
    return {
        "event_id": f"{rng.choice('ab')}{number}" if with_id else None,
        "user_id": user_id,
        "event": rng.choices(EVENTS, [4, 5, 4, 6, 3, 0.3])[0],
        "ts": ts,
        "ingested_at": clock.as_of.replace(microsecond=0) - timedelta(days=1, seconds=number),
        "source": rng.choice(["app", "shop", None]),
        "platform": rng.choice(["ios", "android", "web", None]),
        "session_id": rng.choice([*SESSIONS, None]),
        "city": city,
        "lat": lat,
        "lon": lon,
        "properties": _properties(rng, clock) if rng.random() < 0.95 else rng.choice(blank),
    }


def _properties(rng: random.Random, clock: Clock) -> dict[str, Any]:
    values: Mapping[str, Any] = {
        "amount": rng.choice([0.1, 0.1, 5, 10, 10.0, 99.5, 100, 300, 301, "10", "0.1", "12,5", True, None]),
        "qty": rng.choice([1, 1, 2, 3, "3", None]),
        "category": rng.choice(["shoes", "shoes", "hats", "Hats", "çanta", "", 5, None, ["shoes", "hats"], []]),
        "plan": rng.choice(["trial", "basic", "churn", None]),
        "due_on": _moment(rng, clock, _ahead(rng, clock)),
        "shipping": rng.choice([{"city": "Rome"}, {"city": "Oslo", "fee": 5}, {}, None]),
        "items": rng.choice(_ORDERS),
        "promo.code": rng.choice(["X10", "x10", None]),
    }
    chosen = {key: value for key, value in values.items() if rng.random() < 0.8}
    if rng.random() < 0.1:
        chosen["platform"] = rng.choice(["ios", "tv"])  # a key of the name of a column
    return chosen


# ---------------------------------------------------------------- devices and messages


def _device(rng: random.Random, number: int, user_id: str) -> dict[str, Any]:
    platform = rng.choice(["ios", "android", "web"])
    state = rng.choice(["in use", "in use", "in use", "uninstalled", "unregistered"])
    # Whether such a one could still be pushed to is open, so it has lost its token.
    lost = state == "unregistered" or (state == "uninstalled" and platform == "web")
    return {
        "device_id": f"d{number}",
        "user_id": user_id,
        "platform": platform,
        "device_type": rng.choice(["phone", "tablet", "desktop", None]),
        "device_model": rng.choice(["Pixel 9", "iPhone 17", "", None]),
        "os_version": rng.choice(["17", "17.0", "17.5.1", "18.1-beta", None]),
        "app_version": rng.choice(["5.9.0", "5.10", "v6.0-beta", "6", "5.10.0.1", "dev", "", None]),
        "registered": state != "unregistered" and rng.choice([True, True, None]),
        "installed": state != "uninstalled" and rng.choice([True, True, None]),
        "has_token": not lost and rng.choice([True, True, False, None]),
        "push_permission": rng.choice([True, True, False, None]),
    }


def _consents(rng: random.Random, clock: Clock, ids: list[str]) -> list[dict[str, Any]]:
    """At most three rows for a user and channel, never two at one time."""
    return [
        {
            "user_id": user_id,
            "channel": channel,
            "state": rng.choice(["opted_in", "opted_in", "opted_in", "opted_out", "pending"]),
            "at": clock.as_of - timedelta(days=10 * turn + 1, seconds=rng.randint(0, 9)),
            "reason": "hard_bounce" if channel == "email" and rng.random() < 0.15 else None,
        }
        for user_id in [*ids, "stranger"]
        for channel in CHANNELS
        for turn in range(rng.randint(0, 3))
    ]


def _blacklist(rng: random.Random, clock: Clock, ids: list[str]) -> list[dict[str, Any]]:
    """Several rows may have one time: then the listing wins."""
    return [
        {
            "user_id": user_id,
            "channel": channel,
            "listed": rng.random() < 0.6,
            "at": clock.as_of - timedelta(days=rng.choice([1, 2])),
        }
        for user_id in rng.sample(ids, 20)
        for channel in ("push", *CHANNELS)
        for _ in range(rng.randint(0, 2))
    ]


def _messages(clock: Clock) -> list[dict[str, Any]]:
    return [
        {
            "message_id": message_id,
            "title": message_id.replace("_", " "),
            "channel": "push",
            "status": "sent",
            "created_at": _whole(clock.as_of) - timedelta(days=60),
            "sent_at": clock.day_start(clock.today - timedelta(days=days)),
            "segments": ["all_users"],
        }
        for message_id, days in zip(MESSAGES, (3, 7, 40), strict=True)
    ]


def _message_events(rng: random.Random, clock: Clock, ids: list[str]) -> list[dict[str, Any]]:
    """What became of each message, in the order in which it can happen; some of it only after the run."""
    rows: list[dict[str, Any]] = []
    for message in _messages(clock):
        for user_id in [*ids, "stranger"]:
            at = message["sent_at"]
            reached = rng.choice([0, 0, 1, 2, 3, 3, 4, 5])
            kinds = ["targeted", rng.choice(["sent", "failed"]), "delivered", "opened", "clicked"][:reached]
            for kind in ["targeted", "failed"] if "failed" in kinds else kinds:
                at += timedelta(seconds=rng.choice([1, 60, 5 * 86400])) if kind != "targeted" else timedelta(0)
                if kind != "sent" or rng.random() < 0.7:
                    rows.append({"message_id": message["message_id"], "user_id": user_id, "kind": kind, "ts": at})
    return rows
