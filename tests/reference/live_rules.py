"""Random live segments, and worlds with enough going on around the run's day to divide people.

Here: triggers and their filters, and page views. Not here: ordinary rules (`rules.py`), which the filters are made of.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tests.reference.rule_parts import Part
from tests.reference.rules import CORE, Maker
from tests.reference.windows import TICK, Clock
from tests.reference.worlds import World, make_world

URLS = (
    "https://Shop.example/",
    "shop.example",
    "http://shop.example/cart#top",
    "shop.example/cart?x=1",
    "/cart",
    "",
    7,
)
REFERRERS = ("https://news.example/a", "http://www.shop.example/x", "SHOP.example/x", "https://ads.example/?q=Shop", "")
NAMES = ("app_open", "view", "add_to_cart", "purchase", "login")


def make_live_world(seed: int, timezone: str) -> World:
    """A world with some hundred more events in the last five days, page views among them."""
    world = make_world(seed, timezone)
    rng = random.Random(f"live/{seed}/{timezone}")
    clock = Clock(world.as_of, timezone)
    ids = sorted({row["user_id"] for row in world.tables["users"]})[:25]
    patterns = [row for row in world.tables["events"] if row["user_id"] in ids]
    events = [
        {**row, "session_id": rng.choice([*"abc", None])} if row["event"] == "view" else row
        for row in world.tables["events"]
    ]
    for number in range(700):
        row = {**rng.choice(patterns), "event_id": f"live{number}", "ts": _recent(rng, clock)}
        row |= {"user_id": rng.choice(ids), "event": rng.choice([*NAMES, "page_view", "page_view", "page_view"])}
        if row["event"] == "page_view":
            row["session_id"] = rng.choice([*"abcd", None])
            row["properties"] = {**(row["properties"] or {}), "url": rng.choice(URLS)}
            if rng.random() < 0.6:
                row["properties"]["referrer"] = rng.choice(REFERRERS)
        events.append(row)
    return replace(world, tables={**world.tables, "events": events})


def _recent(rng: random.Random, clock: Clock) -> datetime:
    """An instant of the last five days, often at a local midnight or a whole number of minutes from another."""
    start = clock.day_start(clock.today - timedelta(days=rng.choice([0, 0, 1, 1, 1, 2, 3, 4])))
    nudge = rng.choice([-TICK, TICK * 0, TICK * 0, TICK])
    if rng.random() < 0.2:
        return start + nudge
    # Never a whole number of minutes before the run, where it is open whether a span is over.
    instant = start + timedelta(minutes=5 * rng.randint(0, 287)) + nudge
    return instant if (clock.as_of - instant) % timedelta(minutes=1) else instant + TICK


def make_live_segments(rng: random.Random, world: World, count: int) -> dict[str, dict[str, Any]]:
    """Some ordinary segments, which filters may read, and `count` live ones, `live_000` and so on."""
    maker = _LiveMaker(rng, world)
    for number in range(4):
        maker.add(f"s{number:03}")
    for number in range(count):
        maker.segments[f"live_{number:03}"] = maker.live_definition(f"live_{number:03}")
    return maker.segments


class _LiveMaker(Maker):
    def __init__(self, rng: random.Random, world: World) -> None:
        super().__init__(rng, world, CORE)

    def live_definition(self, name: str) -> dict[str, Any]:
        rng = self.rng
        draws: list[Callable[[], Part]] = [
            self._action,
            self._inaction,
            self._date,
            self._page,
            self._entry,
            self._pages,
        ]
        live = rng.choice(draws)()
        if "date" not in live and rng.random() < 0.3:
            live["where"] = self.where()
        if rng.random() < 0.6:
            live["who"] = self.rule()
        definition: dict[str, Any] = {"name": name, "live": live}
        if rng.random() < 0.1:
            definition["exclude"] = [rng.choice(["s000", "test_users"])]
        return definition

    def _others(self, most: int) -> list[str]:
        return [name for name in super()._others(most) if not name.startswith("live_")] or ["all_users"]

    def _action(self) -> Part:
        return {"did": self.rng.choice([self.rng.choice(NAMES), self.rng.sample(NAMES, 2)])}

    def _inaction(self) -> Part:
        did, *then_not = self.rng.sample(NAMES, 3)
        span = self.rng.choice(["5 minutes", "10 minutes", "90 minutes", "24 hours", "2 days", "1 month"])
        return {"did": did, "then_not": then_not[: self.rng.randint(1, 2)], "within": span}

    def _date(self) -> Part:
        path = self.rng.choice(["birthday", "last_order_at", "appointment_on"])
        if path == "birthday":
            return {"date": path, "anniversary": self.rng.choice(["today", "yesterday", "in 5 days"])}
        return {"date": path, "exactly": self.rng.choice(["in 1 day", "in 5 days", "1 day ago", "1 month ago"])}

    def _page(self) -> Part:
        return {"page": self._address(["shop.example", "HTTP://SHOP.example/cart", "/cart"])}

    def _entry(self) -> Part:
        return {"referrer": self._address(["news.example/a", "https://ads.example"])}

    def _address(self, literals: list[str]) -> Any:
        rng = self.rng
        return rng.choice([
            rng.choice(literals),
            {rng.choice(["equals", "not_equals"]): rng.choice(literals)},
            {rng.choice(["in", "not_in"]): literals},
            {rng.choice(["starts_with", "contains", "not_contains"]): rng.choice(["shop", "https://news", "example/"])},
            {rng.choice(["ends_with", "matches"]): rng.choice(["a", "cart", "x=1"])},
            {"contains": "SHOP", "ignore_case": True},
        ])  # fmt: skip

    def _pages(self) -> Part:
        return {"page_count": self.comparison([1, 2, 3, 5])}
