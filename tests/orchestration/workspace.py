"""A workspace of a few people: landing files, segment files, runs, and everything that readers can see.

Moments are written as the command line takes them: a bare date is the local midnight that begins it. What is asked by
segment leaves out the system segments, which are the same in every workspace; `public` and `rows` hold them too.
Not here: what comes out (the tests).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from orchestration.past_days import Reconstructed, reconstruct
from orchestration.recalculation import Prepared, recalculate
from orchestration.settings import Settings
from orchestration.warehouse import connect
from segmentation.clock import parse_as_of
from segmentation.language.words import SYSTEM_SEGMENTS

PUBLIC = (
    "segments",
    "segment_members",
    "segment_membership",
    "segment_changes",
    "segment_triggers",
    "segment_size_daily",
    "ready_to_use_segments",
    "live_qualifications",
    "segment_predictions",
    "segment_metrics",
    "segment_messages",
    "segment_reachability",
    "segment_dependents",
    "segment_overlap",
    "segment_sample_users",
    "segment_summary",
)
Row = Mapping[str, Any]


def a_user(user_id: str, **attributes: Any) -> dict[str, Any]:
    return {"user_id": user_id, "attributes": attributes}


def an_event(user_id: str, name: str, ts: str, **properties: Any) -> dict[str, Any]:
    return {"event_id": f"{user_id}-{name}-{ts}", "user_id": user_id, "event": name, "ts": ts, "properties": properties}


def a_device(user_id: str, platform: str, **more: Any) -> dict[str, Any]:
    return {"device_id": f"{user_id}-{platform}", "user_id": user_id, "platform": platform, **more}


def is_system(segment: str) -> bool:
    return segment in SYSTEM_SEGMENTS


@dataclass
class Workspace:
    root: Path
    zone: str = "UTC"

    @property
    def settings(self) -> Settings:
        home, landing, segments = self.root / "home", self.root / "landing", self.root / "segments"
        for folder in (landing, segments):
            folder.mkdir(parents=True, exist_ok=True)
        return Settings(home, str(landing), segments, ZoneInfo(self.zone))

    def land(self, name: str, *rows: Row) -> Path:
        """Writes rows to `<name>.jsonl` of the landing area, in place of what the file held."""
        file = self.root / "landing" / f"{name}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        return file

    def unland(self, name: str) -> None:
        (self.root / "landing" / f"{name}.jsonl").unlink()

    def define(self, **rules: str) -> None:
        """Writes segment files by name; a text without a key at its start is the rule under `who`."""
        for name, text in rules.items():
            body = text if text.partition(":")[0].isidentifier() else f"who: {text}\n"
            (self.settings.segments / f"{name}.yml").write_text(f"name: {name}\n{body}", encoding="utf-8")

    def undefine(self, name: str) -> None:
        (self.settings.segments / f"{name}.yml").unlink()

    def moment(self, text: str) -> datetime:
        return parse_as_of(text, ZoneInfo(self.zone))

    def run(self, as_of: str, only: Iterable[str] | None = None) -> Prepared:
        return recalculate(self.settings, self.moment(as_of), only=only)

    def reconstruct(self, *days: str, only: Iterable[str] | None = None, over_recorded: bool = False) -> Reconstructed:
        return reconstruct(self.settings, map(date.fromisoformat, days), only=only, over_recorded=over_recorded)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with connect(self.settings.warehouse) as connection:
            return connection.execute(sql).fetchall()

    def public(self, *tables: str) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of the public tables; order is no part of a table, nor is where a workspace lies."""
        columns = {"segments": "* replace (parse_filename(file) as file)"}
        return {
            table: self.rows(f"select {columns.get(table, '*')} from segments.{table} order by all")
            for table in tables or PUBLIC
        }

    def members(self, *segments: str) -> dict[str, str]:
        """Current members by segment, such as `ada bea`; a segment without any is missing."""
        sql = "select segment, string_agg(user_id, ' ' order by user_id) from segments.segment_members group by segment"
        return {name: who for name, who in self.rows(sql) if name in segments or not segments and not is_system(name)}

    def statuses(self) -> dict[str, str]:
        rows = self.rows("select segment, status from segments.segments order by segment")
        return {name: status for name, status in rows if not is_system(name)}

    def reason(self, segment: str) -> str:
        return str(self.rows(f"select reason from segments.segments where segment = '{segment}'")[0][0])

    def changes(self, as_of: str) -> list[tuple[str, ...]]:
        """Segment, change, cause and person of the runs at a moment."""
        at = self.moment(as_of).replace(tzinfo=None)
        rows = self.rows(
            f"select segment, change, cause, user_id from segments.segment_changes where as_of = '{at}' order by all"
        )
        return [row for row in rows if not is_system(row[0])]

    def days(self, segment: str) -> dict[str, tuple[Any, ...]]:
        """Users, entered and left by day."""
        rows = self.rows(
            'select day::varchar, users, entered, "left" from segments.segment_size_daily'
            f" where segment = '{segment}' order by day"
        )
        return {day: tuple(numbers) for day, *numbers in rows}
