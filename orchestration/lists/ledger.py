"""Which uploads there are: a file that is new or changed since it was last read becomes one, good or refused.

A refused upload changes nothing: the list stays what the last good uploads made it. An upload of a run that was never
published is taken over by the next run if the file is still the same, and otherwise forgotten.
Not here: what a file's lines say (`read.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.files import sha256_of, stamp_of
from orchestration.lists.paths import list_of, not_there, path_of
from orchestration.lists.read import WHAT_IS_WRONG, Counts, ListRefused, read_rows, shape_of
from orchestration.warehouse import naive
from segmentation.language.model import Definition

READING_MEMORY = "256MB"

_TABLES = """
create schema if not exists raw;
create table if not exists raw.list_uploads (
    upload_no integer, run_no integer, segment varchar, file varchar, on_upload varchar, as_of timestamp,
    state varchar, -- good, refused
    reason varchar, rows bigint,
    stamp varchar, -- size and time of change: a file of the same stamp is not looked into
    content varchar -- sha256: a file of another stamp and the same content is no new upload
);
create table if not exists raw.list_rows (
    row_no bigint, upload_no integer, line bigint, type varchar, identity varchar, problem varchar
);
create table if not exists raw.list_repeats (row_no bigint, upload_no integer);
"""


@dataclass(frozen=True)
class _Upload:
    upload_no: int
    run_no: int
    file: str
    on_upload: str
    stamp: str
    content: str
    reason: str | None


def prepare_lists(con: duckdb.DuckDBPyConnection) -> None:
    """Creates the tables of this module where they are missing."""
    con.execute(_TABLES)


def load_lists(
    con: duckdb.DuckDBPyConnection,
    definitions: Mapping[str, Definition],
    as_of: datetime | None,
    run_no: int,
    *,
    more_to_come: bool = False,
) -> dict[str, str]:
    """Reads the lists among the definitions whose file is new or changed, for the run of this number.

    `as_of` is None for a past day, whose run shows no upload to anybody: the next run of the present takes it over.
    Returns one sentence for each segment whose list cannot be used as its file is now; nothing is raised for a file.
    What dead runs left is forgotten, of other lists as well unless there are `more_to_come` in the same run.
    """
    prepare_lists(con)
    published = _one(con, "select coalesce(max(run_no), 0) from raw.runs where is_published and mode = 'present'")
    lists = {name: one for name, one in definitions.items() if one.kind == "list"}
    refused = {}
    kept: list[int] = []
    with _little_memory(con):
        for name in sorted(lists):
            upload_no, reason = _load(con, lists[name], as_of, run_no, published)
            kept.append(upload_no)
            if reason is not None:
                refused[name] = reason
    _forget(con, published, kept, of=list(lists) if more_to_come else None)
    return refused


def uploaded_in(con: duckdb.DuckDBPyConnection, run_no: int) -> set[str]:
    """Segments whose list has got a good upload in a run. A file that was only touched or moved is none."""
    rows = con.execute("select segment from raw.list_uploads where run_no = ? and state = 'good'", [run_no]).fetchall()
    return {segment for (segment,) in rows}


@contextmanager
def _little_memory(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Rows are written as they are read, in one thread; more memory would only keep what is on disk already."""
    con.execute(f"set memory_limit = '{READING_MEMORY}'; set threads = 1")
    try:
        yield
    finally:
        con.execute("reset memory_limit; reset threads")


def _load(
    con: duckdb.DuckDBPyConnection, definition: Definition, as_of: datetime | None, run_no: int, published: int
) -> tuple[int, str | None]:
    """The number of the upload that the file is (0 if it is none), and why it cannot be used."""
    if (reason := not_there(definition)) is not None:
        return 0, reason
    path, body = path_of(definition), list_of(definition)
    try:
        stamp = stamp_of(path)
        before = _before(con, definition.name, published)
        before = [one for one in before if one.on_upload == body.on_upload]
        same = next((one for one in before if (one.file, one.stamp) == (body.file, stamp)), None)
        content = same.content if same else sha256_of(path)
        same = same or next((one for one in before if one.content == content), None)
        if same:
            con.execute(
                "update raw.list_uploads set file = ?, stamp = ? where upload_no = ?",
                [body.file, stamp, same.upload_no],
            )
            con.execute(
                "update raw.list_uploads set run_no = ?, as_of = ? where upload_no = ? and run_no > ?",
                [run_no, naive(as_of), same.upload_no, published],
            )
            return same.upload_no, same.reason
        return _read(con, definition, path, stamp, content, as_of, run_no)
    except OSError as error:
        return 0, f"{body.file}: the file cannot be read ({error.strerror})"


