"""What the pipeline remembers between runs, in schema `raw` of the warehouse: runs, and what each said of segments.

A run is a row of `raw.runs`; it becomes visible to every reader by one update of that row (`publish`).
Not here: the members themselves, which dbt models keep under the run's number, and what a run was made from
(`history/manifests.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from orchestration.activation.record import TABLE as ACTIVATIONS
from orchestration.decisions import Decision, Known
from orchestration.exports.ledger import TABLE as EXPORTS
from orchestration.health.measure import prepare_costs
from orchestration.history.inputs import Inputs
from orchestration.history.manifests import prepare_manifests, write_manifest
from orchestration.memory import Memory
from orchestration.published import last_run
from orchestration.visibility import Shown
from orchestration.warehouse import aware, has_table, naive
from segmentation.clock import Clock, bounds
from segmentation.language.describe import in_words
from segmentation.language.model import Definition, Within

RUNS = """
    create table if not exists raw.runs (
        run_no integer primary key, as_of timestamp, day date, mode varchar, is_published boolean, source_run varchar,
        over_recorded boolean
    )
"""
ADDED_TO_RUNS = {"over_recorded": "boolean", "month_start": "timestamp", "zone": "varchar"}  # since earlier versions
DEFINITIONS = """
    create table if not exists raw.segment_definitions (
        run_no integer, mode varchar, segment varchar, segment_no integer, outcome varchar, is_computed boolean,
        reason varchar, cause varchar, title varchar, description varchar, kind varchar, refresh varchar,
        ready_to_use boolean, paused boolean, created_by varchar, created_on date, labels varchar[],
        definition_hash varchar, file varchar
    )
