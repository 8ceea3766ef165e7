"""Ordered, repeated and preferred behaviour: `sequence`, `regularly`, `interest`, `rfm`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from tests.reference.behaviour import in_hours, matching, named, on_weekday
from tests.reference.landing import Landing, Row, event_property
from tests.reference.values import check_holds, convert, distinct_key
from tests.reference.windows import Clock, later, shift

# ---------------------------------------------------------------- sequence


def sequence(landing: Landing, leaf: Mapping[str, Any]) -> set[str]:
    """Users for whom some combination of events takes every step in order."""
    members = set()
    for user in landing.users:
        events = matching(landing.events.get(user, []), _without(leaf, "sequence", "same"), landing.clock)
        if any(_steps_taken(group, leaf["sequence"], None, landing.clock) for group in _groups(events, leaf)):
            members.add(user)
    return members


def _groups(events: list[Row], leaf: Mapping[str, Any]) -> list[list[Row]]:
    """All events together, or those of one value of the `same` property; events without it belong to none."""
    if "same" not in leaf:
        return [events]
    groups: dict[str, list[Row]] = {}
    for event in events:
        value = event_property(event, leaf["same"])
        if value is not None:
            groups.setdefault(distinct_key(value), []).append(event)
    return list(groups.values())


def _steps_taken(events: list[Row], steps: list[Mapping[str, Any]], before: Row | None, clock: Clock) -> bool:
    if not steps:
        return True
    step, rest = steps[0], steps[1:]
    candidates = matching(named(events, step.get("did", step.get("did_not"))), _without(step, "after"), clock)
    last = later(before["ts"], step["after"]) if before is not None and "after" in step else None
    if "did_not" in step:
        if before is None:
            raise ValueError("a sequence cannot begin with did_not")
        end = last or clock.as_of
        quiet = not any(before["ts"] <= event["ts"] <= end for event in candidates)
        return quiet and end <= clock.as_of and _steps_taken(events, rest, before, clock)
    for event in candidates:
        if before is not None and (event["ts"] <= before["ts"] or (last is not None and event["ts"] > last)):
            continue
        if _steps_taken(events, rest, event, clock):
            return True
    return False


def _without(leaf: Mapping[str, Any], *words: str) -> dict[str, Any]:
    return {word: value for word, value in leaf.items() if word not in words}


# ---------------------------------------------------------------- regularly


def regularly(landing: Landing, leaf: Mapping[str, Any]) -> set[str]:
    """Users with enough events in enough of the last whole periods before the current one."""
    clock, unit = landing.clock, leaf["every"]
    current = _period(clock.today, unit)
    periods = {shift(current, -back, unit) for back in range(1, leaf["in_last"] + 1)}
    count = leaf.get("count", {"gte": 1})
    members = set()
    for user in landing.users:
        events = matching(named(landing.events.get(user, []), leaf["regularly"]), leaf, clock)
        counts = Counter(_period(clock.local(event["ts"]).date(), unit) for event in events)
        good = sum(1 for period in periods if counts[period] and check_holds(counts[period], count, clock))
        if good >= leaf["at_least"]:
            members.add(user)
    return members


def _period(day: date, unit: str) -> date:
    """The first day of the local day, ISO week or calendar month."""
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "month" else day


# ---------------------------------------------------------------- interest


def interest(landing: Landing, leaf: Mapping[str, Any]) -> set[str]:
    """Users whose share of chosen events among all matching ones is large enough."""
    chosen = leaf["interest"]
    members = set()
    for user in landing.users:
        events = matching(named(landing.events.get(user, []), chosen["event"]), leaf, landing.clock)
        if events and _is_interested(events, chosen, landing.clock):
            members.add(user)
    return members


def _is_interested(events: list[Row], chosen: Mapping[str, Any], clock: Clock) -> bool:
    share = Fraction(sum(1 for event in events if _is_chosen(event, chosen, clock)), len(events))
    if "at_least" in chosen:
        return share >= _fraction(str(chosen["at_least"]))
    if "equals" not in chosen:
        return share > Fraction(1, 2)
    values = [convert(event_property(event, chosen["property"]), chosen.get("as"), clock) for event in events]
    counts = Counter(distinct_key(value) for value in values if value is not None)
    return share > 0 and share >= Fraction(max(counts.values()), len(events))


def _fraction(text: str) -> Fraction:
    """`30%` and `0.3` are the same share."""
    return Fraction(text.removesuffix("%").strip()) / 100 if text.endswith("%") else Fraction(text)


def _is_chosen(event: Row, chosen: Mapping[str, Any], clock: Clock) -> bool:
    if "hours" in chosen:
        return in_hours(event["ts"], chosen["hours"], clock)
    if "weekdays" in chosen:
        return on_weekday(event["ts"], chosen["weekdays"], clock)
    return check_holds(event_property(event, chosen["property"]), chosen, clock)


# ---------------------------------------------------------------- rfm

_GRID = {  # recency score: segment by frequency score 1 to 5
    5: "new_users potential_loyalists potential_loyalists champions champions",
    4: "promising potential_loyalists potential_loyalists loyal_users loyal_users",
    3: "about_to_sleep about_to_sleep needing_attention loyal_users loyal_users",
    2: "hibernating hibernating at_risk at_risk cannot_lose_them",
    1: "hibernating hibernating at_risk at_risk cannot_lose_them",
}
RFM_SEGMENTS = sorted({name for row in _GRID.values() for name in row.split()})


def rfm_segment(recency: int, frequency: int) -> str:
    return _GRID[recency].split()[frequency - 1]


def scores(values: Mapping[str, Any]) -> dict[str, int]:
    """1 (lowest fifth) to 5 by cumulative distribution; ties share the higher place."""
    total = len(values)
    return {user: -(-5 * sum(1 for other in values.values() if other <= own) // total) for user, own in values.items()}


def rfm(landing: Landing, leaf: Mapping[str, Any]) -> set[str]:
    """Users of one segment of the recency and frequency grid, among those who did the event."""
    word = leaf["rfm"]
    filters = {**_without(leaf, "rfm"), **word}
    by_user = {
        user: matching(named(landing.events.get(user, []), word["event"]), filters, landing.clock)
        for user in landing.users
    }
    doers = {user: events for user, events in by_user.items() if events}
    recency = scores({user: events[-1]["ts"] for user, events in doers.items()})
    frequency = scores({user: len(events) for user, events in doers.items()})
    return {user for user in doers if rfm_segment(recency[user], frequency[user]) == word["segment"]}
