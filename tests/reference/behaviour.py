"""What users did: the events that a leaf counts, and the aggregates over them.

Here: `did` and `did_not` with everything they carry. Not here: ordered, repeated or preferred behaviour.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from tests.reference.landing import Landing, Row, event_property
from tests.reference.places import is_near
from tests.reference.values import check_holds, convert, distinct_key, filters_hold, to_number
from tests.reference.windows import Clock, window_of_events

AGGREGATES = ("count", "sum", "avg", "min", "max", "distinct", "first", "last")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def named(events: Iterable[Row], names: Any) -> list[Row]:
    """Events of a name or of several; the bare word `any` stands for all, a list holding it for an event called so."""
    if names == "any":
        return list(events)
    wanted = [names] if isinstance(names, str) else names
    return [event for event in events if event["event"] in wanted]


def in_hours(instant: datetime, hours: list[str], clock: Clock) -> bool:
    """Whether the local time of day lies in `[from, to)`; a `to` before the `from` means over midnight."""
    start, end = (int(hour) * 60 + int(minute) for hour, _, minute in (text.partition(":") for text in hours))
    local = clock.local(instant)
    minute = local.hour * 60 + local.minute
    return start <= minute < end if start < end else minute >= start or minute < end


def on_weekday(instant: datetime, weekdays: list[str], clock: Clock) -> bool:
    return WEEKDAYS[clock.local(instant).weekday()] in weekdays


def matching(events: Iterable[Row], leaf: Mapping[str, Any], clock: Clock) -> list[Row]:
    """Those events that pass the leaf's window, filters, time of day, weekdays and place."""
    window = window_of_events(leaf, clock)
    return [
        event
        for event in events
        if window.holds(event["ts"])
        and ("hours" not in leaf or in_hours(event["ts"], leaf["hours"], clock))
        and ("weekdays" not in leaf or on_weekday(event["ts"], leaf["weekdays"], clock))
        and ("near" not in leaf or is_near(event, leaf["near"]))
        and filters_hold(leaf.get("where", ()), partial(event_property, event), clock)
    ]


def did(landing: Landing, leaf: Mapping[str, Any]) -> set[str]:
    """Users of a `did` leaf."""
    return {user for user in landing.users if user_did(landing.events.get(user, []), leaf, landing.clock)}


def user_did(history: list[Row], leaf: Mapping[str, Any], clock: Clock) -> bool:
    """Whether one user's events, in order and none of them after the clock's moment, satisfy a `did` leaf."""
    events = named(history, leaf["did"])
    # The first or last event is chosen over all history; the filters are then asked of that one event.
    if leaf.get("first_time"):
        events = at_the_end(events, 0)
    elif leaf.get("last_time"):
        events = at_the_end(events, -1)
    events = matching(events, leaf, clock)
    function = next((word for word in AGGREGATES if word in leaf), None)
    if function is None:
        return bool(events)
    if events:
        value = aggregate(function, leaf[function], events, clock)
    elif leaf.get("include_non_doers"):
        value = 0
    else:
        return False
    return threshold_holds(function, value, leaf[function], clock)


def at_the_end(events: list[Row], which: int) -> list[Row]:
    """The first (0) or last (-1) of some events; several if neither time nor id tells which of them it is."""
    ends = [(event["ts"], event.get("event_id") or "") for event in events]
    return [event for event, end in zip(events, ends, strict=True) if end == ends[which]]


def _rank(value: Any) -> str:
    """The order of values of events that are otherwise equal: missing, then true and false, lists, numbers, text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"b{str(value).lower()}"
    if isinstance(value, int | float):
        return f"n{float(value)!r}"
    return f"t{value}" if isinstance(value, str) else f"{'o' if isinstance(value, dict) else 'l'}{json.dumps(value)}"


def threshold_holds(function: str, value: Any, check: Mapping[str, Any], clock: Clock) -> bool:
    """Compare an aggregate. Only `first` and `last` have a value that may be missing and still be compared."""
    if function in ("first", "last"):
        return check_holds(value, check, clock)
    if value is None:
        return False
    if check.get("as") == "number" or function not in ("min", "max"):
        check = {word: literal for word, literal in check.items() if word != "as"}
    return check_holds(value, check, clock)


def aggregate(function: str, check: Mapping[str, Any], events: list[Row], clock: Clock) -> Any:
    """The aggregate of at least one event; events come ordered by time, then id."""
    if function == "count":
        return len(events)
    if function == "distinct" and check["of"] == "days":
        return len({clock.local(event["ts"]).date() for event in events})
    values = [event_property(event, check["of"]) for event in events]
    if function == "first":
        return min((event_property(event, check["of"]) for event in at_the_end(events, 0)), key=_rank)
    if function == "last":
        return max((event_property(event, check["of"]) for event in at_the_end(events, -1)), key=_rank)
    if function == "distinct":
        return len({distinct_key(value) for value in values if value is not None})
    if function in ("min", "max"):
        if check.get("as") == "date":
            # As Unix seconds an instant stays a value that every operator can read.
            instants = [convert(value, "date", clock) for value in values]
            present = [instant.timestamp() for instant in instants if instant is not None]
        else:
            present = [number for number in map(to_number, values) if number is not None]
        return (min if function == "min" else max)(present, default=None)
    total = math.fsum(to_number(value) or 0 for value in values)
    return round(total if function == "sum" else total / len(events), 6)
