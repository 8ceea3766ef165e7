"""Stories: a few people, what they did, some rules, and who belongs to each. One YAML file per story.

A file has `title`, `as_of`, optionally `timezone`, then `users` (id: columns, attributes and `tags`; a key that is no
column is an attribute), `events` (`[user, event, ts, {properties}]` or a row), `devices`, `consents`, `blacklist`,
`messages`, `message_events` (`[message, user, kind, ts]` or a row), and `segments` (name: {in: [ids], rule: {...}}).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.reference.landing import USER_COLUMNS
from tests.reference.windows import parse_timestamp
from tests.reference.yaml12 import read_yaml

FOLDER = Path(__file__).parent.parent / "stories"
TIMES = frozenset({"ts", "created_at", "updated_at", "ingested_at", "at", "sent_at", "last_used_at"})


@dataclass(frozen=True)
class Story:
    """`tables` are landing rows by table, `segments` what each file says, `expected` the members of each segment."""

    name: str
    title: str
    timezone: str
    as_of: datetime
    tables: dict[str, list[dict[str, Any]]]
    segments: dict[str, dict[str, Any]]
    expected: dict[str, set[str]]


def load_stories() -> list[Story]:
    """All stories, in the order of their file names."""
    return [read_story(path) for path in sorted(FOLDER.glob("*.yml"))]


def read_story(path: Path) -> Story:
    """One story; raises ValueError if a segment names somebody who is not in it."""
    told = read_yaml(path.read_text(encoding="utf-8"))
    tables = {
        "users": [_user(user_id, row or {}) for user_id, row in told["users"].items()],
        "events": [_event(row) for row in told.get("events", [])],
        "devices": [{"device_id": f"d{n}", **_timed(row)} for n, row in enumerate(told.get("devices", []))],
        "consents": [_timed(row) for row in told.get("consents", [])],
        "blacklist": [_timed(row) for row in told.get("blacklist", [])],
        "messages": [_message(row) for row in told.get("messages", [])],
        "message_events": [_message_event(row) for row in told.get("message_events", [])],
    }
    expected = {name: set(segment["in"]) for name, segment in told["segments"].items()}
    strangers = set().union(*expected.values()) - {row["user_id"] for row in tables["users"]}
    if strangers:
        raise ValueError(f"{path.name}: unknown users {sorted(strangers)}")
    return Story(
        name=path.stem,
        title=told["title"],
        timezone=told.get("timezone", "UTC"),
        as_of=_instant(told["as_of"]),
        tables=tables,
        segments={name: {"name": name, **segment["rule"]} for name, segment in told["segments"].items()},
        expected=expected,
    )


def _instant(text: str) -> datetime:
    instant = parse_timestamp(text)
    if instant is None:
        raise ValueError(f"not a timestamp: {text!r}")
    return instant


def _timed(row: dict[str, Any]) -> dict[str, Any]:
    return {key: _instant(value) if key in TIMES and value is not None else value for key, value in row.items()}


def _user(user_id: str, told: dict[str, Any]) -> dict[str, Any]:
    columns = {key: value for key, value in told.items() if key in USER_COLUMNS}
    attributes = {key: value for key, value in told.items() if key not in USER_COLUMNS | {"tags", "attributes"}}
    return {
        "user_id": user_id,
        **_timed(columns),
        "attributes": {**attributes, **told.get("attributes", {})},
        "tags": told.get("tags", []),
    }


def _event(told: Any) -> dict[str, Any]:
    if isinstance(told, list):
        user_id, event, ts, *properties = told
        told = {"user_id": user_id, "event": event, "ts": ts, "properties": properties[0] if properties else {}}
    return _timed({"properties": {}, **told})


def _message(told: dict[str, Any]) -> dict[str, Any]:
    row = {"title": told["message_id"], "channel": "push", "status": "sent", **told}
    return _timed({"created_at": row.get("sent_at", "2020-01-01T00:00:00Z"), **row})


def _message_event(told: Any) -> dict[str, Any]:
    return _timed(
        dict(zip(("message_id", "user_id", "kind", "ts"), told, strict=True)) if isinstance(told, list) else told
    )
