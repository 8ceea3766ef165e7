"""The columns of users and events that rules and exports may name like an attribute or a property.

Not here: the tables that land, with all their columns (`orchestration/landing/contract.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

ColumnType = Literal["text", "number", "boolean", "timestamp"]

USER_COLUMNS: Mapping[str, ColumnType] = {
    "user_id": "text", "external_id": "text", "email": "text", "msisdn": "text",
    "created_at": "timestamp", "updated_at": "timestamp", "is_test": "boolean", "city": "text", "country": "text",
    "lat": "number", "lon": "number", "ad_consent": "boolean",
}  # fmt: skip
EVENT_COLUMNS: Mapping[str, ColumnType] = {
    "user_id": "text", "source_user_id": "text", "event": "text", "ts": "timestamp", "event_id": "text",
    "platform": "text", "session_id": "text", "city": "text", "region": "text", "country": "text",
    "lat": "number", "lon": "number", "source": "text", "ingested_at": "timestamp",
}  # fmt: skip
