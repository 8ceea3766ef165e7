"""Random parts of rules: windows, operators on a value, event filters. All valid, and fitting the worlds.

Here: what several leaves share. Not here: the leaves themselves and whole segments (`rules.py`).
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from tests.reference.values import iso_text
from tests.reference.windows import Clock
from tests.reference.worlds import CITIES, SESSIONS

Part = dict[str, Any]
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Parts:
    """Draws parts of rules whose dates lie around one moment."""

    def __init__(self, rng: random.Random, as_of: datetime, timezone: str) -> None:
        self.rng = rng
        self.clock = Clock(as_of, timezone)

    # ---------------------------------------------------------------- windows

    def day(self, oldest: int = 60, ahead: int = 0) -> str:
        return (self.clock.today + timedelta(days=self.rng.randint(-oldest, ahead))).isoformat()

    def instant(self, oldest: int = 60, ahead: int = 0) -> str:
        start = self.clock.day_start(self.clock.today + timedelta(days=self.rng.randint(-oldest, ahead)))
        return iso_text(start + timedelta(hours=self.rng.choice([0, 1, 6, 9, 18])))

    def window(self) -> Part:
        """Any window of events."""
        rng = self.rng
        choice = rng.randrange(12)
        if choice < 4:
            return {"within": self._span()}
        if choice == 4:
            words = ["today", "yesterday", "this week", "this month", "previous month", "previous week", "this year"]
            return {"within": rng.choice(words)}
        if choice == 5:
            return {"between": sorted([self.day(), self.day()])}
        if choice == 6:
            return {"between": sorted([self.instant(), self.instant()])}
        if choice == 7:
            return self._from_to()
        if choice == 8:
            return {"exactly": rng.choice(["1 day ago", "2 days ago", "1 week ago", "1 month ago"])}
        word = ["before", "after", "on"][choice - 9]
        return {word: self.day() if rng.random() < 0.6 else self.instant()}

    def _span(self) -> str:
        spans = [(24, "hours"), (1, "hour"), (48, "hours"), (90, "minutes"), (0, "days"), (1, "day"), (7, "days")]
        spans += [(30, "days"), (60, "days"), (2, "weeks"), (1, "month"), (3, "months"), (1, "year")]
        count, unit = self.rng.choice(spans)
        return f"{count} {unit}"

    def _from_to(self) -> Part:
        early = self.rng.choice(["60 days ago", "2 months ago", "5 weeks ago", self.day(), None])
        if early and not early.endswith(" ago"):  # a date: the end must not lie before it
            return {"from": early, "to": self.rng.choice(["0 days ago", "in 1 day"])}
        late = self.rng.choice(["30 days ago", "7 days ago", "1 day ago", "36 hours ago", None])
        if early is None and late is None:
            return {"from": "72 hours ago"}
        return {word: text for word, text in (("from", early), ("to", late)) if text is not None}

    def value_window(self) -> Part:
        """Any window of a date attribute, which may lie ahead."""
        rng = self.rng
        return rng.choice([
            {"within": rng.choice([self._span(), "today", "yesterday", "this week", "this month", "previous month"])},
            {"exactly": rng.choice(["in 5 days", "in 1 day", "in 1 month", "1 day ago", "7 days ago", "1 week ago"])},
            {"from": rng.choice(["30 days ago", "0 days ago", "24 hours ago", "in 1 day"])},
            {"to": rng.choice(["0 days ago", "in 2 days", "1 week ago", self.day(30, 5)])},
            {"from": rng.choice(["2 months ago", "1 day ago"]), "to": rng.choice(["0 days ago", "in 7 days"])},
            {"between": sorted([self.day(60, 10), self.day(60, 10)])},
            {"between": sorted([self.instant(60, 10), self.instant(60, 10)])},
            {rng.choice(["before", "after", "on"]): self.day(40, 6)},
            {rng.choice(["before", "after", "on"]): self.instant(40, 6)},
        ])  # fmt: skip

    # ---------------------------------------------------------------- operators on a value

    def text(self, literals: list[str], pieces: list[str], patterns: list[str]) -> Part:
        rng = self.rng
        part: Part = rng.choice([
            {rng.choice(["equals", "not_equals"]): rng.choice(literals)},
            {rng.choice(["in", "not_in"]): rng.sample(literals, min(2, len(literals)))},
            {rng.choice(["contains", "not_contains"]): rng.choice(pieces)},
            {rng.choice(["starts_with", "ends_with"]): rng.choice(pieces)},
            {"matches": rng.choice(patterns)},
            {"exists": rng.random() < 0.7},
            {rng.choice(["gt", "gte", "lt", "lte"]): rng.choice(literals)},
            {"between": sorted(rng.sample(literals, 2))},
        ])  # fmt: skip
        if not {"exists", "gt", "gte", "lt", "lte", "between"} & set(part) and rng.random() < 0.4:
            part["ignore_case"] = True
        if rng.random() < 0.15:
            part["as"] = "text"
        return part

    def comparison(self, numbers: list[Any]) -> Part:
        """One operator of those that an aggregate takes."""
        rng = self.rng
        if rng.random() < 0.15:
            return {"between": sorted(rng.sample(numbers, 2))}
        return {rng.choice(["gt", "gte", "gte", "lt", "lte", "equals", "not_equals"]): rng.choice(numbers)}

    def number(self, numbers: list[Any]) -> Part:
        rng = self.rng
        part = rng.choice([
            self.comparison(numbers),
            self.comparison(numbers),
            {rng.choice(["in", "not_in"]): rng.sample(numbers, 2)},
            {"exists": rng.random() < 0.8},
            {"gte": numbers[0], "lt": numbers[-1]},
        ])  # fmt: skip
        return {**part, "as": "number"} if rng.random() < 0.4 else part

    def boolean(self) -> Part:
        part: Part = {self.rng.choice(["equals", "not_equals"]): self.rng.random() < 0.6}
        if self.rng.random() < 0.2:
            part = {"exists": True}
        return {**part, "as": "boolean"} if self.rng.random() < 0.7 else part

    def version(self, literals: list[str]) -> Part:
        rng = self.rng
        return rng.choice([
            {rng.choice(["gt", "gte", "lt", "lte", "equals", "not_equals"]): rng.choice(literals)},
            {"between": ["5.9", "5.10.1"]},
            {rng.choice(["in", "not_in"]): ["5.10", "6"]},
        ])  # fmt: skip

    def date(self) -> Part:
        rng = self.rng
        if rng.random() < 0.65:
            return self.value_window()
        literal = self.day(30, 5) if rng.random() < 0.6 else self.instant(30, 5)
        operator = rng.choice(["gt", "gte", "lt", "lte", "equals", "not_equals"])
        return rng.choice([{"as": "date", operator: literal}, {"as": "date", "exists": rng.random() < 0.6}])

    def items(self) -> Part:
        rng = self.rng
        filters = rng.choice([
            [{"property": "sku", "equals": rng.choice("ab")}, {"property": "price", "gte": rng.choice([5, 40])}],
            [{"property": "sku", "equals": "A", "ignore_case": True}],
            [{"property": "price", "as": "number", "gt": 40}],
            [{"property": "sku", "not_equals": "a"}],
            [{"property": "tags", "equals": "new"}],
            [{"property": "tags", "exists": False}, {"property": "price", "lt": 45}],
        ])  # fmt: skip
        return {"has_item": filters}

    # ---------------------------------------------------------------- filters on events

    def filter(self) -> Part:
        rng = self.rng
        categories = ["shoes", "hats", "Hats", "çanta", ""]
        path, part = rng.choice([
            ("category", self.text(categories, ["s", "ha", "Ç"], ["^s", "[a-h]a", "s$"])),
            ("category", {rng.choice(["equals", "in"]): None}),
            ("amount", self.number([5, 10, 99.5, 100, 300])),
            ("amount", self.number([5, 10, 100, 300])),
            ("qty", self.number([1, 2, 3])),
            ("plan", self.text(["trial", "basic", "churn"], ["t", "b", "n"], ["^[tb]", "i"])),
            ("due_on", self.date()),
            ("shipping.city", {rng.choice(["equals", "not_equals"]): rng.choice(["Rome", "Oslo"])}),
            ("promo.code", {"equals": "X10", "ignore_case": rng.random() < 0.5}),
            ("items", self.items()),
            ("platform", {rng.choice(["in", "not_in"]): ["ios", "tv"]}),
            ("session_id", {"in": rng.sample(SESSIONS, 4)}),
            ("city", {rng.choice(["equals", "not_equals"]): rng.choice(list(CITIES))}),
            ("source", {"exists": rng.random() < 0.7}),
        ])  # fmt: skip
        if part in ({"equals": None}, {"in": None}):
            part = {"equals": "shoes"} if "equals" in part else {"in": ["shoes", "hats", 5]}
        return {"property": path, **part}

    def where(self) -> list[Part]:
        rng = self.rng
        filters = [self.filter() for _ in range(rng.choice([1, 1, 2]))]
        if rng.random() < 0.2:
            filters[-1] = {"any": [self.filter(), self.filter()]}
        return filters

    def hours(self) -> list[str]:
        return self.rng.choice([
            ["09:00", "18:00"], ["22:00", "06:00"], ["00:00", "09:00"], ["18:00", "02:00"], ["18:00", "24:00"],
            ["9:30", "09:45"], ["00:00", "24:00"],
        ])  # fmt: skip

    def weekdays(self) -> list[str]:
        return self.rng.sample(WEEKDAYS, self.rng.randint(1, 5))

    def place(self) -> Part:
        city = self.rng.choice(list(CITIES))
        lat, lon = CITIES[city]
        return self.rng.choice([{"city": city}, {"lat": lat, "lon": lon, "within_m": self.rng.choice([5000, 20000])}])
