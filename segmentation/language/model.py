"""The definition of a segment as immutable values: the tree that `parse.py` builds and the planner reads.

Every class is frozen and hashable, so equal leaves of different segments are equal objects.
Add a class here when the language gains a word. Not here: how YAML spells it, and how SQL computes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

# ---------------------------------------------------------------- values and tests on them

Scalar = str | int | float | bool
Moment = date | datetime
"""A date (a local day of the workspace) or an aware UTC datetime (an instant)."""

Unit = Literal["minutes", "hours", "days", "weeks", "months", "years"]
Conversion = Literal["number", "text", "boolean", "date", "version"]
Operator = Literal[
    "equals", "not_equals", "in", "not_in", "gt", "gte", "lt", "lte", "between",
    "contains", "not_contains", "starts_with", "ends_with", "matches", "exists",
    "window", "anniversary", "has_item",
]  # fmt: skip


@dataclass(frozen=True)
class Offset:
    """A distance from the run's moment: `60 days ago` is (-60, days), `in 5 days` is (5, days)."""

    count: int
    unit: Unit


Point = date | datetime | Offset


@dataclass(frozen=True)
class Within:
    """`within: 30 days`: hours and minutes roll, days and longer are local calendar days."""

    count: int
    unit: Unit


@dataclass(frozen=True)
class Calendar:
    """`within: previous month` and the other calendar words."""

    word: Literal[
        "today", "yesterday",
        "this week", "this month", "this year",
        "previous week", "previous month", "previous year",
    ]  # fmt: skip


@dataclass(frozen=True)
class Between:
    """`between: [a, b]`: two dates, both days included, or two instants, half-open."""

    start: Moment
    end: Moment


@dataclass(frozen=True)
class FromTo:
    """`from:` and `to:`, half-open; either may be missing."""

    start: Point | None
    end: Point | None


@dataclass(frozen=True)
class Exactly:
    """`exactly: 5 days ago` or `in 5 days`: that one local day."""

    offset: Offset


@dataclass(frozen=True)
class Before:
    """`before: 2026-04-01`."""

    moment: Moment


@dataclass(frozen=True)
class After:
    """`after: 2026-04-01`: from the day after a date, or strictly after an instant."""

    moment: Moment


@dataclass(frozen=True)
class On:
    """`on: 2026-04-01`: the local day that is or holds the moment."""

    moment: Moment


Window = Within | Calendar | Between | FromTo | Exactly | Before | After | On


@dataclass(frozen=True)
class Test:
    """One operator and what it compares with.

    `value` by operator: a Scalar (date or datetime literals stay the text that was written) for comparisons; a tuple
    of Scalars for `in`, `not_in` and `between` (two, inclusive); a bool for `exists`; a Window for `window`; an Offset
    in days for `anniversary` (today is 0); a tuple of filters for `has_item`.
    """

    operator: Operator
    value: Scalar | tuple[Scalar, ...] | Window | Offset | tuple[Filter | AnyFilter, ...]
    booleans: tuple[bool, ...] = field(init=False, repr=False)  # Python takes True for 1, the language does not

    def __post_init__(self) -> None:
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        object.__setattr__(self, "booleans", tuple(isinstance(value, bool) for value in values))


@dataclass(frozen=True)
class Check:
    """Tests on one value, joined by AND."""

    tests: tuple[Test, ...]
    convert: Conversion | None = None
    ignore_case: bool = False


@dataclass(frozen=True)
class Filter:
    """A check on a property of an event, or of an element of a list."""

    path: str
    check: Check


@dataclass(frozen=True)
class AnyFilter:
    """`{any: [filters]}` inside `where`: one of them holds, on the same event."""

    filters: tuple[Filter, ...]


Where = tuple[Filter | AnyFilter, ...]


@dataclass(frozen=True)
class Place:
    """A city by exact name, or a circle (`lat`, `lon` in degrees, `within_m` in metres, inclusive)."""

    city: str | None = None
    lat: float | None = None
    lon: float | None = None
    within_m: float | None = None


# ---------------------------------------------------------------- leaves

AggregateFunction = Literal["count", "sum", "avg", "min", "max", "distinct", "first", "last"]


@dataclass(frozen=True)
class Aggregate:
    """`count: {gt: 5}`, `sum: {of: amount, gte: 100}`, `first: {of: plan, equals: trial}`.

    `of` is None for `count`; `days` under `distinct` counts local dates. All but first and last carry one test.
    """

    function: AggregateFunction
    of: str | None
    check: Check


@dataclass(frozen=True)
class Did:
    """`did` and `did_not`; `events` is None for `did: any`, several names pool their events."""

    events: tuple[str, ...] | None
    negated: bool = False
    where: Where = ()
    window: Window | None = None
    hours: tuple[int, int] | None = None  # minutes after local midnight, [from, to), wraps
    weekdays: tuple[int, ...] | None = None  # ISO, Monday is 1, sorted
    near: Place | None = None
    aggregate: Aggregate | None = None
    include_non_doers: bool = False
    occurrence: Literal["first", "last"] | None = None  # first_time, last_time


