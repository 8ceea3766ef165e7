"""Leaves about habits: enough events in enough of the last whole days, ISO weeks or months.

Events are put into local periods by their local time; where the periods begin and end is worked out in Python, because
engines disagree about midnights that a clock change skips or repeats.
Not here: counting distinct days inside a window (`events.py`).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from segmentation.clock import Clock, shift
from segmentation.language.model import Leaf, Regularly, Test, Unit
from segmentation.plan.aggregates import EVENTS, ROW, number_tests
from segmentation.plan.conditions import Answer, Block, Layout, batches
from segmentation.plan.events import EventConditions, rows_of
from segmentation.plan.sql import TRUE, Sql, all_of, literal

Period = Literal["day", "week", "month"]

UNITS: dict[Period, Unit] = {"day": "days", "week": "weeks", "month": "months"}
ONCE = Test("gte", 1)


class RegularConditions:
    """Collects leaves; those that count the same events by the same period share the counting."""

    def __init__(self, clock: Clock, events: EventConditions) -> None:
        self.clock, self.events = clock, events
        self.habits: dict[tuple[tuple[str, ...] | None, Period, Sql], dict[Regularly, None]] = {}

    def add(self, leaf: Regularly) -> None:
        """Notes a leaf and what it needs stored."""
        self.events.needs.want(leaf.events)
        self.events.needs.local_time = True
        fits = self.events.restriction(leaf.where, None, None)
        self.habits.setdefault((leaf.events, leaf.every, fits), {})[leaf] = None

    def place(self, layout: Layout) -> dict[Leaf, Answer]:
        """Blocks for all leaves, and where each leaf's answer stands."""
        answers: dict[Leaf, Answer] = {}
        for (names, every, fits), leaves in self.habits.items():
            for batch in batches(leaves):
                columns: dict[Sql, str] = {}
                tests = tuple(self._test(leaf, columns) for leaf in batch)
                block = Block(tests, self._source(names, every, fits, columns, batch))
                for leaf, bit in zip(batch, layout.place(block), strict=True):
                    answers[leaf] = Answer(bit)
        return answers

    def _test(self, leaf: Regularly, columns: dict[Sql, str]) -> Sql:
        enough = number_tests(Sql("times"), (leaf.count or ONCE,))
        since = Sql(f"period >= {literal(first_period(self.clock, leaf.every, leaf.in_last))}")
        good = columns.setdefault(Sql(f"count(*) filter (where {all_of([enough, since])})"), f"a{len(columns)}")
        return Sql(f"{good} >= {leaf.at_least}")

    def _source(
        self,
        names: tuple[str, ...] | None,
        every: Period,
        fits: Sql,
        columns: dict[Sql, str],
        leaves: tuple[Regularly, ...],
    ) -> Sql:
        periods = self._periods(names, every, fits, max(leaf.in_last for leaf in leaves))
        listed = "".join(f", {sql} as {name}" for sql, name in columns.items())
        # A period without events has no row here, so it never satisfies a count, not even one below some number.
        return Sql(f"select person_no{listed} from ({periods}) group by person_no")

    def _periods(self, names: tuple[str, ...] | None, every: Period, fits: Sql, in_last: int) -> Sql:
        start = self.clock.midnight(first_period(self.clock, every, in_last))
        end = self.clock.midnight(period_of(self.clock.today, every))
        return Sql(
            f"select {ROW}.person_no, date_trunc('{every}', {ROW}.local_ts)::date as period, count(*) as times"
            f" from {EVENTS} as {ROW}"
            f" where {all_of([rows_of(names, start, end), *([fits] if fits != TRUE else [])])}"
            f" group by {ROW}.person_no, period"
        )

    def seen(self, leaf: Regularly) -> Sql:
        """What a leaf looks at: the whole periods with events, how many there were, and whether they were enough."""
        periods = self._periods(leaf.events, leaf.every, self.events.restriction(leaf.where, None, None), leaf.in_last)
        enough = number_tests(Sql("times"), (leaf.count or ONCE,))
        return Sql(f"select person_no, period, times, {enough} as is_enough from ({periods})")


def period_of(day: date, every: Period) -> date:
    """The first day of the period that a local date lies in."""
    if every == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if every == "month" else day


def first_period(clock: Clock, every: Period, in_last: int) -> date:
    """The first day of the earliest of the last whole periods."""
    return shift(period_of(clock.today, every), -in_last, UNITS[every])
