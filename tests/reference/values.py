"""Values of profiles and events: how they are found, converted and tested.

Here: dotted paths, `as`, and every operator on one value, with what nulls and lists do.
Not here: which value of which event or user is asked for.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from tests.reference.windows import WINDOW_WORDS, Clock, parse_date, parse_timestamp

NEGATIVE = {"not_equals": "equals", "not_in": "in", "not_contains": "contains"}
ORDERED = ("gt", "gte", "lt", "lte")
TEXT_TESTS = ("contains", "starts_with", "ends_with", "matches")
OPERATORS = (*NEGATIVE, *NEGATIVE.values(), *ORDERED, *TEXT_TESTS, "between", "exists")

_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_UNIX_SECONDS = re.compile(r"\d{9,11}", re.ASCII)
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def clean(value: Any) -> Any:
    """The value as the language sees it: no NaN, no infinity, no empty list; instants as ISO text."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, datetime):
        return iso_text(value)
    if isinstance(value, list) and not value:
        return None
    return value


def iso_text(instant: datetime) -> str:
    """`2026-01-15T00:00:00Z`, with microseconds only where there are some."""
    text = instant.astimezone(UTC).replace(tzinfo=None).isoformat()
    return f"{text}Z"


def lookup(document: Any, path: str) -> tuple[bool, Any]:
    """Whether a JSON object has a path, and the value there: the exact key first, then key by key, never in a list."""
    if not isinstance(document, Mapping):
        return False, None
    if path in document:
        return True, clean(document[path])
    value: Any = document
    for key in path.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return False, None
        value = value[key]
    return True, clean(value)


def field(row: Mapping[str, Any], document: str, columns: frozenset[str], path: str) -> Any:
    """A value of a user or an event: in its JSON object, else in the column of that name."""
    found, value = lookup(row.get(document), path)
    if found:
        return value
    return clean(row.get(path)) if path in columns else None


def distinct_key(value: Any) -> str:
    """Equal for equal values: 5 and 5.0 are one; 5, "5" and true are three."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, datetime):
        value = {"instant": iso_text(value)}
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def fold(text: str) -> str:
    """Lower case, one letter for one letter; a dotted capital I becomes a plain i."""
    return "".join("i" if letter == "İ" else letter.lower() for letter in text)


def version(text: str) -> tuple[int, ...] | None:
    """`v5.10.0-beta` as (5, 10); missing components are zero, so trailing zeros do not count."""
    plain = re.split(r"[-+]", text.removeprefix("v"), maxsplit=1)[0]
    parts = plain.split(".")
    if not all(re.fullmatch(r"[0-9]+", part) for part in parts):
        return None
    numbers = [int(part) for part in parts]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def to_number(value: Any) -> float | int | None:
    """A finite number, or text that is a plain decimal."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = float(value)
    return value if is_number(value) and math.isfinite(value) else None


def to_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_number(value):
        return str(int(value)) if float(value).is_integer() else repr(value)
    return value if isinstance(value, str) else None


def to_boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    text = to_text(value)
    return None if text is None else _BOOLEANS.get(text.lower())


def to_instant(value: Any, clock: Clock) -> datetime | None:
    """A date is its local midnight, a number (or 9 to 11 digits) Unix seconds."""
    if isinstance(value, str) and _UNIX_SECONDS.fullmatch(value):
        value = int(value)
    if is_number(value):
        try:
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value)
        except OverflowError:
            return None
    day = parse_date(value)
    return parse_timestamp(value) if day is None else clock.day_start(day)


def convert(value: Any, conversion: str | None, clock: Clock) -> Any:
    """One value (no list) under `as`; None where it does not convert."""
    if conversion is None:
        return value
    if conversion == "date":
        return to_instant(value, clock)
    if conversion == "version":
        return version(value) if isinstance(value, str) else None
    conversions: dict[str, Callable[[Any], Any]] = {"number": to_number, "text": to_text, "boolean": to_boolean}
    return conversions[conversion](value)


