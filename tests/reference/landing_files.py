"""Rows and definitions written as the files that a workspace would hold.

Here: landing tables as JSON lines and CSV, segments as YAML. Not here: what is in them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.reference.landing import Tables
from tests.reference.values import iso_text

Rows = list[dict[str, Any]]

REQUIRED = {"users": ["user_id"], "events": ["user_id", "event", "ts"]}
WITHOUT_JSON = frozenset({"consents", "blacklist", "message_events"})


def write_tables(tables: Tables, folder: Path) -> None:
    """Write landing rows: CSV for tables that hold neither JSON nor empty text, else JSON lines, events in two files.

    A table without rows is left out, unless every landing area must have it: then it is a header alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for table, rows in tables.items():
        if not rows:
            continue
        if table in WITHOUT_JSON:
            (folder / table).mkdir()
            _write_csv(folder / table / "part-0.csv", rows)
        elif table == "events" and len(rows) > 1:
            (folder / table).mkdir()
            _write_jsonl(folder / table / "part-0.jsonl", rows[::2])
            _write_jsonl(folder / table / "part-1.jsonl", rows[1::2])
        else:
            _write_jsonl(folder / f"{table}.jsonl", rows)
    for table, columns in REQUIRED.items():
        if not tables.get(table):
            (folder / f"{table}.csv").write_text(",".join(columns) + "\n", encoding="utf-8")


def write_segments(segments: Mapping[str, dict[str, Any]], folder: Path) -> None:
    """Write one file per segment, as JSON: it is YAML too, and leaves no scalar to guess."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, definition in segments.items():
        text = json.dumps(definition, ensure_ascii=False, indent=2)
        (folder / f"{name}.yml").write_text(f"{text}\n", encoding="utf-8")


def _write_jsonl(path: Path, rows: Rows) -> None:
    lines = (json.dumps(row, default=iso_text, ensure_ascii=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _write_csv(path: Path, rows: Rows) -> None:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows({column: _cell(value) for column, value in row.items()} for row in rows)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return iso_text(value) if isinstance(value, datetime) else value