def _before(con: duckdb.DuckDBPyConnection, segment: str, published: int) -> list[_Upload]:
    """What the file may be still: the upload of a run that was not published, and the last of those that were."""
    rows = con.execute(
        "select upload_no, run_no, file, on_upload, stamp, content, reason from raw.list_uploads where segment = ?"
        " order by upload_no desc",
        [segment],
    ).fetchall()
    uploads = [_Upload(*row) for row in rows]
    return [one for one in uploads if one.run_no > published] + [one for one in uploads if one.run_no <= published][:1]


def _read(
    con: duckdb.DuckDBPyConnection,
    definition: Definition,
    path: Path,
    stamp: str,
    content: str,
    as_of: datetime | None,
    run_no: int,
) -> tuple[int, str | None]:
    body = list_of(definition)
    upload_no = _one(con, "select coalesce(max(upload_no), 0) + 1 from raw.list_uploads")
    first_row = _one(con, "select coalesce(max(row_no), 0) + 1 from raw.list_rows")
    con.execute("begin")
    counts, reason = Counts(0, 0, None, None), None
    try:
        counts = read_rows(con, path, shape_of(path), upload_no, first_row)
        reason = _verdict(counts)
    except ListRefused as refusal:
        con.execute("rollback")
        con.execute("begin")
        reason = str(refusal)
    except BaseException:
        con.execute("rollback")
        raise
    if stamp_of(path) != stamp:
        con.execute("rollback")
        return 0, f"{body.file}: the file changed while it was read, expected one that is whole"
    sentence = None if reason is None else f"{body.file}{reason}"
    con.execute(
        "insert into raw.list_uploads values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [upload_no, run_no, definition.name, body.file, body.on_upload, naive(as_of), "refused" if reason else "good",
         sentence, counts.rows, stamp, content],
    )  # fmt: skip
    con.execute("commit")
    return upload_no, sentence


def _verdict(counts: Counts) -> str | None:
    """Why the rows as a whole are no list: there are none, or more than half of them are bad."""
    if counts.rows == 0:
        return ": found no identifiers, expected at least one (an empty file does not empty a list)"
    if 2 * counts.bad > counts.rows:
        what = WHAT_IS_WRONG[counts.what or "unreadable"]
        return (
            f":{counts.first_bad}: found {counts.bad:,} bad rows of {counts.rows:,}, expected at most half"
            f" (in this one {what})"
        )
    return None


def _forget(con: duckdb.DuckDBPyConnection, published: int, kept: Iterable[int], of: list[str] | None) -> None:
    """Drops uploads of dead runs (`of` some segments, or of all), and the rows of uploads that published ones have
    replaced."""
    con.execute("begin")
    con.execute(
        "delete from raw.list_uploads where run_no > ? and not list_contains(?::integer[], upload_no)"
        " and (? or list_contains(?::varchar[], segment))",
        [published, list(kept), of is None, of or []],
    )
    for table in ("list_rows", "list_repeats"):
        con.execute(
            f"""
            delete from raw.{table} where upload_no not in (
                select upload_no from raw.list_uploads as u
                where not exists (
                    select 1 from raw.list_uploads as later
                    where later.segment = u.segment and later.upload_no > u.upload_no and later.state = 'good'
                    and (later.on_upload = 'replace' or u.state = 'refused') and later.run_no <= ?
                )
            )
            """,
            [published],
        )
    con.execute("commit")


def _one(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    return int(con.execute(sql).fetchall()[0][0])
