"""Numbers in one row, of which one has to be at least another."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orchestration.comparisons import at_least

NOON, NIGHT = datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 1, 23, tzinfo=UTC)


def test_each_pair_is_answered_in_its_place_and_equal_is_enough():
    row = {"came": 10, "expected": 10, "share": 0.2, "floor": 0.3, "at": NIGHT, "from": NOON}
    assert at_least(row, [("came", "expected"), ("share", "floor"), ("at", "from"), ("from", "at")]) == [
        True, False, True, False
    ]  # fmt: skip


def test_what_nobody_knows_is_held_against_nothing():
    row = {"came": 10, "reported": None, "computed": None, "before": NOON}
    assert at_least(row, [("came", "reported"), ("computed", "before"), ("reported", "computed")]) == [True] * 3


def test_what_cannot_be_compared_is_neither_open_nor_closed():
    with pytest.raises(RuntimeError, match="came cannot be compared with noon"):
        at_least({"came": 10, "noon": NOON}, [("came", "noon")])


def test_no_pairs_are_no_answers():
    assert at_least({}, []) == []
