"""Facts of people that statistics of segments add up: what they did in the last months, and how they can be reached.

One row per person for all segments, so that statistics of a thousand segments look at events once. A number that is
missing, or that is none, counts as 0 and stays in the denominator, as in the averages of rules.
Not here: adding up (`dbt_project/models/state/segment_metrics_log.sql`), and what became of messages.
"""

from __future__ import annotations

from collections.abc import Mapping

from segmentation.clock import Clock, full_months
from segmentation.plan.aggregates import EVENTS, ROW
from segmentation.plan.events import EventConditions, rows_of
from segmentation.plan.facets import as_number
from segmentation.plan.reach import CHANNELS, reachability
from segmentation.plan.sql import Sql, literal

MONTHS = 3  # full calendar months before the one of the run's moment
# Events and properties by their names in the settings, and what they are called where the settings say nothing.
NAMES: Mapping[str, str] = {
    "app_open": "app_open",
    "session_end": "session_end",
    "session_seconds": "seconds",
    "purchase": "purchase",
    "purchase_amount": "amount",
}
ACTIVITY: Mapping[str, str] = {"opens": "bigint", "sessions": "bigint", "seconds": "double", "revenue": "double"}


class PersonFacts:
    """The dbt model `person_facts`. Whoever compiles it says first what the tiles have to hold for it."""

    def __init__(self, clock: Clock, events: EventConditions, settings: Mapping[str, str]) -> None:
        self.clock, self.events = clock, events
        self.names = {key: settings.get(key, name) for key, name in NAMES.items()}

    def want(self) -> None:
        """Asks for the events, with the numbers they carry."""
        self.events.needs.want(self._events)
        for key in ("session_seconds", "purchase_amount"):
            self.events.fields.facets(self.names[key])

    def model(self) -> str:
        """One row per person of whom anything is known; who has none has zeros and can be reached nowhere."""
        counts = "".join(f",\n    coalesce(a.{name}, 0)::{kind} as {name}" for name, kind in ACTIVITY.items())
        channels = "".join(f",\n    coalesce(r.{channel}, false) as {channel}" for channel in CHANNELS)
        return (
            "{{ config(materialized='table') }}\n"
            f"select\n    coalesce(a.person_no, r.person_no) as person_no{counts}{channels}\n"
            f"from ({self._activity()}) as a\nfull join ({reachability()}) as r on a.person_no = r.person_no\n"
        )

    @property
    def _events(self) -> tuple[str, ...]:
        return tuple(self.names[key] for key in ("app_open", "session_end", "purchase"))

    def _activity(self) -> Sql:
        app_open, session_end, purchase = (Sql(f"{ROW}.event = {literal(name)}") for name in self._events)
        start, end = full_months(self.clock, MONTHS)
        return Sql(
            f"select {ROW}.person_no, count(*) filter (where {app_open}) as opens,"
            f" count(*) filter (where {session_end}) as sessions,"
            f" {self._total('session_seconds')} filter (where {session_end}) as seconds,"
            f" {self._total('purchase_amount')} filter (where {purchase}) as revenue"
            f" from {EVENTS} as {ROW} where {rows_of(self._events, start, end)} group by {ROW}.person_no"
        )

    def _total(self, key: str) -> Sql:
        return Sql(f"sum(coalesce({as_number(self.events.fields.facets(self.names[key]))}, 0))")


def no_facts() -> str:
    """The model where no statistics are asked for: nobody, with the same columns."""
    columns = [*(f"0::{kind} as {name}" for name, kind in ACTIVITY.items()), *(f"false as {one}" for one in CHANNELS)]
    return f"select 0::uinteger as person_no, {', '.join(columns)} where false\n"
