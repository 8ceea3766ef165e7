"""Measuring a run as it is published: seconds of its dbt nodes, rows and stored bytes, and what becomes of them by
segment, in `raw.run_costs` and `raw.segment_costs`.

Rows and bytes are looked up in the warehouse when all is built, which costs one pass over the names and days of the
tiles. Not here: how costs are shared out (`costs.py`), and reading them (`report.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from orchestration.dbt_runner import Built
from orchestration.health.costs import Asked, Work, shared_out, work_of
from orchestration.warehouse import insert_rows, naive
from segmentation.clock import Clock
from segmentation.plan.reads import DEVICES, RESPONSES, TILES, USERS, Read, reads

if TYPE_CHECKING:
    from orchestration.recalculation import Prepared
    from orchestration.settings import Settings

KEPT_DAYS = 35  # five weeks of costs, for a report a week
RELATIONS = {
    TILES: "plan.event_tiles", USERS: "plan.user_profiles", DEVICES: "staging.stg_devices",
    RESPONSES: "staging.stg_message_events",
}  # fmt: skip
MEMBERS = "state.segment_stays"
_TABLES = """
create table if not exists raw.run_costs (run_no integer, node varchar, work varchar, seconds double);
create table if not exists raw.segment_costs (
    run_no integer, segment varchar, seconds double, read_rows bigint, member_rows bigint, bytes bigint
);
"""
_BYTES = """
select count(distinct block) * (select block_size from pragma_database_size())
from (select unnest(list_append(additional_block_ids, block_id)) as block from pragma_storage_info(?))
where block >= 0
"""


def prepare_costs(connection: duckdb.DuckDBPyConnection) -> None:
    """Creates the tables of this module where they are missing."""
    connection.execute(_TABLES)


def write_costs(
    connection: duckdb.DuckDBPyConnection, settings: Settings, prepared: Prepared, nodes: Iterable[Built]
) -> None:
    """Writes what a run of the present cost, under its number: seen with the run, and gone if it is never published."""
    folders = {file.stem: file.parent.name for file in Path(settings.project / "models").rglob("*.*")}
    works = [(node.name, work_of(node.name, folders.get(node.name, "")), node.seconds) for node in nodes]
    seconds: defaultdict[Work, float] = defaultdict(float)
    for _, work, spent in works:
        seconds[work] += spent
    connection.execute("checkpoint")  # what is not in the file yet has no size
    asked = _asked(connection, settings, prepared)
    counted = _Counted(connection)
    rows = {read: counted.rows(read) for one in asked.values() for read in one.reads.values()}
    per_row = {model: _bytes_per_row(connection, relation) for model, relation in RELATIONS.items()}
    costs = shared_out(seconds, asked, rows, per_row, _bytes_per_row(connection, MEMBERS))
    insert_rows(connection, "raw.run_costs", [(prepared.run_no, *work) for work in works])
    insert_rows(
        connection,
        "raw.segment_costs",
        [
            (prepared.run_no, name, one.seconds, one.read_rows, one.member_rows, one.bytes)
            for name, one in sorted(costs.items())
        ],
    )
    forgotten = naive(prepared.as_of) - timedelta(days=KEPT_DAYS)
    for table in ("run_costs", "segment_costs"):
        connection.execute(
            f"delete from raw.{table} where run_no in (select run_no from raw.runs where as_of < ?)", [forgotten]
        )


def _asked(connection: duckdb.DuckDBPyConnection, settings: Settings, prepared: Prepared) -> dict[str, Asked]:
    numbers = dict(
        connection.execute(
            "select segment_no, users from state.segment_size_log where run_no = ?", [prepared.run_no]
        ).fetchall()
    )
    clock = Clock(prepared.as_of, settings.zone)
    return {
        one.segment: Asked(
            one.definition.kind,
            reads(one.definition, clock, settings.late_arrival_days),
            numbers.get(one.segment_no, 0),
        )
        for one in prepared.decisions
        if one.is_computed and one.definition is not None
    }


class _Counted:
    """Rows of the tables that conditions look at; of the tiles by event and UTC day."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.tiles: defaultdict[str, list[tuple[date, int]]] = defaultdict(list)
        for event, day, rows in connection.execute(
            f"select event, day, count(*) from {RELATIONS[TILES]} group by event, day"
        ).fetchall():
            self.tiles[event].append((day, rows))
        self.tables = {model: _rows(connection, relation) for model, relation in RELATIONS.items()}

    def rows(self, read: Read) -> int:
        """How many rows a read looks at: days that its window touches count as a whole."""
        if read.model != TILES:
            return self.tables[read.model]
        first = _day(read.start) if read.start else date.min
        last = _day(read.end - timedelta(microseconds=1)) if read.end else date.max
        names = self.tiles if read.events is None else set(read.events)
        return sum(rows for name in names for day, rows in self.tiles.get(name, ()) if first <= day <= last)


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _rows(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    (rows,) = connection.execute(f"select count(*) from {relation}").fetchone() or (0,)
    return int(rows)


def _bytes_per_row(connection: duckdb.DuckDBPyConnection, relation: str) -> float:
    """Blocks of the file that a table fills, by row. A block is 256 KiB, so small tables look large."""
    rows = _rows(connection, relation)
    (filled,) = connection.execute(_BYTES, [relation]).fetchone() or (0,)
    return filled / rows if rows else 0.0
