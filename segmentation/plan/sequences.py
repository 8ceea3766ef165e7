"""Leaves about order: steps that follow each other, or fail to.

What the rest of a sequence can still see of the steps before is the person, the value that all steps share, and the
instant of the last step taken; so each step maps the set of those to the next one, and no combination is enumerated.
Of the instants that a later event may follow within a span, only the nearest matters, and without a span only the
first: both are exact, and keep a step at the size of its events.
Not here: events counted without regard to order (`events.py`).
"""

from __future__ import annotations

from dataclasses import replace

from segmentation.clock import Clock, bounds
from segmentation.language.model import Leaf, Sequence, Step, Within
from segmentation.plan.aggregates import EVENTS, ROW, identity_of
from segmentation.plan.conditions import Answer, Block, Layout
from segmentation.plan.events import EventConditions, rows_of
from segmentation.plan.sql import FALSE, TRUE, Sql, all_of, literal

MICROSECONDS = {"minutes": 60_000_000, "hours": 3_600_000_000, "days": 86_400_000_000, "weeks": 604_800_000_000}
# No two instants of the calendar are ten thousand years apart, and more might be too much for the engine to add.
LONGEST_MONTHS = 12 * 10_000
LONGEST_MICROSECONDS = 3_660_000 * MICROSECONDS["days"]


class SequenceConditions:
    """Collects leaves; each becomes a block of its own."""

    def __init__(self, clock: Clock, events: EventConditions) -> None:
        self.clock, self.events = clock, events
        self.leaves: dict[Sequence, Sql] = {}

    def add(self, leaf: Sequence) -> None:
        """Notes a leaf and what it needs stored."""
        if leaf in self.leaves:
            return
        for step in leaf.steps:
            self.events.needs.want(step.events)
        self.leaves[leaf] = self._source(leaf)

    def place(self, layout: Layout) -> dict[Leaf, Answer]:
        """A block for each leaf, and where its answer stands."""
        return {leaf: Answer(layout.place(Block((TRUE,), source))[0]) for leaf, source in self.leaves.items()}

    def seen(self, leaf: Sequence) -> Sql:
        """What a leaf looks at: how many of its leading steps people have taken; nobody who has taken none."""
        reached = [
            f"select person_no, {count} as steps from ({self._source(replace(leaf, steps=leaf.steps[:count]))})"
            for count in range(1, len(leaf.steps) + 1)
        ]
        return Sql(f"select person_no, max(steps) as steps from ({' union all '.join(reached)}) group by person_no")

    def _source(self, leaf: Sequence) -> Sql:
        """People who have taken all steps."""
        taken = [self._candidates(leaf, leaf.steps[0])]
        for step in leaf.steps[1:]:
            before, rows = f"s{len(taken) - 1}", self._candidates(leaf, step)
            taken.append(self._not_taken(step, rows, before) if step.negated else self._taken(step, rows, before))
        chain = ", ".join(f"s{n} as ({query})" for n, query in enumerate(taken))
        return Sql(f"with {chain} select distinct person_no from s{len(taken) - 1}")

    def _candidates(self, leaf: Sequence, step: Step) -> Sql:
        """Events that a step looks at, as person, shared value and instant."""
        start, end = bounds(leaf.window, self.clock, of_events=True) if leaf.window else (None, self.clock.as_of)
        terms = [rows_of(step.events, start, end)]
        if step.where:
            terms.append(self.events.restriction(step.where, None, None))
        value = Sql("0")
        if leaf.same is not None:  # a missing value equals no other, not even a missing one
            value = identity_of(self.events.fields.facets(leaf.same))
            terms.append(Sql(f"{value} is not null"))
        return Sql(f"select {ROW}.person_no, {value} as value, {ROW}.ts from {EVENTS} as {ROW} where {all_of(terms)}")

    def _taken(self, step: Step, rows: Sql, before: str) -> Sql:
        """Instants of a step that come strictly after the step before, within the span if there is one."""
        span = elapsed(step.after)
        if span is None:
            return Sql(
                f"select c.* from ({rows}) as c"
                f" join (select person_no, value, min(ts) as ts from {before} group by person_no, value) as b"
                " on b.person_no = c.person_no and b.value = c.value and c.ts > b.ts"
            )
        return Sql(
            f"select c.* from ({rows}) as c asof join {before} as b"
            f" on c.person_no = b.person_no and c.value = b.value and c.ts > b.ts where c.ts <= b.ts + {span}"
        )

    def _not_taken(self, step: Step, rows: Sql, before: str) -> Sql:
        """Instants of the step before that nothing followed: both ends of the span count, and it must be over."""
        if step.after is None:
            return Sql(
                f"select b.* from {before} as b"
                f" left join (select person_no, value, max(ts) as ts from ({rows}) group by person_no, value) as c"
                " on b.person_no = c.person_no and b.value = c.value where c.ts is null or c.ts < b.ts"
            )
        span = elapsed(step.after)
        over = FALSE if span is None else Sql(f"ts + {span} <= {literal(self.clock.as_of)}")
        return Sql(
            f"select b.* from (select * from {before} where {over}) as b asof left join ({rows}) as c"
            " on b.person_no = c.person_no and b.value = c.value and b.ts <= c.ts"
            f" where c.ts is null or c.ts > b.ts + {span or 'null'}"
        )


def elapsed(after: Within | None) -> Sql | None:
    """A span as elapsed time (a day is 24 hours, months go by the calendar in UTC); None if nothing bounds it."""
    if after is None:
        return None
    if after.unit in ("months", "years"):
        months = after.count * (12 if after.unit == "years" else 1)
        return Sql(f"to_months({months})") if months <= LONGEST_MONTHS else None
    microseconds = after.count * MICROSECONDS[after.unit]
    return Sql(f"to_microseconds({microseconds})") if microseconds <= LONGEST_MICROSECONDS else None
