"""What every run was made from, kept for good: settings, code, definitions with their texts, files with their hashes.

A run is one row of `raw.run_manifests`. Files and definitions mostly stay as they are from run to run, so they are
stored like stays: `raw.run_files` and `raw.run_definitions` say from which run on a version was read (`run_from`), and
which run no longer did (`run_to`, null while it is read). A text is stored once, however many runs read it.
What a run leaves that is never published vanishes as soon as its number is given again.
Not here: looking at what a run is made from (`inputs.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb

from orchestration.decisions import Decision
from orchestration.history.inputs import DefinitionRead, FileRead, Inputs
from orchestration.warehouse import aware, has_table, insert_rows, naive

RESTED = ("failed", "paused", "idle")  # outcomes whose reason no other table keeps

_TABLES = """
create table if not exists raw.run_manifests (
    run_no integer, as_of timestamp, day date, mode varchar,
    settings json, -- zone, events, strategies, late_arrival_days, idle_days, accepted_pulls
    code json, -- version, commit, sources
    rested json -- segments that failed, were paused or idle: [outcome, reason]
);
create table if not exists raw.run_files (
    table_name varchar, url varchar, format varchar, fingerprint varchar, size bigint, sha256 varchar,
    is_erased boolean, -- rewritten since to leave somebody out: size and sha256 are those of what is left
    run_from integer, run_to integer
);
create table if not exists raw.run_definitions (
    segment varchar, file varchar, definition_hash varchar, sha256 varchar, run_from integer, run_to integer
);
create table if not exists raw.definition_texts (sha256 varchar primary key, text varchar);
"""


@dataclass(frozen=True)
class Manifest:
    """A run and its inputs. `rested` are segments that failed, were paused or idle, with outcome and reason; `as_of` is
    aware UTC."""

    run_no: int
    as_of: datetime
    day: date
    mode: str
    inputs: Inputs
    rested: Mapping[str, tuple[str, str | None]]


def prepare_manifests(connection: duckdb.DuckDBPyConnection) -> None:
    """Creates the tables of this module where they are missing."""
    connection.execute(_TABLES)


def write_manifest(
    connection: duckdb.DuckDBPyConnection,
    run_no: int,
    as_of: datetime,
    day: date,
    mode: str,
    inputs: Inputs,
    decisions: Iterable[Decision],
) -> None:
    """Keeps what a run is made from, under its number, inside the caller's transaction.

    Forgets what runs left that were given this number before.
    """
    _forget_from(connection, run_no)
    rested = {one.segment: [one.outcome, one.reason] for one in decisions if one.outcome in RESTED}
    connection.execute(
        "insert into raw.run_manifests (run_no, as_of, day, mode, settings, code, rested) values (?, ?, ?, ?, ?, ?, ?)",
        [run_no, naive(as_of), day, mode,
         *(json.dumps(said, sort_keys=True) for said in (inputs.settings, inputs.code, rested))],
    )  # fmt: skip
    files = [(one.table, one.url, one.format, one.fingerprint, one.size, one.sha256) for one in inputs.files]
    _follow(connection, "raw.run_files", "table_name, url, format, fingerprint, size, sha256", files, run_no)
    written = [(one.segment, one.file, one.definition_hash, one.sha256) for one in inputs.definitions]
    _follow(connection, "raw.run_definitions", "segment, file, definition_hash, sha256", written, run_no)
    if texts := {one.sha256: one.text for one in inputs.definitions}:
        connection.execute(
            "insert or ignore into raw.definition_texts select unnest(?), unnest(?)",
            [list(texts), list(texts.values())],
        )


def leave_out_unread_files(connection: duckdb.DuckDBPyConnection, run_no: int) -> None:
    """Corrects the files of a run that was built on staging as it was: it read none of those that landed since, and
    those that they replaced."""
    connection.execute(
        "delete from raw.run_files where run_from = ? and (url, fingerprint) in"
        " (select (url, fingerprint) from raw.landing_files where state = 'pending')",
        [run_no],
    )
    connection.execute(
        "update raw.run_files set run_to = null where run_to = ? and (url, fingerprint) in"
        " (select (url, fingerprint) from raw.landing_files where state = 'gone')",
        [run_no],
    )


def manifest_of(connection: duckdb.DuckDBPyConnection, run_no: int) -> Manifest | None:
    """What a published run was made from; None if it is not published, or of a version without."""
    if not has_table(connection, "raw", "run_manifests"):
        return None
    row = connection.execute(
        "select as_of, day, mode, settings, code, rested from raw.run_manifests"
        " where run_no = ? and run_no in (select run_no from raw.runs where is_published)",
        [run_no],
    ).fetchone()
    if row is None:
        return None
    as_of, day, mode, settings, code, rested = row
    during = "run_from <= $run and coalesce(run_to > $run, true)"
    files = connection.execute(
        "select table_name, url, format, fingerprint, size, sha256, coalesce(is_erased, false) from raw.run_files"
        f" where {during} order by url",
        {"run": run_no},
    ).fetchall()
    definitions = connection.execute(
        "select segment, file, definition_hash, text from raw.run_definitions join raw.definition_texts using (sha256)"
        f" where {during} order by segment",
        {"run": run_no},
    ).fetchall()
    inputs = Inputs(
        json.loads(settings),
        json.loads(code),
        tuple(FileRead(*one) for one in files),
        tuple(DefinitionRead(*one) for one in definitions),
    )
    told = {name: (outcome, reason) for name, (outcome, reason) in json.loads(rested).items()}
    return Manifest(run_no, aware(as_of), day, mode, inputs, told)


def definition_text(
    connection: duckdb.DuckDBPyConnection, segment: str, definition_hash: str | None = None
) -> str | None:
    """The text of a segment's file as the last published run of the present read it; None if there was no such file.

    A file that had an error then gives its last text without one. With a hash of a definition it is the newest text
    with that hash that a published run has read.
    """
    if not has_table(connection, "raw", "run_definitions"):
        return None
    last = "(select max(run_no) from raw.runs where is_published and mode = 'present')"
    if definition_hash is None:
        there = connection.execute(
            f"select 1 from raw.run_definitions where segment = ? and run_from <= {last}"
            f" and coalesce(run_to > {last}, true)",
            [segment],
        ).fetchone()
        if there is None:
            return None
    found = connection.execute(
        "select text from raw.run_definitions join raw.definition_texts using (sha256)"
        " where segment = $segment and definition_hash is not null"
        " and coalesce(definition_hash = $hash, $hash is null)"
        f" and run_from <= case when $hash is null then {last}"
        " else (select max(run_no) from raw.runs where is_published) end"
        " order by run_from desc limit 1",
        {"segment": segment, "hash": definition_hash},
    ).fetchone()
    return found[0] if found else None


def computed_texts(connection: duckdb.DuckDBPyConnection, hashes: Mapping[str, str]) -> dict[str, str]:
    """The text behind what each segment's members come from, given the hash of its last computation.

    Where no text has that hash, as one that read a paused segment may not, it is the last text without an error.
    """
    if not has_table(connection, "raw", "run_definitions"):
        return {}
    rows = connection.execute(
        "with asked as (select unnest($names) as segment, unnest($hashes) as hash)"
        " select a.segment, arg_max(t.text, [(d.definition_hash = a.hash)::integer, d.run_from]) from asked as a"
        " join raw.run_definitions as d on d.segment = a.segment and d.definition_hash is not null"
        " and d.run_from <= (select max(run_no) from raw.runs where is_published)"
        " join raw.definition_texts as t using (sha256) group by a.segment",
        {"names": list(hashes), "hashes": list(hashes.values())},
    ).fetchall()
    return dict(rows)


def _forget_from(connection: duckdb.DuckDBPyConnection, run_no: int) -> None:
    connection.execute("delete from raw.run_manifests where run_no >= ?", [run_no])
    for table in ("raw.run_files", "raw.run_definitions"):
        connection.execute(f"delete from {table} where run_from >= ?", [run_no])
        connection.execute(f"update {table} set run_to = null where run_to >= ?", [run_no])
    connection.execute("delete from raw.definition_texts where sha256 not in (select sha256 from raw.run_definitions)")


def _follow(
    connection: duckdb.DuckDBPyConnection, table: str, columns: str, rows: list[tuple[Any, ...]], run_no: int
) -> None:
    """Closes rows that this run no longer has, and opens those that are new to it."""
    connection.execute(f"create or replace temp table read_now as select {columns} from {table} limit 0")
    insert_rows(connection, "read_now", rows)
    same = " and ".join(f"t.{name} is not distinct from n.{name}" for name in columns.split(", "))
    connection.execute(
        f"update {table} as t set run_to = ? where run_to is null and not exists (from read_now as n where {same})",
        [run_no],
    )
    connection.execute(
        f"insert into {table} by name select {columns}, ?::integer as run_from from read_now as n"
        f" where not exists (from {table} as t where t.run_to is null and {same})",
        [run_no],
    )
    connection.execute("drop table read_now")
