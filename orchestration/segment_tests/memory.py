"""A compiled plan on staging tables made from a few rows, in a DuckDB database in memory.

The models are those that dbt runs, rendered with the handful of words that they use; of several landing rows of one
thing the same one counts as in staging. Not here: whose rows, and what is expected of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import duckdb
from jinja2 import Environment, StrictUndefined

from orchestration.landing.contract import CONTRACT, SQL_TYPES
from segmentation.plan.compile import Plan
from segmentation.plan.conditions import WORD

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]

MEMBERSHIP = "segment_bits_now"  # the last model of every plan
# Small people have ids of our own only, so an event's id is the user's.
OWN_IDS = {"person_events": "select * from {{ ref('event_tiles') }}"}

_ALWAYS = ("users", "events")  # whoever is in them gets a number
_REFERENCE = re.compile(r"\bref\(\s*['\"](\w+)['\"]\s*\)")
_JINJA = Environment(undefined=StrictUndefined)
_WORDS = {
    "config": lambda **_: "",
    "ref": lambda name: name,
    "is_incremental": lambda: False,
    "stored_bits": lambda word: f"stored_bits_{word}",
}

# Which of several rows counts; `n` is the row's place. As in dbt_project/models/staging.
_LATEST = {
    "users": "partition by user_id order by updated_at desc nulls last, n desc",
    "devices": "partition by user_id, device_id order by last_used_at desc nulls last, n desc",
    "consents": 'partition by user_id, channel order by "at" desc, n desc',
    "blacklist": 'partition by user_id, channel order by "at" desc, listed desc, n desc',
    "messages": "partition by message_id order by n desc",
    "events": "partition by coalesce(source, ''), event_id, case when event_id is null then (user_id, source_user_id,"
    " event, ts, properties, platform, session_id, city, region, country, lat, lon) end"
    " order by ingested_at nulls last, n",
}
_PEOPLE = (
    "create or replace table people as select (row_number() over (order by source, id) - 1)::uinteger as person_no,"
    " source, id from (select '' as source, user_id as id from stg_users union select case when user_id is null then"
    " source else '' end, coalesce(user_id, source_user_id) from stg_events)"
)


@contextmanager
def in_memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database for any number of plans, one after the other."""
    with duckdb.connect(config={"threads": 1}) as connection:  # threads cost more than a few rows take
        connection.execute("set timezone = 'UTC'")
        yield connection


def load(connection: duckdb.DuckDBPyConnection, tables: Tables, wanted: Iterable[str] = CONTRACT) -> None:
    """Makes staging tables out of landing rows, and numbers people in text order, users of Netmera first."""
    for table in wanted:
        _stage(connection, table, tables.get(table, ()))
    connection.execute(_PEOPLE)


def _stage(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row]) -> None:
    kinds = CONTRACT[table].columns
    listed = ", ".join(f'"{column}"' for column in kinds)
    typed = ", ".join(f'("{column}")::{SQL_TYPES[kind]} as "{column}"' for column, kind in kinds.items())
    shape = json.dumps([{"n": "UINTEGER", **dict.fromkeys(kinds, "VARCHAR")}])
    cells = json.dumps(
        [{"n": n, **{column: _cell(row.get(column)) for column in kinds}} for n, row in enumerate(rows)],
        ensure_ascii=False,
    )
    latest = f" qualify row_number() over ({_LATEST[table]}) = 1" if table in _LATEST else ""
    beside = ", ts::date as day, true as is_first" if table == "events" else ""
    connection.execute(
        f"create or replace table stg_{table} as select {listed}{beside} from (select n, {typed}"
        f" from (select unnest(from_json_strict(?::json, ?), recursive := true))){latest}",
        [cells, shape],
    )


def _cell(value: Any) -> str | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return None if value is None else str(value)


def members(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    tables: Tables,
    slots: Mapping[str, int],
    stored: Mapping[str, Iterable[str]] | None = None,
) -> dict[str, set[str]]:
    """User ids of the segments that a plan computes, on landing rows by table.

    Times in the rows are aware datetimes, JSON columns plain values; what a row does not have is null. `stored` are
    the members of segments that the plan reads and does not compute.
    """
    models = {**plan.models, **OWN_IDS}
    read = {name for model in in_order(models) for name in _REFERENCE.findall(models[model])}
    load(connection, tables, [table for table in CONTRACT if table in _ALWAYS or f"stg_{table}" in read])
    store(connection, stored or {}, slots)
    for name in in_order(models):
        connection.execute(f"create or replace table {name} as {rendered(models[name])}")
    return computed_members(connection, plan, slots)


def computed_members(
    connection: duckdb.DuckDBPyConnection, plan: Plan, slots: Mapping[str, int]
) -> dict[str, set[str]]:
    """User ids of the segments that a plan computes, once its models are there."""
    found: dict[str, set[str]] = {name: set() for name in plan.computed}
    names = {slots[name]: name for name in plan.computed}
    rows = connection.execute("select word, bits, user_id from segment_bits_now join user_profiles using (person_no)")
    for word, bits, user_id in rows.fetchall():
        for position in range(WORD):
            segment = names.get(word * WORD + position)
            if segment is not None and bits >> position & 1:
                found[segment].add(user_id)
    return found


def in_order(models: Mapping[str, str]) -> list[str]:
    """The models that membership rests on, each after those that it reads."""
    order: dict[str, None] = {}

    def visit(name: str) -> None:
        for other in sorted({*_REFERENCE.findall(models[name])} & {*models}):
            visit(other)
        order.setdefault(name)

    visit(MEMBERSHIP)
    return list(order)


def rendered(model: str) -> str:
    """A model as dbt would run it the first time. Raises jinja2.UndefinedError for a word that is not known here."""
    return _JINJA.from_string(model).render(_WORDS)


def store(connection: duckdb.DuckDBPyConnection, stored: Mapping[str, Iterable[str]], slots: Mapping[str, int]) -> None:
    """One relation of bits for each word, as an earlier run would have left them."""
    for word in {slot // WORD for slot in slots.values()}:
        connection.execute(f"create or replace table stored_bits_{word} (person_no uinteger, bits ubigint)")
        for name, users in sorted(stored.items()):
            if slots[name] // WORD == word:
                connection.execute(
                    f"insert into stored_bits_{word} select person_no, 1::ubigint << ? from people"
                    " where source = '' and list_contains(?, id)",
                    [slots[name] % WORD, list(users)],
                )
