"""News of changed members: which segments were entered or left by which cause, in which published run.

Sensors decide by it and never open the warehouse, so publishing a run writes a small file beside it: for each segment,
way and cause the last run in which it happened, and nothing about people. A run that died leaves it as it was; one that
died after it was published is told by the next, which tells of all runs since the file was written.
Not here: what follows from it (`due.py`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import duckdb

from orchestration.files import write_if_changed
from orchestration.warehouse import aware, has_table
from segmentation.clock import EARLIEST, utc_text

FILE = "activation_news.json"
Way = Literal["entered", "left"]
LAST_RUN = "select run_no, as_of from raw.runs where is_published and mode = 'present' order by run_no desc limit 1"
COMPUTED = """
    select segment, max(as_of)
    from raw.segment_definitions join raw.runs using (run_no, mode)
    where is_published and mode = 'present' and is_computed and run_no > ?
    group by segment
"""
CHANGES = """
    with changed as (
        select segment_no, change, cause, run_no, any_value(as_of) as as_of, count(*) as users
        from state.segment_changes_log where run_no > ? and run_no <= ? group by all
    ),
    names as (select segment_no, any_value(segment) as segment from raw.segment_definitions group by segment_no)
    select segment, change, cause, max(run_no), arg_max(as_of, run_no), arg_max(users, run_no)
    from changed join names using (segment_no) group by segment, change, cause order by all
"""


@dataclass(frozen=True)
class Change:
    """The last run in which members came or went in one way for one cause, its moment, and how many they were."""

    run_no: int
    as_of: datetime
    users: int


@dataclass(frozen=True)
class SegmentNews:
    """`as_of` is the moment that the members stand for, `changes` go by way and cause: `("entered", "data")`."""

    as_of: datetime
    changes: Mapping[tuple[str, str], Change] = field(default_factory=dict)

    def last(self, ways: Collection[str], causes: Collection[str]) -> Change | None:
        """The last of these changes."""
        found = [one for (way, cause), one in self.changes.items() if way in ways and cause in causes]
        return max(found, key=lambda one: one.run_no, default=None)


@dataclass(frozen=True)
class News:
    """What has been published: the last run and its moment, and segments by name. Run 0 is before the first."""

    run_no: int = 0
    as_of: datetime = EARLIEST
    segments: Mapping[str, SegmentNews] = field(default_factory=dict)


def read_news(home: Path) -> News | None:
    """None if nothing has been told yet; a file of another form is as good as none."""
    try:
        said = json.loads((home / FILE).read_bytes())
        return News(
            int(said["run_no"]),
            datetime.fromisoformat(said["as_of"]),
            {name: _segment(one) for name, one in said["segments"].items()},
        )
    except (FileNotFoundError, AttributeError, KeyError, TypeError, ValueError):
        return None


def write_news(connection: duckdb.DuckDBPyConnection, home: Path) -> None:
    """Tells of all runs of the present that were published since the last news."""
    row = connection.execute(LAST_RUN).fetchone()
    if row is None:
        return
    run_no, as_of = int(row[0]), aware(row[1])
    before = read_news(home) or News()
    if before.run_no > run_no:  # of a warehouse that is there no more
        before = News()
    if before.run_no < run_no:
        write_if_changed(home / FILE, _text(after(before, run_no, as_of, *_told(connection, before.run_no, run_no))))


def after(
    before: News,
    run_no: int,
    as_of: datetime,
    computed: Mapping[str, datetime],
    changes: Mapping[str, Mapping[tuple[str, str], Change]],
) -> News:
    """The news once runs up to this one have told which segments they computed and what changed."""
    segments = dict(before.segments)
    for name in {*computed, *changes}:
        old = segments.get(name, SegmentNews(as_of))
        segments[name] = SegmentNews(computed.get(name, old.as_of), {**old.changes, **changes.get(name, {})})
    return News(run_no, as_of, segments)


def _told(
    connection: duckdb.DuckDBPyConnection, since: int, until: int
) -> tuple[dict[str, datetime], dict[str, dict[tuple[str, str], Change]]]:
    """What runs after one and up to another computed and changed."""
    computed = {name: aware(at) for name, at in connection.execute(COMPUTED, [since]).fetchall()}
    changes: dict[str, dict[tuple[str, str], Change]] = {}
    if not has_table(connection, "state", "segment_changes_log"):  # nothing was ever built
        return computed, changes
    for name, way, cause, run_no, as_of, users in connection.execute(CHANGES, [since, until]).fetchall():
        changes.setdefault(name, {})[way, cause] = Change(run_no, aware(as_of), users)
    return computed, changes


def _segment(said: Mapping[str, Any]) -> SegmentNews:
    changes = {
        (way, cause): Change(int(one["run_no"]), datetime.fromisoformat(one["as_of"]), int(one["users"]))
        for way, causes in said["changes"].items()
        for cause, one in causes.items()
    }
    return SegmentNews(datetime.fromisoformat(said["as_of"]), changes)


def _text(news: News) -> bytes:
    segments = {}
    for name, one in sorted(news.segments.items()):
        changes: dict[str, dict[str, object]] = {}
        for (way, cause), change in sorted(one.changes.items()):
            told = {"run_no": change.run_no, "as_of": utc_text(change.as_of), "users": change.users}
            changes.setdefault(way, {})[cause] = told
        segments[name] = {"as_of": utc_text(one.as_of), "changes": changes}
    return json.dumps({"run_no": news.run_no, "as_of": utc_text(news.as_of), "segments": segments}).encode()
