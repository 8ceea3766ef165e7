"""A look at each file before it is read: its columns, and whether all its lines can be read.

Files that have the same shape come back as one group, so that thousands of files become a few reader calls. Errors name
the file, the column or the line, and nothing of what is in it. Not here: how a group becomes SQL (views.py).
"""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import duckdb

from connectors.landing_files import Format, LandingError
from orchestration.landing.contract import CONTRACT

# So many lines at the top of a JSONL file show which columns it has: there is no header, and a key may be left out.
_LINES_LOOKED_AT = 100


@dataclass(frozen=True)
class KnownFile:
    """A file with its number in the ledger, and `path`, where this machine can read it; `url` is what people know."""

    file_no: int
    table: str
    url: str
    path: str
    format: Format
    pending: bool


@dataclass(frozen=True)
class Group:
    """Files of one table that one reader call can read: the columns of each, in order, with DuckDB's type of it."""

    format: Format
    files: tuple[KnownFile, ...]
    columns: tuple[tuple[str, str], ...]


def text(value: str) -> str:
    """A string as SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def paths(files: Iterable[KnownFile]) -> str:
    """A list of paths as SQL; what would be a wildcard in a name stands for itself."""
    return "[" + ", ".join(text(re.sub(r"([*?\[])", r"[\1]", file.path)) for file in files) + "]"


def groups_of(con: duckdb.DuckDBPyConnection, files: Sequence[KnownFile]) -> list[Group]:
    """The files of one table by shape, in a fixed order.

    Raises LandingError for a missing required column, a file that is not of its format, or a broken line.
    """
    groups: list[Group] = []
    if parquet := [file for file in files if file.format == "parquet"]:
        groups += _parquet_groups(con, parquet)
    by_header: dict[tuple[str, ...], list[KnownFile]] = defaultdict(list)
    for file in (file for file in files if file.format == "csv"):
        by_header[tuple(_csv_header(file))].append(file)
    for header, alike in by_header.items():
        group = Group("csv", tuple(alike), tuple((name, "VARCHAR") for name in header))
        _refuse_broken_lines(con, group)
        groups.append(group)
    if jsonl := [file for file in files if file.format == "jsonl"]:
        for file in jsonl:
            present = _keys(file) if file.pending else None
            if present is not None:
                _refuse_missing_columns(file, present)
        columns = tuple((name, "VARCHAR") for name in CONTRACT[jsonl[0].table].columns)
        groups.append(Group("jsonl", tuple(jsonl), columns))
    for group in groups:
        if group.format != "jsonl":
            _refuse_missing_columns(group.files[0], {name for name, _ in group.columns})
    return groups


def _refuse_missing_columns(file: KnownFile, present: set[str]) -> None:
    missing = CONTRACT[file.table].missing(present)
    if missing is None:
        return
    strangers = {name.lower(): name for name in sorted(present - set(CONTRACT[file.table].columns))}
    near = difflib.get_close_matches(missing.lower(), strangers, n=1)
    hint = f"; the nearest column there is {strangers[near[0]]}" if near else ""
    raise LandingError(f"{file.url}: the required column {missing} of the table {file.table} is missing{hint}")


def _parquet_groups(con: duckdb.DuckDBPyConnection, files: Sequence[KnownFile]) -> list[Group]:
    try:
        rows = con.execute(
            "select file_name, name, type, num_children, converted_type::varchar, logical_type"
            f" from parquet_schema({paths(files)})"
        ).fetchall()
    except duckdb.Error as error:
        raise _not_readable(con, files, error) from None
    schemas: dict[str, list[Any]] = defaultdict(list)
    for file_name, *element in rows:
        schemas[file_name].append(tuple(element))
    alike: dict[tuple[Any, ...], list[KnownFile]] = defaultdict(list)
    for file in files:
        alike[tuple(schemas[file.path][1:])].append(file)  # the first element is the root, with a name of the writer's
    groups = []
    for same in alike.values():
        described = con.execute(f"describe select * from {parquet_reader(same[:1])}").fetchall()
        groups.append(Group("parquet", tuple(same), tuple((name, type_) for name, type_, *_ in described)))
    return groups


def _not_readable(con: duckdb.DuckDBPyConnection, files: Sequence[KnownFile], error: duckdb.Error) -> LandingError:
    """The first of the files that DuckDB refuses: its own message about many files does not always name one."""
    for file in files:
        try:
            con.execute(f"select count(*) from parquet_schema({paths([file])})").fetchall()
        except duckdb.Error:
            return LandingError(f"{file.url}: this is not a readable Parquet file")
    return LandingError(f"{files[0].table}: the Parquet files cannot be read: {str(error).splitlines()[0]}")


def _open_text(file: KnownFile) -> io.TextIOBase:
    """As UTF-8, with or without byte order mark; what is not UTF-8 is found when the rows are read."""
    if file.path.endswith(".gz"):
        return io.TextIOWrapper(gzip.open(file.path), encoding="utf-8-sig", errors="replace", newline="")
    return open(file.path, encoding="utf-8-sig", errors="replace", newline="")


def _csv_header(file: KnownFile) -> list[str]:
    try:
        with _open_text(file) as lines:
            header = next(csv.reader(lines, strict=True), [])
    except (OSError, EOFError, csv.Error):
        raise LandingError(f"{file.url}: the header line cannot be read as CSV") from None
    if not header:
        raise LandingError(f"{file.url}: the file is empty, expected a header line")
    known = CONTRACT[file.table].columns
    if twice := sorted({name for name in header if name in known and header.count(name) > 1}):
        raise LandingError(f"{file.url}: the column {twice[0]} stands twice in the header")
    return header


def _keys(file: KnownFile) -> set[str] | None:
    """Keys at the top of a JSONL file; None if it has no line that is an object, so nothing that could be missing."""
    present: set[str] | None = None
    try:
        with _open_text(file) as lines:
            for line in islice(lines, _LINES_LOOKED_AT):
                try:
                    row = json.loads(line)
                except ValueError:  # a broken line is put aside as a row, once the file is read
                    continue
                if isinstance(row, dict):
                    present = (present or set()) | set(row)
    except (OSError, EOFError):
        raise LandingError(f"{file.url}: the file cannot be unpacked") from None
    return present


def _refuse_broken_lines(con: duckdb.DuckDBPyConnection, group: Group) -> None:
    """A CSV line with too few or too many cells has no columns to trust: the file is refused, at this line.

    Only files that were not read before are looked through. DuckDB would say the same while dbt builds, but quote the
    line, and logs never hold people.
    """
    files = [file for file in group.files if file.pending]
    if not files:
        return
    reader = csv_reader(
        files, group.columns, "store_rejects = true, rejects_table = 'broken', rejects_scan = 'broken_in'"
    )
    try:
        con.execute(f"select count(*) from {reader}").fetchall()
        broken = con.execute(
            "select file_path, line, error_type from broken join broken_in using (scan_id, file_id)"
            " order by file_path, line limit 1"
        ).fetchone()
    except duckdb.Error:
        raise LandingError(f"{_first_refused(con, files, group)}: this is not a valid CSV file (RFC 4180)") from None
    finally:
        con.execute("drop table if exists broken; drop table if exists broken_in")
    if broken is not None:
        path, line, what = broken
        url = next((file.url for file in files if file.path == path), path)
        raise LandingError(f"{url}:{line}: the line cannot be read as CSV ({str(what).lower()})")


def _first_refused(con: duckdb.DuckDBPyConnection, files: Sequence[KnownFile], group: Group) -> str:
    for file in files:
        try:
            con.execute(f"select count(*) from {csv_reader([file], group.columns)}").fetchall()
        except duckdb.Error:
            return file.url
    return files[0].url


def parquet_reader(files: Sequence[KnownFile]) -> str:
    """The reader call for Parquet; columns that other tools wrote as plain bytes are text."""
    return f"read_parquet({paths(files)}, binary_as_string = true, hive_partitioning = false)"


def csv_reader(files: Sequence[KnownFile], columns: Sequence[tuple[str, str]], more: str = "") -> str:
    """The reader call for CSV by RFC 4180: every cell is text, and an empty one is null.

    Columns that the contract does not know get a number for a name: theirs may be empty, or stand twice.
    """
    known = CONTRACT[files[0].table].columns
    names = [name if name in known else f"unknown {position}" for position, (name, _) in enumerate(columns)]
    spec = ", ".join(f"{text(name)}: 'VARCHAR'" for name in names)
    return (
        f"read_csv({paths(files)}, auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"',"
        f" hive_partitioning = false, columns = {{{spec}}}{', ' + more if more else ''})"
    )


def jsonl_reader(files: Sequence[KnownFile], columns: Sequence[tuple[str, str]]) -> str:
    """The reader call for JSON lines: every value is text. A line that is no JSON becomes a row without any value."""
    spec = ", ".join(f"{text(name)}: 'VARCHAR'" for name, _ in columns)
    return (
        f"read_json({paths(files)}, format = 'newline_delimited', ignore_errors = true, hive_partitioning = false,"
        f" columns = {{{spec}}})"
    )
