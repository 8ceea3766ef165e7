"""Predictive segments: what is known of everybody at two moments, as SQL, and the scores that follow from it.

At the training moment t0 = as_of - `predict` everybody has features of [t0 - `learn_from`, t0) and a label, the target
event in [t0, as_of). At as_of everybody has the same features of [as_of - `learn_from`, as_of) and gets a score. What
happens at or after t0 never enters a training feature, which is also why of all attributes only the day of
registration takes part: the others are known as they are today, not as they were at t0.
Not here: fitting (`segmentation/likelihood.py`), thresholds and quality (`dbt_project/models/predictions`), and bands
(`membership.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from segmentation.clock import Clock, bounds
from segmentation.language.describe_checks import span_in_words
from segmentation.language.model import Definition, Predict, Within
from segmentation.plan.aggregates import EVENTS, ROW
from segmentation.plan.events import EventConditions, rows_of
from segmentation.plan.profiles import DRAWS, USER, draw
from segmentation.plan.rolls import Unsupported
from segmentation.plan.sql import FALSE, NULL, TRUE, Sql, all_of, literal

HELD_OUT_SEED = "held out of the fit"
MINIMUM_POSITIVES = 100  # users with the label, below which nothing is fitted
MINIMUM_CHOSEN = 20  # held-out users at or above a threshold: what fewer of them did is chance and proves no precision
# Where a band begins (excluded) and ends (included), as the share of the target group that scores no higher.
BANDS: Mapping[str, tuple[float, float]] = {"least": (0, 1 / 3), "moderately": (1 / 3, 2 / 3), "most": (2 / 3, 1)}

# What people do besides the target, by its name in the settings: a few events that tell how alive somebody is. All
# events would have to be stored for `any`, which everybody would pay for in every run.
ACTIVITIES = ("app_open", "page_view", "purchase")
TARGET = "target"
MEASURES = ("recency", "frequency", "gap")
FEATURES = (
    *(f"{one}_{measure}" for one in (TARGET, *ACTIVITIES) for measure in MEASURES),
    "tenure",
)
HOUR = 3_600_000_000  # microseconds

# What the model sees of a feature: its logarithm, since the step from 1 to 2 says more than the one from 41 to 42, and
# whether there is any. Recency is missing without an event, the gap with fewer than two.
INPUTS: Mapping[str, Sql] = {
    **{one: Sql(f"ln(1 + coalesce(f.{one}, 0))") for one in FEATURES},
    **{f"no_{one}": Sql(f"(f.{one} is null)::double") for one in FEATURES if not one.endswith("_frequency")},
}

# The rows that a model is fitted on; equal people are one row with a weight. The order is that of the values alone, so
# it does not depend on how people happen to be numbered.
TRAINING = Sql(
    f"select f.forecast, f.has_done, {', '.join(f'{sql} as {name}' for name, sql in INPUTS.items())},"
    " count(*)::double as people from f where f.phase = 'train' and not f.is_held_out and f.forecast in ("
    "select e.forecast from f as e where e.phase = 'train' group by e.forecast"
    f" having count(*) filter (where e.has_done) >= {MINIMUM_POSITIVES}) group by all order by all"
)


class Predictions:
    """Collects predictive segments; those that differ in precision or band alone share a forecast."""

    def __init__(self, clock: Clock, events: EventConditions, settings: Mapping[str, str]) -> None:
        self.clock, self.events = clock, events
        self.activities = {one: settings.get(one, one) for one in ACTIVITIES}
        self.forecasts: dict[Predict, int] = {}
        self.segments: dict[str, Predict] = {}

    def add(self, definition: Definition) -> None:
        """Notes a predictive segment and what it needs stored. Raises Unsupported."""
        body = definition.body
        assert isinstance(body, Predict)
        if bounds(body.predict, self.clock, of_events=True).start is None:
            raise Unsupported(f"{span_in_words(body.predict)} ago is before the calendar begins: nothing to learn from")
        self.segments[definition.name] = body
        self.forecasts.setdefault(_forecast(body), len(self.forecasts))
        self.events.needs.want((body.event, *self.activities.values()))
        self.events.restriction(body.where, None, None)

    def number(self, body: Predict) -> int:
        """Which forecast a segment reads."""
        return self.forecasts[_forecast(body)]

    # ------------------------------------------------------------ models

    def segments_model(self) -> str:
        """The dbt model `predicted_segments`: one row per predictive segment, with what it asks of which forecast."""
        columns = {
            "segment": "varchar", "forecast": "integer", "precision": "double", "above": "double", "up_to": "double",
            "doing": "varchar", "positives_needed": "integer", "people_needed": "integer",
        }  # fmt: skip
        rows = [f"({', '.join(self._asked(name, body))})" for name, body in sorted(self.segments.items())]
        nothing = f"({', '.join([NULL] * len(columns))})"
        typed = ", ".join(f"{name}::{kind} as {name}" for name, kind in columns.items())
        values = Sql(",\n    ".join(rows or [nothing]))
        return (
            "{{ config(materialized='view') }}\n"
            f"select {typed}\nfrom (\n    values\n    {values}\n) as t ({', '.join(columns)})"
            f"\nwhere {TRUE if rows else FALSE}\n"
        )

    def _asked(self, name: str, body: Predict) -> list[Sql]:
        above, up_to = (literal(bound) for bound in BANDS[body.band]) if body.band else (NULL, NULL)
        precision = NULL if body.precision is None else literal(body.precision)
        doing = literal(f"did {body.event} in the last {span_in_words(body.predict)}")
        number, positives, people = (Sql(str(n)) for n in (self.number(body), MINIMUM_POSITIVES, MINIMUM_CHOSEN))
        return [literal(name), number, precision, above, up_to, doing, positives, people]

    def features_model(self) -> str:
        """The dbt model `prediction_features`: one row per forecast, phase (train, score) and user; hours, and counts.

        Users who registered after the training moment are not trained on: nobody could have scored them then.
        """
        selects = [
            select
            for body, number in self.forecasts.items()
            for select in (self._phase(body, number, training=True), self._phase(body, number, training=False))
        ]
        if not selects:
            empty = ", ".join(f"null::double as {name}" for name in FEATURES)
            selects = [
                Sql(
                    "select 0 as forecast, '' as phase, 0::uinteger as person_no, false as is_held_out,"
                    f" false as has_done, {empty} where false"
                )
            ]
        return "{{ config(materialized='table') }}\n" + "\nunion all\n".join(selects) + "\n"

    def scores_model(self) -> str:
        """The dbt model `prediction_scores`: one row per forecast, phase and user, scored once their forecast is
        fitted; of the training phase those who were held out. Rounded before anything is compared."""
        terms = "".join(f"\n        + w.{name} * {sql}" for name, sql in INPUTS.items())
        return (
            "{{ config(materialized='table') }}\nselect f.forecast, f.phase, f.person_no, f.has_done,"
            f"\n    round(1 / (1 + exp(-(w.intercept{terms}))), 6) as score"
            "\nfrom {{ ref('prediction_features') }} as f"
            "\njoin {{ ref('prediction_weights') }} as w on f.forecast = w.forecast"
            "\nwhere f.phase = 'score' or f.is_held_out\n"
        )

    def _phase(self, body: Predict, number: int, *, training: bool) -> Sql:
        moment = self._start(body.predict, self.clock) if training else self.clock.as_of
        assert moment is not None
        rows = rows_of(
            (body.event, *self.activities.values()),
            self._start(body.learn_from, Clock(moment, self.clock.zone)),
            self.clock.as_of,
        )
        registered = Sql(f"{USER}.created_at")
        tenure = _hours(literal(moment), registered)
        columns = [
            f"{number} as forecast",
            f"{literal('train' if training else 'score')} as phase",
            f"{USER}.person_no",
            f"{draw(HELD_OUT_SEED)} < {DRAWS // 2} as is_held_out",
            "coalesce(a.has_done, false) as has_done",
            *(
                f"coalesce(a.{name}, 0)::double as {name}" if name.endswith("_frequency") else f"a.{name}"
                for name in FEATURES[:-1]
            ),
            f"case when {registered} <= {literal(moment)} then {tenure} end as tenure",
        ]
        aggregates = ",\n        ".join([f"{ROW}.person_no", *self._aggregates(body, moment, training=training)])
        return Sql(
            "select\n    "
            + ",\n    ".join(columns)
            + f"\nfrom {{{{ ref('user_profiles') }}}} as {USER}\nleft join (\n    select {aggregates}"
            + f"\n    from {EVENTS} as {ROW}\n    where {rows}\n    group by {ROW}.person_no"
            + f"\n) as a on a.person_no = {USER}.person_no"
            + (f"\nwhere coalesce({registered} < {literal(moment)}, true)" if training else "")
        )

    def _aggregates(self, body: Predict, moment: datetime, *, training: bool) -> list[Sql]:
        """The label and the features, out of the events of one person; features end before the moment."""
        target = self._is(body.event, self.events.restriction(body.where, None, None))
        known = Sql(f"{ROW}.ts < {literal(moment)}") if training else TRUE
        later = all_of([target, Sql(f"{ROW}.ts >= {literal(moment)}")]) if training else FALSE
        found = [
            Sql(f"bool_or(coalesce({later}, false)) as has_done"),
            *_measures(TARGET, all_of([target, known]), moment),
        ]
        for one, event in self.activities.items():
            if event == body.event and not body.where:  # the target itself
                found += [Sql(f"null::double as {one}_{measure}") for measure in MEASURES]
            else:
                found += _measures(one, all_of([self._is(event, TRUE), known]), moment)
        return found

    def _is(self, event: str, predicate: Sql) -> Sql:
        return all_of([Sql(f"{ROW}.event = {literal(event)}"), predicate])

    def _start(self, span: Within, clock: Clock) -> datetime | None:
        return bounds(span, clock, of_events=True).start


def _measures(name: str, predicate: Sql, moment: datetime) -> list[Sql]:
    """Hours since the last event, how many there were, and mean hours between consecutive ones."""
    where = f"filter (where {predicate})"
    last, first, count = f"max({ROW}.ts) {where}", f"min({ROW}.ts) {where}", f"count(*) {where}"
    recency, span = _hours(literal(moment), Sql(last)), _hours(Sql(last), Sql(first))
    values = (recency, Sql(count), Sql(f"{span} / nullif({count} - 1, 0)"))
    return [Sql(f"{value} as {name}_{measure}") for measure, value in zip(MEASURES, values, strict=True)]


def _forecast(body: Predict) -> Predict:
    return replace(body, precision=None, band=None)


def _hours(later: Sql, earlier: Sql) -> Sql:
    return Sql(f"(epoch_us({later}) - epoch_us({earlier})) / {HOUR}.0")