"""
BEFORE = "create table if not exists plan.segment_bits_before (word usmallint, person_no uinteger, bits ubigint)"
ADDED_COLUMNS = {
    "summary": "varchar", "own_hash": "varchar", "touched_at": "timestamp", "sent_at": "timestamp",
    "visible_from": "timestamp", "visible_until": "timestamp",
    "reads": "varchar[]", "includes": "varchar[]", "excludes": "varchar[]",
}  # fmt: skip
ATTRIBUTES = "create table if not exists raw.attribute_keys (run_no integer, key varchar, users bigint)"


@dataclass(frozen=True)
class State:
    """The published past: the last run and its moment, and what is known of every segment.

    `slots` also has the segments that only a reconstructed day has seen so far. `attributes` are users by key.
    """

    last_run: int
    last_as_of: datetime | None
    segments: Mapping[str, Known]
    slots: Mapping[str, int]
    attributes: Mapping[str, int]
    tile_layout: str | None


def prepare_schema(connection: duckdb.DuckDBPyConnection) -> None:
    """Creates what this module and the models expect to be there, where it is missing."""
    for schema in ("raw", "plan"):
        connection.execute(f"create schema if not exists {schema}")
    for statement in (RUNS, DEFINITIONS, ATTRIBUTES, BEFORE, EXPORTS, ACTIVATIONS):
        connection.execute(statement)
    prepare_manifests(connection)
    prepare_costs(connection)
    for table, columns in (("runs", ADDED_TO_RUNS), ("segment_definitions", ADDED_COLUMNS)):
        for name, type_ in columns.items():
            connection.execute(f"alter table raw.{table} add column if not exists {name} {type_}")


def read_state(connection: duckdb.DuckDBPyConnection) -> State:
    """The state that published runs left; leftovers of dead runs do not count."""
    run_no, last_as_of = last_run(connection) or (None, None)
    segments = {
        name: Known(number, outcome, reason, computed_hash, was_computed, aware(at), _memory(*memory))
        for name, number, outcome, reason, computed_hash, was_computed, at, *memory in connection.execute(
            """
            select
                segment, any_value(segment_no), arg_max(outcome, run_no), arg_max_null(reason, run_no),
                arg_max_null(case when outcome = 'deleted' then null else definition_hash end, run_no)
                    filter (where is_computed),
                bool_or(is_computed), max(as_of) filter (where is_computed),
                arg_max(own_hash, run_no), max(touched_at), max(sent_at),
                arg_max_null(visible_from, run_no), arg_max_null(visible_until, run_no)
            from raw.segment_definitions join raw.runs using (run_no, mode)
            where mode = 'present' and run_no <= ? group by segment
            """,
            [run_no or 0],
        ).fetchall()
    }
    slots = dict(
        connection.execute(
            "select segment, any_value(segment_no) from raw.segment_definitions"
            " where run_no in (select run_no from raw.runs where is_published) group by segment order by segment"
        ).fetchall()
    )
    attributes = dict(
        connection.execute("select key, users from raw.attribute_keys where run_no = ?", [run_no or 0]).fetchall()
    )
    return State(
        run_no or 0,
        last_as_of,
        segments,
        slots,
        attributes,
        _tile_layout(connection),
    )


def _memory(
    own_hash: str | None,
    touched_at: datetime | None,
    sent_at: datetime | None,
    visible_from: datetime | None,
    visible_until: datetime | None,
) -> Memory:
    return Memory(own_hash, aware(touched_at), aware(sent_at), Shown(aware(visible_from), aware(visible_until)))


def _tile_layout(connection: duckdb.DuckDBPyConnection) -> str | None:
    if not has_table(connection, "plan", "tile_days"):
        return None
    row = connection.execute("select any_value(layout) from plan.tile_days").fetchone()
    return row[0] if row else None


def next_run(connection: duckdb.DuckDBPyConnection) -> int:
    """The number of the run that is being prepared; those of dead runs are given again."""
    row = connection.execute("select coalesce(max(run_no), 0) + 1 from raw.runs where is_published").fetchone()
    assert row is not None
    return int(row[0])


def open_run(
    connection: duckdb.DuckDBPyConnection,
    clock: Clock,
    day: date,
    mode: str,
    decisions: Sequence[Decision],
    attributes: Mapping[str, int],
    source_run: str | None,
    inputs: Inputs,
    *,
    over_recorded: bool = False,
) -> int:
    """Writes what a run intends and what it is made from, invisibly, and returns its number.

    `over_recorded` is about a past day: it is shown in place of what was recorded on that day. What models ask of the
    clock stands in the run's row: they have no other.
    """
    connection.execute("begin")
    for table in ("segment_definitions", "attribute_keys", "run_costs", "segment_costs", "runs"):
        connection.execute(
            f"delete from raw.{table} where run_no in (select run_no from raw.runs where not is_published)"
        )
    run_no = next_run(connection)
    last_month = bounds(Within(1, "months"), clock, of_events=True)
    row_of_run = {
        "run_no": run_no,
        "as_of": naive(clock.as_of),
        "day": day,
        "mode": mode,
        "is_published": False,
        "source_run": source_run,
        "over_recorded": over_recorded,
        "month_start": naive(last_month.start),
        "zone": clock.zone.key,
    }
    connection.execute(
        f"insert into raw.runs ({', '.join(row_of_run)}) values ({', '.join('?' * len(row_of_run))})",
        list(row_of_run.values()),
    )
    rows = [_row(run_no, mode, one) for one in decisions]
    if rows:
        columns, marks = ", ".join(rows[0]), ", ".join("?" * len(rows[0]))
        connection.executemany(
            f"insert into raw.segment_definitions ({columns}) values ({marks})", [list(row.values()) for row in rows]
        )
    if attributes:
        connection.executemany(
            "insert into raw.attribute_keys values (?, ?, ?)", [[run_no, *item] for item in attributes.items()]
        )
    write_manifest(connection, run_no, clock.as_of, day, mode, inputs, decisions)
    connection.execute("commit")
    return run_no


def _row(run_no: int, mode: str, one: Decision) -> dict[str, object]:
    """A row of `raw.segment_definitions` by column."""
    definition, memory = one.definition, one.memory
    return {
        "run_no": run_no,
        "mode": mode,
        "segment": one.segment,
        "segment_no": one.segment_no,
        "outcome": one.outcome,
        "is_computed": one.is_computed,
        "reason": one.reason,
        "cause": one.cause,
        "title": definition and definition.title,
        "description": definition and definition.description,
        "kind": definition and _kind(definition),
        "refresh": definition and definition.refresh.text,
        "ready_to_use": definition and definition.ready_to_use,
        "paused": definition and definition.paused,
        "created_by": definition and definition.created_by,
        "created_on": definition and definition.created_on,
        "labels": definition and list(definition.labels),
        "definition_hash": definition and definition.hash,
        "file": definition and (definition.file or None),
        "summary": definition and in_words(definition),
        "own_hash": memory.own_hash,
        "touched_at": naive(memory.touched_at),
        "sent_at": naive(memory.sent_at),
        "visible_from": naive(memory.shown.start),
        "visible_until": naive(memory.shown.end),
        "reads": definition and list(definition.rule_references),
        "includes": definition and list(definition.include),
        "excludes": definition and list(definition.exclude),
    }


def _kind(definition: Definition) -> str:
    """As the catalogue tells it: a system segment has a rule, and nobody wrote it."""
    return "system" if definition.is_system else definition.kind


def publish(connection: duckdb.DuckDBPyConnection, run_no: int) -> None:
    """Makes a run visible, and forgets what no reader needs any more of the runs before it."""
    connection.execute("begin")
    connection.execute("update raw.runs set is_published = true where run_no = ?", [run_no])
    connection.execute(
        """
        delete from raw.segment_definitions as old
        where exists (
            select 1 from raw.segment_definitions as newer
            where newer.mode = old.mode and newer.segment = old.segment and newer.run_no > old.run_no
            and (newer.is_computed or not old.is_computed) and newer.run_no <= ?
        )
        """,
        [run_no],
    )
    connection.execute("commit")


def finished(connection: duckdb.DuckDBPyConnection, source_run: str) -> bool:
    """Whether a run of Dagster has published already."""
    row = connection.execute(
        "select count(*) from raw.runs where is_published and source_run = ?", [source_run]
    ).fetchone()
    return bool(row and row[0])
