"""The warehouse without a person: their rows in every table, and the bytes that rows leave.

Rows are found by what columns are called (`person_no`, `user_id`, ids of connectors), so a table that comes later needs
nothing here. Not here: what has to fit what is left (`settling.py`), and files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from orchestration.erasure.files import Rewritten
from orchestration.erasure.person import Person
from orchestration.erasure.rows import DRAFT
from orchestration.erasure.settling import (
    RESTS_ON,
    days_of,
    follow,
    forget_listed,
    settle_days,
    subtract_from_sizes,
    subtract_from_statistics,
)
from orchestration.warehouse import connect, has_table, insert_rows
from segmentation.plan.sql import literal

DONE = "create table if not exists raw.erasures (erasure varchar primary key)"


def erase_rows(
    file: Path,
    erasure: str,
    person: Person,
    rewritten: Iterable[Rewritten],
    attributes: Mapping[str, int],
    *,
    really: bool,
) -> dict[str, int]:
    """Rows by table that are the person's, removed in one transaction if `really`, and all that follows from it.

    `attributes` is how many of the person's landed rows had each attribute. What was done under the name of an erasure
    is not done again. Raises WarehouseBusy.
    """
    if not file.exists():  # opening would create it
        return {}
    with connect(file) as connection:
        connection.execute("begin")
        try:
            _mark(connection, person)
            found = _rows(connection, person)
            if really:
                _purge(connection, erasure, person, found, attributes)
                for one in rewritten:
                    follow(connection, one)
                connection.execute("commit")
            else:
                connection.execute("rollback")
        except BaseException:
            connection.execute("rollback")
            raise
    return {name: rows for name, (rows, _) in found.items() if rows}


def rewrite(file: Path) -> None:
    """Writes the database anew, since a deleted row leaves its bytes in the file; takes as much disk meanwhile.

    Raises WarehouseBusy.
    """
    if not file.exists():
        return
    fresh = file.with_name(f".{file.name}{DRAFT}")
    for left in (fresh, Path(f"{fresh}.wal")):
        left.unlink(missing_ok=True)
    with connect(file) as connection:
        connection.execute("checkpoint")
        catalog = connection.execute("select current_database()").fetchall()[0][0]
        connection.execute(f"attach {literal(str(fresh))} as fresh")
        connection.execute(f'copy from database "{catalog}" to fresh')
        connection.execute("detach fresh")
        with fresh.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(fresh, file)  # while nobody else can have it open
    Path(f"{file}.wal").unlink(missing_ok=True)


def _mark(connection: duckdb.DuckDBPyConnection, person: Person) -> None:
    """Leaves who it is in temporary tables: ids as they are written, and numbers."""
    connection.execute("create or replace temp table erased (source varchar, id varchar)")
    ids = [("", one) for one in person.user_ids] + list(person.source_ids)
    for schema, table, source, id_ in (
        ("staging", "people", "source", "id"),
        ("staging", "stg_audience_members", "connector", "connector_user_id"),
        ("identity", "audience_ids", "connector", "connector_user_id"),
        ("state", "id_matches_log", "connector", "connector_user_id"),
    ):
        if has_table(connection, schema, table):  # ids of connectors may be written with blanks around them
            found = connection.execute(
                f"select distinct {source}, {id_} from {schema}.{table} where {source} <> '' and {id_} is not null"
                f" and {' or '.join(['contains(' + id_ + ', ?)'] * len(person.source_ids)) or 'false'}",
                [one for _, one in person.source_ids],
            ).fetchall()
            ids += [(where, written) for where, written in found if person.is_at(where, written)]
    insert_rows(connection, "erased", sorted(set(ids)))
    connection.execute("create or replace temp table erased_no (person_no uinteger)")
    if has_table(connection, "staging", "people"):
        connection.execute("insert into erased_no select person_no from staging.people join erased using (source, id)")


def _rows(connection: duckdb.DuckDBPyConnection, person: Person) -> dict[str, tuple[int, str]]:
    """How many rows of each table are theirs, and the condition that holds for them."""
    tables = connection.execute(
        "select c.schema_name, c.table_name, list(c.column_name) from duckdb_columns() as c"
        " join duckdb_tables() as t using (database_name, schema_name, table_name)"
        " where c.database_name = current_database() and not t.internal and not t.temporary group by all order by all"
    ).fetchall()
    found = {}
    for schema, table, columns in tables:
        conditions = [sql for asked, sql in RESTS_ON.items() if set(asked) <= set(columns)]
        if {"connector", "connector_user_id", "email", "msisdn"} <= set(columns):
            conditions.append(_by_address(connection, schema, table, person))
        if (schema, table) == ("staging", "quarantine"):
            conditions = [_quarantined(connection, person)]
        if (schema, table) == ("raw", "list_rows"):
            conditions = [_listed(connection, person)]
        if conditions:
            condition = " or ".join(f"coalesce({one}, false)" for one in conditions)
            counted = connection.execute(f'select count(*) from "{schema}"."{table}" where {condition}').fetchall()
            found[f"{schema}.{table}"] = (int(counted[0][0]), condition)
    return found


def _by_address(connection: duckdb.DuckDBPyConnection, schema: str, table: str, person: Person) -> str:
    """Rows of audiences that carry one of the addresses, as in the landing files."""
    name = f"by_address_{table}"
    connection.execute(f"create or replace temp table {name} (connector varchar, id varchar)")
    if person.emails or person.phones:
        said = connection.execute(
            f"select distinct connector, connector_user_id, email, msisdn from {schema}.{table}"
            " where email is not null or msisdn is not null"
        ).fetchall()
        rows = [
            [one, id_] for one, id_, email, phone in said
            if person.owns("audience_members",
                           {"connector": one, "connector_user_id": id_, "email": email, "msisdn": phone})
        ]  # fmt: skip
        insert_rows(connection, name, rows)
    return f"(connector, connector_user_id) in (select (connector, id) from {name})"


def _quarantined(connection: duckdb.DuckDBPyConnection, person: Person) -> str:
    said = connection.execute("select table_name, file_no, row_no, row from staging.quarantine").fetchall()
    connection.execute("create or replace temp table quarantined (t varchar, f integer, r bigint)")
    rows = [[table, file_no, row_no] for table, file_no, row_no, row in said if person.named_in(row or "")]
    insert_rows(connection, "quarantined", rows)
    return "(table_name, file_no, row_no) in (select (t, f, r) from quarantined)"


def _listed(connection: duckdb.DuckDBPyConnection, person: Person) -> str:
    connection.execute("create or replace temp table listed (row_no bigint)")
    said = connection.execute("select row_no, type, identity from raw.list_rows where identity is not null")
    rows = []
    while some := said.fetchmany(100_000):
        rows += [[row_no] for row_no, kind, identity in some if person.is_listed(kind, identity)]
    insert_rows(connection, "listed", rows)
    return "row_no in (select row_no from listed)"


def _purge(
    connection: duckdb.DuckDBPyConnection,
    erasure: str,
    person: Person,
    found: Mapping[str, tuple[int, str]],
    attributes: Mapping[str, int],
) -> None:
    connection.execute(DONE)
    is_new = connection.execute("select 1 from raw.erasures where erasure = ?", [erasure]).fetchone() is None
    if is_new:
        connection.execute("insert into raw.erasures values (?)", [erasure])
        if has_table(connection, "raw", "attribute_keys"):
            for key, rows in attributes.items():
                # Else a run would take it for lost data that nobody has the attribute any more.
                connection.execute(
                    "update raw.attribute_keys set users = greatest(users - ?, 0) where key = ?", [rows, key]
                )
    subtract_from_sizes(connection)
    subtract_from_statistics(connection)
    forget_listed(connection)
    days = days_of(connection)
    for name, (rows, condition) in found.items():
        if rows:
            connection.execute(f"delete from {name} where {condition}")
    settle_days(connection, days)
