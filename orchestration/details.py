"""What a segment's page tells, read from the published tables: statistics, messages, reach, dependents, overlap.

Every reader takes an open connection and the names of segments, and gives what was found by segment, in one query for
all of them. A segment of which a table says nothing is missing from the answer, and so are all of them in a warehouse
whose last run did not know the table yet. Moments are aware UTC datetimes.
Not here: how anything is shown, and the catalogue with its sizes (`published.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import duckdb

from orchestration.warehouse import aware_if_moment, has_table

Row = TypeVar("Row")


@dataclass(frozen=True)
class Metrics:
    """Statistics of the current members at a run. What is monthly is the average of the last three full months.

    `push_click_average` is a share from 0 to 1, `average_time_in_app` seconds per session, revenue in the currency of
    the events. None is a mean of nothing.
    """

    users: int
    ios: int
    android: int
    web: int
    message_sent: int
    push_click_average: float | None
    average_monthly_app_opens: float | None
    average_time_in_app: float | None
    monthly_revenue_total: float
    monthly_revenue_per_member: float | None
    messages_using: int
    engagement: int
    dependents: int
    as_of: datetime


@dataclass(frozen=True)
class MessageReport:
    """A message and what it came to among the members it went out to.

    `status` is draft, scheduled or sent, `role` included or excluded. `recipients`, `delivered`, `clicked` and
    `not_clicked` are users; `sent`, `failed` and `conversions` are events. `click_rate` is a share from 0 to 1.
    """

    message_id: str
    title: str | None
    channel: str | None
    status: str
    date: datetime | None
    role: str
    sent: int
    failed: int
    clicked: int
    not_clicked: int
    conversions: int
    revenue_total: float
    revenue_per_user: float | None
    recipients: int
    delivered: int
    click_rate: float | None


@dataclass(frozen=True)
class ChannelReach:
    """How many members a channel reaches; `percentage` from 0 to 100, None without members."""

    channel: str
    users: int
    reachable: int
    percentage: float | None


@dataclass(frozen=True)
class Dependent:
    """A segment or message that uses a segment. `kind` is segment or message; `role` is rule, include or exclude of a
    segment, included or excluded of a message; `status` is its own."""

    dependent: str
    kind: str
    role: str
    status: str


@dataclass(frozen=True)
class Overlap:
    """Another segment with members in common. Shares are from 0 to 1, None of an empty segment.

    `relation` is same_members, contains (all members of the other are members), within (the reverse), likely_duplicate
    or overlaps. `is_likely_duplicate` holds whatever the relation: the members are nearly the same, or the rule is.
    """

    other: str
    users: int
    other_users: int
    both: int
    share: float | None
    other_share: float | None
    jaccard: float | None
    relation: str
    same_rule: bool
    is_likely_duplicate: bool


@dataclass(frozen=True)
class EventDay:
    """How often members did something on a local day, and how many of them did."""

    event: str
    day: date
    count: int
    users: int


@dataclass(frozen=True)
class Habit:
    """An event over the days of its insight: how often in all, members who did it on the busiest day, and how often on
    each day, oldest first."""

    event: str
    times: int
    most_users: int
    daily: tuple[int, ...]


def habits(rows: Iterable[EventDay]) -> list[Habit]:
    """Events of one segment's insight, the most frequent first, all over the same days."""
    by_event: dict[str, dict[date, EventDay]] = {}
    for row in rows:
        by_event.setdefault(row.event, {})[row.day] = row
    days = sorted({day for found in by_event.values() for day in found})
    stretch = [days[0] + timedelta(days=n) for n in range((days[-1] - days[0]).days + 1)] if days else []
    told = [
        Habit(
            event,
            sum(row.count for row in found.values()),
            max(row.users for row in found.values()),
            tuple(found[day].count if day in found else 0 for day in stretch),
        )
        for event, found in by_event.items()
    ]
    return sorted(told, key=lambda one: (-one.times, one.event))


