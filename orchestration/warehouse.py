"""The embedded warehouse: one DuckDB file, one process at a time.

Every opening is short and goes through `connect`; a lock file beside the database makes whole recalculations wait for
each other, whoever started them. Not here: SQL of models (`dbt_project/`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, overload

import duckdb

from orchestration.files import locked

OPEN_ATTEMPTS = 8  # another process may hold the file for a moment: 0.1 s doubling to 12.8 s, 25 s in all


class WarehouseBusy(RuntimeError):
    """Another process keeps the warehouse open."""


@contextmanager
def connect(file: Path, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in UTC, closed at the end; waits while another process has the file open.

    With `read_only` the file has to be there, and nothing can be changed in it; temporary tables can be made.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = _open(file, lambda: duckdb.connect(str(file), read_only=read_only))
    try:
        connection.execute("set timezone = 'UTC'")
        yield connection
    finally:
        connection.close()


@contextmanager
def beside(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that reads the file until it is detached by `let_go`; waits as `connect` does.

    What is looked up without a name of a database is found in the file.
    """
    from segmentation.plan.sql import literal  # whoever only connects does without its parser of SQL

    with duckdb.connect() as connection:

        def attach() -> duckdb.DuckDBPyConnection:
            return connection.execute(f"attach {literal(str(file))} as warehouse (read_only)")

        _open(file, attach)
        connection.execute("use warehouse")
        connection.execute("set timezone = 'UTC'")
        yield connection


def let_go(connection: duckdb.DuckDBPyConnection) -> None:
    """Closes the file of `beside`; what was copied from it stays."""
    connection.execute("use memory")
    connection.execute("detach warehouse")


@overload
def naive(moment: datetime) -> datetime: ...
@overload
def naive(moment: None) -> None: ...
def naive(moment: datetime | None) -> datetime | None:
    """A moment as the warehouse stores it: UTC without saying so."""
    return moment and moment.astimezone(UTC).replace(tzinfo=None)


@overload
def aware(stored: datetime) -> datetime: ...
@overload
def aware(stored: None) -> None: ...
def aware(stored: datetime | None) -> datetime | None:
    """A stored moment as one that says so."""
    return stored and stored.replace(tzinfo=UTC)


def aware_if_moment(value: Any) -> Any:
    """The value of any column, for whoever does not know which of them are moments."""
    return aware(value) if isinstance(value, datetime) else value


def insert_rows(connection: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Sequence[Any]]) -> None:
    """Adds rows of plain values, all columns in their order, by one statement: a statement per row takes far longer."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    if columns:
        connection.execute(f"insert into {table} select {', '.join(['unnest(?)'] * len(columns))}", columns)


def has_table(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    """Whether a table or view is there: a warehouse of an earlier version, or without a run, lacks some."""
    found = connection.execute(
        "select 1 from information_schema.tables where table_schema = ? and table_name = ?", [schema, table]
    ).fetchone()
    return found is not None


def _open(file: Path, opening: Callable[[], duckdb.DuckDBPyConnection]) -> duckdb.DuckDBPyConnection:
    for attempt in range(OPEN_ATTEMPTS):
        try:
            return opening()
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                raise
            time.sleep(0.1 * 2**attempt)
    raise WarehouseBusy(f"{file} is open in another process; close it there and try again")


@contextmanager
def exclusively(home: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Holds the workspace for one recalculation; calls `waiting` once if somebody else has it first."""
    home.mkdir(parents=True, exist_ok=True)
    with locked(home / "recalculation.lock", waiting):
        yield
