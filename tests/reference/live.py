"""Live segments: at which instants each user qualified, and on which local day that was.

Here: triggers, and what counts as a membership of a day. Not here: rules, which the evaluator asks at each instant.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any

from tests.reference.behaviour import named
from tests.reference.landing import Landing, Row, event_property
from tests.reference.values import check_holds, distinct_key, filters_hold, fold
from tests.reference.windows import TICK, Clock, later

HoldsAt = Callable[[str, datetime], bool]


def members(landing: Landing, live: Mapping[str, Any], holds_at: HoldsAt) -> set[str]:
    """Users who qualified on the day that the run stands for."""
    today = day_of_run(landing.clock, live)
    return {user for user, day in qualifications(landing, live, holds_at) if day == today}


def day_of_run(clock: Clock, live: Mapping[str, Any]) -> date:
    """A run at midnight stands for the day that ends with it; a date comes round when its day begins."""
    return clock.today if "date" in live else clock.local(clock.as_of - TICK).date()


def qualifications(landing: Landing, live: Mapping[str, Any], holds_at: HoldsAt) -> dict[tuple[str, date], datetime]:
    """The first instant of each user and local day at which the trigger and the filter held, over all history."""
    found: dict[tuple[str, date], datetime] = {}
    for user in landing.users:
        for instant in sorted(_instants(landing, user, live)):
            key = user, landing.clock.local(instant).date()
            if key not in found and holds_at(user, instant):
                found[key] = instant
    return found


def _instants(landing: Landing, user: str, live: Mapping[str, Any]) -> Iterator[datetime]:
    events = landing.events.get(user, [])
    if "then_not" in live:
        yield from _inaction(landing, events, live)
    elif "did" in live:
        yield from (event["ts"] for event in named(events, live["did"]) if _passes(landing, event, event["ts"], live))
    elif "date" in live:
        yield from _date(landing, user, live)
    elif "page" in live:
        for view in named(events, "page_view"):
            if _page_fits(event_property(view, "url"), live["page"], landing.clock) and _passes(
                landing, view, view["ts"], live
            ):
                yield view["ts"]
    elif "referrer" in live:
        for views in _sessions(events):
            if _came_from(views[0], live, landing.clock) and _passes(landing, views[0], views[0]["ts"], live):
                yield views[0]["ts"]
    else:
        for views in _sessions(events):
            counted = [view for view in views if _passes(landing, view, view["ts"], live)]
            reached = [
                view["ts"]
                for number, view in enumerate(counted, start=1)
                if check_holds(number, live["page_count"], landing.clock)
            ]
            yield from reached[:1]


def _passes(landing: Landing, event: Row, instant: datetime, live: Mapping[str, Any]) -> bool:
    """Whether an event passes the filters, whose windows are seen from the instant it leads to."""
    clock = Clock(instant, landing.clock.zone.key)
    return filters_hold(live.get("where", ()), partial(event_property, event), clock)


def _inaction(landing: Landing, events: list[Row], live: Mapping[str, Any]) -> Iterator[datetime]:
    for event in named(events, live["did"]):
        start, end = event["ts"], later(event["ts"], live["within"])
        others = [other for other in named(events, live["then_not"]) if start <= other["ts"] <= end]
        if not others and end <= landing.clock.as_of and _passes(landing, event, end, live):
            yield end


def _date(landing: Landing, user: str, live: Mapping[str, Any]) -> Iterator[datetime]:
    midnight = landing.clock.day_start(landing.clock.today)
    clock = Clock(midnight, landing.clock.zone.key)
    check = {word: live[word] for word in ("exactly", "anniversary") if word in live}
    if check_holds(landing.attribute(user, live["date"]), check, clock) and filters_hold(
        live.get("where", ()), partial(landing.attribute, user), clock
    ):
        yield midnight


def _sessions(events: list[Row]) -> list[list[Row]]:
    """Page views by session, in order; a view without a session is in none."""
    sessions: dict[str, list[Row]] = defaultdict(list)
    for view in named(events, "page_view"):
        session = event_property(view, "session_id")
        if session is not None:
            sessions[distinct_key(session)].append(view)
    return list(sessions.values())


def _came_from(view: Row, live: Mapping[str, Any], clock: Clock) -> bool:
    """Whether a page view was entered from another host, one that the rule asks for."""
    referrer = event_property(view, "referrer")
    origin = _host(referrer)
    return (
        bool(origin) and origin != _host(event_property(view, "url")) and _page_fits(referrer, live["referrer"], clock)
    )


# ---------------------------------------------------------------- addresses


def _page_fits(url: Any, asked: Any, clock: Clock) -> bool:
    if isinstance(asked, str):
        asked = {"equals": asked}
    return check_holds(address(url), {word: _asked(word, literal) for word, literal in asked.items()}, clock)


def _asked(word: str, literal: Any) -> Any:
    if word in ("equals", "not_equals"):
        return address(literal)
    if word in ("in", "not_in"):
        return [address(one) for one in literal]
    if word == "starts_with":
        return _host_lowered(_without_scheme(literal))
    return _without_scheme(literal) if word in ("contains", "not_contains") else literal


def address(url: Any) -> Any:
    """Without scheme and fragment, the host in lower case, a host alone without its slash; None if it is no text."""
    if not isinstance(url, str):
        return None
    plain = _host_lowered(_without_scheme(url.partition("#")[0]))
    return (
        plain[:-1] if plain.count("/") == 1 and plain.endswith("/") and len(plain) > 1 and "?" not in plain else plain
    )


def _host(url: Any) -> str:
    return re.split("[/?]", address(url) or "")[0].removeprefix("www.")


def _without_scheme(url: str) -> str:
    head, mark, rest = url.partition("//")
    is_scheme = head == "" or (head.endswith(":") and re.fullmatch("[A-Za-z][A-Za-z0-9+.-]*", head[:-1]))
    return rest if mark and is_scheme else url


def _host_lowered(plain: str) -> str:
    end = min((place for place in (plain.find("/"), plain.find("?")) if place >= 0), default=len(plain))
    return fold(plain[:end]) + plain[end:]
