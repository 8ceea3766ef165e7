"""Runs compiled plans on rows made by hand: the planner alone, without landing files and without dbt.

`segments` are what files would say; the rows are landing rows as Python values.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from orchestration.segment_tests import memory
from segmentation.clock import Clock, parse_zone
from segmentation.language.folder import load_texts
from segmentation.plan.compile import Plan, compile_plan


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
    segments: Mapping[str, Any], tables: memory.Tables, as_of: datetime, timezone: str = "UTC"
) -> dict[str, set[str]]:
    """Members of every segment, by the compiled plan on a database in memory."""
    plan = compiled(segments, as_of, timezone)
    assert not plan.failed, plan.failed
    return members_of(plan, tables, slots_of(segments))


def members_of(
    plan: Plan,
    tables: memory.Tables,
    slots: Mapping[str, int],
    stored: Mapping[str, Iterable[str]] | None = None,
) -> dict[str, set[str]]:
    """Members of the segments that a plan computes; `stored` are members of an earlier run, by segment."""
    with memory.in_memory() as connection:
        return memory.members(connection, plan, tables, slots, stored)


def differences(expected: Mapping[str, Iterable[str]], found: Mapping[str, Iterable[str]]) -> list[str]:
    """One line for each segment whose members differ."""
    lines = []
    for name in sorted(expected):
        want, got = set(expected[name]), set(found[name])
        if want != got:
            lines.append(f"{name}: missing {sorted(want - got)[:8]}, unexpected {sorted(got - want)[:8]}")
    return lines
