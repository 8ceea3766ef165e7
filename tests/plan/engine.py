"""Runs compiled plans on rows made by hand: the planner alone, without landing files and without dbt.

Whose ids are whose is worked out by the identity models of the dbt project (`identity_models.py`).

`segments` are what files would say; the rows are landing rows as Python values.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import duckdb

from orchestration.segment_tests import memory
from segmentation.clock import Clock, parse_zone
from segmentation.language.folder import load_texts
from segmentation.language.model import Definition
from segmentation.plan.compile import Plan, compile_plan
from tests.plan.identity_models import Strategies, build_identity, build_person_events
from tests.plan.prediction_models import WRITTEN, build_prediction

NO_RULES: Strategies = {}
NO_DEFINITIONS: Mapping[str, Definition] = {}


def compiled(segments: Mapping[str, Any], as_of: datetime, timezone: str = "UTC", **options: Any) -> Plan:
    """The plan of segments given as plain values; fails the test on any problem of theirs.

    Bits are given in the order of names; `options` go to the compiler.
    """
    folder = load_texts(texts_of(segments))
    assert not folder.problems, [f"{p.file}:{p.line}: {p.message}" for p in folder.problems][:5]
    return compile_plan(folder.definitions, Clock(as_of, parse_zone(timezone)), slots_of(segments), **options)


def texts_of(segments: Mapping[str, Any]) -> dict[str, str]:
    """What files of these segments would say, by file name."""
    return {f"{name}.yml": json.dumps(body, default=str, ensure_ascii=False) for name, body in segments.items()}


def slots_of(segments: Iterable[str]) -> dict[str, int]:
    """A bit for each segment, in the order of names."""
    return {name: number for number, name in enumerate(sorted(segments))}


def members(
    segments: Mapping[str, Any],
    tables: memory.Tables,
    as_of: datetime,
    timezone: str = "UTC",
    strategies: Strategies = NO_RULES,
) -> dict[str, set[str]]:
    """Members of every segment, by the compiled plan on a database in memory; `strategies` go by connector."""
    plan = compiled(segments, as_of, timezone)
    assert not plan.failed, plan.failed
    return members_of(plan, tables, slots_of(segments), definitions=load_texts(texts_of(segments)).definitions,
                      strategies=strategies)  # fmt: skip


def members_of(
    plan: Plan,
    tables: memory.Tables,
    slots: Mapping[str, int],
    stored: Mapping[str, Iterable[str]] | None = None,
    definitions: Mapping[str, Definition] = NO_DEFINITIONS,
    strategies: Strategies = NO_RULES,
) -> dict[str, set[str]]:
    """Members of the segments that a plan computes; `stored` are members of an earlier run, by segment.

    `definitions` are asked for the audiences that connector segments mean.
    """
    with memory.in_memory() as connection:
        memory.load(connection, tables)
        memory.store(connection, stored or {}, slots)
        build_identity(connection, definitions, strategies)
        build(connection, plan)
        return memory.computed_members(connection, plan, slots)


def build(connection: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    """Every model of a plan, and those of the dbt project that it rests on, on staging tables that are there."""
    for name in memory.in_order({**plan.models, **memory.OWN_IDS, **WRITTEN}):
        if name in plan.models:
            connection.execute(f"create table {name} as {memory.rendered(plan.models[name])}")
        elif name in WRITTEN:
            build_prediction(connection, name)
        else:
            build_person_events(connection)


def differences(expected: Mapping[str, Iterable[str]], found: Mapping[str, Iterable[str]]) -> list[str]:
    """One line for each segment whose members differ."""
    lines = []
    for name in sorted(expected):
        want, got = set(expected[name]), set(found[name])
        if want != got:
            lines.append(f"{name}: missing {sorted(want - got)[:8]}, unexpected {sorted(got - want)[:8]}")
    return lines
