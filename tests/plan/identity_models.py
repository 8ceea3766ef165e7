"""The identity models of the dbt project on tables made by hand: the same SQL, rendered without dbt.

Not here: the tables they read (`engine.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
from jinja2 import Environment, StrictUndefined

from orchestration.audiences import look_at_audiences, write_strategies
from orchestration.matching import EVERY, Matching
from segmentation.language.model import Definition

PROJECT = Path(__file__).parents[2] / "dbt_project"
Strategies = Mapping[str, Sequence[str]]  # by connector

BEFORE_THE_PLAN = (
    "match_rules",
    "user_ids",
    "user_keys",
    "touched_keys",
    "audience_ids",
    "pulled_ids",
    "audience_people",
    "source_people",
)
MACROS = "".join(file.read_text() for file in sorted((PROJECT / "macros/identity").glob("*.sql")))


def build_identity(
    connection: duckdb.DuckDBPyConnection, definitions: Mapping[str, Definition], strategies: Strategies
) -> None:
    """Everything that comes before the plan, on staging tables and people that are there."""
    connection.execute("create schema raw")
    for table in ("audiences", "audience_members"):
        connection.execute(f"create view raw.{table} as select * from stg_{table}")
    matching = {EVERY: Matching()} | {name: Matching(tuple(ways)) for name, ways in strategies.items()}
    write_strategies(connection, matching)
    meant = look_at_audiences(connection, definitions)
    assert not meant.failed, meant.failed
    for name in BEFORE_THE_PLAN:
        connection.execute(f"create table {name} as {_rendered(connection, name)}")


def build_person_events(connection: duckdb.DuckDBPyConnection) -> None:
    """What comes after the tiles."""
    connection.execute(f"create view person_events as {_rendered(connection, 'person_events')}")


def _rendered(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    text = (PROJECT / f"models/identity/matching/{name}.sql").read_text()
    known: dict[str, Any] = {
        "config": lambda **_: "",
        "ref": lambda model: model,
        "source": lambda schema, table: f"{schema}.{table}",
        "execute": True,
        "is_incremental": lambda: False,
        "load_relation": lambda _: None,
        "this": name,
        "model": {"raw_code": text},
        "local_md5": lambda said: hashlib.md5(said.encode()).hexdigest(),
        "adapter": SimpleNamespace(
            execute=lambda sql, fetch: (None, SimpleNamespace(rows=connection.execute(sql).fetchall()))
        ),
    }
    return Environment(undefined=StrictUndefined).from_string(MACROS + text).render(known)
