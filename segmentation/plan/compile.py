"""The compiler: all definitions together become dbt models.

`event_tiles` (the events some rule looks at, typed and in event and day order) -> `user_profiles` (one row per user) ->
`user_conditions` (one bit per user and distinct condition) -> `live_rules`, `live_moments`, `live_people` (who
qualified for live segments) -> `roll_bits` (one bit per person and segment without a rule) -> `segment_bits_now` (one
bit per user and segment). Beside them `predicted_segments`, `prediction_features` and `prediction_scores`, and
`person_facts` for statistics. Whatever nobody asks for is empty.
A definition that cannot be compiled fails alone and is named in `Plan.failed`.
Not here: what the leaves mean (the other modules of this package), and running anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from segmentation.clock import Clock
from segmentation.language.model import Definition
from segmentation.plan.facts import PersonFacts, no_facts
from segmentation.plan.leaves import Conditions
from segmentation.plan.live import refusal
from segmentation.plan.membership import Membership
from segmentation.plan.rolls import Unsupported, roll_of
from segmentation.plan.system import system_definitions
from segmentation.plan.tiles import tiles_model


@dataclass(frozen=True)
class Plan:
    """The compiled plan of one run.

    `models` maps a dbt model's name to its SQL. `computed` are the segments it computes, in dependency order;
    `failed` maps the others to one sentence each. `layout` names what the tiles hold: tiles of another layout are
    built anew. `conditions` counts distinct conditions, `words` the 64-bit words they take.
    """

    models: Mapping[str, str]
    computed: tuple[str, ...]
    failed: Mapping[str, str]
    layout: str
    conditions: int
    words: int


def compile_plan(
    definitions: Mapping[str, Definition],
    clock: Clock,
    slots: Mapping[str, int],
    *,
    compute: Iterable[str] | None = None,
    stored: Iterable[str] = (),
    settings: Mapping[str, str] | None = None,
    stored_layout: str | None = None,
    late_arrival_days: int | None = None,
    statistics: bool = False,
) -> Plan:
    """Compiles definitions at a clock.

    `slots` gives each segment its permanent bit position; `compute` are the names to compute (default: all), and
    `stored` those whose members of an earlier run may be read in their place, `stored_layout` what the tiles in the
    warehouse were cut to. What the tiles hold follows from all definitions, computed now or not, so that refreshing one
    segment does not rebuild them.

    With `late_arrival_days`, live segments go by the log of the warehouse, and judge that many days again; without, by
    the events of their day alone. With `statistics`, tiles also hold what `person_facts` reads.
    """
    conditions = Conditions(clock, settings or {})
    failed: dict[str, str] = {}
    for name in sorted(definitions):
        try:
            roll_of(definitions[name])
            if reason := refusal(name, definitions):
                raise Unsupported(reason)
            conditions.add(definitions[name])
        except Unsupported as unsupported:
            failed[name] = str(unsupported)
    system = system_definitions(settings or {})
    for name in sorted({one for definition in definitions.values() for one in definition.references} & set(system)):
        conditions.add(system[name])
    facts = PersonFacts(clock, conditions.events, settings or {})
    if statistics:
        facts.want()
    tiles, layout_name = tiles_model(conditions.event_fields, conditions.needs, clock, stored_layout)
    wanted = set(definitions if compute is None else compute)
    # A second registry holds the conditions of the computed segments only: what nobody asks for is not computed.
    chosen = Conditions(clock, settings or {}, late_arrival_days or 0)
    membership = Membership(chosen, definitions, slots, wanted, failed, frozenset(stored))
    order = membership.resolve()
    for name in order:
        chosen.add(membership.definitions[name])
    answers, layout = chosen.place()
    membership.give_answers(answers, order)
    live = chosen.live
    return Plan(
        models={
            "event_tiles": tiles,
            "user_profiles": conditions.profiles_model(),
            "user_conditions": chosen.conditions_model(layout),
            "live_rules": live.rules_model(slots),
            "live_moments": live.moments_model(slots, membership.users(live.segments_read, order), membership.rule),
            "live_people": live.people_model(from_log=late_arrival_days is not None),
            "predicted_segments": chosen.predictions.segments_model(),
            "prediction_features": chosen.predictions.features_model(),
            "prediction_scores": chosen.predictions.scores_model(),
            "person_facts": facts.model() if statistics else no_facts(),
            "roll_bits": membership.rolls.model(),
            "segment_bits_now": membership.model(order),
        },
        computed=tuple(name for name in order if name in wanted),
        failed={name: reason for name, reason in membership.failed.items() if name in wanted},
        layout=layout_name,
        conditions=len(answers),
        words=len(layout.words),
    )
