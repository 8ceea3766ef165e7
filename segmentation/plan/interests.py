"""Leaves about preference: what share of somebody's events has the chosen value, time of day or weekday.

Events without the property count in the whole, but are no value that could be the most frequent one.
Not here: sums and counts against a fixed number (`events.py`, whose passes these leaves use).
"""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

from segmentation.clock import bounds
from segmentation.language.model import Interest, Leaf
from segmentation.plan.conditions import Answer, Block, Layout, batches
from segmentation.plan.events import EventConditions, Pass, identity_of
from segmentation.plan.sql import Sql
from segmentation.plan.values import converted


class InterestConditions:
    """Collects leaves; those over the same events and filters share a pass."""

    def __init__(self, events: EventConditions) -> None:
        self.events, self.clock = events, events.checks.clock
        self.populations: dict[tuple[tuple[str, ...] | None, Sql], dict[Interest, Sql]] = {}

    def add(self, leaf: Interest) -> None:
        """Notes a leaf and what it needs stored."""
        self.events.needs.want(leaf.events)
        among = self.events.restriction(leaf.where, leaf.within_hours, leaf.within_weekdays)
        if leaf.property is not None and leaf.check is not None:
            chosen = self.events.checks.holds(leaf.check, self.events.fields.facets(leaf.property))
        else:
            chosen = self.events.restriction((), leaf.hours, leaf.weekdays)
        self.populations.setdefault((leaf.events, among), {})[leaf] = chosen

    def place(self, layout: Layout) -> dict[Leaf, Answer]:
        """Blocks for all leaves, and where each leaf's answer stands."""
        answers: dict[Leaf, Answer] = {}
        for (names, among), leaves in self.populations.items():
            for batch in batches(leaves):
                starts = [self._bounds(leaf)[0] for leaf in batch]
                start = None if None in starts else min(one for one in starts if one is not None)
                end = max(self._bounds(leaf)[1] for leaf in batch)
                one_pass = Pass(names, start, end, among)
                tests = tuple(self._test(one_pass, leaf, leaves[leaf]) for leaf in batch)
                for leaf, bit in zip(batch, layout.place(Block(tests, one_pass.source())), strict=True):
                    answers[leaf] = Answer(bit)
        return answers

    def _bounds(self, leaf: Interest) -> tuple[datetime | None, datetime]:
        if leaf.window is None:
            return None, self.clock.as_of
        start, end = bounds(leaf.window, self.clock, of_events=True)
        return start, end or self.clock.as_of

    def _test(self, one_pass: Pass, leaf: Interest, chosen: Sql) -> Sql:
        start, end = self._bounds(leaf)
        whole = one_pass.aggregate("count(*)", one_pass.hoisted, start, end)
        part = one_pass.aggregate("count(*)", chosen, start, end)
        if leaf.at_least is not None:
            # Whole numbers on both sides: 3 of 10 are 30 %, whatever a float makes of it.
            share = Fraction(str(leaf.at_least))
            needed = f"{whole}::hugeint * {share.numerator}"
            return Sql(f"({whole} > 0 and {part}::hugeint * {share.denominator} >= {needed})")
        if leaf.check is None or not any(test.operator == "equals" for test in leaf.check.tests):
            return Sql(f"{part} * 2 > {whole}")  # a set or a slot prevails with more than half
        counts = one_pass.aggregate(f"histogram({self._value(leaf)})", one_pass.hoisted, start, end)
        return Sql(f"({part} > 0 and {part} >= coalesce(list_max(map_values({counts})), 0))")

    def _value(self, leaf: Interest) -> Sql:
        """A text that is equal for equal values of the property, after conversion; null where there is none."""
        assert leaf.property is not None
        assert leaf.check is not None
        facets = self.events.fields.facets(leaf.property)
        if leaf.check.convert is None:
            return identity_of(facets)
        return Sql(f"({converted(facets, leaf.check.convert, self.clock)})::varchar")
