"""Plain English for windows, operators, places and aggregates: the parts that leaves are told with.

Not here: whole leaves and rules (describe.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from segmentation.language import words
from segmentation.language.model import (
    After,
    Aggregate,
    AnyFilter,
    Before,
    Between,
    Calendar,
    Check,
    Exactly,
    Filter,
    FromTo,
    Moment,
    Offset,
    On,
    Place,
    Point,
    Test,
    Unit,
    Window,
    Within,
)

_OPERATORS = {
    "equals": "is", "not_equals": "is not", "in": "is one of", "not_in": "is none of", "gt": "is more than",
    "gte": "is at least", "lt": "is less than", "lte": "is at most", "contains": "contains",
    "not_contains": "does not contain", "starts_with": "starts with", "ends_with": "ends with",
    "matches": "matches the pattern",
}  # fmt: skip
_AMOUNTS = {
    "equals": "exactly {}", "not_equals": "other than {}", "gt": "more than {}", "gte": "at least {}",
    "lt": "fewer than {}", "lte": "at most {}",
}  # fmt: skip
_FUNCTIONS = {
    "sum": "a total", "avg": "an average", "min": "a smallest", "max": "a largest", "first": "a first",
    "last": "a latest",
}  # fmt: skip
_NEAR_DAYS = {0: "today", -1: "yesterday", 1: "tomorrow"}


def listed(parts: Iterable[str], word: str = "and") -> str:
    """`a, b and c`."""
    *most, last = parts
    return f"{', '.join(most)} {word} {last}" if most else last


def value_in_words(value: object) -> str:
    """A literal; text only stands in quotes where it would otherwise be read as something else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        plain = value == value.strip() and value and not value[0].isdigit() and value not in ("true", "false")
        return value if plain else f'"{value}"'
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return str(value)


def check_in_words(check: Check) -> str:
    """`is at least 18 and is less than 30`, to follow the name of what is checked."""
    told = listed(test_in_words(test) for test in check.tests)
    notes = []
    if check.convert in ("number", "text", "boolean"):
        notes.append(f"read as {check.convert}")
    if check.ignore_case:
        notes.append("in any case")
    return f"{told} ({', '.join(notes)})" if notes else told


def test_in_words(test: Test) -> str:
    """One operator with its value."""
    value = test.value
    if test.operator == "exists":
        return "is known" if value else "is not known"
    if test.operator == "window":
        return f"falls {window_in_words(value)}"  # type: ignore[arg-type]
    if test.operator == "anniversary":
        assert isinstance(value, Offset)
        return f"has its anniversary {offset_in_words(value)}"
    if isinstance(value, tuple):
        if test.operator == "has_item":
            return f"has an item where {filters_in_words(value)}"  # type: ignore[arg-type]
        if test.operator == "between":
            return f"is between {value_in_words(value[0])} and {value_in_words(value[1])}"
        return f"{_OPERATORS[test.operator]} {listed(map(value_in_words, value), 'or')}"
    return f"{_OPERATORS[test.operator]} {value_in_words(value)}"


def filters_in_words(filters: Sequence[Filter | AnyFilter]) -> str:
    """`category is shoes and amount is more than 300`."""
    return listed(
        f"{one.path} {check_in_words(one.check)}"
        if isinstance(one, Filter)
        else f"({listed((f'{option.path} {check_in_words(option.check)}' for option in one.filters), 'or')})"
        for one in filters
    )


