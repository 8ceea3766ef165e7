"""Numbers of which one has to be at least another, in one row, as Great Expectations compares them.

The gates of pulls and those of members that leave go by it, so it gets counts and moments and never a row of a person.
Not here: which numbers are compared (`ingest/gate.py`, `gates/asked.py`), and what follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

Number = int | float | datetime


def at_least(row: Mapping[str, Number | None], pairs: Sequence[tuple[str, str]]) -> list[bool]:
    """Whether, in each pair of names, the first number is at least the second; where one of them is None there is
    nothing to fail.

    Raises RuntimeError if two cannot be compared, which is no reason to close a gate and none to open it.
    """
    return _great_expectations().compare(row, pairs)


class _GreatExpectations:
    """Made ready once, as its import takes seconds."""

    def __init__(self) -> None:
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig
        from great_expectations.expectations.core.expect_column_pair_values_a_to_be_greater_than_b import (
            ExpectColumnPairValuesAToBeGreaterThanB,
        )

        self._expectation, self._suite = ExpectColumnPairValuesAToBeGreaterThanB, gx.ExpectationSuite
        self._context = gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = ProgressBarsConfig(globally=False)

    def compare(self, row: Mapping[str, Number | None], pairs: Sequence[tuple[str, str]]) -> list[bool]:
        import pandas as pd

        expectations = [
            self._expectation(
                column_A=first, column_B=second, or_equal=True, ignore_row_if="either_value_is_missing",
                meta={"place": place},
            )
            for place, (first, second) in enumerate(pairs)
        ]  # fmt: skip
        batch = self._context.data_sources.pandas_default.read_dataframe(pd.DataFrame([row]).convert_dtypes())
        held: dict[int, bool] = {}
        for found in batch.validate(self._suite("row", expectations=expectations), result_format="BASIC").results:
            assert found.expectation_config is not None
            place = (found.expectation_config.meta or {})["place"]
            if not found.success and "'raised_exception': True" in str(found.exception_info):
                raise RuntimeError("{} cannot be compared with {}".format(*pairs[place]))
            held[place] = bool(found.success)
        return [held[place] for place in range(len(pairs))]


@cache
def _great_expectations() -> _GreatExpectations:
    return _GreatExpectations()
