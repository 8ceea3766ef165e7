"""The filter of a live segment, asked of each person at the instant of qualification.

What people did is asked as of that instant: events before it, windows as seen from it. What they are (attributes, tags,
devices, channels), patterns of behaviour and other segments are asked as of the run, whose answers are bits already.
Not here: who qualifies at all (`live_triggers.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from segmentation.language.model import All, Any_, Did, InSegment, Leaf, Live, Not, Rule, leaves
from segmentation.plan.aggregates import EVENTS, ROW, aggregate_test, fits_at_the_end, zero_passes
from segmentation.plan.events import EventConditions, rows_of
from segmentation.plan.moments import Moments
from segmentation.plan.sql import TRUE, Sql, all_of, any_of, complement

MOMENT = "m"  # how a filter calls the row of a person and an instant

ReadsBits = Callable[[Leaf, bool], Sql]


def leaves_of_the_run(live: Live) -> Iterator[Leaf]:
    """The leaves of a filter that are answered as of the run."""
    yield from (leaf for leaf in _leaves(live) if not isinstance(leaf, Did | InSegment))


def segments_read(live: Live) -> set[str]:
    """Names of the segments that a filter reads."""
    return {leaf.name for leaf in _leaves(live) if isinstance(leaf, InSegment)}


def depends_on_the_run(live: Live) -> bool:
    """Whether the filter may answer otherwise in a later run, for the same instant and the same events."""
    return any(not isinstance(leaf, Did) for leaf in _leaves(live))


def _leaves(live: Live) -> Iterator[Leaf]:
    yield from leaves(live.who) if live.who is not None else ()


class MomentFilter:
    """One filter over one relation of moments (`person_no`, `qualified_at`, `day`)."""

    def __init__(self, events: EventConditions, moments: Moments, relation: str, answer_of_the_run: ReadsBits) -> None:
        self.events, self.moments, self.relation = events, moments, relation
        self.answer_of_the_run = answer_of_the_run
        self.sets: dict[Did, tuple[str, Sql, bool]] = {}  # by leaf: a name, the moments where it holds, or where not

    def expression(self, rule: Rule, holds: bool = True) -> Sql:
        """Whether a moment satisfies the rule, or does not; never null. Joins of `joins` have to be there."""
        match rule:
            case All(children):
                return (all_of if holds else any_of)(self.expression(child, holds) for child in children)
            case Any_(children):
                return (any_of if holds else all_of)(self.expression(child, holds) for child in children)
            case Not(child):
                return self.expression(child, not holds)
            case Did():
                return self._did(rule, holds)
            case _:
                return self.answer_of_the_run(rule, holds)

    def joins(self) -> Sql:
        """One join for each leaf about what people did."""
        return Sql(
            "".join(
                f"\n    left join ({query}) as {name} on {name}.person_no = {MOMENT}.person_no"
                f" and {name}.qualified_at = {MOMENT}.qualified_at"
                for name, query, _ in self.sets.values()
            )
        )

    def _did(self, leaf: Did, holds: bool) -> Sql:
        positive = replace(leaf, negated=False)
        if positive not in self.sets:
            query, is_complement = self._moments_where(positive)
            self.sets[positive] = (f"f{len(self.sets)}", query, is_complement)
        name, _, is_complement = self.sets[positive]
        found = holds != (leaf.negated != is_complement)
        return Sql(f"{name}.person_no is {'not ' if found else ''}null")

    def _moments_where(self, leaf: Did) -> tuple[Sql, bool]:
        """The moments at which a positive leaf holds; or, with True, those at which it does not."""
        self.events.add(leaf)
        fits = self.events.leaves[leaf]
        start, end = self.moments.bounds(leaf.window) if leaf.window else (None, None)
        terms = [] if start is None else [Sql(f"{ROW}.ts >= {start}")]
        terms += [] if end is None else [Sql(f"{ROW}.ts < {end}")]
        in_window = all_of(terms)
        if leaf.occurrence:  # the first or last event of all is judged by the filter, not chosen among those that pass
            test = fits_at_the_end(leaf.occurrence, all_of([fits, in_window]))
            return self._grouped(leaf, TRUE, test), False
        rows = all_of([in_window, fits])
        if leaf.aggregate is None:
            return self._grouped(leaf, rows, TRUE), False
        test = aggregate_test(leaf.aggregate, lambda call: Sql(f"({call})"), self.events.fields, self.events.checks)
        if leaf.include_non_doers and zero_passes(leaf.aggregate):
            return self._grouped(leaf, rows, complement(test)), True
        return self._grouped(leaf, rows, test), False

    def _grouped(self, leaf: Did, rows: Sql, test: Sql) -> Sql:
        """Moments with any such event before them, by a test on all of those events."""
        earliest = self.moments.earliest(leaf.window) if leaf.window and not leaf.occurrence else None
        having = f" having {test}" if test != TRUE else ""
        return Sql(
            f"select {MOMENT}.person_no, {MOMENT}.qualified_at from {self.relation} as {MOMENT}"
            f" join {EVENTS} as {ROW} on {ROW}.person_no = {MOMENT}.person_no"
            f" and {ROW}.ts < {MOMENT}.qualified_at"
            f" where {all_of([rows_of(leaf.events, earliest, self.events.checks.clock.as_of), rows])}"
            f" group by {MOMENT}.person_no, {MOMENT}.qualified_at, {MOMENT}.day{having}"
        )
