"""The judgement: a Great Expectations suite looks at one row of numbers, with one expectation for each comparison.

It never sees a row of a person. Not here: what is compared (`asked.py`), and what becomes of those who may not leave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

import duckdb

from orchestration.gates import results
from orchestration.gates.asked import Answer, Case, Comparison, Number, answers
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
    held = _suite().run(compared)
    return tuple(_result(gate, answer, held, override) for gate, answer in found.items())


def require_open(segment: str, results: Sequence[Result]) -> None:
    """Raises GateClosed in one sentence if any of the gates is closed."""
    if any(one.state == "closed" for one in results):
        raise GateClosed(segment, results)


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


class _Suite:
    """Great Expectations, made ready once, as its import takes seconds."""

    def __init__(self) -> None:
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig
        from great_expectations.expectations.core.expect_column_pair_values_a_to_be_greater_than_b import (
            ExpectColumnPairValuesAToBeGreaterThanB,
        )

        self._expectation, self._suite = ExpectColumnPairValuesAToBeGreaterThanB, gx.ExpectationSuite
        self._context = gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = ProgressBarsConfig(globally=False)

    def run(self, compared: Sequence[Comparison]) -> dict[tuple[str, str], bool]:
        """Whether each of the comparisons holds, by its names. Raises RuntimeError if it could not be compared, which
        is no reason to close a gate and none to open it."""
        import pandas as pd

        row: dict[str, Number] = {}
        for one in compared:
            row |= {one.key: one.value, one.least: one.bound}
        expectations = [
            self._expectation(
                column_A=one.key, column_B=one.least, or_equal=True, meta={"key": one.key, "least": one.least}
            )
            for one in compared
        ]
        batch = self._context.data_sources.pandas_default.read_dataframe(pd.DataFrame([row]).convert_dtypes())
        held: dict[tuple[str, str], bool] = {}
        for found in batch.validate(self._suite("gates", expectations=expectations), result_format="BASIC").results:
            assert found.expectation_config is not None
            names = found.expectation_config.meta or {}
            if not found.success and "'raised_exception': True" in str(found.exception_info):
                raise RuntimeError(f"gates cannot compare {names['key']} with {names['least']}")
            held[names["key"], names["least"]] = bool(found.success)
        return held


@cache
def _suite() -> _Suite:
    return _Suite()
