"""Rows of the users table: a full snapshot when the sample begins, then each day those who registered or bought.

Spending is a running account: it opens with an estimate of the time before the sample and adds what the events say,
so that profile and events agree. Not here: files (write.py) and traits (people.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from orchestration.sample import shop
from orchestration.sample.draw import Ints, dice
from orchestration.sample.events import Purchases
from orchestration.sample.people import BUYS_PER_MILLE, People, usual_visits

SCHEMA = pa.schema(
    [
        ("user_id", pa.string()),
        ("external_id", pa.string()),
        ("email", pa.string()),
        ("msisdn", pa.string()),
        ("created_at", pa.timestamp("us", tz="UTC")),
        ("updated_at", pa.timestamp("us", tz="UTC")),
        ("is_test", pa.bool_()),
        ("city", pa.string()),
        ("country", pa.string()),
        ("lat", pa.float64()),
        ("lon", pa.float64()),
        ("attributes", pa.string()),
        ("tags", pa.string()),
        ("ad_consent", pa.bool_()),
    ]
)
_FIRST_NAMES = (
    "ada",
    "ali",
    "ben",
    "can",
    "deniz",
    "ece",
    "emre",
    "eva",
    "jan",
    "leyla",
    "lina",
    "mert",
    "omar",
    "zoe",
)
_LAST_NAMES = ("aydin", "berg", "celik", "demir", "fischer", "kaya", "martin", "novak", "smith", "yilmaz")
_TIERS = ((600_000, "platinum"), (150_000, "gold"), (30_000, "silver"), (0, "bronze"))  # from so many cents on
_TAGS = (("vip", 25), ("press", 4), ("employee", 6), ("beta", 30), ("wholesale", 8))  # per mille
_FIRST_BIRTHDAY = date(1955, 1, 1).toordinal()


@dataclass
class Accounts:
    """Spending so far: cents and last order, by user id."""

    cents: dict[str, int] = field(default_factory=dict)
    last_order: dict[str, datetime] = field(default_factory=dict)

    def add(self, day: date, purchases: Purchases) -> None:
        """Book a day's purchases."""
        for user, cents, second in zip(purchases.user_ids, purchases.cents, purchases.seconds, strict=True):
            self.cents[user] = self.cents.get(user, 0) + cents
            self.last_order[user] = midnight(day) + timedelta(seconds=second)

    def recall(self, users: pa.Table) -> None:
        """Take over what rows of the users table say; later rows replace earlier ones."""
        for user, text in zip(users["user_id"].to_pylist(), users["attributes"].to_pylist(), strict=True):
            said = json.loads(text)
            self.cents[user] = round(said["total_spent"] * 100)
            if "last_order_at" in said:
                self.last_order[user] = datetime.fromisoformat(said["last_order_at"])


