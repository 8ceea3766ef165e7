"""Live segments: who qualifies, when, and whether the filter held then, as three dbt models.

`live_rules` (one row per live segment of the run: the days it judges) and `live_moments` (one row per person and
instant at which a trigger held) follow from the events and the run's moment alone. `live_people` are the members: those
who qualified on the run's day, by the log where there is one, else by the moments.
Not here: the log (dbt's state models), and the triggers and filters themselves (`live_triggers.py`, `live_filters.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date

from segmentation.clock import Clock
from segmentation.language.model import Definition, Did, Live, leaves
from segmentation.plan.events import EventConditions, Needs
from segmentation.plan.fields import FieldSet
from segmentation.plan.live_filters import MOMENT, MomentFilter, ReadsBits, depends_on_the_run, segments_read
from segmentation.plan.live_triggers import Judged, Triggers
from segmentation.plan.moments import MomentChecks, Moments
from segmentation.plan.sql import Sql, literal

TABLE = "{{ config(materialized='table') }}\n"
USERS = "x"  # how the membership calls the row of a user
NO_RULES = (
    "select null::varchar as segment, null::usmallint as segment_no, null::date as first_day,"
    " null::date as current_day, null::boolean as refusals_stay where false\n"
)
NO_MOMENTS = (
    "select null::usmallint as segment_no, null::uinteger as person_no, null::date as day,"
    " null::timestamp as qualified_at, null::boolean as holds where false\n"
)


def refusal(name: str, definitions: Mapping[str, Definition]) -> str | None:
    """Why the filter of a live segment cannot be asked: it reads a live segment, itself or through another."""
    body = definitions[name].body
    if not isinstance(body, Live):
        return None
    for read in sorted(segments_read(body)):
        path = _path_to_live(read, definitions, ())
        if path:
            through = "".join(f", which reads {one}" for one in path[1:])
            return f"its filter reads segment {path[0]}{through}: the filter of a live segment cannot read a live one"
    return None


def _path_to_live(name: str, definitions: Mapping[str, Definition], path: tuple[str, ...]) -> tuple[str, ...]:
    if name not in definitions or name in path:
        return ()
    if definitions[name].kind == "live":
        return (*path, name)
    found = (_path_to_live(other, definitions, (*path, name)) for other in definitions[name].references)
    return next((one for one in found if one), ())


class LiveSegments:
    """Collects live segments, notes what they need stored, and writes the models."""

    def __init__(
        self,
        clock: Clock,
        judged: Judged,
        event_fields: FieldSet,
        user_fields: FieldSet,
        needs: Needs,
        settings: Mapping[str, str],
    ) -> None:
        self.judged = judged
        self.triggers = Triggers(clock, judged, event_fields, user_fields, needs, settings)
        self.moments = Moments(Sql(f"{MOMENT}.qualified_at"), Sql(f"{MOMENT}.day"), judged.days, clock.zone)
        self.events = EventConditions(MomentChecks(clock, self.moments), event_fields, needs)
        self.queries: dict[str, tuple[Live, Sql]] = {}

    def add(self, name: str, live: Live) -> None:
        """Notes a segment."""
        self.queries[name] = live, self.triggers.query(live)
        for leaf in leaves(live.who) if live.who is not None else ():
            if isinstance(leaf, Did):
                self.events.add(replace(leaf, negated=False))

    @property
    def segments_read(self) -> set[str]:
        """Names of the segments that any filter reads."""
        return {name for live, _ in self.queries.values() for name in segments_read(live)}

    # ------------------------------------------------------------ models

    def rules_model(self, slots: Mapping[str, int]) -> str:
        """The dbt model `live_rules`."""
        if not self.queries:
            return TABLE + NO_RULES
        rows = []
        for name, (live, _) in self.queries.items():
            first, current = self._days(live)
            stays = literal(live.who is not None and depends_on_the_run(live))
            rows.append(f"({literal(name)}, {slots[name]}::usmallint, {literal(first)}, {literal(current)}, {stays})")
        values = ",\n    ".join(rows)
        names = "segment, segment_no, first_day, current_day, refusals_stay"
        return f"{TABLE}select * from (\n    values\n    {values}\n) as r ({names})\n"

    def _days(self, live: Live) -> tuple[date, date]:
        """The first day that a rule judges again, and the one that counts. A date is judged on its own day alone."""
        if live.trigger == "date":
            return self.judged.date_day, self.judged.date_day
        return self.judged.first, self.judged.current

    def moments_model(self, slots: Mapping[str, int], users: Sql, answer_of_the_run: ReadsBits) -> str:
        """The dbt model `live_moments`; `users` yields everybody with the bits that `answer_of_the_run` reads."""
        if not self.queries:
            return TABLE + NO_MOMENTS
        ctes = [f"users as (\n    {users}\n)"]
        selects = []
        for number, (name, (live, query)) in enumerate(self.queries.items()):
            relation = f"moments_{number}"
            ctes.append(
                f"{relation} as materialized (\n    select distinct person_no, qualified_at, day from ({query})\n)"
            )
            asked = MomentFilter(self.events, self.moments, relation, answer_of_the_run)
            holds = Sql("true") if live.who is None else asked.expression(live.who)
            selects.append(
                f"select {slots[name]}::usmallint as segment_no, {MOMENT}.person_no, {MOMENT}.day,"
                f" {MOMENT}.qualified_at, {holds} as holds\nfrom {relation} as {MOMENT}"
                f"\njoin users as {USERS} on {USERS}.person_no = {MOMENT}.person_no{asked.joins()}"
            )
        return f"{TABLE}with {_joined(ctes, ',')}\n{_joined(selects, chr(10) + 'union all')}\n"

    def people_model(self, *, from_log: bool) -> str:
        """The dbt model `live_people`, the roll of all live segments."""
        if from_log and self.queries:
            source = "{{ live_standing(ref('live_log')) }}"
            holds = ""
        else:
            source, holds = "{{ ref('live_moments') }}", "\nwhere q.holds"
        return (
            f"{TABLE}select distinct r.segment, q.person_no\nfrom {{{{ ref('live_rules') }}}} as r"
            f"\njoin {source} as q on q.segment_no = r.segment_no and q.day = r.current_day{holds}\n"
        )


def _joined(parts: Iterable[str] | Iterator[str], by: str) -> str:
    return f"{by}\n".join(parts)