@dataclass(frozen=True)
class Card:
    """A summary of all segments: active_segment_count, most_used_segment or most_successful_segment.

    `value` is the number of active segments, the number of campaigns, or the average click rate from 0 to 1. `segment`
    is None for the first, and where no campaign went out last month.
    """

    card: str
    segment: str | None
    value: float | None
    campaigns: int | None


@dataclass(frozen=True)
class Details:
    """All of it of one segment but the people in it; `metrics` is None of a segment that the last run did not know."""

    metrics: Metrics | None = None
    reachability: Sequence[ChannelReach] = ()
    messages: Sequence[MessageReport] = ()
    overlaps: Sequence[Overlap] = ()
    dependents: Sequence[Dependent] = ()


def details(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> dict[str, Details]:
    """The details of segments, of each of them."""
    names = list(names)
    numbers, reach, sent = metrics(connection, names), reachability(connection, names), messages(connection, names)
    alike, uses = overlaps(connection, names), dependents(connection, names)
    return {
        name: Details(
            numbers.get(name), reach.get(name, ()), sent.get(name, ()), alike.get(name, ()), uses.get(name, ())
        )
        for name in names
    }


def metrics(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> dict[str, Metrics]:
    """The statistics of segments."""
    found = _found(connection, "segment_metrics", Metrics, names, "segment")
    return {segment: rows[0] for segment, rows in found.items()}


def messages(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> dict[str, tuple[MessageReport, ...]]:
    """The messages that use segments, newest first."""
    return _found(connection, "segment_messages", MessageReport, names, "date desc, message_id")


def reachability(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> dict[str, tuple[ChannelReach, ...]]:
    """How segments can be reached, by channel in the order of the language."""
    order = "list_position(['push', 'web_push', 'email', 'sms', 'whatsapp'], channel)"
    return _found(connection, "segment_reachability", ChannelReach, names, order)


def dependents(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> dict[str, tuple[Dependent, ...]]:
    """What uses segments: other segments first, then messages, by name."""
    return _found(connection, "segment_dependents", Dependent, names, "kind desc, dependent")


def overlaps(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> dict[str, tuple[Overlap, ...]]:
    """The segments that share members with segments, the most alike first."""
    return _found(connection, "segment_overlap", Overlap, names, "jaccard desc nulls first, other")


def sample_users(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Up to ten user ids for each of the segments, in their places. They are people: for the one who asked only."""
    if not has_table(connection, "segments", "segment_sample_users"):
        return {}
    rows = connection.execute(
        "select segment, list(user_id order by place) from segments.segment_sample_users"
        " where list_contains(?, segment) group by segment",
        [list(names)],
    ).fetchall()
    return {segment: tuple(users) for segment, users in rows}


def event_days(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> dict[str, tuple[EventDay, ...]]:
    """What members did by day and event, oldest first. Looks at the events of the members: ask for the segments of
    interest, not for all."""
    return _found(connection, "segment_events_daily", EventDay, names, "day, event")


def cards(connection: duckdb.DuckDBPyConnection) -> dict[str, Card]:
    """The summary of all segments, by card."""
    if not has_table(connection, "segments", "segment_summary"):
        return {}
    rows = connection.execute(f"select {_columns(Card)} from segments.segment_summary").fetchall()
    return {row[0]: Card(*row) for row in rows}


def _found(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    kind: type[Row],
    names: Iterable[str],
    order: str,
) -> dict[str, tuple[Row, ...]]:
    """Rows of a table by segment. Everything but the names and values is text of this module."""
    if not has_table(connection, "segments", table):
        return {}
    wanted = sorted(set(names))
    if not wanted:
        return {}
    marks = ", ".join("?" * len(wanted))  # a plain list lets the engine look for these segments alone
    rows = connection.execute(
        f"select segment, {_columns(kind)} from segments.{table} where segment in ({marks}) order by segment, {order}",
        wanted,
    ).fetchall()
    found: dict[str, list[Row]] = {}
    for segment, *row in rows:
        found.setdefault(segment, []).append(kind(*map(aware_if_moment, row)))
    return {segment: tuple(rows) for segment, rows in found.items()}


def _columns(kind: type[Any]) -> str:
    return ", ".join(f'"{column.name}"' for column in fields(kind))
