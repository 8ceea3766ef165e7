"""A landing folder and a warehouse of a test's own, built with dbt in this process.

Rows are dicts of text, written in any format. Not here: what anything comes out as (the tests).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from orchestration.landing import LandingReport, confirm_landing, load_landing

Row = Mapping[str, Any]


def event(user_id: str | None, name: str, ts: str, event_id: str | None = None, **more: Any) -> dict[str, Any]:
    row = {"user_id": user_id, "event": name, "ts": ts, "event_id": event_id, **more}
    return {column: value for column, value in row.items() if value is not None}


@dataclass
class Workspace:
    root: Path
    project: Path
    manifest: Manifest

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    def land(self, name: str, rows: Sequence[Row]) -> Path:
        """Write rows under the landing root, in the format that the name ends with; None is left out."""
        path = self.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(name, rows))
        return path

    def connect(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(self.root / "warehouse.duckdb"))

    def load(self, root_url: str | None = None, *, full: bool = False) -> LandingReport:
        with self.connect() as con:
            return load_landing(con, root_url or str(self.landing), full=full)

    def build(self, *select: str, command: str = "run") -> None:
        os.environ["SEGMENTS_HOME"] = str(self.root)
        where = ["--project-dir", str(self.project), "--profiles-dir", str(self.project)]
        result = dbtRunner(self.manifest).invoke(
            ["--quiet", command, "--select", *(select or ("staging", "identity")), *where]
        )
        assert result.success, result.exception or [r.message for r in result.result.results if r.message]

    def confirm(self) -> None:
        with self.connect() as con:
            confirm_landing(con)

    def run(self, *select: str, full: bool = False) -> LandingReport:
        report = self.load(full=full)
        self.build(*select)
        self.confirm()
        return report

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.connect() as con:
            return con.execute(sql).fetchall()

    def events(self) -> list[tuple[Any, ...]]:
        """The whole of stg_events but for file numbers, which tell versions apart: files by url instead."""
        return self.rows(
            "select e.* exclude (file_no), l.url from staging.stg_events e join raw.landing_files l using (file_no)"
            " order by l.url, e.row_no"
        )


def encoded(name: str, rows: Sequence[Row]) -> bytes:
    """Rows as Parquet, CSV or JSON lines. A dict or list is JSON text in CSV, nested in JSONL, a struct in Parquet."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    if name.endswith(".parquet"):
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist([{column: row.get(column) for column in columns} for row in rows]), sink)
        return bytes(sink.getvalue().to_pybytes())
    if ".csv" in name:
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\r\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({c: json.dumps(v) if isinstance(v, dict | list) else v for c, v in row.items()})
        content = text.getvalue().encode()
    else:
        content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    return gzip.compress(content, mtime=0) if name.endswith(".gz") else content
