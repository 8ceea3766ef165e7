"""Checks: tests on one value, the same for attributes, properties and list elements.

A positive operator on a list holds if one element satisfies it; a negative one is always the complement of its
positive twin, which is what makes nulls come out right.
Not here: where the facets of a value come from (`facets.py`, `fields.py`) and aggregates over events (`events.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime

from segmentation.clock import Clock, anniversary_days, bounds
from segmentation.language.model import (
    AnyFilter,
    Check,
    Conversion,
    Filter,
    Offset,
    Test,
    Window,
)
from segmentation.plan.facets import (
    ISO_DATE,
    UNIX_SECONDS,
    Facets,
    as_boolean,
    as_instant,
    as_number,
    as_text,
    as_version,
    converted,
    extracted,
    facets_of_json,
    local,
)
from segmentation.plan.sql import FALSE, NULL, Sql, all_of, any_of, complement, literal

NEGATIVE = {"not_equals": "equals", "not_in": "in", "not_contains": "contains"}
COMPARISONS = {"equals": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class Checks:
    """Turns checks into SQL at one clock. The boolean it gives may be null; null means no."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def holds(self, check: Check, facets: Facets, depth: int = 0) -> Sql:
        """All tests of a check on one value."""
        return all_of(self._test(test, check, facets, depth) for test in check.tests)

    def filters(self, where: tuple[Filter | AnyFilter, ...], facets_of: Callable[[str], Facets], depth: int = 0) -> Sql:
        """A `where`: AND of its filters, OR inside an `any`."""
        return all_of(
            any_of(self.holds(one.check, facets_of(one.path), depth) for one in item.filters)
            if isinstance(item, AnyFilter)
            else self.holds(item.check, facets_of(item.path), depth)
            for item in where
        )

    def _test(self, test: Test, check: Check, facets: Facets, depth: int) -> Sql:
        operator = test.operator
        if operator in NEGATIVE:
            positive = Test(NEGATIVE[operator], test.value)  # type: ignore[arg-type]
            return complement(self._test(positive, check, facets, depth))
        if operator == "exists":
            found = self._some_element(facets, depth, lambda f: _present(f, check.convert, self.clock))
            if check.convert is None:
                found = any_of([found, Sql(f"{facets.items} is not null"), Sql(f"{facets.document} is not null")])
            return found if test.value else complement(found)
        if operator == "has_item":
            return self._has_item(test, facets, depth)
        return self._some_element(facets, depth, lambda f: self._scalar(test, check, f))

    def _some_element(self, facets: Facets, depth: int, holds: Callable[[Facets], Sql]) -> Sql:
        scalar = holds(facets)
        if facets.items == NULL:
            return scalar
        element = holds(facets_of_json(Sql(f"e{depth}")))
        among = f"len(list_filter({facets.items}, lambda e{depth}: coalesce({element}, false))) > 0"
        return Sql(f"(case when {facets.items} is null then {scalar} else {among} end)")

    def _has_item(self, test: Test, facets: Facets, depth: int) -> Sql:
        name = Sql(f"e{depth}")
        filters = test.value
        assert isinstance(filters, tuple)
        inner = self.filters(filters, lambda path: facets_of_json(extracted(name, path)), depth + 1)  # type: ignore[arg-type]
        listed = f"coalesce({facets.items}, case when {facets.document} is not null then [{facets.document}::json] end)"
        return Sql(f"coalesce(len(list_filter({listed}, lambda {name}: coalesce({inner}, false))) > 0, false)")

    def _scalar(self, test: Test, check: Check, f: Facets) -> Sql:
        operator, value = test.operator, test.value
        if operator == "window":
            return self.in_window(value, as_instant(f, self.clock))  # type: ignore[arg-type]
        if operator == "anniversary":
            return self._anniversary(value, f)  # type: ignore[arg-type]
        if operator in ("contains", "starts_with", "ends_with", "matches"):
            return self._text_search(operator, str(value), check, f)

        def compare(op: str, one: object) -> Sql:
            return self._compare(op, one, check, f)

        if operator == "in":
            assert isinstance(value, tuple)
            return any_of(compare("equals", one) for one in value)
        if operator == "between":
            assert isinstance(value, tuple)
            return all_of([compare("gte", value[0]), compare("lte", value[1])])
        return compare(operator, value)

    def _compare(self, operator: str, value: object, check: Check, f: Facets) -> Sql:
        """`facet <operator> literal` on the facet of the literal's type: values of other types do not match."""
        sign = COMPARISONS[operator]
        convert = check.convert
        if convert == "date":
            return Sql(f"{as_instant(f, self.clock)} {sign} {literal(self.instant(value))}")
        if convert == "version":
            return Sql(f"{as_version(f)} {sign} {version_literal(str(value))}")
        if convert == "number":
            return Sql(f"{as_number(f)} {sign} {literal(float(value))}")  # type: ignore[arg-type]
        if convert == "boolean":
            return Sql(f"{as_boolean(f)} {sign} {literal(boolean_of(value))}")
        if convert == "text":
            return self._text_compare(operator, as_text(f), text_of(value), check.ignore_case)
        if isinstance(value, bool):
            return Sql(f"{f.boolean} {sign} {literal(value)}") if f.boolean != NULL else FALSE
        if isinstance(value, int | float):
            return Sql(f"{f.number} {sign} {literal(value)}") if f.number != NULL else FALSE
        return self._text_compare(operator, f.text, str(value), check.ignore_case)

    def _text_compare(self, operator: str, text: Sql, value: str, ignore_case: bool) -> Sql:
        if ignore_case and operator == "equals":
            return Sql(f"lower({text}) = lower({literal(value)})")
        return Sql(f"{text} {COMPARISONS[operator]} {literal(value)}")

    def _text_search(self, operator: str, value: str, check: Check, f: Facets) -> Sql:
        text = as_text(f) if check.convert == "text" else f.text
        if operator == "matches":
            return Sql(f"regexp_matches({text}, {literal('(?i)' + value if check.ignore_case else value)})")
        needle = literal(value)
        if check.ignore_case:
            text, needle = Sql(f"lower({text})"), Sql(f"lower({needle})")
        function = {"contains": "contains", "starts_with": "starts_with", "ends_with": "ends_with"}[operator]
        return Sql(f"{function}({text}, {needle})")

    def in_window(self, window: Window, instant: Sql) -> Sql:
        """Whether an instant of a value lies in a window."""
        return within(instant, *bounds(window, self.clock, of_events=False))

    def _anniversary(self, offset: Offset, f: Facets) -> Sql:
        instant = as_instant(f, self.clock)
        day = f"{local(instant, self.clock)}::date"
        _, pairs = anniversary_days(offset, self.clock)
        return any_of(Sql(f"(month({day}) = {month} and day({day}) = {d})") for month, d in sorted(pairs))

    def instant(self, value: object) -> datetime:
        """A date literal of a rule as an instant: a date is its local midnight, a number Unix seconds."""
        return instant_of(value, self.clock)


