"""A pulled file in numbers, before it takes the place of the last good one, and whoever decides whether it may.

The numbers are counted while rows are written, so nothing is read twice. Not here: any rule; connectors let everything
pass that they could read whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass
class Count:
    """Rows by what they lack, as they are written. `untimely` rows have no time, or lie outside their day."""

    rows: int = 0
    without_id: int = 0
    with_email: int = 0
    with_phone: int = 0
    untimely: int = 0

    def member(self, row: Mapping[str, Any]) -> None:
        """A row of `audience_members`, or of `users`."""
        email, phone = bool(row.get("email")), bool(row.get("msisdn"))
        self.rows += 1
        self.with_email += email
        self.with_phone += phone
        self.without_id += not (row.get("connector_user_id") or email or phone)

    def event(self, row: Mapping[str, Any], time: datetime | None, since: datetime, until: datetime) -> None:
        """A row of `events`, with the time by which it belongs to its day: from `since`, before `until`."""
        self.rows += 1
        self.without_id += not row.get("source_user_id")
        self.untimely += time is None or not since <= time < until


@dataclass(frozen=True)
class Draft:
    """A file that is complete and not in its place yet.

    `key` is the audience's id or the day; `rows` are in the file, and `count` is of those that came, which may be more
    if some were older versions; `reported` is what the vendor says there is, `before` the rows of the last good file,
    `computed` when the vendor computed it, and `computed_before` the same of the last good file. None: not known.
    """

    connector: str
    table: str
    key: str
    name: str
    at: datetime
    rows: int
    count: Count
    reported: int | None = None
    before: int | None = None
    computed: datetime | None = None
    computed_before: datetime | None = None


@dataclass(frozen=True)
class Admitted:
    """A draft may land; `remark` is what is odd about it, and `accepted` who took it nevertheless, and why."""

    remark: str | None = None
    accepted: str | None = None


Gate = Callable[[Draft], Admitted]
"""Raises Refused if the draft may not land."""


def open_gate(draft: Draft) -> Admitted:
    """For whoever wants what the vendor gave, whatever it is."""
    return Admitted()
