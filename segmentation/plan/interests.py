"""Leaves about preference: what share of somebody's events has the chosen value, time of day or weekday.

Events without the property count in the whole, but are no value that could be the most frequent one.
Not here: sums and counts against a fixed number (`events.py`, whose passes the shares use).
"""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from segmentation.clock import bounds
from segmentation.language.model import Conversion, Interest, Leaf, Window
from segmentation.plan.aggregates import EVENTS, ROW, identity_of
from segmentation.plan.conditions import Answer, Block, Layout, batches
from segmentation.plan.events import EventConditions, Pass, rows_of
from segmentation.plan.facets import converted
from segmentation.plan.sql import NULL, TRUE, Sql, all_of


class Population(NamedTuple):
    """Whose events are compared with each other: some events that pass a filter."""

    events: tuple[str, ...] | None
    among: Sql


class Rivals(NamedTuple):
    """What a value has to be more frequent than: the values of a property in a window, after conversion."""

    population: Population
    window: Window | None
    path: str
    convert: Conversion | None


class InterestConditions:
    """Collects leaves; those over the same events and filters share a pass."""

    def __init__(self, events: EventConditions) -> None:
        self.events, self.clock = events, events.checks.clock
        self.shares: dict[Population, dict[Interest, Sql]] = {}
        self.favourites: dict[Rivals, dict[Interest, Sql]] = {}

    def add(self, leaf: Interest) -> None:
        """Notes a leaf and what it needs stored."""
        self.events.needs.want(leaf.events)
        among = self.events.restriction(leaf.where, leaf.within_hours, leaf.within_weekdays)
        population = Population(leaf.events, among)
        if leaf.property is None or leaf.check is None:
            chosen = self.events.restriction((), leaf.hours, leaf.weekdays)
            self.shares.setdefault(population, {})[leaf] = chosen
            return
        chosen = self.events.checks.holds(leaf.check, self.events.fields.facets(leaf.property))
        if leaf.at_least is None and any(test.operator == "equals" for test in leaf.check.tests):
            rivals = Rivals(population, leaf.window, leaf.property, leaf.check.convert)
            self.favourites.setdefault(rivals, {})[leaf] = chosen
        else:
            self.shares.setdefault(population, {})[leaf] = chosen

    def place(self, layout: Layout) -> dict[Leaf, Answer]:
        """Blocks for all leaves, and where each leaf's answer stands."""
        answers: dict[Leaf, Answer] = {}
        for population, leaves in self.shares.items():
            for batch in batches(leaves.items()):
                self._place(layout, answers, batch, self._share_block(population, batch))
        for rivals, leaves in self.favourites.items():
            for batch in batches(leaves.items()):
                self._place(layout, answers, batch, self._favourite_block(rivals, batch))
        return answers

    @staticmethod
    def _place(
        layout: Layout, answers: dict[Leaf, Answer], batch: tuple[tuple[Interest, Sql], ...], block: Block
    ) -> None:
        for (leaf, _), bit in zip(batch, layout.place(block), strict=True):
            answers[leaf] = Answer(bit)

    def seen(self, leaf: Interest) -> Sql:
        """What a leaf looks at: events by value, and how many of them are the chosen ones."""
        among = self.events.restriction(leaf.where, leaf.within_hours, leaf.within_weekdays)
        value, chosen = NULL, self.events.restriction((), leaf.hours, leaf.weekdays)
        if leaf.property is not None and leaf.check is not None:
            facets = self.events.fields.facets(leaf.property)
            convert = leaf.check.convert
            value = converted(facets, convert, self.clock) if convert else identity_of(facets)
            chosen = self.events.checks.holds(leaf.check, facets)
        return Sql(
            f"select {ROW}.person_no, ({value})::varchar as value, count(*) as times,"
            f" count(*) filter (where {chosen}) as chosen from {EVENTS} as {ROW}"
            f" where {all_of([rows_of(leaf.events, *self._bounds(leaf.window)), among])} group by all"
        )

    def _bounds(self, window: Window | None) -> tuple[datetime | None, datetime]:
        if window is None:
            return None, self.clock.as_of
        start, end = bounds(window, self.clock, of_events=True)
        return start, end or self.clock.as_of

    def _share_block(self, population: Population, batch: tuple[tuple[Interest, Sql], ...]) -> Block:
        """One count of all and one of the chosen events for each leaf and window."""
        reaches = [self._bounds(leaf.window) for leaf, _ in batch]
        known = [start for start, _ in reaches if start is not None]
        start = min(known) if len(known) == len(reaches) else None
        one_pass = Pass(population.events, start, max(end for _, end in reaches), population.among)
        tests = tuple(self._share_test(one_pass, leaf, chosen) for leaf, chosen in batch)
        return Block(tests, one_pass.source())

    def _share_test(self, one_pass: Pass, leaf: Interest, chosen: Sql) -> Sql:
        start, end = self._bounds(leaf.window)
        whole = one_pass.aggregate("count(*)", one_pass.hoisted, start, end)
        part = one_pass.aggregate("count(*)", chosen, start, end)
        if leaf.at_least is None:
            return Sql(f"{part} * 2 > {whole}")  # a set or a slot prevails with more than half
        # Whole numbers on both sides: 3 of 10 are 30 %, whatever a float makes of it.
        share = Fraction(str(leaf.at_least))
        needed = f"{whole}::hugeint * {share.numerator}"
        return Sql(f"({whole} > 0 and {part}::hugeint * {share.denominator} >= {needed})")

    def _favourite_block(self, rivals: Rivals, batch: tuple[tuple[Interest, Sql], ...]) -> Block:
        """Events counted by value first; the chosen value must not fall behind any other."""
        facets = self.events.fields.facets(rivals.path)
        value = converted(facets, rivals.convert, self.clock) if rivals.convert else identity_of(facets)
        (names, among), (start, end) = rivals.population, self._bounds(rivals.window)
        counts = "".join(f", count(*) filter (where {chosen}) as k{n}" for n, (_, chosen) in enumerate(batch))
        sums = "".join(f", sum(k{n}) as k{n}" for n in range(len(batch)))
        source = Sql(
            f"select person_no, coalesce(max(times) filter (where value is not null), 0) as most{sums} from ("
            f"select {ROW}.person_no, {value} as value, count(*) as times{counts}"
            f" from {EVENTS} as {ROW}"
            f" where {all_of([rows_of(names, start, end), *([among] if among != TRUE else [])])}"
            f" group by {ROW}.person_no, value) group by person_no"
        )
        return Block(tuple(Sql(f"(k{n} > 0 and k{n} >= most)") for n in range(len(batch))), source)
