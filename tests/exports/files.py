"""Exports read back with other code than wrote them: openpyxl for workbooks, DuckDB for Parquet, a parser for CSV."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.exports.cells import Column, Rows

Table = list[list[Any]]


def read(path: Path, delimiter: str = ",") -> Table:
    """All rows, the header first; an empty cell is None, a moment is its ISO text."""
    if path.suffix == ".xlsx":
        sheet = openpyxl.load_workbook(path).active
        return [list(row) for row in sheet.iter_rows(values_only=True)]
    if path.suffix == ".parquet":
        with duckdb.connect() as connection:
            found = connection.execute("set timezone = 'UTC'; from read_parquet(?)", [str(path)])
            return [[column[0] for column in found.description or ()], *map(_plain, found.fetchall())]
    return [[cell or None for cell in row] for row in records(path.read_bytes().decode("utf-8-sig"), delimiter)]


def _plain(row: tuple[Any, ...]) -> list[Any]:
    return [
        f"{cell:%Y-%m-%dT%H:%M:%S.%f}".rstrip("0").rstrip(".") + "Z" if isinstance(cell, datetime) else cell
        for cell in row
    ]


def records(text: str, delimiter: str = ",") -> list[list[str]]:
    """CSV by the grammar of RFC 4180, letter by letter; anything outside of it is an error."""
    rows: list[list[str]] = [[]]
    at = 0
    while at < len(text):
        cell = ""
        if text[at] == '"':
            at += 1
            while text[at] != '"' or text[at : at + 2] == '""':
                cell += text[at]
                at += 2 if text[at] == '"' else 1
            at += 1
        else:
            while text[at] not in (delimiter, "\r"):
                assert text[at] not in '"\n', "a quote or a line end stands in a cell without quotes"
                cell += text[at]
                at += 1
        rows[-1].append(cell)
        if text[at] == delimiter:
            at += 1
            continue
        assert text[at : at + 2] == "\r\n"
        at += 2
        rows.append([])
    assert rows.pop() == []
    return rows


def a_manifest(*names: str) -> bytes:
    """The manifest of an export of these files, each without rows."""
    files = [{"name": name, "rows": 0, "bytes": 0, "sha256": ""} for name in names]
    told = {
        "version": 1, "export_no": 1, "segment": "gold", "segment_id": 7, "definition_hash": "", "run_no": 1,
        "as_of": "2026-01-15T00:00:00Z", "exported_at": "2026-01-15T00:00:00Z", "exported_by": "", "format": "csv",
        "delimiter": ",", "fields": [], "columns": [], "mode": "full", "since": None, "channel": None, "members": 0,
        "dropped": {}, "rows": 0, "sha256": None, "files": files, "gate_results": [],
    }  # fmt: skip
    return json.dumps(told).encode()


def as_rows(file: Path, columns: list[tuple[str, str]], rows: list[tuple[str | None, ...]]) -> Rows:
    """Rows as they come out of the warehouse; columns are header and kind."""
    cells = {f"c{place}": pa.array([row[place] for row in rows], pa.string()) for place in range(len(columns))}
    ids = [f"u{number}" for number in range(len(rows))]
    pq.write_table(pa.table({"user_id": ids, "external_id": ids, **cells}), file)
    named = tuple(Column(name, kind, name) for name, kind in columns)  # type: ignore[arg-type]
    return Rows(file, named, len(rows))
