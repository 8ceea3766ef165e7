"""Rows of devices, consents and blacklist as they stand on the sample's last day; each table is written whole.

Not here: which devices somebody owns (people.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from orchestration.sample import shop
from orchestration.sample.draw import dice
from orchestration.sample.people import ANDROID, IOS, MAX_DEVICES, PLATFORMS, WEB, People
from orchestration.sample.profiles import created_at, midnight

DEVICES = pa.schema(
    [
        ("device_id", pa.string()),
        ("user_id", pa.string()),
        ("platform", pa.string()),
        ("device_type", pa.string()),
        ("device_model", pa.string()),
        ("os_version", pa.string()),
        ("app_version", pa.string()),
        ("registered", pa.bool_()),
        ("installed", pa.bool_()),
        ("has_token", pa.bool_()),
        ("push_permission", pa.bool_()),
        ("last_used_at", pa.timestamp("us", tz="UTC")),
    ]
)
_MODELS = {
    ANDROID: (("Galaxy S24", "phone"), ("Galaxy A15", "phone"), ("Redmi Note 13", "phone"), ("Pixel 9", "phone"),
              ("Galaxy Tab S9", "tablet")),
    IOS: (("iPhone 13", "phone"), ("iPhone 15", "phone"), ("iPhone 16 Pro", "phone"), ("iPhone SE", "phone"),
          ("iPad Air", "tablet")),
    WEB: (("Chrome", "desktop"), ("Safari", "desktop"), ("Firefox", "desktop"), ("Edge", "desktop"),
          ("Chrome", "tablet")),
}  # fmt: skip
_OS_VERSIONS = {ANDROID: ("12", "13", "14", "15", "16"), IOS: ("16.7.10", "17.6.1", "18.5", "18.6.2", "26.0"), WEB: ()}


def devices_table(seed: int, people: People, day: date) -> pa.Table:
    """One row per device; apps advance with the releases until their owner stops coming."""
    rows: dict[str, list[object]] = {name: [] for name in DEVICES.names}
    for slot in range(MAX_DEVICES):
        owners = people[people.devices > slot]
        last_day = _last_used(seed, owners, day, slot)
        salts = [dice(seed, 100 + 10 * slot + n, owners.number, 1000).tolist() for n in range(6)]
        for n, user in enumerate(owners.user_ids):
            model, system, patch, installed, token, permission = (salt[n] for salt in salts)
            platform = int(owners.platforms[n, slot])
            name, kind = _MODELS[platform][model % 5]
            systems = _OS_VERSIONS[platform]
            web = platform == WEB
            used = last_day[n]
            values = (
                f"d{user[1:]}{'abc'[slot]}", user, PLATFORMS[platform], kind, name,
                systems[system % 5] if systems and system < 970 else None,
                None if web else shop.app_version(used.toordinal(), int(owners.lags[n, slot]), patch % 3),
                installed >= 20, None if web else installed >= 90,
                token < (450 if web else 930), permission < (400 if web else 640),
                midnight(used) + timedelta(seconds=patch * 80),
            )  # fmt: skip
            for column, value in zip(rows.values(), values, strict=True):
                column.append(value)
    return pa.table(rows, schema=DEVICES)


def _last_used(seed: int, people: People, day: date, slot: int) -> list[date]:
    age = day.toordinal() - people.birth
    idle = np.maximum(age - people.quits, 0) + dice(seed, 90 + slot, people.number, 14 + 60 * slot)
    return [day - timedelta(days=days) for days in np.minimum(idle, age).tolist()]


def consents(seed: int, people: People, day: date) -> Iterator[tuple[str, ...]]:
    """`user_id, channel, state, at, reason` up to a day: a first answer, later changes, and three rows nobody can read.

    The unreadable ones are there for the quarantine to show what it does.
    """
    born, ids = created_at(people), people.user_ids
    ends = midnight(day + timedelta(days=1))
    for salt, (channel, asked, agreed) in enumerate(
        (("push", 800, 700), ("email", 850, 660), ("sms", 500, 450), ("whatsapp", 240, 600), ("web_push", 150, 500))
    ):
        throws = dice(seed, 200 + salt, people.number, 1_000_000).tolist()
        turns = dice(seed, 210 + salt, people.number, 3_000).tolist()
        for user, at, throw, turn in zip(ids, born, throws, turns, strict=True):
            if throw % 1000 >= asked:
                continue
            state = "opted_in" if throw // 1000 < agreed else "opted_out"
            yield user, channel, state, _iso(at), ""
            changed = at + timedelta(days=turn, hours=1)
            if changed < ends:
                bounced = channel == "email" and turn % 9 == 0
                other = "opted_out" if bounced or state == "opted_in" else "opted_in"
                yield user, channel, other, _iso(changed), "hard_bounce" if bounced else "preference_centre"
    yield ids[0], "email", "opted_in", "31/02/2026 at noon", "paper_form"
    yield ids[1 % len(ids)], "sms", "opted_out", "", "call_centre"
    yield "", "push", "opted_out", _iso(midnight(day)), "call_centre"


def blacklist(seed: int, people: People, day: date) -> Iterator[tuple[str, ...]]:
    """`user_id, channel, listed, at` up to a day: few people, some of them taken off again."""
    ends = midnight(day + timedelta(days=1))
    throws = dice(seed, 220, people.number, 120).tolist()
    for user, at, throw in zip(people.user_ids, created_at(people), throws, strict=True):
        listed = at + timedelta(days=10 + throw)
        if throw < 2 and listed < ends:
            channel = ("push", "sms")[throw]
            yield user, channel, "true", _iso(listed)
            lifted = listed + timedelta(days=60)
            if user.endswith("3") and lifted < ends:
                yield user, channel, "false", _iso(lifted)


def _iso(moment: object) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
