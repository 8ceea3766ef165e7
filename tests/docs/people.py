"""A crowd for the examples of the documents: drawn by chance from a seed, so that every example has somebody in and
somebody out. Not here: the examples, and who is in.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

Row = dict[str, Any]

AS_OF = datetime(2026, 6, 3, 12, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
CITIES = {"London": (51.507, -0.128), "Istanbul": (41.01, 28.98), "Leeds": (53.8, -1.55)}


def crowd(seed: int, size: int = 120) -> dict[str, list[Row]]:
    """Landing rows by table."""
    rng = random.Random(seed)
    tables: dict[str, list[Row]] = {
        name: [] for name in ("users", "events", "devices", "consents", "blacklist", "message_events")
    }
    tables["messages"] = [
        {"message_id": name, "title": name, "channel": "push", "status": "sent", "created_at": at, "sent_at": at}
        for name, at in (("spring_1", _day(3)), ("spring_2", _day(20)), ("spring_sale", _day(40)))
    ]
    for number in range(size):
        user = f"u{number:03}"
        tables["users"].append(_profile(user, rng))
        tables["events"] += _history(user, rng)
        tables["devices"] += [_device(user, n, rng) for n in range(rng.choice([0, 1, 1, 2]))]
        for channel in ("email", "sms", "whatsapp"):
            if rng.random() < 0.6:
                state = rng.choice(["opted_in", "opted_in", "opted_out"])
                tables["consents"].append({"user_id": user, "channel": channel, "state": state, "at": LONG_AGO})
            if rng.random() < 0.15:
                tables["blacklist"].append({"user_id": user, "channel": channel, "listed": True, "at": LONG_AGO})
        for message in ("spring_1", "spring_2", "spring_sale"):
            tables["message_events"] += _responses(user, message, rng)
    return tables


def _day(back: float) -> datetime:
    return AS_OF - timedelta(days=back)


def _profile(user: str, rng: random.Random) -> Row:
    attributes = {
        "tier": rng.choice(["gold", "platinum", "basic", None]),
        "total_spent": rng.choice([0, 999.5, 1000.01, 5000, None]),
        "address": rng.choice([{"city": "London"}, {"city": "Rome"}, {}, None]),
        "age": rng.choice(["17", "18", "30", "31", "unknown", None]),
        "last_order_at": rng.choice([_text(_day(3)), _text(_day(29)), _text(_day(45)), None]),
        "birthday": rng.choice(["1990-06-03", "1991-06-04", "1990-01-01", None]),
        "appointment_on": rng.choice(["2026-06-08", "2026-06-09", None]),
        "newsletter": rng.choice([True, False, None]),
    }
    city = rng.choice([*CITIES, None])
    lat, lon = CITIES[city] if city else (None, None)
    email = rng.choice([f"{user}@example.com", f"{user}@EXAMPLE.COM", f"{user}@example.org", None])
    phone = rng.choice(["+905320000001", None])
    tags = rng.sample(["vip", "press", "beta"], rng.choice([0, 0, 1, 2]))
    return {
        "user_id": user, "email": email, "msisdn": phone, "city": city, "lat": lat, "lon": lon,
        "is_test": rng.choice([True, False, None]), "attributes": attributes, "tags": tags,
    }  # fmt: skip


def _text(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


def _device(user: str, number: int, rng: random.Random) -> Row:
    return {
        "device_id": f"{user}/{number}", "user_id": user, "platform": rng.choice(["ios", "ios", "android", "web"]),
        "device_type": rng.choice(["phone", "phone", "tablet"]), "device_model": rng.choice(["iPhone 17", None]),
        "os_version": rng.choice(["16.4", "17.0", None]), "app_version": rng.choice(["5.9.1", "5.10", "6.0"]),
        "has_token": rng.choice([True, True, None]), "push_permission": rng.choice([True, False]),
    }  # fmt: skip


def _responses(user: str, message: str, rng: random.Random) -> list[Row]:
    steps = ["targeted", "delivered", "opened", "clicked"][: rng.choice([0, 1, 2, 3, 4])]
    at = {"spring_1": 3.0, "spring_2": 20.0, "spring_sale": 40.0}[message]
    return [
        {"message_id": message, "user_id": user, "kind": kind, "ts": _day(at - n / 100)} for n, kind in enumerate(steps)
    ]


def _history(user: str, rng: random.Random) -> list[Row]:
    events: list[Row] = []

    def happens(name: str, at: datetime, **more: Any) -> None:
        properties = {key: value for key, value in more.pop("properties", {}).items() if value is not None}
        city = more.pop("city", None) or rng.choice([*CITIES, None])
        lat, lon = CITIES[city] if city else (None, None)
        place = {"city": city, "lat": lat, "lon": lon}
        events.append({"user_id": user, "event": name, "ts": at, "properties": properties, **place, **more})

    activity = rng.choice([0, 0.4, 1, 3])
    longest = rng.choice([2, 30, 100, 200])
    for number in range(int(activity * rng.randint(1, 12))):
        at, session = _day(rng.random() ** 2 * longest), f"{user}/{number}"
        for name in ("product_view", "add_to_cart", "purchase")[: rng.choice([1, 2, 2, 3])]:
            happens(name, at, session_id=session, properties=_goods(rng))
            at = min(at + timedelta(minutes=rng.choice([5, 30, 80])), AS_OF - timedelta(minutes=1))
    if rng.random() < 0.1:  # on a Sunday, half an hour after midnight in Istanbul
        shoes = {"category": "shoes", "amount": rng.choice([300, 301]), "coupon": "X10"}
        happens("purchase", datetime(2026, 5, 30, 21, 30, tzinfo=UTC), city="Istanbul", properties=shoes)
    if rng.random() < 0.1:  # as good as every day, and buys
        for day in range(20):
            happens("app_open", _day(day + 0.2))
        for day in (3, 9):
            happens("purchase", _day(day), properties=_goods(rng))
    elif rng.random() < 0.4:  # a habit of the evening, some weeks left out
        for week in range(9):
            if rng.random() < 0.85:
                happens("app_open", _day(week * 7 + rng.random() * 3).replace(hour=rng.choice([9, 15, 16, 17])))
    elif activity:
        happens("app_open", _day(rng.choice([5, 35, 40])))
    for name in ("a", "b", "c", "d", "e", "f", "g", "h", "subscribe", "plan_change", "plan_change"):
        if rng.random() < 0.6:
            happens(name, _moment(rng), properties={"plan": rng.choice(["trial", "pro", "churned", None])})
    return [event for event in events if event["ts"] < AS_OF]


def _goods(rng: random.Random) -> Row:
    return {
        "category": rng.choice(["shoes", "shoes", "hats", "books", None]),
        "amount": rng.choice([4, 15, 99, 301, 500, 1200, None]),
        "coupon": rng.choice(["X10", None]),
        "items": rng.choice([[{"sku": "A1", "qty": 2}], [{"sku": "A1", "qty": 1}, {"sku": "B1", "qty": 2}], None]),
    }


def _moment(rng: random.Random) -> datetime:
    """Around what the examples of windows are about."""
    around = [_day(0.03), _day(0.5), _day(1), _day(5.3), _day(20), _day(45)]
    around += [datetime(2026, 4, day, hour, tzinfo=UTC) for day, hour in ((1, 5), (2, 9), (16, 12), (23, 20))]
    return rng.choice([*around, datetime(2026, 3, 20, tzinfo=UTC)])
