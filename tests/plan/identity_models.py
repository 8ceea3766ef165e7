"""The identity models of the dbt project on tables made by hand: the same SQL, rendered without dbt.

Not here: the tables they read (`engine.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
from jinja2 import Environment, StrictUndefined, Template

from orchestration.audiences import look_at_audiences, write_strategies
from orchestration.matching import EVERY, Matching
from segmentation.language.model import Definition

PROJECT = Path(__file__).parents[2] / "dbt_project"
Strategies = Mapping[str, Sequence[str]]  # by connector

VIEWS = ("match_rules", "user_keys", "pulled_ids")
BEFORE_THE_PLAN = (
    "match_rules",
    "user_ids",
    "user_keys",
    "audience_ids",
    "pulled_ids",
    "audience_people",
    "source_people",
)
MACROS = "".join(file.read_text() for file in sorted((PROJECT / "macros/identity").glob("*.sql")))
PARTING = "{{ part_with_changed_users() }}"  # what user_ids does before it reads users


def build_identity(
    connection: duckdb.DuckDBPyConnection, definitions: Mapping[str, Definition], strategies: Strategies
) -> None:
    """Everything that comes before the plan, on staging tables and people that are there."""
    connection.execute("create schema raw")
    for table in ("audiences", "audience_members"):
        connection.execute(f"create view raw.{table} as select * from stg_{table}")
    decide_matching(connection, definitions, strategies)
    for name in BEFORE_THE_PLAN:
        connection.execute(f"create table {name} as {_rendered(connection, name)}")


def decide_matching(
    connection: duckdb.DuckDBPyConnection, definitions: Mapping[str, Definition], strategies: Strategies
) -> None:
    """What is settled before the models: strategies in their order, and which pull counts."""
    matching = {EVERY: Matching()} | {name: Matching(tuple(ways)) for name, ways in strategies.items()}
    write_strategies(connection, matching)
    meant = look_at_audiences(connection, definitions)
    assert not meant.failed, meant.failed


def match_in(connection: duckdb.DuckDBPyConnection, schema: str, models: Sequence[str] = BEFORE_THE_PLAN) -> None:
    """One run of the matching in a schema, on what an earlier run left there, each model as dbt replaces it."""
    there = {name for (name,) in connection.execute(
        "select table_name from information_schema.tables where table_schema = ?", [schema]).fetchall()}  # fmt: skip
    for name in models:
        again = name in there
        where = f"{schema}.{name}"
        if name in VIEWS:
            connection.execute(f"create or replace view {where} as {_rendered(connection, name, schema)}")
            continue
        if name == "user_ids" and again:
            connection.execute(_rendered(connection, name, schema, again, PARTING))
        connection.execute(f"create or replace temp table made as {_rendered(connection, name, schema, again)}")
        connection.execute(f"insert into {where} from made" if name == "user_ids" and again
                           else f"create or replace table {where} as from made")  # fmt: skip


def build_person_events(connection: duckdb.DuckDBPyConnection) -> None:
    """What comes after the tiles."""
    connection.execute(f"create view person_events as {_rendered(connection, 'person_events')}")


def _rendered(
    connection: duckdb.DuckDBPyConnection, name: str, schema: str = "main", again: bool = False, text: str = ""
) -> str:
    """The SQL of a model, or of another text in its place, `again` if its table is there from a run before."""
    model = (PROJECT / f"models/identity/matching/{name}.sql").read_text()
    where = f"{schema}.{name}"
    known: dict[str, Any] = {
        "config": lambda **_: "",
        "ref": lambda one: f"{schema}.{one}" if one in BEFORE_THE_PLAN else one,
        "source": lambda schema, table: f"{schema}.{table}",
        "execute": True,
        "is_incremental": lambda: again,
        "load_relation": lambda _: SimpleNamespace(type="table") if again else None,
        "this": where,
        "model": {"raw_code": model},
        "local_md5": lambda said: hashlib.md5(said.encode()).hexdigest(),
        "adapter": SimpleNamespace(
            execute=lambda sql, fetch: (None, SimpleNamespace(rows=connection.execute(sql).fetchall())),
            get_columns_in_relation=lambda _: [
                SimpleNamespace(name=row[0]) for row in connection.execute(f"describe {where}").fetchall()
            ],
        ),
    }
    return _template(text or model).render(known)


@cache
def _template(text: str) -> Template:
    return Environment(undefined=StrictUndefined).from_string(MACROS + text)
