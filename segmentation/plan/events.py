"""Event leaves: `did` and `did_not`, compiled so that an event's rows are looked at once for all of them.

Leaves that ask only whether something happened are bits of the event's row itself, or-ed together per person. The
others share a pass: one GROUP BY over that event's rows whose aggregates are shared between leaves that differ in the
threshold only. A pass with many different filters is cut into one pass per filter, so that rows are not offered to
filters that refuse them.
Not here: storing the rows (`compile.py`), tests on single values (`checks.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from segmentation.clock import bounds
from segmentation.language.model import Did, Leaf, Where
from segmentation.plan.aggregates import EVENTS, ROW, aggregate_test, fits_at_the_end, needs_an_event, zero_passes
from segmentation.plan.checks import Checks, within
from segmentation.plan.conditions import Answer, Block, Layout
from segmentation.plan.fields import FieldSet
from segmentation.plan.places import at
from segmentation.plan.sql import FALSE, TRUE, Sql, all_of, complement, literal

MANY_AGGREGATES = 12  # beyond this, one pass per filter is faster than one pass with FILTER clauses (measured)


@dataclass
class Needs:
    """What the event tiles must hold besides fields."""

    events: set[str] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)  # plain columns of an event, beyond who, what and when
    any_event: bool = False
    local_time: bool = False

    def want(self, events: tuple[str, ...] | None) -> None:
        """Rows of these events, or of all."""
        if events is None:
            self.any_event = True
        else:
            self.events.update(events)


@dataclass
class Pass:
    """One GROUP BY over the rows of some events, and the aggregates it computes."""

    events: tuple[str, ...] | None
    start: datetime | None
    end: datetime
    hoisted: Sql = TRUE  # a filter that every row of this pass has passed
    aggregates: dict[Sql, str] = field(default_factory=dict)

    def aggregate(self, call: str, predicate: Sql, start: datetime | None = None, end: datetime | None = None) -> Sql:
        """The name of an aggregate over the rows that pass the predicate within [start, end)."""
        terms = [] if predicate in (TRUE, self.hoisted) else [predicate]
        terms += [Sql(f"{ROW}.ts >= {literal(start)}")] if start and start != self.start else []
        terms += [Sql(f"{ROW}.ts < {literal(end)}")] if end and end != self.end else []
        sql = Sql(f"{call} filter (where {all_of(terms)})" if terms else call)
        return Sql(self.aggregates.setdefault(sql, f"a{len(self.aggregates)}"))

    def source(self) -> Sql:
        """The query of the pass: one row per person."""
        columns = "".join(f", {sql} as {name}" for sql, name in self.aggregates.items())
        return Sql(
            f"select {ROW}.person_no{columns} from {EVENTS} as {ROW}"
            f" where {rows_of(self.events, self.start, self.end)}"
            + (f" and {self.hoisted}" if self.hoisted != TRUE else "")
            + f" group by {ROW}.person_no"
        )


def rows_of(events: tuple[str, ...] | None, start: datetime | None, end: datetime | None) -> Sql:
    """The stored rows of some events within [start, end)."""
    terms = []
    if events is not None:
        names = ", ".join(literal(name) for name in sorted(set(events)))
        terms.append(Sql(f"{ROW}.event in ({names})"))
    if start:
        terms.append(Sql(f"{ROW}.ts >= {literal(start)}"))
    if end:
        terms.append(Sql(f"{ROW}.ts < {literal(end)}"))
    return all_of(terms)


class EventConditions:
    """Collects positive `did` leaves, then turns them into blocks."""

    def __init__(self, checks: Checks, fields: FieldSet, needs: Needs) -> None:
        self.checks, self.fields, self.needs = checks, fields, needs
        self.leaves: dict[Did, Sql] = {}

    def add(self, leaf: Did) -> None:
        """Notes a positive leaf and what it needs stored."""
        if leaf in self.leaves:
            return
        self.needs.want(leaf.events)
        self.leaves[leaf] = self.row_filter(leaf)
        if leaf.near:
            self.needs.columns |= {"city", "lat", "lon"}
        if leaf.occurrence or (leaf.aggregate and leaf.aggregate.function in ("first", "last")):
            self.needs.columns.add("event_id")
        if leaf.aggregate and leaf.aggregate.of:
            if leaf.aggregate.of == "days" and leaf.aggregate.function == "distinct":
                self.needs.local_time = True
            else:
                self.fields.facets(leaf.aggregate.of)

    def row_filter(self, leaf: Did) -> Sql:
        """What an event must satisfy by itself, windows apart."""
        return self.restriction(leaf.where, leaf.hours, leaf.weekdays, [at(leaf.near, ROW)] if leaf.near else [])

    def restriction(
        self,
        where: Where,
        hours: tuple[int, int] | None,
        weekdays: tuple[int, ...] | None,
        more: Iterable[Sql] = (),
    ) -> Sql:
        """Filters, hours of the day and days of the week of a stored event."""
        terms = [self.checks.filters(where, self.fields.facets)] if where else []
        if hours or weekdays:
            self.needs.local_time = True
        if hours:
            terms.append(in_hours(hours))
        if weekdays:
            terms.append(on_weekdays(weekdays))
        return all_of([*terms, *more])

    def place(self, layout: Layout) -> dict[Leaf, Answer]:
        """Blocks for all leaves, and where each leaf's answer stands."""
        answers: dict[Leaf, Answer] = {}
        groups: dict[tuple[str, ...] | None, list[Did]] = {}
        for leaf in self.leaves:
            key = None if leaf.events is None else tuple(sorted(set(leaf.events)))
            groups.setdefault(key, []).append(leaf)
        for events, leaves in sorted(groups.items(), key=lambda item: (item[0] is not None, item[0] or ())):
            answers.update(self._place_simple(layout, events, [leaf for leaf in leaves if self._is_simple(leaf)]))
            for one_pass, members in self._passes(events, [leaf for leaf in leaves if not self._is_simple(leaf)]):
                measured = [self._measure(one_pass, leaf) for leaf in members]
                source = one_pass.source()
                bits = layout.place_all([test for test, _ in measured], lambda tests, s=source: Block(tests, s))  # type: ignore[misc]
                for leaf, bit, (_, negated) in zip(members, bits, measured, strict=True):
                    answers[leaf] = Answer(bit, negated)
        return answers

    def _is_simple(self, leaf: Did) -> bool:
        """Whether one event is enough: then its row alone sets the bit, and nothing needs to be counted per person."""
        start, end = self._bounds(leaf)
        return leaf.aggregate is None and leaf.occurrence is None and (start is None or start < end)

    def _place_simple(self, layout: Layout, events: tuple[str, ...] | None, leaves: list[Did]) -> dict[Leaf, Answer]:
        if not leaves:
            return {}
        whole = self._pass(events, leaves, TRUE)
        source = Sql(f"select * from {EVENTS} as {ROW} where {rows_of(events, whole.start, whole.end)}")
        tests = []
        for leaf in leaves:
            start, end = self._bounds(leaf)
            terms = [] if start == whole.start or start is None else [Sql(f"{ROW}.ts >= {literal(start)}")]
            terms += [] if end == whole.end else [Sql(f"{ROW}.ts < {literal(end)}")]
            tests.append(all_of([*terms, self.leaves[leaf]]))
        bits = layout.place_all(tests, lambda some: Block(some, source))
        return {leaf: Answer(bit) for leaf, bit in zip(leaves, bits, strict=True)}

    def _passes(self, events: tuple[str, ...] | None, leaves: list[Did]) -> Iterable[tuple[Pass, list[Did]]]:
        if not leaves:
            return
        whole = self._pass(events, leaves, TRUE)
        for leaf in leaves:
            self._measure(whole, leaf)
        by_filter: dict[Sql, list[Did]] = {}
        for leaf in leaves:
            # The first or last event of all is judged by the filter, not chosen among those that pass it.
            by_filter.setdefault(TRUE if leaf.occurrence else self.leaves[leaf], []).append(leaf)
        if len(whole.aggregates) <= MANY_AGGREGATES or len(by_filter) == 1:
            yield self._pass(events, leaves, TRUE), leaves
            return
        for predicate, members in by_filter.items():
            yield self._pass(events, members, predicate), members

    def _pass(self, events: tuple[str, ...] | None, leaves: list[Did], hoisted: Sql) -> Pass:
        starts = [self._bounds(leaf)[0] for leaf in leaves]
        if any(leaf.occurrence for leaf in leaves):
            starts.append(None)
        known = [start for start in starts if start is not None]
        start = min(known) if len(known) == len(starts) else None
        end = max(self._bounds(leaf)[1] for leaf in leaves)
        if any(leaf.occurrence for leaf in leaves):
            end = self.checks.clock.as_of
        return Pass(events, start, end, hoisted)

    def _bounds(self, leaf: Did) -> tuple[datetime | None, datetime]:
        as_of = self.checks.clock.as_of
        if leaf.window is None:
            return None, as_of
        start, end = bounds(leaf.window, self.checks.clock, of_events=True)
        return start, as_of if end is None else min(end, as_of)

    def _measure(self, one_pass: Pass, leaf: Did) -> tuple[Sql, bool]:
        """The test of a leaf on a pass's aggregates, and whether the answer is its complement."""
        start, end = self._bounds(leaf)
        predicate = self.leaves[leaf]
        if start is not None and start >= end:  # an empty window: everybody is a non-doer
            return FALSE, leaf.include_non_doers and leaf.aggregate is not None and zero_passes(leaf.aggregate)
        if leaf.occurrence:
            return self._occurrence(one_pass, leaf, predicate, start, end), False
        assert leaf.aggregate is not None  # without one, the leaf is simple and not here

        def call(sql: str) -> Sql:
            return one_pass.aggregate(sql, predicate, start, end)

        test = aggregate_test(leaf.aggregate, call, self.fields, self.checks)
        if not leaf.include_non_doers and needs_an_event(leaf.aggregate):
            return test, False
        latest = one_pass.aggregate(f"max({ROW}.ts)", predicate, None, end)
        happened = Sql(f"{latest} >= {literal(start)}") if start else Sql(f"{latest} is not null")
        if leaf.include_non_doers and zero_passes(leaf.aggregate):
            return all_of([happened, complement(test)]), True
        return all_of([happened, test]), False

    def _occurrence(self, one_pass: Pass, leaf: Did, predicate: Sql, start: datetime | None, end: datetime) -> Sql:
        extreme = "min" if leaf.occurrence == "first" else "max"
        if predicate == TRUE:
            return within(one_pass.aggregate(f"{extreme}({ROW}.ts)", TRUE), start, end)
        fits = all_of([predicate, within(Sql(f"{ROW}.ts"), start, end)])
        return one_pass.aggregate(fits_at_the_end(leaf.occurrence or "first", fits), TRUE)


def in_hours(hours: tuple[int, int]) -> Sql:
    """Local time of day in [from, to), in minutes after midnight; wraps."""
    start, end = hours
    minute = f"(hour({ROW}.local_ts) * 60 + minute({ROW}.local_ts))"
    return Sql(f"({minute} >= {start} {'and' if start < end else 'or'} {minute} < {end})")


def on_weekdays(weekdays: tuple[int, ...]) -> Sql:
    """Local ISO weekday, Monday is 1."""
    return Sql(f"isodow({ROW}.local_ts) in ({', '.join(str(day) for day in weekdays)})")
