"""Membership of every segment, computed the slow and obvious way: the judge of the pipeline.

Here: groups, references, include, exclude and universe. Leaves are in the neighbouring modules, one per family.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from tests.reference import behaviour, live, patterns, people, predictions
from tests.reference.identity import Strategies, current_members
from tests.reference.landing import Landing, Tables
from tests.reference.windows import Clock

SYSTEM_SEGMENTS: dict[str, Any] = {
    "all_users": {"all_of": "users"},
    "test_users": {"test_flag": True},
    "first_time_users": {"did": "app_open", "first_time": True, "within": "1 day"},
    "engaged_users": {"did": "app_open", "within": "7 days", "count": {"gte": 4}},
}


def evaluate(
    segments: Mapping[str, dict[str, Any]],
    tables: Tables,
    as_of: datetime,
    timezone: str = "UTC",
    lists: Mapping[str, set[str]] | None = None,
    strategies: Strategies | None = None,
) -> dict[str, set[str]]:
    """User ids of each segment.

    `segments` maps a name to what its file says; `tables` a landing table to its rows, times being aware datetimes;
    `lists` maps a segment of kind `list` to the users that its file resolved to; `strategies` of matching ids go by
    connector.
    Raises ValueError for a cycle, KeyError for an unknown segment.
    """
    run = _Run(segments, Landing(tables, Clock(as_of, timezone), strategies), lists or {})
    return {name: set(run.members(name)) for name in segments}


def live_qualifications(
    segments: Mapping[str, dict[str, Any]], tables: Tables, as_of: datetime, timezone: str = "UTC"
) -> dict[str, dict[tuple[str, date], datetime]]:
    """For each live segment, the first instant at which each user qualified on each local day."""
    run = _Run(segments, Landing(tables, Clock(as_of, timezone)), {})
    return {
        name: live.qualifications(run.landing, definition["live"], run._filter_of(definition["live"]))
        for name, definition in segments.items()
        if "live" in definition
    }


class _Run:
    def __init__(self, segments: Mapping[str, dict[str, Any]], landing: Landing, lists: Mapping[str, set[str]]) -> None:
        self.segments = segments
        self.landing = landing
        self.lists = lists
        self.done: dict[str, set[str]] = {}
        self.of_the_run: dict[str, set[str]] = {}  # by leaf, for the many instants at which filters are asked
        self.path: list[str] = []

    def members(self, name: str) -> set[str]:
        if name not in self.done:
            if name in self.path:
                raise ValueError(" > ".join([*self.path, name]))
            self.path.append(name)
            self.done[name] = self._compute(name)
            self.path.pop()
        return self.done[name]

    def _compute(self, name: str) -> set[str]:
        if name not in self.segments and name in SYSTEM_SEGMENTS:
            return self.rule(SYSTEM_SEGMENTS[name])
        definition = self.segments[name]
        group = self._universe(definition.get("universe", "known"))
        included = [self.members(other) for other in definition.get("include") or ()]
        if included:
            needs_all = definition.get("include_mode", "any") == "all"
            group = group & (_common(included) if needs_all else set[str]().union(*included))
        if "who" in definition:
            result = self.rule(definition["who"])
        elif "list" in definition:
            result = self.lists[name] & self.landing.everyone
        elif "live" in definition:
            result = live.members(self.landing, definition["live"], self._filter_of(definition["live"]))
        elif "connector" in definition:
            result = self._audience(definition["connector"])
        else:
            result = predictions.likely(self.landing, definition["predict"], group)
        for other in definition.get("exclude") or ():
            result = result - self.members(other)
        return result & group

    def _audience(self, told: Mapping[str, Any]) -> set[str]:
        """Users of the audience, of whom each row is one at most."""
        landing = self.landing
        ((vendor, body),) = told.items()
        rows = current_members(landing.audiences, landing.members, vendor, body["cohort"])
        return {found.user for row in rows if (found := landing.matcher.member(row)).user is not None}

    def _universe(self, universe: Any) -> set[str]:
        if universe == "known":
            return self.landing.everyone
        if isinstance(universe, dict):
            return people.reach(self.landing, "reachable", universe["reachable"])
        return behaviour.did(self.landing, {"did": "any", "within": universe.removeprefix("active within ")})

    def rule(self, node: Any) -> set[str]:
        """Users of a group or a leaf; complements are taken over all users."""
        if isinstance(node, list):
            node = {"all": node}
        if "all" in node:
            return _common([self.rule(child) for child in node["all"]])
        if "any" in node:
            return set[str]().union(*(self.rule(child) for child in node["any"]))
        if "not" in node:
            return self.landing.everyone - self.rule(node["not"])
        return self._leaf(node)

    def _filter_of(self, definition: dict[str, Any]) -> live.HoldsAt:
        """The filter of a live segment, asked of a user at an instant."""
        return lambda user, instant: "who" not in definition or self.holds_at(definition["who"], user, instant)

    def holds_at(self, node: Any, user: str, instant: datetime) -> bool:
        """A rule for one user at an instant: what was done is seen from there, everything else from the run."""
        if isinstance(node, list):
            node = {"all": node}
        if "all" in node:
            return all(self.holds_at(child, user, instant) for child in node["all"])
        if "any" in node:
            return any(self.holds_at(child, user, instant) for child in node["any"])
        if "not" in node:
            return not self.holds_at(node["not"], user, instant)
        if "did" in node or "did_not" in node:
            before = [event for event in self.landing.events.get(user, []) if event["ts"] < instant]
            leaf = {**node, "did": node.get("did", node.get("did_not"))}
            return behaviour.user_did(before, leaf, Clock(instant, self.landing.clock.zone.key)) != ("did_not" in node)
        key = repr(node)
        if key not in self.of_the_run:
            self.of_the_run[key] = self._leaf(node)
        return user in self.of_the_run[key]

    def _leaf(self, leaf: dict[str, Any]) -> set[str]:
        landing = self.landing
        if "did" in leaf:
            return behaviour.did(landing, leaf)
        if "did_not" in leaf:
            return landing.everyone - behaviour.did(landing, {**leaf, "did": leaf["did_not"]})
        if "segment" in leaf:
            return self.members(leaf["segment"])
        if "all_of" in leaf:
            return landing.everyone
        if "test_flag" in leaf:
            return {user for user, row in landing.users.items() if row.get("is_test") is True}
        if "attribute" in leaf:
            return people.attribute(landing, leaf)
        for word in ("tag", "located", "bucket"):
            if word in leaf:
                found: set[str] = getattr(people, word)(landing, leaf[word])
                return found
        for word in ("sequence", "regularly", "interest", "rfm"):
            if word in leaf:
                found = getattr(patterns, word)(landing, leaf)
                return found
        for word in people.RESPONSES:
            if word in leaf:
                return people.response(landing, word, leaf)
        for word in people.REACH_WORDS:
            if word in leaf:
                return people.reach(landing, word, leaf[word])
        if any(word in leaf for word in people.DEVICE_WORDS):
            return people.device(landing, leaf)
        raise ValueError(f"no leaf of the language: {leaf}")


def _common(sets: list[set[str]]) -> set[str]:
    return sets[0].intersection(*sets[1:])
