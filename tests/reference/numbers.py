"""Statistics of segments, computed the slow and obvious way from landing rows and from who was in when.

Months and days are those of an instant's own local date, so no bound of a month is ever worked out. Not here: who is in
a segment (`evaluator.py`).
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from tests.reference import people
from tests.reference.landing import Landing, Row, event_property

CHANNELS = ("push", "web_push", "email", "sms", "whatsapp")
# Whether somebody was in a segment at an instant; None where nobody can know.
WasIn = Callable[[str, datetime], bool | None]


def activity(landing: Landing, members: Iterable[str]) -> dict[str, float | None]:
    """App opens, time in app and revenue of the last three full months."""
    today = landing.clock.local(landing.clock.as_of).date()
    months = {_month_before(today, back) for back in (1, 2, 3)}
    done = [
        event
        for user in members
        for event in landing.events.get(user, [])
        if (local := landing.clock.local(event["ts"]).date()) and (local.year, local.month) in months
    ]
    opens = sum(event["event"] == "app_open" for event in done)
    seconds = [_number(event, "seconds") for event in done if event["event"] == "session_end"]
    revenue = math.fsum(_number(event, "amount") for event in done if event["event"] == "purchase")
    size = len(set(members))
    return {
        "average_monthly_app_opens": opens / 3 / size if size else None,
        "average_time_in_app": math.fsum(seconds) / len(seconds) if seconds else None,
        "monthly_revenue_total": revenue / 3,
        "monthly_revenue_per_member": revenue / 3 / size if size else None,
    }


def _month_before(day: date, back: int) -> tuple[int, int]:
    month = day.year * 12 + day.month - 1 - back
    return month // 12, month % 12 + 1


def _number(event: Row, name: str) -> float:
    value = event_property(event, name)
    if isinstance(value, bool) or value is None:
        return 0
    if isinstance(value, str):
        return float(value) if re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", value) else 0
    return float(value) if isinstance(value, int | float) else 0


def reachable(landing: Landing, members: set[str]) -> dict[str, int]:
    """Members by channel that reaches them."""
    return {channel: len(members & people.reach(landing, "reachable", channel)) for channel in CHANNELS}


def report(landing: Landing, message: Row, segment: str, was_in: WasIn) -> dict[str, Any]:
    """What became of a message among the members that a segment had when it went out to them."""
    rows = _distinct(row for rows in landing.responses.values() for row in rows)
    mine = [row for row in rows if row["message_id"] == message["message_id"]]
    excluded = segment in (message.get("excluded_segments") or ())
    sends: list[Row] = []
    silent: set[str] = set()
    if not excluded:
        sends = [row for row in mine if row["kind"] == "sent" and was_in(row["user_id"], row["ts"]) is not False]
        for user in {row["user_id"] for row in mine} - {row["user_id"] for row in mine if row["kind"] == "sent"}:
            if was_in(user, message["sent_at"]) is not False:
                silent.add(user)
    got = {row["user_id"] for row in sends} | silent
    of = {
        kind: [row for row in mine if row["kind"] == kind and row["user_id"] in got]
        for kind in ("failed", "delivered", "clicked", "converted")
    }
    delivered, clicked = ({row["user_id"] for row in of[kind]} for kind in ("delivered", "clicked"))
    revenue = math.fsum(row.get("revenue") or 0 for row in of["converted"])
    return {
        "role": "excluded" if excluded else "included",
        "status": message["status"].lower(),
        "sent": len(sends),
        "failed": len(of["failed"]),
        "clicked": len(clicked),
        "not_clicked": len(delivered - clicked),
        "conversions": len(of["converted"]),
        "revenue_total": revenue,
        "revenue_per_user": revenue / len(got) if got else None,
        "recipients": len(got),
        "delivered": len(delivered),
        "click_rate": len(delivered & clicked) / len(delivered) if delivered else None,
    }


def _distinct(rows: Iterable[Row]) -> list[Row]:
    """A row that landed twice is one."""
    return list({tuple(sorted((key, str(value)) for key, value in row.items())): row for row in rows}.values())


def overlap(one: set[str], two: set[str]) -> dict[str, Any]:
    """What two sets have in common."""
    both, either = len(one & two), len(one | two)
    relation = (
        "same_members" if one == two
        else "contains" if two and two <= one
        else "within" if one and one <= two
        else "likely_duplicate" if either and both / either >= 0.95
        else "overlaps"
    )  # fmt: skip
    return {
        "users": len(one),
        "other_users": len(two),
        "both": both,
        "share": both / len(one) if one else None,
        "other_share": both / len(two) if two else None,
        "jaccard": both / either if either else None,
        "relation": relation,
    }


def sample(members: Iterable[str], day: date) -> list[str]:
    """The ten whose hash with the day comes first."""

    def drawn(user: str) -> str:
        return hashlib.md5(f"{user}:{day.isoformat()}".encode(), usedforsecurity=False).hexdigest()

    return sorted(members, key=drawn)[:10]


def events_daily(landing: Landing, members: Iterable[str], day: date) -> dict[tuple[str, date], tuple[int, int]]:
    """Events and members who did them by event and local day, over the 90 days that end with one."""
    found: dict[tuple[str, date], list[str]] = {}
    for user in members:
        for event in landing.events.get(user, []):
            local = landing.clock.local(event["ts"]).date()
            if day - timedelta(days=90) < local <= day:
                found.setdefault((event["event"], local), []).append(user)
    return {key: (len(users), len(set(users))) for key, users in found.items()}


def history(runs: Sequence[tuple[datetime, Mapping[str, set[str]]]], segment: str) -> WasIn:
    """Who was in, by runs in their order: from each run on until the next."""

    def was_in(user: str, instant: datetime) -> bool | None:
        seen = [members[segment] for at, members in runs if at <= instant and segment in members]
        return user in seen[-1] if seen else None

    return was_in
