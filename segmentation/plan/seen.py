"""What leaves look at: the value that a leaf compares, and the rows behind it, as queries for people who ask why.

The families of leaves say their own values; here they are put over tiles that also hold what only a reader of evidence
wants, such as all properties of an event. Whether a leaf holds is never decided here: the plan does that.
Not here: what the values are called (`orchestration/questions`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from segmentation.clock import Clock, bounds
from segmentation.language.model import (
    Attribute,
    Bucket,
    Definition,
    Device,
    Did,
    InSegment,
    Interest,
    Leaf,
    Located,
    Reach,
    Regularly,
    Response,
    Rfm,
    Sequence,
    Tag,
    Window,
)
from segmentation.plan.aggregates import EVENTS, ROW, aggregate_value, packed_facets
from segmentation.plan.devices import DEVICE, IN_USE
from segmentation.plan.events import rows_of
from segmentation.plan.leaves import Conditions
from segmentation.plan.places import metres_from
from segmentation.plan.profiles import USER, percent
from segmentation.plan.reach import facts_of
from segmentation.plan.sql import NULL, Sql, all_of, literal
from segmentation.plan.tiles import tiles_model

EVIDENCE = ("city", "event_id", "lat", "lon", "properties", "source")  # columns of events that people are shown


class Sight:
    """The leaves of some definitions at a clock, each with the query that shows what it looks at.

    The queries read `person_events` over the tiles, and `user_profiles`, of `models`, and give rows with `person_no`.
    """

    def __init__(self, definitions: Iterable[Definition], clock: Clock, settings: Mapping[str, str]) -> None:
        self.clock = clock
        self.conditions = Conditions(clock, settings)
        for definition in definitions:
            if definition.kind == "who":
                self.conditions.add(definition)

    def models(self, *, evidence: bool = True) -> dict[str, str]:
        """The tiles, with all that evidence shows, and the profiles; without evidence, what `value` reads alone."""
        needs = self.conditions.needs
        needs.columns |= {*EVIDENCE} if evidence else set()
        needs.local_time = True
        tiles, _ = tiles_model(self.conditions.event_fields, needs, self.clock, None)
        return {"event_tiles": tiles, "user_profiles": self.conditions.profiles_model()}

    def value(self, leaf: Leaf) -> Sql | None:
        """The query of what a leaf compares; None for membership of another segment, which is recorded."""
        match leaf:
            case Did():
                return self._did(leaf)
            case Attribute(path, _):
                packed = packed_facets(self.conditions.user_fields.facets(path))
                return self._profile(f"{packed} as value")
            case Tag():
                return self._profile("tags")
            case Located(place):
                distance = metres_from(place, USER)
                return self._profile(f"city, lat, lon, {distance or NULL} as metres")
            case Bucket(seed, _, _):
                return self._profile(f"{percent(seed)} as drawn")
            case Device(checks):
                words = ", ".join(f"{DEVICE}.{word}" for word, _ in checks)
                return Sql(
                    f"select p.person_no, {DEVICE}.device_id, {words}, {IN_USE} as in_use"
                    f" from {{{{ ref('stg_devices') }}}} as {DEVICE}"
                    f" join {{{{ ref('people') }}}} as p on p.source = '' and p.id = {DEVICE}.user_id"
                )
            case Reach():
                return self._reach(leaf)
            case Response():
                return self.conditions.responses.seen(leaf)
            case Sequence():
                return self.conditions.sequences.seen(leaf)
            case Regularly():
                return self.conditions.regular.seen(leaf)
            case Interest():
                return self.conditions.interests.seen(leaf)
            case Rfm():
                return self.conditions.rfm.seen(leaf)
            case InSegment():
                return None

    def events(self, leaf: Leaf) -> Sql | None:
        """The query of the events that speak for a leaf; None for leaves that are not about events."""
        match leaf:
            case Did():
                return self._rows(leaf)
            case Rfm(event, _, _, window):
                return self._shown(rows_of((event,), *self._reach_of(window)))
            case Regularly():
                return self._shown(all_of([rows_of(leaf.events, None, self.clock.as_of), self._where(leaf)]))
            case Interest():
                among = self.conditions.events.restriction(leaf.where, leaf.within_hours, leaf.within_weekdays)
                return self._shown(all_of([rows_of(leaf.events, *self._reach_of(leaf.window)), among]))
            case Sequence(steps, _, window):
                named = {name for step in steps for name in step.events or ()}
                whole = None if any(step.events is None for step in steps) else tuple(sorted(named))
                return self._shown(rows_of(whole, *self._reach_of(window)))
            case _:
                return None

    def _did(self, leaf: Did) -> Sql:
        """Events of the names and the window, those of them that fit, when they were, and what is compared."""
        fits, (start, end) = self.conditions.events.row_filter(leaf), self._reach_of(leaf.window)
        if leaf.occurrence:
            extreme = "min" if leaf.occurrence == "first" else "max"
            return Sql(
                f"select {ROW}.person_no, count(*) as named, count(*) filter (where {fits}) as fitting,"
                f" min({ROW}.ts) as first, max({ROW}.ts) as last, {extreme}({ROW}.ts) as value from {EVENTS} as {ROW}"
                f" where {rows_of(leaf.events, None, self.clock.as_of)} group by {ROW}.person_no"
            )

        def call(sql: str) -> Sql:
            return Sql(f"({sql} filter (where {fits}))")

        events = self.conditions.events
        value = NULL if leaf.aggregate is None else aggregate_value(leaf.aggregate, call, events.fields, events.checks)
        return Sql(
            f"select {ROW}.person_no, count(*) as named, count(*) filter (where {fits}) as fitting,"
            f" min({ROW}.ts) filter (where {fits}) as first, max({ROW}.ts) filter (where {fits}) as last,"
            f" {value} as value from {EVENTS} as {ROW} where {rows_of(leaf.events, start, end)}"
            f" group by {ROW}.person_no"
        )

    def _rows(self, leaf: Did) -> Sql:
        if leaf.occurrence:  # the one event that is judged, whether it fits or not
            direction = "asc" if leaf.occurrence == "first" else "desc"
            rows = self._shown(rows_of(leaf.events, None, self.clock.as_of))
            place = f"partition by {ROW}.person_no order by {ROW}.ts {direction}, {ROW}.event_id {direction}"
            return Sql(f"{rows} qualify row_number() over ({place}) = 1")
        fits = self.conditions.events.row_filter(replace(leaf, negated=False))
        return self._shown(all_of([rows_of(leaf.events, *self._reach_of(leaf.window)), fits]))

    def _shown(self, rows: Sql) -> Sql:
        columns = ", ".join(f"{ROW}.{name}" for name in ("person_no", "event", "ts", *EVIDENCE))
        return Sql(f"select {columns} from {EVENTS} as {ROW} where {rows}")

    def _where(self, leaf: Regularly) -> Sql:
        return self.conditions.events.restriction(leaf.where, None, None)

    def _reach(self, leaf: Reach) -> Sql:
        union = " union all ".join(
            f"select user_id, {literal(fact.words)} as fact from ({fact.users})" for fact in facts_of(leaf)
        )
        return Sql(
            f"select distinct p.person_no, f.fact from ({union}) as f"
            " join {{ ref('people') }} as p on p.source = '' and p.id = f.user_id"
        )

    def _profile(self, columns: str) -> Sql:
        return Sql(f"select {USER}.person_no, {columns} from {{{{ ref('user_profiles') }}}} as {USER}")

    def _reach_of(self, window: Window | None) -> tuple[datetime | None, datetime]:
        if window is None:
            return None, self.clock.as_of
        start, end = bounds(window, self.clock, of_events=True)
        return start, self.clock.as_of if end is None else min(end, self.clock.as_of)