def check_holds(value: Any, check: Mapping[str, Any], clock: Clock) -> bool:
    """Whether a value satisfies every operator of a leaf or filter.

    `check` is the mapping as written; words that are no operators (`attribute`, `property`, `of`) are passed over.
    """
    window = window_of(check)
    conversion = check.get("as") or ("date" if window or "anniversary" in check else None)
    elements = [convert(element, conversion, clock) for element in _elements(value)]
    elements = [element for element in elements if element is not None]
    if window:
        interval = clock.value_window(window)
        if not any(interval.holds(element) for element in elements):
            return False
    if "anniversary" in check and not any(_anniversary(element, check["anniversary"], clock) for element in elements):
        return False
    if "has_item" in check and not _has_item(value, check["has_item"], clock):
        return False
    for operator in OPERATORS:
        if operator not in check or operator in window:
            continue
        if operator == "exists":
            found = clean(value) is not None if conversion is None else bool(elements)
            if found is not check["exists"]:
                return False
            continue
        positive = NEGATIVE.get(operator, operator)
        literal = _literal(check[operator], conversion, clock)
        ignore_case = bool(check.get("ignore_case"))
        held = any(_satisfies(element, positive, literal, ignore_case) for element in elements)
        if held is (operator in NEGATIVE):
            return False
    return True


def window_of(check: Mapping[str, Any]) -> dict[str, Any]:
    """The window words of a check on a value; `between` is one for two moments or under `as: date`."""
    words = {word: check[word] for word in WINDOW_WORDS if word in check}
    if "between" in words and check.get("as") != "date":
        moments = all(parse_date(end) or parse_timestamp(end) for end in words["between"])
        if not moments or "as" in check:
            del words["between"]
    return words


def filters_hold(filters: Sequence[Mapping[str, Any]], value_of: Callable[[str], Any], clock: Clock) -> bool:
    """`where`: every filter holds, an item `{any: [...]}` if one of its filters does."""
    return all(
        any(check_holds(value_of(part["property"]), part, clock) for part in item["any"])
        if "any" in item
        else check_holds(value_of(item["property"]), item, clock)
        for item in filters
    )


def _elements(value: Any) -> list[Any]:
    value = clean(value)
    if value is None:
        return []
    return [clean(element) for element in value] if isinstance(value, list) else [value]


def _literal(written: Any, conversion: str | None, clock: Clock) -> Any:
    if isinstance(written, list):
        return [convert(part, conversion, clock) for part in written]
    return convert(written, conversion, clock)


def _kind(value: Any) -> str:
    return "number" if is_number(value) else type(value).__name__


def _equal(value: Any, literal: Any, ignore_case: bool) -> bool:
    if _kind(value) != _kind(literal):
        return False
    if ignore_case and isinstance(value, str):
        return fold(value) == fold(literal)
    return bool(value == literal)


def _ordered(value: Any, operator: str, literal: Any) -> bool:
    if _kind(value) != _kind(literal) or isinstance(value, bool | dict | list):
        return False
    if operator in ("gt", "gte"):
        return bool(value > literal or (operator == "gte" and value == literal))
    return bool(value < literal or (operator == "lte" and value == literal))


def _satisfies(value: Any, operator: str, literal: Any, ignore_case: bool) -> bool:
    if operator == "equals":
        return _equal(value, literal, ignore_case)
    if operator == "in":
        return any(_equal(value, one, ignore_case) for one in literal)
    if operator in ORDERED:
        return _ordered(value, operator, literal)
    if operator == "between":
        return _ordered(value, "gte", literal[0]) and _ordered(value, "lte", literal[1])
    if not isinstance(value, str):
        return False
    if operator == "matches":
        # Read as ASCII, Python's classes and case pairs are those of RE2 (else i, I and both Turkish ones are one).
        return re.search(literal, value, re.ASCII | (re.IGNORECASE if ignore_case else re.NOFLAG)) is not None
    text, part = (fold(value), fold(literal)) if ignore_case else (value, literal)
    if operator == "contains":
        return part in text
    return text.startswith(part) if operator == "starts_with" else text.endswith(part)


def _anniversary(instant: datetime, word: str, clock: Clock) -> bool:
    born, target = clock.local(instant).date(), clock.offset_day(word)
    if (born.month, born.day) == (target.month, target.day):
        return True
    last_of_february = (target.month, target.day) == (2, 28) and (target + timedelta(days=1)).month == 3
    return (born.month, born.day) == (2, 29) and last_of_february


def _has_item(value: Any, filters: Sequence[Mapping[str, Any]], clock: Clock) -> bool:
    items = value if isinstance(value, list) else [value] if isinstance(value, Mapping) else []
    return any(filters_hold(filters, partial(_item_property, item), clock) for item in items)


def _item_property(item: Any, path: str) -> Any:
    return lookup(item, path)[1]
