"""A segment and all that its members rest on, each as its last calculation left it.

Not here: what is expected of them (`asked.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from orchestration.history.manifests import computed_texts
from orchestration.settings import Settings
from orchestration.warehouse import aware
from segmentation.language.model import Definition
from segmentation.language.parse import parse_text
from segmentation.language.problems import unknown_segment
from segmentation.plan.system import system_definitions

RESTING = "not_active"  # paused, or used by nobody
_ROWS = """
    with computed as (
        select d.*, r.as_of from raw.segment_definitions as d join raw.runs as r on d.run_no = r.run_no
        where d.is_computed and d.mode = 'present' and d.outcome <> 'deleted' and r.is_published
        qualify row_number() over (partition by d.segment order by d.run_no desc) = 1
    )
    select s.segment, s.status, s.reason, s.users, c.segment_no, c.run_no, c.as_of, c.outcome = 'stale' as was_stale,
        case when c.outcome = 'stale' then c.reason end as stale_reason, c.definition_hash,
        list_distinct(list_concat(coalesce(c.reads, []), coalesce(c.includes, []), coalesce(c.excludes, []))) as reads
    from segments.segments as s left join computed as c on s.segment = c.segment
"""


@dataclass(frozen=True)
class Calculated:
    """`status` and `reason` are those of the catalogue. `as_of` is the moment that the members stand for, aware UTC,
    and `run_no` the run; None if it never was calculated. `stale` is why that calculation rested on something older.
    `definition` is what the members come from, None if it cannot be read; `reads` are the segments it names."""

    segment: str
    status: str
    reason: str | None
    users: int
    segment_no: int | None
    run_no: int | None
    as_of: datetime | None
    stale: str | None
    definition: Definition | None
    reads: tuple[str, ...]

    @property
    def is_resting(self) -> bool:
        """Whether no schedule calculates it: it is paused, or nobody uses it."""
        return self.status == RESTING


def calculated(
    connection: duckdb.DuckDBPyConnection, settings: Settings, segment: str
) -> tuple[Calculated, tuple[Calculated, ...]]:
    """A segment, and those that its members rest on, nearest first. What rests does not follow others any more, so
    what they read is left out. Raises ValueError in one sentence if there is no such segment."""
    cursor = connection.execute(_ROWS)
    columns = [column[0] for column in cursor.description or ()]
    rows = {row[0]: dict(zip(columns, row, strict=True)) for row in cursor.fetchall()}
    if segment not in rows:
        raise ValueError(unknown_segment(segment, rows))
    names, waiting = [segment], [segment]
    while waiting:
        row = rows[waiting.pop(0)]
        if row["status"] != RESTING:
            more = [name for name in sorted(row["reads"]) if name in rows and name not in names]
            names += more
            waiting += more
    definitions = _definitions(connection, settings, {name: rows[name] for name in names})
    own, *behind = (_calculated(rows[name], definitions.get(name)) for name in names)
    return own, tuple(behind)


def _calculated(row: Mapping[str, Any], definition: Definition | None) -> Calculated:
    return Calculated(
        row["segment"],
        row["status"],
        row["reason"],
        row["users"],
        row["segment_no"],
        row["run_no"],
        aware(row["as_of"]),
        row["stale_reason"] or "it rested on an older result" if row["was_stale"] else None,
        definition,
        tuple(sorted(row["reads"])),
    )


def _definitions(
    connection: duckdb.DuckDBPyConnection, settings: Settings, rows: Mapping[str, Mapping[str, Any]]
) -> dict[str, Definition]:
    system = system_definitions(settings.events)
    hashes = {name: row["definition_hash"] for name, row in rows.items() if row["definition_hash"]}
    texts = computed_texts(connection, {name: hash_ for name, hash_ in hashes.items() if name not in system})
    parsed = {name: parse_text(text, f"{name}.yml").definition for name, text in texts.items()}
    return {
        **{name: one for name, one in system.items() if name in rows},
        **{name: one for name, one in parsed.items() if one is not None},
    }
