"""News of changed members: what published runs tell beside the warehouse, and what survives runs that died."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.activation.news import FILE, Change, News, read_news, write_news

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
NUMBERS = {"gold": 1, "silver": 2}


class Warehouse:
    """The tables that news are read from, as runs leave them."""

    def __init__(self, home: Path) -> None:
        self.home, self.connection = home, duckdb.connect()
        for statement in (
            "create schema raw",
            "create schema state",
            "create table raw.runs (run_no integer, as_of timestamp, mode varchar, is_published boolean)",
            "create table raw.segment_definitions (run_no integer, mode varchar, segment varchar, segment_no integer,"
            " is_computed boolean)",
            "create table state.segment_changes_log (run_no uinteger, segment_no usmallint, person_no uinteger,"
            " as_of timestamp, change varchar, cause varchar)",
        ):
            self.connection.execute(statement)

    def run(self, run_no: int, *changes: tuple[str, str, str, int], mode: str = "present", dies: bool = False) -> None:
        """A run that computes the segments it changes; changes are segment, way, cause and users."""
        at = (FIRST + run_no * DAY).replace(tzinfo=None)
        self.connection.execute("insert into raw.runs values (?, ?, ?, ?)", [run_no, at, mode, not dies])
        for name in sorted({name for name, *_ in changes}):
            values = [run_no, mode, name, NUMBERS[name], True]
            self.connection.execute("insert into raw.segment_definitions values (?, ?, ?, ?, ?)", values)
        for name, way, cause, users in changes:
            self.connection.execute(
                "insert into state.segment_changes_log select ?, ?, range, ?, ?, ? from range(?)",
                [run_no, NUMBERS[name], at, way, cause, users],
            )

    def news(self) -> News:
        write_news(self.connection, self.home)
        found = read_news(self.home)
        assert found is not None
        return found


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    made = Warehouse(tmp_path)
    yield made
    made.connection.close()


def test_a_published_run_tells_who_changed_how_and_by_which_cause(warehouse: Warehouse):
    warehouse.run(1, ("gold", "entered", "initial", 5), ("silver", "entered", "initial", 2))
    warehouse.news()
    warehouse.run(2, ("gold", "entered", "data", 3), ("gold", "left", "data", 1))
    found = warehouse.news()
    assert (found.run_no, found.as_of) == (2, FIRST + 2 * DAY)
    gold, silver = found.segments["gold"], found.segments["silver"]
    assert gold.changes == {
        ("entered", "initial"): Change(1, FIRST + DAY, 5),
        ("entered", "data"): Change(2, FIRST + 2 * DAY, 3),
        ("left", "data"): Change(2, FIRST + 2 * DAY, 1),
    }
    assert (gold.as_of, silver.as_of) == (FIRST + 2 * DAY, FIRST + DAY)  # silver was not computed again
    assert gold.last(["left"], ["data", "initial"]) == Change(2, FIRST + 2 * DAY, 1)
    assert silver.last(["left"], ["data"]) is None


def test_what_a_run_did_not_tell_before_it_died_is_told_by_the_next(warehouse: Warehouse):
    warehouse.run(1, ("gold", "entered", "initial", 5))
    warehouse.news()
    warehouse.run(2, ("gold", "left", "data", 1))  # published, and then its process died
    warehouse.run(3, ("silver", "entered", "initial", 2))
    found = warehouse.news()
    assert found.segments["gold"].last(["left"], ["data"]) == Change(2, FIRST + 2 * DAY, 1)
    assert (found.run_no, found.segments["gold"].as_of) == (3, FIRST + 2 * DAY)


def test_runs_that_were_never_published_and_past_days_are_no_news(warehouse: Warehouse):
    warehouse.run(1, ("gold", "entered", "initial", 5))
    before = warehouse.news()
    warehouse.run(2, ("gold", "left", "data", 1), dies=True)
    warehouse.run(3, ("gold", "left", "data", 1), mode="past")
    stamp = (warehouse.home / FILE).stat().st_mtime_ns
    assert warehouse.news() == before
    assert (warehouse.home / FILE).stat().st_mtime_ns == stamp


def test_a_warehouse_that_begins_anew_tells_its_own_news(warehouse: Warehouse, tmp_path: Path):
    for number in (1, 2, 3):
        warehouse.run(number, ("gold", "entered", "data", 5))
    warehouse.news()
    another = Warehouse(tmp_path)
    another.run(1, ("silver", "entered", "initial", 2))
    found = another.news()
    assert (found.run_no, set(found.segments)) == (1, {"silver"})
    another.connection.close()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"run_no": 1, "as_of": "x", "segments": {}}'])
def test_a_file_of_another_form_is_as_good_as_none(tmp_path: Path, text: str):
    assert read_news(tmp_path) is None
    (tmp_path / FILE).write_text(text)
    assert read_news(tmp_path) is None