def within(instant: Sql, start: datetime | None, end: datetime | None) -> Sql:
    """`start <= instant < end`; an open end is no condition beyond being known."""
    terms = [Sql(f"{instant} >= {literal(start)}")] if start else []
    terms += [Sql(f"{instant} < {literal(end)}")] if end else []
    return all_of(terms or [Sql(f"{instant} is not null")])


def _present(f: Facets, convert: Conversion | None, clock: Clock) -> Sql:
    if convert is None:
        return any_of(Sql(f"{one} is not null") for one in (f.text, f.number, f.boolean) if one != NULL)
    return Sql(f"{converted(f, convert, clock)} is not null")


# ---------------------------------------------------------------- literals of rules


def instant_of(value: object, clock: Clock) -> datetime:
    """A date, timestamp or Unix-seconds literal as an aware UTC instant; ValueError if it is none of them."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return clock.midnight(value)
    text = str(value)
    if re.fullmatch(ISO_DATE, text):
        return clock.midnight(date.fromisoformat(text))
    if isinstance(value, int | float) or re.fullmatch(UNIX_SECONDS, text):
        return datetime.fromtimestamp(float(text), UTC)
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def version_literal(text: str) -> Sql:
    """A version as a list of integers without trailing zeros."""
    bare = re.split(r"[-+]", text.removeprefix("v"), maxsplit=1)[0]
    parts = [int(part) for part in bare.split(".")]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return Sql(f"[{', '.join(f'{part}::hugeint' for part in parts)}]")


def boolean_of(value: object) -> bool:
    """A boolean literal as people write it."""
    return value if isinstance(value, bool) else str(value).lower() in ("true", "yes", "1")


def text_of(value: object) -> str:
    """A literal the way `as: text` writes values."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return str(value)
