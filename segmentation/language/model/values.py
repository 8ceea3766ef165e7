"""Values of rules: windows in time, and tests on one value joined into checks and filters.

Not here: what a check is about (`leaves.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

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
