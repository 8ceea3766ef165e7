"""Runs a compiled plan on staging tables made by hand: the planner alone, without landing files and without dbt.

`segments` are what files would say; the rows are landing rows as Python values.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import pandas as pd
from jinja2 import Environment, StrictUndefined

from segmentation.clock import Clock, parse_zone
from segmentation.language.folder import load_texts
from segmentation.plan.compile import Plan, compile_plan

Row = Mapping[str, Any]

MODELS = ("event_tiles", "user_profiles", "user_conditions", "roll_bits", "segment_bits_now")

COLUMNS = {
    "users": "user_id varchar, external_id varchar, email varchar, msisdn varchar, created_at timestamp,"
    " updated_at timestamp, is_test boolean, city varchar, country varchar, lat double, lon double,"
    " attributes varchar, tags varchar, ad_consent boolean",
    "events": "user_id varchar, source_user_id varchar, event varchar, ts timestamp, event_id varchar,"
    " properties varchar, platform varchar, session_id varchar, city varchar, region varchar, country varchar,"
    " lat double, lon double, source varchar, ingested_at timestamp",
    "devices": "device_id varchar, user_id varchar, platform varchar, device_type varchar, device_model varchar,"
    " os_version varchar, app_version varchar, registered boolean, installed boolean, has_token boolean,"
    " push_permission boolean, last_used_at timestamp",
    "consents": 'user_id varchar, channel varchar, state varchar, "at" timestamp, reason varchar',
    "blacklist": 'user_id varchar, channel varchar, listed boolean, "at" timestamp',
    "messages": "message_id varchar, title varchar, channel varchar, status varchar, created_at timestamp,"
    " sent_at timestamp, segments varchar, excluded_segments varchar",
    "message_events": "message_id varchar, user_id varchar, kind varchar, ts timestamp, revenue double",
}
LATEST = {
    "consents": "select * from raw_consents qualify row_number() over"
    ' (partition by user_id, channel order by "at" desc, n desc) = 1',
    "blacklist": "select * from raw_blacklist qualify row_number() over"
    ' (partition by user_id, channel order by "at" desc, listed desc) = 1',
    "users": "select * from raw_users qualify row_number() over (partition by user_id order by updated_at desc) = 1",
    "events": "select *, true as is_first, ts::date as day from raw_events qualify row_number() over (partition by"
    " coalesce(source, ''), coalesce(event_id, concat_ws('|', user_id, event, ts, properties, platform, session_id,"
    " city, lat, lon)), event_id is null order by ingested_at nulls last, n) = 1",
}


def compiled(segments: Mapping[str, Any], as_of: datetime, timezone: str = "UTC", **options: Any) -> Plan:
    """The plan of segments given as plain values; fails the test on any problem of theirs.

    Bits are given in the order of names; `options` go to the compiler.
    """
    folder = load_texts(
        {f"{name}.yml": json.dumps(body, default=str, ensure_ascii=False) for name, body in segments.items()}
    )
    assert not folder.problems, [f"{p.file}:{p.line}: {p.message}" for p in folder.problems][:5]
    return compile_plan(folder.definitions, Clock(as_of, parse_zone(timezone)), slots_of(segments), **options)


def slots_of(segments: Iterable[str]) -> dict[str, int]:
    """A bit for each segment, in the order of names."""
    return {name: number for number, name in enumerate(sorted(segments))}


def members(
    segments: Mapping[str, Any], tables: Mapping[str, Sequence[Row]], as_of: datetime, timezone: str = "UTC"
) -> dict[str, set[str]]:
    """Members of every segment, by the compiled plan on a database in memory."""
    plan = compiled(segments, as_of, timezone)
    assert not plan.failed, plan.failed
    return members_of(plan, tables, slots_of(segments))


def members_of(
    plan: Plan,
    tables: Mapping[str, Sequence[Row]],
    slots: Mapping[str, int],
    stored: Mapping[str, Iterable[str]] | None = None,
) -> dict[str, set[str]]:
    """Members of the segments that a plan computes; `stored` are members of an earlier run, by segment."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        load(connection, tables)
        store(connection, stored or {}, slots)
        for name in MODELS:
            connection.execute(f"create table {name} as {rendered(plan.models[name])}")
        found: dict[str, set[str]] = {}
        for name in plan.computed:
            rows = connection.execute(
                "select u.user_id from segment_bits_now join user_profiles as u using (person_no)"
                " where word = ? and (bits >> ?) & 1 = 1",
                [slots[name] // 64, slots[name] % 64],
            ).fetchall()
            found[name] = {user_id for (user_id,) in rows}
        return found


def rendered(model: str) -> str:
    """A model as dbt would run it the first time; whatever else Jinja finds in it fails the test."""
    known = {
        "config": lambda **_: "",
        "ref": lambda name: name,
        "is_incremental": lambda: False,
        "stored_bits": lambda word: f"stored_bits_{word}",
    }
    return Environment(undefined=StrictUndefined).from_string(model).render(known)


def load(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Sequence[Row]]) -> None:
    """Makes the staging tables and numbers people, users of Netmera in text order first."""
    for table, columns in COLUMNS.items():
        connection.execute(f"create table raw_{table} (n integer, {columns})")
        names = [column.split()[0] for column in columns.split(", ")]
        rows = [
            [number, *(_cell(row.get(name.strip('"'))) for name in names)]
            for number, row in enumerate(tables.get(table, ()))
        ]
        if rows:
            titles = ["n", *(name.strip('"') for name in names)]
            frame = pd.DataFrame(rows, columns=titles, dtype=object)  # noqa: F841  (the statement reads it by name)
            typed = ", ".join(f"{column.split()[0]}::{column.split()[1]}" for column in columns.split(", "))
            connection.execute(f"insert into raw_{table} select n::integer, {typed} from frame")
        connection.execute(f"create table stg_{table} as {LATEST.get(table, f'select * from raw_{table}')}")
    connection.execute(
        "create table people as select (row_number() over (order by source, id) - 1)::uinteger as person_no, source, id"
        " from (select '' as source, user_id as id from stg_users union select case when user_id is null then source"
        " else '' end, coalesce(user_id, source_user_id) from stg_events)"
    )


def store(connection: duckdb.DuckDBPyConnection, stored: Mapping[str, Iterable[str]], slots: Mapping[str, int]) -> None:
    """Makes one relation of bits for each word, as an earlier run would have left them."""
    for word in {slot // 64 for slot in slots.values()}:
        connection.execute(f"create table stored_bits_{word} (person_no uinteger, bits ubigint)")
        for name, users in stored.items():
            if slots[name] // 64 == word:
                connection.execute(
                    f"insert into stored_bits_{word} select person_no, 1::ubigint << ? from people"
                    " where source = '' and list_contains(?, id)",
                    [slots[name] % 64, list(users)],
                )


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return None if value is None else str(value)


def differences(expected: Mapping[str, Iterable[str]], found: Mapping[str, Iterable[str]]) -> list[str]:
    """One line for each segment whose members differ."""
    lines = []
    for name in sorted(expected):
        want, got = set(expected[name]), set(found[name])
        if want != got:
            lines.append(f"{name}: missing {sorted(want - got)[:8]}, unexpected {sorted(got - want)[:8]}")
    return lines
