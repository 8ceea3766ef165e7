"""Random valid segments for the worlds: every leaf, every window, every operator, nested and referring to each other.

Here: leaves and whole definitions. Not here: what they share (`rule_parts.py`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from tests.reference.connector_worlds import COHORTS, VENDORS
from tests.reference.patterns import RFM_SEGMENTS
from tests.reference.rule_parts import Part, Parts
from tests.reference.worlds import CHANNELS, EVENTS, MESSAGES, TAGS, World

CORE = ("did", "aggregate", "occurrence", "did_not", "attribute", "tag", "device", "segment")
ALL = (*CORE, "response", "reach", "located", "bucket", "rfm", "sequence", "regularly", "interest", "connector")
WEIGHTS = {"did": 4, "aggregate": 5, "did_not": 3, "attribute": 6}
SYSTEM = ("all_users", "test_users", "first_time_users", "engaged_users")


def make_segments(
    rng: random.Random, world: World, count: int, leaves: Sequence[str] = ALL
) -> dict[str, dict[str, Any]]:
    """`count` definitions by name, as their files say them; later ones may refer to earlier ones.

    `leaves` names the kinds of leaf to draw from: CORE, ALL, or some of them.
    """
    maker = Maker(rng, world, leaves)
    for number in range(count):
        maker.add(f"s{number:03}")
    return maker.segments


class Maker(Parts):
    def __init__(self, rng: random.Random, world: World, leaves: Sequence[str]) -> None:
        super().__init__(rng, world.as_of, world.timezone)
        self.kinds = leaves
        self.segments: dict[str, dict[str, Any]] = {}

    # ---------------------------------------------------------------- definitions

    def add(self, name: str) -> None:
        rng = self.rng
        definition: dict[str, Any] = {"name": name, "who": self.rule()}
        if rng.random() < 0.2:
            spans = ["90 days", "14 days", "36 hours", "1 month"]
            definition["universe"] = rng.choice(["known", *(f"active within {span}" for span in spans)])
            if "reach" in self.kinds and rng.random() < 0.3:
                definition["universe"] = {"reachable": rng.choice(["push", "web_push", *CHANNELS])}
        if self.segments and rng.random() < 0.12:
            definition["include"] = self._others(2)
            if rng.random() < 0.5:
                definition["include_mode"] = rng.choice(["any", "all"])
        if self.segments and rng.random() < 0.15:
            definition["exclude"] = self._others(2)
        self.segments[name] = definition

    def _others(self, most: int) -> list[str]:
        return self.rng.sample([*self.segments, *SYSTEM], self.rng.randint(1, most))

    def rule(self) -> Any:
        """Mostly one leaf, so that a disagreement names its cause; else a group up to four levels deep."""
        if self.rng.random() < 0.55:
            return self.leaf()
        if self.rng.random() < 0.3:
            return [self.leaf(), self.group(2)]
        return self.group(1)

    def group(self, level: int) -> Part:
        rng = self.rng
        if rng.random() < 0.25:
            return {"not": self.leaf() if level >= 4 or rng.random() < 0.6 else self.group(level + 1)}
        children = [
            self.leaf() if level >= 4 or rng.random() < 0.75 else self.group(level + 1)
            for _ in range(rng.choice([1, 2, 2, 3]))
        ]
        return {rng.choice(["all", "any"]): children}

    def leaf(self) -> Part:
        kind = self.rng.choices(self.kinds, [WEIGHTS.get(kind, 1.5) for kind in self.kinds])[0]
        draw: Callable[[], Part] = getattr(self, f"_{kind}")
        return draw()

    def _connector(self) -> Part:
        """Membership in a connector segment, which is added if it is not there."""
        vendor = self.rng.choice(VENDORS)
        number, (audience_id, cohort) = self.rng.choice(list(enumerate(COHORTS[vendor])))
        by_name = self.rng.random() < 0.5
        name = f"{vendor}_{number}_by_{'name' if by_name else 'id'}"
        # Of a cohort's id and another one's name that are alike, the id counts.
        told = cohort if by_name else audience_id
        self.segments.setdefault(name, {"name": name, "connector": {vendor: {"cohort": told}}})
        return {"segment": name}

    # ---------------------------------------------------------------- events

    def _names(self) -> Any:
        rng = self.rng
        if rng.random() < 0.12:
            return "any"
        if rng.random() < 0.02:
            return ["any"]  # an event that is called so
        if rng.random() < 0.2:
            return rng.sample(EVENTS, rng.randint(1, 3))
        return rng.choice(EVENTS[:5])

    def _limits(self) -> Part:
        """Window, filters, hours, weekdays and place, each now and then."""
        part: Part = self.window() if self.rng.random() < 0.65 else {}
        for word, chance, draw in (
            ("where", 0.35, self.where),
            ("hours", 0.12, self.hours),
            ("weekdays", 0.12, self.weekdays),
            ("near", 0.1, self.place),
        ):
            if self.rng.random() < chance:
                part[word] = draw()
        return part

    def _did(self) -> Part:
        return {"did": self._names(), **self._limits()}

    def _occurrence(self) -> Part:
        leaf: Part = {self.rng.choice(["did", "did", "did_not"]): self._names()}
        return {**leaf, self.rng.choice(["first_time", "last_time"]): True, **self._limits()}

    def _aggregate(self) -> Part:
        leaf: Part = {"did": self._names(), **self._limits(), **self._threshold()}
        plain = not {"first", "last"} & set(leaf) and not any(
            isinstance(value, dict) and value.get("as") == "date" for value in leaf.values()
        )
        if plain and self.rng.random() < 0.3:
            leaf["include_non_doers"] = True
        return leaf

    def _threshold(self) -> Part:
        rng = self.rng
        function = rng.choice(["count", "count", "sum", "avg", "min", "max", "distinct", "distinct", "first", "last"])
        if function == "count":
            return {"count": self.comparison([1, 2, 3, 5])}
        if function in ("sum", "avg"):
            of = rng.choice(["amount", "amount", "qty", "shipping.fee"])
            return {function: {"of": of, **self.comparison([0, 0.1, 0.3, 10, 50, 100, 310.1])}}
        if function == "distinct":
            of = rng.choice(["days", "category", "amount", "session_id", "plan", "items"])
            return {"distinct": {"of": of, **self.comparison([1, 2, 3])}}
        if function in ("min", "max"):
            if rng.random() < 0.2:
                word = rng.choice(["gt", "gte", "lt", "lte", "equals", "not_equals"])
                return {function: {"of": "due_on", "as": "date", word: self.day(10, 6)}}
            if rng.random() < 0.1:
                reach = sorted([self.day(20, 6), self.day(20, 6)])
                return {function: {"of": "due_on", "as": "date", "between": reach}}
            return {function: {"of": rng.choice(["amount", "qty"]), **self.comparison([0.1, 1, 5, 10, 100, 300])}}
        check = rng.choice([
            {"of": "plan", rng.choice(["equals", "not_equals"]): rng.choice(["trial", "basic", "churn"])},
            {"of": "plan", rng.choice(["in", "not_in"]): ["trial", "basic"]},
            {"of": "plan", "exists": rng.random() < 0.5},
            {"of": "amount", **self.comparison([5, 10, 100])},
            {"of": "platform", "equals": rng.choice(["ios", "web"])},
            {"of": "category", "contains": "HAT", "ignore_case": True},
            {"of": "due_on", **self.date()},
            {"of": "items", **self.items()},
            {"of": "amount", "as": "number", **self.comparison([5, 10, 100])},
        ])  # fmt: skip
        return {function: check}

    def _did_not(self) -> Part:
        leaf: Part = {"did_not": self._names(), **self._limits()}
        return {**leaf, "count": self.comparison([1, 2, 3])} if self.rng.random() < 0.25 else leaf

    def _sequence(self) -> Part:
        rng = self.rng
        steps: list[Part] = []
        for number in range(rng.choice([2, 2, 3])):
            step: Part = {"did": self._names()}
            if number and rng.random() < 0.5:
                step["after"] = rng.choice(
                    ["90 minutes", "1 hour", "12 hours", "24 hours", "3 days", "1 week", "1 month"]
                )
            if rng.random() < 0.2:
                step["where"] = [self.filter()]
            steps.append(step)
        if rng.random() < 0.4:
            # Spans that no drawn event plus span hits the run's very instant with.
            after = {"after": rng.choice(["4 hours", "10 minutes", "4321 minutes"])} if rng.random() < 0.7 else {}
            steps[-1] = {"did_not": self._names(), **after}
            if rng.random() < 0.3:  # and one between two that have to happen
                steps.append({"did": self._names()})
        leaf: Part = {"sequence": steps}
        if rng.random() < 0.5:
            leaf |= {"within": rng.choice(["7 days", "60 days", "72 hours"])} if rng.random() < 0.7 else self.window()
        if rng.random() < 0.3:
            leaf["same"] = rng.choice(["session_id", "platform", "category", "amount", "shipping.city", "items"])
        return leaf

    def _regularly(self) -> Part:
        every, in_last = self.rng.choice([
            ("day", 1), ("day", 10), ("day", 30), ("week", 4), ("week", 8), ("month", 1), ("month", 3), ("month", 14),
        ])  # fmt: skip
        leaf: Part = {"regularly": self._names(), "every": every, "in_last": in_last}
        leaf["at_least"] = self.rng.randint(1, max(min(2, in_last), in_last // 2))
        if self.rng.random() < 0.3:
            leaf["where"] = self.where()
        if self.rng.random() < 0.4:
            leaf["count"] = self.comparison([1, 2, 3])
        return leaf

    def _interest(self) -> Part:
        rng = self.rng
        chosen: Part = {"event": self._names()}
        chosen |= rng.choice([
            {"property": "category", "equals": rng.choice(["shoes", "hats"])},
            {"property": "plan", "equals": rng.choice(["trial", "basic"])},
            {"property": "plan", "in": ["trial", "churn"]},
            {"property": "plan", "not_equals": "trial"},
            {"property": "plan", "exists": rng.random() < 0.5},
            {"property": "plan", "equals": "TRIAL", "ignore_case": True},
            {"property": "amount", "gte": 100},
            {"property": "qty", "as": "number", "equals": rng.choice([1, 2])},
            {"property": "due_on", **self.date()},
            {"property": "items", **self.items()},
            {"hours": self.hours()},
            {"weekdays": self.weekdays()},
        ])  # fmt: skip
        # A list is no single value that could be the most frequent.
        share: Part = {"at_least": rng.choice(["0%", "10%", "30%", "50%", "12.5%", "100%", 0.25])}
        chosen |= share if rng.random() < 0.6 or chosen.get("property") == "category" else {"predominantly": True}
        limits = self._limits() if rng.random() < 0.6 else {}
        limits.pop("near", None)  # a population is chosen by window, filters, hours and weekdays, not by place
        return {"interest": chosen, **limits}

    def _rfm(self) -> Part:
        event = self.rng.choice(["purchase", "view", "login"])
        word: Part = {"event": event, "segment": self.rng.choice(RFM_SEGMENTS)}
        if self.rng.random() < 0.5:
            word["of"] = "amount"
        if self.rng.random() < 0.6:
            return {"rfm": {**word, "within": self.rng.choice(["30 days", "60 days", "365 days"])}}
        return {"rfm": {**word, **(self.window() if self.rng.random() < 0.7 else {})}}

    # ---------------------------------------------------------------- people

    def _attribute(self) -> Part:
        rng = self.rng
        names = ["izmir", "İZMİR", "straße", "ÇAĞLA"]
        days = ["today", "yesterday", "tomorrow", "in 5 days", "1 day ago"]
        draws: list[tuple[str, Callable[[], Part]]] = [
            ("tier", lambda: self.text(["gold", "silver", "Platinum", ""], ["old", "G", "l"], ["^g", "[A-Z]", "l.t"])),
            ("name", lambda: self.text(names, ["İZ", "iz", "SS", "ß", "%", "_"], ["^[a-z]", "I"])),
            ("age", lambda: self.number([17, 18, 25, 34.5, 64])),
            ("age", lambda: {"as": "text", rng.choice(["equals", "not_equals", "starts_with"]): "25"}),
            ("total_spent", lambda: self.number([0, 0.1, 100, 1000, 12000])),
            ("vip", self.boolean),
            ("likes", lambda: self.text(["shoes", "hats", "horseshoes"], ["shoe", "Ha"], ["^sh", "s$"])),
            ("likes", lambda: {rng.choice(["equals", "not_equals"]): rng.choice(["shoes", 5])}),
            ("scores", lambda: self.number([1, 5, 7, 20])),
            ("address.city", lambda: {rng.choice(["equals", "not_equals"]): rng.choice(["Rome", "Oslo", "Paris"])}),
            ("address.zip", lambda: {rng.choice(["equals", "in"]): None}),
            ("orders", self.items),
            ("app", lambda: {"as": "version", **self.version(["5.9", "5.10", "6.0.0", "5.9.1"])}),
            ("birthday", lambda: {"anniversary": rng.choice(days)}),
            ("last_order_at", self.date),
            ("appointment_on", self.date),
            ("created_at", self.date),
            ("city", lambda: {rng.choice(["equals", "not_equals"]): rng.choice(["London", "Istanbul"])}),
            ("country", lambda: {rng.choice(["in", "not_in"]): ["TR", "FR"]}),
            ("external_id", lambda: {"exists": rng.random() < 0.5}),
            ("no_such_key", lambda: {rng.choice(["not_equals", "equals"]): "x"}),
        ]  # fmt: skip
        path, draw = rng.choice(draws)
        part = draw()
        if path == "address.zip":
            part = {"equals": rng.choice(["01234", 1234])} if "equals" in part else {"in": ["01234", "x"]}
        return {"attribute": path, **part}

    def _tag(self) -> Part:
        rng = self.rng
        some = rng.sample(TAGS, 2)
        return {"tag": rng.choice([some[0], {"any": some}, {"all": some}, {"any": some[:1]}])}

    def _device(self) -> Part:
        rng = self.rng
        words: Part = {
            "platform": rng.choice(["ios", "android", ["ios", "web"]]),
            "device_type": rng.choice([
                "phone", ["tablet", "desktop"], {"not_equals": "phone"}, {"not_in": ["phone", "tv"]}, {"exists": False},
            ]),
            "device_model": rng.choice([
                "iPhone 17", {"contains": "Pixel"}, {"starts_with": "IPHONE", "ignore_case": True}, {"exists": True},
                {"matches": "[0-9]$"}, {"not_contains": "i"}, {"ends_with": "7"}, {"gt": "P"},
            ]),
            "os_version": rng.choice([self.version(["17", "17.5", "18.1"]), "17", ["17.0", "18.1"], {"exists": False}]),
            "app_version": rng.choice([self.version(["5.9.0", "5.10", "6.0"]), "5.10", {"gte": "5.9", "lt": "6"}]),
        }  # fmt: skip
        return {word: words[word] for word in rng.sample(list(words), rng.choice([1, 1, 2, 3]))}

    def _segment(self) -> Part:
        return {"segment": self._others(1)[0]}

    def _response(self) -> Part:
        rng = self.rng
        word = rng.choice(["received", "clicked", "opened", "not_clicked", "not_received"])
        messages = rng.choice(["any", rng.choice(MESSAGES), rng.sample(MESSAGES, 2)])
        window = {"within": rng.choice(["3 days", "7 days", "14 days", "60 days"])} if rng.random() < 0.5 else {}
        if not window and rng.random() < 0.5:
            window = self.window()
        return {word: messages, **window}

    def _reach(self) -> Part:
        rng = self.rng
        word = rng.choice(["reachable", "reachable", "opted_in", "blacklisted"])
        return {word: rng.choice(("push", "web_push", *CHANNELS))}

    def _located(self) -> Part:
        return {"located": self.place()}

    def _bucket(self) -> Part:
        start, size = self.rng.choice([0, 10, 25, 50]), self.rng.choice([0, 12.5, 25, 50])
        return {"bucket": {"seed": self.rng.choice(["spring", "autumn", 2026]), "from": start, "to": start + size}}
