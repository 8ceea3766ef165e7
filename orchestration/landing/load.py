"""From files to views: `load_landing` before dbt builds staging, `confirm_landing` after it has.

`load_messages` is a look at one table in between.

The ledger raw.landing_files numbers every version of every file. An event file is pending until a build that read it
is confirmed, and only pending files are read; a version that changed or vanished is gone, and its rows leave with the
next build. The other tables are small next to events and always read whole.
Not here: the shape of files (look.py), the views' SQL (views.py).
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from connectors.landing_files import TABLES, LandingError, LandingFile, Listing, look_into
from orchestration.landing.copies import FOLDER, drop_copies, local_path
from orchestration.landing.look import KnownFile, groups_of
from orchestration.landing.views import view_sql

_LEDGER = """
create schema if not exists raw;
create sequence if not exists raw.landing_file_numbers;
create table if not exists raw.landing_files (
    file_no integer, table_name varchar, url varchar, format varchar, fingerprint varchar,
    state varchar, -- pending, loaded, gone
    engine varchar -- version of DuckDB whose hashes the loaded rows carry
);
create or replace view raw.gone_files as
    select file_no from raw.landing_files where table_name = 'events' and state = 'gone';
"""


@dataclass(frozen=True)
class LandingReport:
    """What a load found: files per table, numbers of event files to read and to forget, and what was left alone."""

    files: dict[str, int]
    bytes: int
    pending_events: int
    gone_events: int
    ignored: tuple[str, ...]
    full: bool


def load_landing(
    con: duckdb.DuckDBPyConnection,
    root_url: str,
    *,
    full: bool = False,
    copies: Path | None = None,
    files: Sequence[LandingFile] | None = None,
) -> LandingReport:
    """Put the current landing files into the views of the schema raw, in one transaction.

    `raw.events` covers the event files that are new or changed since the last confirmed build, or all of them with
    `full`, or when there are no staged events. The session's time zone is set to UTC. Remote files are copied to
    `copies`, by default a folder beside the warehouse. With `files`, sorted by url, these are all the files there are,
    whatever else lies under the root.

    Raises LandingError with one sentence for a missing root, table or column, a file that cannot be read, or a user_id
    that stands twice without an `updated_at` to choose by; the views then stay as they were.
    """
    listing = look_into(root_url) if files is None else Listing(list(files), [])
    con.execute("set TimeZone = 'UTC'")
    folder = copies or _beside_the_warehouse(con)
    with _transaction(con):
        con.execute(_LEDGER)
        full = full or not _exists(con, "staging", "events_read")
        entered = _enter(con, listing.files, full)
        read: dict[str, list[KnownFile]] = {table: [] for table in TABLES}
        for file, (file_no, pending) in zip(listing.files, entered, strict=True):
            if pending or file.table != "events":
                path = local_path(file, folder)
                read[file.table].append(KnownFile(file_no, file.table, file.url, path, file.format, pending))
        for table, known in read.items():
            con.execute(view_sql(table, groups_of(con, known)))
        _refuse_undecided_users(con)
        gone = con.execute("select count(*) from raw.gone_files").fetchall()[0][0]
    drop_copies(folder, {file.path for known in read.values() for file in known})
    return LandingReport(
        files=dict(Counter(file.table for file in listing.files)),
        bytes=sum(file.size for file in listing.files),
        pending_events=len(read["events"]),
        gone_events=gone,
        ignored=tuple(listing.ignored),
        full=full,
    )


def load_messages(con: duckdb.DuckDBPyConnection, root_url: str, copies: Path) -> None:
    """Puts the messages that have landed by now into `raw.messages` of a connection that holds nothing else.

    For a look between runs: no ledger is kept, and a file's number goes up with its name. Raises LandingError.
    """
    files = [file for file in look_into(root_url, required=()).files if file.table == "messages"]
    con.execute("set TimeZone = 'UTC'")
    con.execute("create schema if not exists raw")
    found = [
        KnownFile(number, file.table, file.url, local_path(file, copies), file.format, True)
        for number, file in enumerate(files, start=1)  # by name, as they are listed
    ]
    con.execute(view_sql("messages", groups_of(con, found)))


def confirm_landing(con: duckdb.DuckDBPyConnection) -> None:
    """Note that the staging build has read the pending files and left out the gone ones.

    Raises ValueError if there is nothing that could have: no load, or no staged events.
    """
    if not _exists(con, "raw", "landing_files") or not _exists(con, "staging", "events_read"):
        raise ValueError("nothing to confirm: load the landing area and build staging first")
    with _transaction(con):
        con.execute("delete from raw.landing_files where state = 'gone'")
        con.execute("update raw.landing_files set state = 'loaded', engine = version() where state = 'pending'")


def _enter(con: duckdb.DuckDBPyConnection, files: Sequence[LandingFile], full: bool) -> list[tuple[int, bool]]:
    """Bring the ledger up to date; number and whether it is pending, for each file."""
    current_engine = con.execute("select version()").fetchall()[0][0]
    known = {
        (url, fingerprint): (file_no, state, engine)
        for file_no, url, fingerprint, state, engine in con.execute(
            "select file_no, url, fingerprint, state, engine from raw.landing_files"
        ).fetchall()
    }
    new = sum((file.url, file.fingerprint) not in known for file in files)
    # Numbers come from a sequence: one that was given back could make two contents of a day look alike.
    numbers = iter(con.execute("select nextval('raw.landing_file_numbers') from range(?)", [new]).fetchall())
    entered = []
    for file in files:
        match known.get((file.url, file.fingerprint)):
            case (file_no, "loaded", engine) if not full and engine == current_engine:
                entered.append((file_no, False))
            case (file_no, _, _):
                entered.append((file_no, True))
            case _:
                entered.append((next(numbers)[0], True))
    here = {(file.url, file.fingerprint) for file in files}
    states = ["pending" if pending else "loaded" for _, pending in entered]
    rows = [
        (no, file.table, file.url, file.format, file.fingerprint, state, current_engine)
        for (no, _), file, state in zip(entered, files, states, strict=True)
    ]
    con.execute("update raw.landing_files set state = 'gone'")
    gone = [no for key, (no, _, _) in known.items() if key not in here]
    con.execute("delete from raw.landing_files where not list_contains(?::integer[], file_no)", [gone])
    columns = [list(column) for column in zip(*rows, strict=True)]
    con.execute(f"insert into raw.landing_files select {', '.join(['unnest(?)'] * len(columns))}", columns)
    return entered


def _refuse_undecided_users(con: duckdb.DuckDBPyConnection) -> None:
    undecided = con.execute(
        "select user_id, count(*) from raw.users where user_id is not null"
        " group by user_id having count(*) > 1 and max(updated_at) is null order by user_id limit 1"
    ).fetchone()
    if undecided is not None:
        user_id, times = undecided
        raise LandingError(
            f'users: the user_id "{user_id}" stands in {times} rows, and no updated_at says which one counts'
        )


@contextmanager
def _transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    con.execute("begin")
    try:
        yield
    except BaseException:
        con.execute("rollback")
        raise
    con.execute("commit")


def _exists(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    found = con.execute(
        "select 1 from duckdb_tables() where database_name = current_database() and schema_name = ? and table_name = ?",
        [schema, table],
    ).fetchall()
    return bool(found)


def _beside_the_warehouse(con: duckdb.DuckDBPyConnection) -> Path:
    path = con.execute("select path from duckdb_databases() where database_name = current_database()").fetchall()[0][0]
    home = Path(path).parent if path else Path(tempfile.gettempdir())
    return home / FOLDER
