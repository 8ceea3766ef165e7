"""Leaves about recency and frequency: the grid of ten segments among those who did an event.

Scores are relative, so every member of the population takes part in everybody's score. The monetary property of the
definition serves statistics and does not decide membership.
Not here: events counted against a fixed number (`events.py`).
"""

from __future__ import annotations

from segmentation.clock import Clock, bounds
from segmentation.language.model import Leaf, Rfm, Window
from segmentation.plan.aggregates import EVENTS, ROW
from segmentation.plan.conditions import Answer, Block, Layout
from segmentation.plan.events import Needs, rows_of
from segmentation.plan.sql import Sql

# Recency score: segment by frequency score, 1 to 5.
GRID: dict[int, tuple[str, str, str, str, str]] = {
    5: ("new_users", "potential_loyalists", "potential_loyalists", "champions", "champions"),
    4: ("promising", "potential_loyalists", "potential_loyalists", "loyal_users", "loyal_users"),
    3: ("about_to_sleep", "about_to_sleep", "needing_attention", "loyal_users", "loyal_users"),
    2: ("hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose_them"),
    1: ("hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose_them"),
}


def cells(segment: str) -> list[int]:
    """The cells of a segment, each as recency * 10 + frequency."""
    return [
        recency * 10 + frequency
        for recency, names in GRID.items()
        for frequency, name in enumerate(names, start=1)
        if name == segment
    ]


class RfmConditions:
    """Collects leaves; those over the same event and window share their scores."""

    def __init__(self, clock: Clock, needs: Needs) -> None:
        self.clock, self.needs = clock, needs
        self.populations: dict[tuple[str, Window | None], dict[Rfm, None]] = {}

    def add(self, leaf: Rfm) -> None:
        """Notes a leaf and the event it needs stored."""
        self.needs.want((leaf.event,))
        self.populations.setdefault((leaf.event, leaf.window), {})[leaf] = None

    def place(self, layout: Layout) -> dict[Leaf, Answer]:
        """A block for each population, and where each leaf's answer stands."""
        answers: dict[Leaf, Answer] = {}
        for (event, window), leaves in self.populations.items():
            # Names of the grid are ten, but leaves that differ in the property alone are distinct as well.
            tests = {leaf: Sql(f"cell in ({', '.join(map(str, cells(leaf.segment)))})") for leaf in leaves}
            distinct = list(dict.fromkeys(tests.values()))
            bits = layout.place(Block(tuple(distinct), self._source(event, window)))
            place = dict(zip(distinct, bits, strict=True))
            answers.update({leaf: Answer(place[test]) for leaf, test in tests.items()})
        return answers

    def seen(self, leaf: Rfm) -> Sql:
        """What a leaf looks at: the cell of everybody who did the event, as recency * 10 + frequency."""
        return self._source(leaf.event, leaf.window)

    def _source(self, event: str, window: Window | None) -> Sql:
        start, end = bounds(window, self.clock, of_events=True) if window else (None, self.clock.as_of)
        return Sql(
            "select person_no,"
            " (ceil(5 * cume_dist() over (order by latest)) * 10"
            " + ceil(5 * cume_dist() over (order by times)))::integer as cell"
            f" from (select {ROW}.person_no, max({ROW}.ts) as latest, count(*) as times"
            f" from {EVENTS} as {ROW}"
            # Strangers have events too, but no place among the users.
            f" semi join {{{{ ref('user_profiles') }}}} as k on k.person_no = {ROW}.person_no"
            f" where {rows_of((event,), start, end)} group by {ROW}.person_no)"
        )
