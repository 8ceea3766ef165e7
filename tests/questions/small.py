"""A probe over a few rows in memory: the relations of a warehouse that a probe reads, without a run.

Not here: what real runs leave (`conftest.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from orchestration.questions.probe import Probe
from orchestration.segment_tests import memory
from orchestration.settings import Settings

Tables = Mapping[str, Sequence[Mapping[str, Any]]]
EMPTY = """
    create schema staging; create schema identity; create schema state; create schema segments; create schema raw;
    create table identity.source_people (person_no uinteger, user_no uinteger);
    create table state.segment_size_log (segment_no usmallint, run_no uinteger, as_of timestamp);
    create table state.segment_names (segment_no usmallint, segment varchar);
    create table state.segment_stays (
        segment_no usmallint, person_no uinteger, valid_from timestamp, valid_to timestamp, run_from uinteger,
        run_to uinteger
    );
    create table segments.live_qualifications (
        segment varchar, user_id varchar, day date, qualified_at timestamp, change varchar, as_of timestamp
    );
"""


@contextmanager
def probe_of(folder: Path, segments: Mapping[str, Any], tables: Tables, as_of: datetime, zone: str) -> Iterator[Probe]:
    """A probe as of a moment whose segment files say `segments`; no run has recorded anything."""
    settings = Settings(folder / "home", str(folder / "landing"), folder / "segments", ZoneInfo(zone))
    settings.segments.mkdir(exist_ok=True, parents=True)
    for name, segment in segments.items():
        text = json.dumps({"name": name, **segment}, ensure_ascii=False, default=str)
        (settings.segments / f"{name}.yml").write_text(text, encoding="utf-8")
    with memory.in_memory() as connection:
        memory.load(connection, tables)
        connection.execute(EMPTY)
        for (table,) in connection.execute(
            "select table_name from information_schema.tables where table_schema = 'main'"
        ).fetchall():
            connection.execute(f"create table staging.{table} as from main.{table}")
        yield Probe(connection, settings, 1, as_of.astimezone(UTC))
