"""One file of identifiers into rows of the ledger, read by DuckDB as a stream: a file of gigabytes takes no more memory
than a small one.

A row is one line. That keeps a quote that nobody closed from swallowing the rest of the file, and gives every row the
line number people see in their editor. Not here: which files are read (`ledger.py`), and whom a row names (dbt).
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

COLUMNS = ("type", "identity")
DELIMITERS = (",", ";", "\t", "|")  # `;` is what spreadsheets write where the comma is the decimal point
LONGEST_HEADER = 65_536  # bytes
NO_DELIMITER = 0x10FFFF  # a code point that no text holds, so that the reader gives whole lines

BLANK = r"\s\v\pZ\p{Cc}\p{Cf}"  # spaces of all kinds, and marks that nobody sees

WHAT_IS_WRONG = {
    "bad_type": "its Type is neither g nor i",
    "no_identity": "its Identity is empty",
    "unreadable": "its quotes or its number of cells are wrong",
}


class ListRefused(ValueError):
    """A file that cannot be taken as a list; the message is one sentence, after the file's name."""


@dataclass(frozen=True)
class Shape:
    """How lines become rows. `delimiter` is None for one identifier per line; positions are from 0."""

    header_line: int = 0
    delimiter: str | None = None
    type_at: int = 0
    identity_at: int = 0
    cells: int = 1


@dataclass(frozen=True)
class Counts:
    """What a file held: rows, rows that are bad in themselves, and the first of those with what is wrong with it."""

    rows: int
    bad: int
    first_bad: int | None
    what: str | None


def shape_of(path: Path) -> Shape:
    """Looks at the first line that is not blank. Raises ListRefused and OSError."""
    with path.open("rb") as file:
        head = file.read(LONGEST_HEADER)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
        raise ListRefused(": found a file that is no text in UTF-8, expected CSV or one identifier per line")
    for number, line in enumerate(re.split("\r\n|\n|\r", head.decode("utf-8-sig", errors="replace")), start=1):
        if line.strip():
            return _header(line, number)
    return Shape()


def _header(line: str, number: int) -> Shape:
    for delimiter in DELIMITERS:
        cells = [cell.strip().lower() for cell in _cells(line, delimiter)]
        found = [name for name in COLUMNS if name in cells]
        if twice := next((name for name in found if cells.count(name) > 1), None):
            raise ListRefused(f":{number}: found the column {twice.capitalize()} twice, expected it once")
        if len(found) == 2:
            return Shape(number, delimiter, cells.index("type"), cells.index("identity"), len(cells))
        if found and len(cells) > 1:
            lacks = next(name for name in COLUMNS if name not in found)
            raise ListRefused(
                f":{number}: found the column {found[0].capitalize()} without {lacks.capitalize()}, expected both, "
                "or one identifier per line"
            )
    return Shape()


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter))
    except csv.Error:
        return [line]


def read_rows(con: duckdb.DuckDBPyConnection, path: Path, shape: Shape, upload_no: int, first_row: int) -> Counts:
    """Inserts the rows of a file into `raw.list_rows`, numbered from `first_row`, and counts them.

    An identity that stood in an earlier row of the file is noted in `raw.list_repeats`. Raises ListRefused where the
    engine cannot read on, with the line.
    """
    literal_path = re.sub(r"([*?\[])", r"[\1]", str(path))  # what would be a wildcard stands for itself
    values = {"path": literal_path, "first": first_row, "upload": upload_no, "header": shape.header_line}
    try:
        if shape.delimiter is None:
            con.execute(_insert(_ROWS_OF_LINES), values)
        else:
            con.execute(_insert(_ROWS_OF_CSV), {**values, **_csv_values(shape, shape.delimiter)})
    except duckdb.InvalidInputException as error:  # its message quotes the line, and logs never hold people
        raise ListRefused(_engine_says(str(error))) from None
    con.execute(_REPEATS, {"upload": upload_no})
    found = con.execute(
        "select count(*), count(problem), arg_min(line, row_no) filter (problem is not null),"
        " arg_min(problem, row_no) filter (problem is not null) from raw.list_rows where upload_no = ?",
        [upload_no],
    ).fetchall()[0]
    return Counts(*found)


def _csv_values(shape: Shape, delimiter: str) -> dict[str, object]:
    mark = re.escape(delimiter)
    cell = rf' *"(?:[^"]|"")*" *|[^{mark}"]*'
    return {
        "mark": delimiter,
        "row": f"(?:{mark}(?:{cell}))+",
        "cell": f"{mark}({cell})",
        "something": rf'[^{BLANK}{mark}"]',
        "type_at": shape.type_at + 1,
        "identity_at": shape.identity_at + 1,
        "cells": shape.cells,
    }


def _engine_says(message: str) -> str:
    line = re.search(r"Line: (\d+)", message)
    place = f":{line[1]}" if line else ""
    if "unicode" in message.lower() or "utf-8" in message.lower():
        return f"{place}: found bytes that are not UTF-8, expected text saved as UTF-8"
    if "maximum line size" in message.lower():
        return f"{place}: found a line of more than 2 million bytes, expected one identifier per line"
    return f"{place}: the file cannot be read as lines of text"


_LINES = f"""
    select line as said, row_number() over () as line from read_csv(
        $path, auto_detect = false, header = false, columns = {{'line': 'VARCHAR'}}, delim = chr({NO_DELIMITER}),
        quote = '', escape = '', strict_mode = false, hive_partitioning = false
    )
"""
_UNQUOTED = """case when {0} like '"%"' and length({0}) > 1 then replace({0}[2:-2], '""', '"') else {0} end"""

_ROWS_OF_LINES = f"""
    select line, 'i' as type, true as is_whole, {_UNQUOTED.format("trim(said)")} as identity
    from ({_LINES}) where regexp_matches(said, '[^{BLANK}"]') and line > $header
"""

# A delimiter in front makes every cell begin alike, so that none of them is empty for the pattern.
_ROWS_OF_CSV = f"""
    select
        line,
        lower(trim({_UNQUOTED.format("trim(cells[$type_at])")})) as type,
        {_UNQUOTED.format("trim(cells[$identity_at])")} as identity,
        cells is not null and trim(array_to_string(cells[$cells + 1:], '')) = '' as is_whole
    from (
        select
            line,
            case
                when not contains(said, '"') then string_split(said, $mark)
                when regexp_full_match($mark || said, $row) then regexp_extract_all($mark || said, $cell, 1)
            end as cells
        from ({_LINES}) where regexp_matches(said, $something) and line > $header
    )
"""


def _insert(rows: str) -> str:
    return f"""
        insert into raw.list_rows
        select
            $first + row_number() over () - 1, $upload, line,
            case when is_whole then type end,
            case when is_whole then regexp_replace(identity, '^[{BLANK}]+|[{BLANK}]+$', '', 'g') end,
            case
                when not is_whole then 'unreadable'
                when type is null or type not in ('g', 'i') then 'bad_type'
                when identity is null or not regexp_matches(identity, '[^{BLANK}]') then 'no_identity'
            end
        from ({rows})
    """


# Grouped by a digest: fixed in size, the groups of a large file go through the disk and not through memory.
_REPEATS = """
    insert into raw.list_repeats
    with rows_that_count as (
        select row_no, md5_number(type || identity) as key from raw.list_rows
        where upload_no = $upload and problem is null
    ),
    repeated as (select key, min(row_no) as row_no from rows_that_count group by key having count(*) > 1)
    select r.row_no, $upload from rows_that_count as r join repeated as f on r.key = f.key where r.row_no <> f.row_no
"""
