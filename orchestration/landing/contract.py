"""The columns of every landing table: which are required, and what kind of value each holds.

Column names are relied on from outside: add some, rename none. Not here: how a kind is read from a format (views.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "time", "number", "flag", "json"]

# What a column is in the warehouse; times are UTC.
SQL_TYPES: dict[Kind, str] = {
    "text": "varchar",
    "time": "timestamp",
    "number": "double",
    "flag": "boolean",
    "json": "varchar",
}


@dataclass(frozen=True)
class Table:
    """Columns by name in the order of the views. `one_of`: a file holds all columns of one of these groups."""

    columns: dict[str, Kind]
    required: tuple[str, ...]
    one_of: tuple[tuple[str, ...], ...] = ()

    def missing(self, present: set[str]) -> str | None:
        """The first required column that is not there, None if all are; of alternatives, the first named."""
        for column in self.required:
            if column not in present:
                return column
        if self.one_of and not any(set(group) <= present for group in self.one_of):
            # Half of an alternative says which one was meant.
            started = next((group for group in self.one_of if set(group) & present), self.one_of[0])
            return next(column for column in started if column not in present)
        return None


def _columns(**kinds: str) -> dict[str, Kind]:
    by_name: dict[str, Kind] = {}
    for kind, names in kinds.items():
        assert kind in SQL_TYPES
        by_name.update(dict.fromkeys(names.split(), kind))  # type: ignore[arg-type]  # asserted above
    return by_name


CONTRACT: dict[str, Table] = {
    "users": Table(
        _columns(
            text="user_id external_id email msisdn city country",
            time="created_at updated_at",
            flag="is_test ad_consent",
            number="lat lon",
            json="attributes tags",
        ),
        required=("user_id",),
    ),
    "events": Table(
        _columns(
            text="source user_id source_user_id event event_id platform session_id city region country",
            time="ts ingested_at",
            number="lat lon",
            json="properties",
        ),
        required=("event", "ts"),
        one_of=(("user_id",), ("source_user_id", "source")),
    ),
    "devices": Table(
        _columns(
            text="device_id user_id platform device_type device_model os_version app_version",
            flag="registered installed has_token push_permission",
            time="last_used_at",
        ),
        required=("device_id", "user_id", "platform"),
    ),
    "consents": Table(
        _columns(text="user_id channel state reason", time="at"),
        required=("user_id", "channel", "state", "at"),
    ),
    "blacklist": Table(
        _columns(text="user_id channel", flag="listed", time="at"),
        required=("user_id", "channel", "listed", "at"),
    ),
    "messages": Table(
        _columns(text="message_id title channel status", time="created_at sent_at", json="segments excluded_segments"),
        required=("message_id", "title", "channel", "status", "created_at"),
    ),
    "message_events": Table(
        _columns(text="message_id user_id kind", time="ts", number="revenue"),
        required=("message_id", "user_id", "kind", "ts"),
    ),
    "audiences": Table(
        _columns(
            text="connector audience_id name description",
            number="reported_users",
            time="fetched_at source_updated_at",
        ),
        required=("connector", "audience_id", "name", "reported_users", "fetched_at"),
    ),
    "audience_members": Table(
        _columns(text="connector audience_id connector_user_id email msisdn", time="fetched_at", json="properties"),
        required=("connector", "audience_id", "connector_user_id", "fetched_at"),
    ),
}
