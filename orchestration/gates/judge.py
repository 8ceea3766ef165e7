"""The judgement: what each gate says of a segment, once its numbers were compared in one row.

Not here: what is compared (`asked.py`), how (`orchestration/comparisons.py`), and what becomes of those who may not
leave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import duckdb

from orchestration.comparisons import Number, at_least
from orchestration.gates import results
from orchestration.gates.asked import Answer, Case, Comparison, answers
from orchestration.gates.facts import Facts, Leaving, Reach, read_facts
from orchestration.gates.limits import Limits
from orchestration.gates.results import GateClosed, Override, Result
from orchestration.settings import Settings


def judge_segment(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    segment: str,
    at: datetime | None = None,
    *,
    leaving: Leaving | None = None,
    override: Override | None = None,
    reach: Reach | None = None,
) -> tuple[Result, ...]:
    """`read_facts` and `judge` in one. Whoever holds the warehouse from others takes the two one after the other, as
    the first judgement of a process takes seconds to get ready."""
    return judge(read_facts(connection, settings, segment), settings.gates, at, leaving, override, reach)


def judge(
    facts: Facts,
    limits: Limits,
    at: datetime | None = None,
    leaving: Leaving | None = None,
    override: Override | None = None,
    reach: Reach | None = None,
) -> tuple[Result, ...]:
    """What each gate says, in their order. `at` is the aware moment of asking; without it that of the last run, so that
    members of the past are not held against the wall clock. An override opens what is closed."""
    found = answers(Case(facts, limits, at or facts.run_at, leaving, reach))
    compared = [one for answer in found.values() if not isinstance(answer, str) for one in answer]
    held = _held(compared)
    return tuple(_result(gate, answer, held, override) for gate, answer in found.items())


def require_open(segment: str, results: Sequence[Result]) -> None:
    """Raises GateClosed in one sentence if any of the gates is closed."""
    if any(one.state == "closed" for one in results):
        raise GateClosed(segment, results)


def _held(compared: Sequence[Comparison]) -> dict[tuple[str, str], bool]:
    """Whether each of the comparisons holds, by its names."""
    row: dict[str, Number] = {}
    for one in compared:
        row |= {one.key: one.value, one.least: one.bound}
    pairs = [(one.key, one.least) for one in compared]
    return dict(zip(pairs, at_least(row, pairs), strict=True))


def _result(gate: str, answer: Answer, held: Mapping[tuple[str, str], bool], override: Override | None) -> Result:
    if isinstance(answer, str):
        return Result(gate, "unknown", answer, {})
    failed = [one for one in answer if not held[one.key, one.least]]
    return results.answer(gate, "; ".join(one.said for one in failed), _numbers(answer), override)


def _numbers(compared: Sequence[Comparison]) -> dict[str, int | float]:
    """Numbers by their names; moments as seconds since 1970."""
    found: dict[str, int | float] = {}
    for one in compared:
        found |= {one.key: _number(one.value), one.least: _number(one.bound), **one.beside}
    return found


def _number(value: Number) -> int | float:
    return value.timestamp() if isinstance(value, datetime) else value