def window_in_words(window: Window) -> str:
    """`in the last 30 days`, `on 2026-04-01`."""
    match window:
        case Within(0, "days"):
            return "since midnight"
        case Within(count, unit):
            return f"in the last {unit[:-1] if count == 1 else span_in_words(window)}"
        case Calendar(word):
            return word if word in ("today", "yesterday") else word.replace("previous", "in the previous", 1)
        case Between(start, end) if isinstance(start, datetime):
            return f"from {moment_in_words(start)} up to {moment_in_words(end)}"
        case Between(start, end):
            return f"from {start} to {end}"
        case FromTo(since, until):
            parts = [f"from {point_in_words(since)}"] if since is not None else []
            return " ".join([*parts, *([f"up to {point_in_words(until)}"] if until is not None else [])])
        case Exactly(offset):
            return offset_in_words(offset) if abs(offset.count) <= 1 else f"exactly {offset_in_words(offset)}"
        case Before(moment):
            return f"before {moment_in_words(moment)}"
        case After(moment):
            return f"after {moment_in_words(moment)}"
        case On(moment):
            return f"on {moment_in_words(moment)}"


def span_in_words(span: Within) -> str:
    """`30 days`, `1 hour`."""
    return f"{span.count} {_units(span.count, span.unit)}"


def offset_in_words(offset: Offset) -> str:
    """`5 days ago`, `in 5 days`."""
    if offset.unit == "days" and offset.count in _NEAR_DAYS:
        return _NEAR_DAYS[offset.count]
    count = abs(offset.count)
    told = f"{count} {_units(count, offset.unit)}"
    return f"in {told}" if offset.count > 0 else f"{told} ago"


def point_in_words(point: Point) -> str:
    """A date, an instant or a distance."""
    return offset_in_words(point) if isinstance(point, Offset) else moment_in_words(point)


def moment_in_words(moment: Moment) -> str:
    """`2026-04-01`, or `2026-04-01 09:00 UTC`."""
    if not isinstance(moment, datetime):
        return moment.isoformat()
    clock = f"{moment:%H:%M}" if not (moment.second or moment.microsecond) else moment.time().isoformat()
    return f"{moment:%Y-%m-%d} {clock} UTC"


def place_in_words(place: Place) -> str:
    """`in London`, or a circle."""
    if place.city is not None:
        return f"in {place.city}"
    return f"within {place.within_m:g} m of {place.lat:g}, {place.lon:g}"


def hours_in_words(hours: tuple[int, int]) -> str:
    """`between 09:00 and 18:00`."""
    start, end = (f"{minutes // 60:02d}:{minutes % 60:02d}" for minutes in hours)
    return f"between {start} and {end}"


def weekdays_in_words(weekdays: tuple[int, ...]) -> str:
    """`on Mon or Tue`."""
    return f"on {listed((words.WEEKDAYS[day - 1].title() for day in weekdays), 'or')}"


def times_in_words(test: Test) -> str:
    """`at least 3 times`."""
    if test == Test("gte", 1) or test == Test("gt", 0):
        return "at least once"
    return f"{amount_in_words(test)} {'time' if test.value == 1 else 'times'}"


def aggregate_in_words(aggregate: Aggregate) -> str:
    """What an aggregate other than `count` asks for, such as `with a total amount of at least 100`."""
    if aggregate.function in words.ONE_VALUE_AGGREGATES:
        return f"with {_FUNCTIONS[aggregate.function]} {aggregate.of} that {check_in_words(aggregate.check)}"
    test = aggregate.check.tests[0]
    if aggregate.function != "distinct":
        told = (
            test_in_words(test) if test.operator == "window" else f"of {amount_in_words(test).replace('fewer', 'less')}"
        )
        return f"with {_FUNCTIONS[aggregate.function]} {aggregate.of} {told.replace('falls', 'that falls')}"
    plural = "" if test.value == 1 else "s"
    if aggregate.of == "days":
        return f"on {amount_in_words(test)} different day{plural}"
    return f"with {amount_in_words(test)} different value{plural} of {aggregate.of}"


def amount_in_words(test: Test) -> str:
    """`at least 3`, to be followed by what is counted."""
    if isinstance(test.value, tuple):
        return f"between {value_in_words(test.value[0])} and {value_in_words(test.value[1])}"
    return _AMOUNTS[test.operator].format(value_in_words(test.value))


def _units(count: int, unit: Unit) -> str:
    return unit[:-1] if count == 1 else unit
