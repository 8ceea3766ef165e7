"""The landed rows as one evaluation sees them: users by id, their events, devices, consents and messages.

Here: what counts at all (known users, before the run's moment, one row per duplicate) and how a row's values are read.
Not here: any rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.reference.identity import Matcher, Strategies
from tests.reference.values import distinct_key, field, iso_text
from tests.reference.windows import Clock

Row = Mapping[str, Any]
Tables = Mapping[str, list[dict[str, Any]]]

USER_COLUMNS = frozenset({
    "user_id", "external_id", "email", "msisdn", "created_at", "updated_at",
    "is_test", "city", "country", "lat", "lon", "ad_consent",
})  # fmt: skip
EVENT_COLUMNS = frozenset({
    "event_id", "user_id", "event", "ts", "platform", "session_id", "city", "region", "country", "lat", "lon",
    "source", "ingested_at",
})  # fmt: skip
NEVER = datetime.max.replace(tzinfo=UTC)


class Landing:
    """Everything a rule may ask for, for one moment in one zone."""

    def __init__(self, tables: Tables, clock: Clock, strategies: Strategies | None = None) -> None:
        self.clock = clock
        self.users = _newest_by_id(tables.get("users", []))
        self.audiences, self.members = tables.get("audiences", []), tables.get("audience_members", [])
        self.matcher = Matcher(self.users, strategies or {})
        self.events: dict[str, list[Row]] = defaultdict(list)
        owners: dict[Any, str | None] = {}
        for event in _without_duplicates(tables.get("events", [])):
            owner = event.get("user_id")
            if owner is None:  # the id is the connector's, and says whose event it is only by a match
                key = event["source"], event["source_user_id"]
                if key not in owners:
                    owners[key] = self.matcher.of_event(event, self.members)
                owner = owners[key]
            if owner in self.users and event["ts"] < clock.as_of:
                self.events[owner].append(event)
        for events in self.events.values():
            events.sort(key=lambda event: (event["ts"], event.get("event_id") or ""))
        self.devices: dict[str, list[Row]] = defaultdict(list)
        for device in tables.get("devices", []):
            self.devices[device["user_id"]].append(device)
        self.consents = _latest(tables.get("consents", []), lambda row: row["at"])
        # On equal times the listing wins over the lifting.
        self.blacklist = _latest(tables.get("blacklist", []), lambda row: (row["at"], bool(row["listed"])))
        self.messages = {row["message_id"]: row for row in tables.get("messages", [])}
        self.responses: dict[str, list[Row]] = defaultdict(list)
        for row in tables.get("message_events", []):
            if row["ts"] < clock.as_of:
                self.responses[row["user_id"]].append(row)

    @property
    def everyone(self) -> set[str]:
        return set(self.users)

    def attribute(self, user_id: str, path: str) -> Any:
        return field(self.users[user_id], "attributes", USER_COLUMNS, path)


def event_property(event: Row, path: str) -> Any:
    return field(event, "properties", EVENT_COLUMNS, path)


def _newest_by_id(rows: Iterable[dict[str, Any]]) -> dict[str, Row]:
    users: dict[str, Row] = {}
    for row in rows:
        known = users.get(row["user_id"])
        if known is None or row["updated_at"] > known["updated_at"]:
            users[row["user_id"]] = row
    return users


def _without_duplicates(events: Iterable[dict[str, Any]]) -> Iterable[Row]:
    """One row per source and event id, or per whole row where there is no id; the first ingested stays."""
    seen: set[Any] = set()
    for event in sorted(events, key=lambda row: row.get("ingested_at") or NEVER):
        if event.get("event_id") is not None:
            key: Any = (event.get("source"), event["event_id"])
        else:
            key = tuple(
                (column, distinct_key(iso_text(value) if isinstance(value, datetime) else value))
                for column, value in sorted(event.items())
                if column != "ingested_at" and value is not None
            )
        if key not in seen:
            seen.add(key)
            yield event


def _latest(rows: Iterable[dict[str, Any]], order: Any) -> dict[tuple[str, str], Row]:
    latest: dict[tuple[str, str], Row] = {}
    for row in sorted(rows, key=order):
        latest[row["user_id"], row["channel"]] = row
    return latest
