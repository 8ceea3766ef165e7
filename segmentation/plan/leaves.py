"""All leaves of a set of definitions as conditions: which family answers each, and the model that holds the answers.

Add a family here when the language gains one. Not here: how segments combine the answers (`membership.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import assert_never

from segmentation.clock import Clock
from segmentation.columns import EVENT_COLUMNS, USER_COLUMNS
from segmentation.language.model import (
    ActiveWithin,
    Attribute,
    Bucket,
    Definition,
    Device,
    Did,
    InSegment,
    Interest,
    Leaf,
    Live,
    Located,
    Predict,
    Reach,
    ReachableOn,
    Regularly,
    Response,
    Rfm,
    Sequence,
    Tag,
    leaves,
)
from segmentation.plan.checks import Checks
from segmentation.plan.conditions import Answer, Block, Layout
from segmentation.plan.devices import device_source, device_test
from segmentation.plan.events import EventConditions, Needs
from segmentation.plan.fields import FieldSet
from segmentation.plan.interests import InterestConditions
from segmentation.plan.live import LiveSegments
from segmentation.plan.live_filters import leaves_of_the_run
from segmentation.plan.live_triggers import Judged
from segmentation.plan.predictions import Predictions
from segmentation.plan.profiles import USER, profile_test
from segmentation.plan.reach import ReachConditions
from segmentation.plan.regularity import RegularConditions
from segmentation.plan.responses import ResponseConditions
from segmentation.plan.rfm import RfmConditions
from segmentation.plan.sequences import SequenceConditions
from segmentation.plan.sql import Sql, packed


def universe_leaf(definition: Definition) -> Leaf | None:
    """The leaf that cuts a definition's result to its universe, or None for all known users."""
    match definition.universe:
        case ActiveWithin(window):
            return Did(None, window=window)
        case ReachableOn(channel):
            return Reach("reachable", channel)
        case _:
            return None


def definition_leaves(definition: Definition) -> Iterator[Leaf]:
    """Every leaf that a definition asks for by itself, as of the run; referenced segments are not entered."""
    if definition.kind == "who":
        yield from leaves(definition.body)  # type: ignore[arg-type]
    if isinstance(definition.body, Live):
        yield from leaves_of_the_run(definition.body)
    if (leaf := universe_leaf(definition)) is not None:
        yield leaf


class Conditions:
    """The distinct conditions of a set of definitions."""

    def __init__(self, clock: Clock, settings: Mapping[str, str], late_arrival_days: int = 0) -> None:
        self.clock, self.settings = clock, settings
        self.checks = Checks(clock)
        self.needs = Needs()
        self.event_fields = FieldSet(Sql("properties"), EVENT_COLUMNS, "t")
        self.user_fields = FieldSet(Sql("attributes"), USER_COLUMNS, USER)
        self.events = EventConditions(self.checks, self.event_fields, self.needs)
        self.sequences = SequenceConditions(clock, self.events)
        self.regular = RegularConditions(clock, self.events)
        self.interests = InterestConditions(self.events)
        self.rfm = RfmConditions(clock, self.needs)
        self.responses = ResponseConditions(clock)
        self.reach = ReachConditions()
        judged = Judged.at(clock, late_arrival_days)
        self.live = LiveSegments(clock, judged, self.event_fields, self.user_fields, self.needs, settings)
        self.predictions = Predictions(clock, self.events, settings)
        self.profile: dict[Leaf, Sql] = {}
        self.devices: dict[Leaf, Sql] = {}

    def add(self, definition: Definition) -> None:
        """Registers every leaf of a definition, and what it predicts. Raises Unsupported."""
        if isinstance(definition.body, Predict):
            self.predictions.add(definition)
        for leaf in definition_leaves(definition):
            self._register(leaf)
        if isinstance(definition.body, Live):
            self.live.add(definition.name, definition.body)

    def _register(self, leaf: Leaf) -> None:
        match leaf:
            case Did():
                self.events.add(replace(leaf, negated=False))
            case Attribute() | Tag() | Located() | Bucket():
                self.profile.setdefault(leaf, profile_test(leaf, self.checks, self.user_fields))
            case Device():
                self.devices.setdefault(leaf, device_test(leaf, self.checks))
            case Sequence():
                self.sequences.add(leaf)
            case Regularly():
                self.regular.add(leaf)
            case Interest():
                self.interests.add(leaf)
            case Rfm():
                self.rfm.add(leaf)
            case Response():
                self.responses.add(leaf)
            case Reach():
                self.reach.add(leaf)
            case InSegment():
                pass
            case _:
                assert_never(leaf)

    def place(self) -> tuple[dict[Leaf, Answer], Layout]:
        """Where each positive leaf's answer stands."""
        layout = Layout.empty()
        answers: dict[Leaf, Answer] = {}
        for family in (
            self.events, self.sequences, self.regular, self.interests, self.rfm, self.responses, self.reach
        ):  # fmt: skip
            answers.update(family.place(layout))
        for group, block in (
            (self.devices, lambda tests: Block(tuple(Sql(f"d{n}") for n in range(len(tests))), device_source(tests))),
            (self.profile, lambda tests: Block(tests)),
        ):
            for leaf, bit in zip(group, layout.place_all(list(group.values()), block), strict=True):
                answers[leaf] = Answer(bit)
        return answers, layout

    def profiles_model(self) -> str:
        """The dbt model `user_profiles`: the universe, one row per user, with the attributes that rules look at."""
        columns = [
            "p.person_no",
            "s.user_id",
            "s.created_at",
            "s.city",
            "s.lat",
            "s.lon",
            "from_json(s.tags, '[\"VARCHAR\"]') as tags",
            *self.user_fields.select_list("s"),
        ]
        return (
            "{{ config(materialized='table') }}\nselect\n    "
            + ",\n    ".join(columns)
            + "\nfrom (\n    select "
            + ",\n        ".join(["*", *self.user_fields.extracts()])
            + "\n    from {{ ref('stg_users') }}\n) as s"
            + "\njoin {{ ref('people') }} as p on p.source = '' and p.id = s.user_id\norder by p.person_no\n"
        )

    def conditions_model(self, layout: Layout) -> str:
        """The dbt model `user_conditions`: one row per user, 64 conditions to a word."""
        ctes, columns, joins = [], [], []
        for word, blocks in enumerate(layout.words):
            sources, own = [], []
            for start, block in blocks:
                bits = packed((start + n, test) for n, test in enumerate(block.tests))
                if block.source is None:
                    own.append(f"({bits})")
                else:
                    sources.append(f"select person_no, {bits} as bits\n    from ({block.source}) as t")
            if sources:
                union = "\n    union all\n    ".join(sources)
                ctes.append(
                    f"w{word} as (\n    select person_no, bit_or(bits) as bits\n    from (\n    {union}\n    )"
                    "\n    where bits <> 0 group by person_no\n)"
                )
                joins.append(f"left join w{word} on w{word}.person_no = {USER}.person_no")
                own.insert(0, f"coalesce(w{word}.bits, 0::ubigint)")
            columns.append(f"{' | '.join(own)} as c{word}")
        head = f"with {', '.join(ctes)}\n" if ctes else ""
        return (
            "{{ config(materialized='table') }}\n"
            + head
            + ",\n    ".join([f"select\n    {USER}.person_no", *columns])
            + f"\nfrom {{{{ ref('user_profiles') }}}} as {USER}\n"
            + "\n".join(joins)
            + "\n"
        )