def midnight(day: date) -> datetime:
    """The first instant of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def opening(seed: int, people: People, day: date) -> Accounts:
    """What people had spent before a day: their kind's habits over the time they were here, give or take a half."""
    number, age = people.number, day.toordinal() - people.birth
    stayed = np.minimum(age, people.quits)
    per_day = usual_visits(people) * BUYS_PER_MILLE[people.kind] // 1000 * 37 // 100  # a third of visits fills a cart
    orders = per_day * stayed // 1_000_000 + dice(seed, 20, number, 3) - 1
    cents = np.maximum(orders, 0) * (9_000 + dice(seed, 21, number, 18_000))
    cents[age < 7] = 0
    between_orders = np.clip(1_000_000 // np.maximum(per_day, 1), 1, 90)
    days = np.maximum(age - people.quits, 0) + dice(seed, 22, number, 90) * between_orders // 90
    seconds = (np.minimum(days, age - 1) + 1) * 86_400 - dice(seed, 23, number, 86_400)
    accounts = Accounts()
    for user, spent, ago in zip(people.user_ids, cents.tolist(), seconds.tolist(), strict=True):
        accounts.cents[user] = spent
        if spent:
            accounts.last_order[user] = midnight(day) - timedelta(seconds=ago)
    return accounts


def users_table(seed: int, people: People, accounts: Accounts, updated: Sequence[datetime]) -> pa.Table:
    """One row per person as the profile stands at `updated`; all but the account depends on the person alone."""
    number = people.number
    cities = [shop.CITIES[c] if c >= 0 else None for c in people.city.tolist()]
    placed = dice(seed, 33, number, 1000) < 700
    located = [c if p else None for c, p in zip(cities, placed.tolist(), strict=True)]
    columns: dict[str, Sequence[Any]] = {
        "user_id": people.user_ids,
        "external_id": external_ids(seed, number),
        "email": emails(seed, number),
        "msisdn": msisdns(seed, number),
        "created_at": created_at(people),
        "updated_at": updated,
        "is_test": (dice(seed, 34, number, 1000) < 2).tolist(),
        "city": [c and c.name for c in cities],
        "country": [c and c.country for c in cities],
        "lat": [c and (c.lat + d) / 10_000 for c, d in zip(located, _spread(seed, 35, number), strict=True)],
        "lon": [c and (c.lon + d) / 10_000 for c, d in zip(located, _spread(seed, 36, number), strict=True)],
        "attributes": _attributes(seed, people, accounts),
        "tags": _tags(seed, number),
        "ad_consent": [None if d < 12 else d < 65 for d in dice(seed, 37, number, 100).tolist()],
    }
    return pa.table(columns, schema=SCHEMA)


def created_at(people: People) -> list[datetime]:
    """The moments of registration."""
    return [
        midnight(date.fromordinal(day)) + timedelta(seconds=second)
        for day, second in zip(people.birth.tolist(), people.birth_second.tolist(), strict=True)
    ]


def external_ids(seed: int, number: Ints) -> list[str | None]:
    """The shop's own customer numbers: eight digits, many with leading zeros; one person in twelve has none."""
    missing = (dice(seed, 30, number, 12) == 0).tolist()
    return [None if m else f"{n * 7919 % 100_000_000:08d}" for n, m in zip(number.tolist(), missing, strict=True)]


def emails(seed: int, number: Ints) -> list[str | None]:
    """Addresses; every 500th person shares the one of the person before, which makes matching by it ambiguous."""
    of = np.where(number % 500 == 1, number - 1, number)
    missing = (dice(seed, 31, of, 1000) < 90).tolist()
    first = dice(seed, 40, of, len(_FIRST_NAMES)).tolist()
    last = dice(seed, 41, of, len(_LAST_NAMES)).tolist()
    return [
        None if m else f"{_FIRST_NAMES[f]}.{_LAST_NAMES[s]}{n}@example.com"
        for n, m, f, s in zip(of.tolist(), missing, first, last, strict=True)
    ]


def msisdns(seed: int, number: Ints) -> list[str | None]:
    """Phone numbers with leading `+`; a quarter of the people gave none."""
    missing = (dice(seed, 32, number, 4) == 0).tolist()
    return [None if m else f"+90500{n:07d}" for n, m in zip(number.tolist(), missing, strict=True)]


def _spread(seed: int, salt: int, number: Ints) -> list[int]:
    return (dice(seed, salt, number, 801) - 400).tolist()


def _attributes(seed: int, people: People, accounts: Accounts) -> list[str]:
    """The JSON objects; an attribute that somebody did not tell is absent."""
    number = people.number
    throws = np.stack([dice(seed, salt, number, 1000) for salt in range(50, 55)], axis=1).tolist()
    birthdays = (_FIRST_BIRTHDAY + dice(seed, 56, number, 19_000)).tolist()
    also = dice(seed, 57, number, len(shop.CATEGORIES)).tolist()
    rows = []
    for n, user in enumerate(people.user_ids):
        birthday, newsletter, favourite, language, interests = throws[n]
        cents = accounts.cents.get(user, 0)
        said: dict[str, Any] = {
            "tier": next(tier for limit, tier in _TIERS if cents >= limit),
            "total_spent": cents / 100,
            "loyalty": {"points": cents // 1000 * 10, "card": f"L{number[n]:07d}"},
        }
        if user in accounts.last_order:
            said["last_order_at"] = f"{accounts.last_order[user]:%Y-%m-%dT%H:%M:%SZ}"
        if birthday < 880:
            said["birthday"] = date.fromordinal(birthdays[n]).isoformat()
        if newsletter < 900:
            said["newsletter"] = newsletter < 380
        liked = shop.CATEGORIES[people.favourite[n]]
        if favourite < 850:
            said["favourite_category"] = liked
        if language < 950:
            said["language"] = shop.CITIES[max(int(people.city[n]), 0)].language
        if interests < 800:
            said["interests"] = [] if interests < 100 else sorted({liked, shop.CATEGORIES[also[n]]})
        rows.append(json.dumps(said, separators=(",", ":")))
    return rows


def _tags(seed: int, number: Ints) -> list[str | None]:
    """The JSON lists; most are empty, some people were never looked at."""
    held = np.stack([dice(seed, 60 + n, number, 1000) < share for n, (_, share) in enumerate(_TAGS)], axis=1)
    texts = [json.dumps([tag for (tag, _), yes in zip(_TAGS, row, strict=True) if yes]) for row in held.tolist()]
    return [None if n else text for n, text in zip((dice(seed, 66, number, 33) == 0).tolist(), texts, strict=True)]
