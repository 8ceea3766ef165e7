"""The rule tree: every leaf of the language, and the groups that join them.

Add a class here when the language gains a leaf. Not here: windows and tests (`values.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from segmentation.language.model.values import (
    Check,
    Place,
    Test,
    Where,
    Window,
    Within,
)

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