@dataclass(frozen=True)
class Attribute:
    """`{attribute: tier, in: [gold, platinum]}`."""

    path: str
    check: Check


@dataclass(frozen=True)
class Tag:
    """`{tag: vip}`, `{tag: {any: [a, b]}}`, `{tag: {all: [a, b]}}`."""

    names: tuple[str, ...]
    mode: Literal["any", "all"] = "any"


DeviceWord = Literal["platform", "device_type", "device_model", "os_version", "app_version"]


@dataclass(frozen=True)
class Device:
    """Device words of one leaf: one registered and installed device satisfies all of them."""

    checks: tuple[tuple[DeviceWord, Check], ...]


@dataclass(frozen=True)
class InSegment:
    """`{segment: power_users}`."""

    name: str


@dataclass(frozen=True)
class Response:
    """`{clicked: any, within: 7 days}`; `messages` is None for `any`."""

    kind: Literal["received", "opened", "clicked", "not_clicked", "not_received"]
    messages: tuple[str, ...] | None
    window: Window | None = None


Channel = Literal["push", "web_push", "email", "sms", "whatsapp"]


@dataclass(frozen=True)
class Reach:
    """`{reachable: push}`, `{opted_in: email}`, `{blacklisted: sms}`."""

    word: Literal["reachable", "opted_in", "blacklisted"]
    channel: Channel


@dataclass(frozen=True)
class Located:
    """`{located: {city: London}}`: the profile's last known place."""

    place: Place


@dataclass(frozen=True)
class Bucket:
    """A stable random part of the universe, `[start, end)` in percent."""

    seed: str
    start: float
    end: float


@dataclass(frozen=True)
class Rfm:
    """One cell group of the recency, frequency, monetary grid."""

    event: str
    of: str | None
    segment: str
    window: Window | None = None


@dataclass(frozen=True)
class Step:
    """One step of a sequence; `after` bounds the gap to the step before."""

    events: tuple[str, ...] | None
    negated: bool = False
    where: Where = ()
    after: Within | None = None


@dataclass(frozen=True)
class Sequence:
    """Ordered steps, each strictly later than the one before."""

    steps: tuple[Step, ...]
    same: str | None = None
    window: Window | None = None


@dataclass(frozen=True)
class Regularly:
    """In at least `at_least` of the last `in_last` whole periods."""

    events: tuple[str, ...] | None
    every: Literal["day", "week", "month"]
    in_last: int
    at_least: int
    where: Where = ()
    count: Test | None = None


@dataclass(frozen=True)
class Interest:
    """A chosen value's share of the matching events: at least a share, or the most frequent."""

    events: tuple[str, ...] | None
    property: str | None = None
    check: Check | None = None
    hours: tuple[int, int] | None = None
    weekdays: tuple[int, ...] | None = None
    at_least: float | None = None  # a share from 0 to 1; None means predominantly
    window: Window | None = None
    where: Where = ()
    within_hours: tuple[int, int] | None = None  # of the population, not of the chosen value
    within_weekdays: tuple[int, ...] | None = None


Leaf = (
    Did | Attribute | Tag | Device | InSegment | Response | Reach | Located | Bucket
    | Rfm | Sequence | Regularly | Interest
)  # fmt: skip


# ---------------------------------------------------------------- groups


@dataclass(frozen=True)
class All:
    """AND."""

    children: tuple[Rule, ...]


@dataclass(frozen=True)
class Any_:
    """OR."""

    children: tuple[Rule, ...]


@dataclass(frozen=True)
class Not:
    """The complement over all users."""

    child: Rule


Rule = All | Any_ | Not | Leaf


def leaves(rule: Rule) -> Iterator[Leaf]:
    """Every leaf of a rule, left to right."""
    if isinstance(rule, All | Any_):
        for child in rule.children:
            yield from leaves(child)
    elif isinstance(rule, Not):
        yield from leaves(rule.child)
    else:
        yield rule


# ---------------------------------------------------------------- whole definitions

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
    tests: tuple[object, ...] = field(default=(), compare=False)  # plain values, as written
    activate: tuple[object, ...] = field(default=(), compare=False)  # plain values, as written
    hash: str = ""

    @property
    def references(self) -> tuple[str, ...]:
        """Names of the segments this one reads, sorted, each once."""
        names = {*self.include, *self.exclude}
        rule = self.body.who if isinstance(self.body, Live) else self.body
        if rule is not None and not isinstance(rule, Connector | StaticList | Predict):
            names |= {leaf.name for leaf in leaves(rule) if isinstance(leaf, InSegment)}
        return tuple(sorted(names))
