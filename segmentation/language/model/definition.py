"""A whole segment file: its kind, its rule or what stands in its place, and everything beside it.

Not here: the rule tree (`leaves.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Literal

from segmentation.language.model.leaves import (
    Channel,
    InSegment,
    Rule,
    leaves,
)
from segmentation.language.model.segment_test import SegmentTest
from segmentation.language.model.values import (
    Check,
    Where,
    Within,
)
from segmentation.language.words import SYSTEM_SEGMENTS

Kind = Literal["who", "connector", "list", "live", "predict"]


@dataclass(frozen=True)
class Known:
    """All users."""


@dataclass(frozen=True)
class ActiveWithin:
    """Users with any event in the window."""

    window: Within


@dataclass(frozen=True)
class ReachableOn:
    """Users who can be reached on a channel."""

    channel: Channel


Universe = Known | ActiveWithin | ReachableOn


@dataclass(frozen=True)
class Connector:
    """`connector: {mixpanel: {cohort: PN_lapsed_30d}}`."""

    vendor: Literal["mixpanel", "amplitude"]
    cohort: str


@dataclass(frozen=True)
class StaticList:
    """`list: {file: lists/vip.csv, on_upload: replace}`; the path is relative to the segment file."""

    file: str
    on_upload: Literal["replace", "add"] = "replace"


@dataclass(frozen=True)
class Live:
    """`live:` as it was written, checked for its words; evaluated as a qualification log."""

    trigger: Literal["action", "inaction", "date", "page", "referrer", "page_count"]
    events: tuple[str, ...] = ()
    then_not: tuple[str, ...] = ()
    within: Within | None = None
    check: Check | None = None  # of the page, the referrer, the page count, or the date attribute
    path: str | None = None  # the date attribute
    where: Where = ()
    who: Rule | None = None


@dataclass(frozen=True)
class Predict:
    """`predict: {event: purchase, learn_from: 30 days, predict: 7 days, precision: 0.6}`."""

    event: str
    where: Where
    learn_from: Within
    predict: Within
    precision: float | None = None
    band: Literal["most", "moderately", "least"] | None = None


@dataclass(frozen=True)
class Refresh:
    """When a segment is recalculated: `cron` is set for every policy that has a clock."""

    policy: Literal["daily", "every", "once", "manual", "cron"]
    text: str  # as written
    cron: str | None


@dataclass(frozen=True)
class Definition:
    """One segment file. `hash` covers what decides membership, referenced definitions included."""

    name: str
    file: str
    kind: Kind
    body: Rule | Connector | StaticList | Live | Predict
    refresh: Refresh
    universe: Universe = field(default_factory=Known)
    include: tuple[str, ...] = ()
    include_mode: Literal["any", "all"] = "any"
    exclude: tuple[str, ...] = ()
    title: str | None = None
    description: str | None = None
    created_by: str | None = None
    created_on: date | None = None
    labels: tuple[str, ...] = ()
    ready_to_use: bool = False
    paused: bool = False
    tests: tuple[SegmentTest, ...] = field(default=(), compare=False)
    activate: tuple[object, ...] = field(default=(), compare=False)  # plain values, as written
    hash: str = ""

    @property
    def is_system(self) -> bool:
        """Whether it exists without a file. Its kind is that of its rule, as for any other."""
        return self.name in SYSTEM_SEGMENTS

    @cached_property  # asked of every definition for every other
    def references(self) -> tuple[str, ...]:
        """Names of the segments this one reads, sorted, each once."""
        return tuple(sorted({*self.rule_references, *self.include, *self.exclude}))

    @property
    def rule_references(self) -> tuple[str, ...]:
        """Those of them that the rule itself reads."""
        rule = self.body.who if isinstance(self.body, Live) else self.body
        if rule is None or isinstance(rule, Connector | StaticList | Predict):
            return ()
        return tuple(sorted({leaf.name for leaf in leaves(rule) if isinstance(leaf, InSegment)}))
