"""What was exported: `raw.exports`, one row per file, written as the file gets its name.

`segments.exports` is the view that people read. Not here: the files (`stores.py`) and their manifests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from orchestration.warehouse import aware, has_table, naive
from segmentation.language.export_fields import Kind

TABLE = """
    create table if not exists raw.exports (
        export_no integer, part integer, segment varchar, segment_no integer, path varchar, rows bigint, bytes bigint,
        sha256 varchar, format varchar, fields varchar[], mode varchar, since_export integer, channel varchar,
        members bigint, dropped varchar, definition_hash varchar, as_of timestamp, run_no integer, gate_results varchar,
        manifest varchar, exported_at timestamp, exported_by varchar, stream varchar, columns varchar
    )
"""
JSON = ("dropped", "gate_results", "columns")  # are the same however they are written


@dataclass(frozen=True)
class Last:
    """The last export of a stream: its number, the moment of its members, and the kinds of its columns by header."""

    export_no: int
    as_of: datetime
    kinds: Mapping[str, Kind]


def next_number(connection: duckdb.DuckDBPyConnection) -> int:
    """The number of the export that is being made; creates the table where it is missing."""
    connection.execute(TABLE)
    found = connection.execute("select coalesce(max(export_no), 0) + 1 from raw.exports").fetchone()
    assert found is not None
    return int(found[0])


def last_of(connection: duckdb.DuckDBPyConnection, stream: str) -> Last | None:
    """The last export of a stream, None if there was none."""
    found = connection.execute(
        "select export_no, as_of, columns from raw.exports where stream = ? order by export_no desc limit 1", [stream]
    ).fetchone()
    if found is None:
        return None
    export_no, as_of, columns = found
    return Last(export_no, aware(as_of), {one["name"]: one["type"] for one in json.loads(columns)})


def rows_of(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is recorded of an export by what its manifest tells, a row per file."""
    return [
        {
            "export_no": told["export_no"],
            "part": part,
            "segment": told["segment"],
            "segment_no": told["segment_id"],
            "rows": file["rows"],
            "bytes": file["bytes"],
            "sha256": file["sha256"],
            "format": told["format"],
            "fields": told["fields"],
            "mode": told["mode"],
            "since_export": (told["since"] or {}).get("export_no"),
            "channel": told["channel"],
            "members": told["members"],
            "dropped": json.dumps(told["dropped"]),
            "definition_hash": told["definition_hash"],
            "as_of": naive(datetime.fromisoformat(told["as_of"])),
            "run_no": told["run_no"],
            "gate_results": json.dumps(told["gate_results"]),
            "exported_at": naive(datetime.fromisoformat(told["exported_at"])),
            "exported_by": told["exported_by"],
            "columns": json.dumps(told["columns"], ensure_ascii=False),
        }
        for part, file in enumerate(told["files"], start=1)
    ]


@contextmanager
def recording(
    connection: duckdb.DuckDBPyConnection, told: Mapping[str, Any], paths: Sequence[str], manifest: str, stream: str
) -> Iterator[None]:
    """Adds the files of an export as its manifest tells them, before they get their names; none if that fails."""
    rows = [
        {**row, "path": path, "manifest": manifest, "stream": stream}
        for row, path in zip(rows_of(told), paths, strict=True)
    ]
    columns, marks = ", ".join(rows[0]), ", ".join("?" * len(rows[0]))
    values = [list(row.values()) for row in rows]
    connection.execute("begin")
    try:
        connection.executemany(f"insert into raw.exports ({columns}) values ({marks})", values)
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def recorded(connection: duckdb.DuckDBPyConnection, export_no: int) -> dict[str, dict[str, Any]]:
    """What is recorded of the files of an export, by their names."""
    if not has_table(connection, "raw", "exports"):
        return {}
    cursor = connection.execute(
        "select * replace (parse_filename(path) as path) from raw.exports where export_no = ? order by part",
        [export_no],
    )
    names = [column[0] for column in cursor.description or ()]
    rows = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    return {row["path"]: row for row in rows}


def unlike(row: Mapping[str, Any], said: Mapping[str, Any]) -> list[str]:
    """The columns in which a row is another than `rows_of` has it."""
    return [name for name in said if _plain(name, row[name]) != _plain(name, said[name])]


def _plain(name: str, value: Any) -> Any:
    return json.loads(value) if name in JSON and value is not None else value
