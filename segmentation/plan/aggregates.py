"""Aggregates of a person's events: count, sum, avg, min, max, distinct, first and last, and the tests on them.

A missing number counts as 0 in sums and averages; sums are rounded before they are compared, because the order of rows
must not decide. Not here: which events are aggregated (`events.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from operator import eq, ge, gt, le, lt, ne

from segmentation.language.model import Aggregate, Test
from segmentation.plan.checks import COMPARISONS, Checks
from segmentation.plan.facets import Facets, as_instant, as_number
from segmentation.plan.fields import FieldSet
from segmentation.plan.sql import Sql, all_of, literal

ROW = "t"  # how a pass calls a stored event
# Where conditions read events: the tiles, with each event under the number of the user whose it is now.
EVENTS = Sql("{{ ref('person_events') }}")
FACETS = ("text", "number", "boolean", "items", "document")


def aggregate_test(aggregate: Aggregate, call: Callable[[str], Sql], fields: FieldSet, checks: Checks) -> Sql:
    """The test of an aggregate; null or false for nobody's events. `call` gives the name of an SQL aggregate."""
    found, check = aggregate_value(aggregate, call, fields, checks), aggregate.check
    if aggregate.function in ("first", "last"):
        return checks.holds(check, Facets(*(Sql(f"{found}.{name}") for name in FACETS)))
    if aggregate.function in ("min", "max") and check.convert == "date":
        return _instant_tests(found, check.tests, checks)
    return number_tests(found, check.tests)


def aggregate_value(aggregate: Aggregate, call: Callable[[str], Sql], fields: FieldSet, checks: Checks) -> Sql:
    """What an aggregate comes to: a number; an instant for the smallest or largest date; facets for first and last."""
    function = aggregate.function
    if function == "count":
        return call("count(*)")
    if function == "distinct" and aggregate.of == "days":
        return call(f"count(distinct {ROW}.local_ts::date)")
    assert aggregate.of is not None
    facets = fields.facets(aggregate.of)
    if function == "distinct":
        return call(f"count(distinct {identity_of(facets)})")
    if function in ("first", "last"):
        extreme = "min" if function == "first" else "max"
        last_resort = Sql(f"coalesce({identity_of(facets)}, '')")
        return call(f"arg_{extreme}({packed_facets(facets)}, {order_key(last_resort)})")
    if function in ("min", "max"):
        as_date = aggregate.check.convert == "date"
        return call(f"{function}({as_instant(facets, checks.clock) if as_date else as_number(facets)})")
    total = call(f"sum(coalesce({as_number(facets)}, 0))")  # a missing value counts as 0, in the average too
    if function == "sum":
        return Sql(f"round({total}, 6)")
    return Sql(f"round({total} / {call('count(*)')}, 6)")


def packed_facets(facets: Facets) -> Sql:
    """All facets of a value in one."""
    return Sql(f"struct_pack({', '.join(f'{name} := {getattr(facets, name)}' for name in FACETS)})")


def _instant_tests(found: Sql, tests: tuple[Test, ...], checks: Checks) -> Sql:
    terms = []
    for test in tests:
        if test.operator == "window":
            terms.append(checks.in_window(test.value, found))  # type: ignore[arg-type]
        elif test.operator == "between":
            assert isinstance(test.value, tuple)
            low, high = (literal(checks.instant(one)) for one in test.value)
            terms.append(Sql(f"{found} between {low} and {high}"))
        elif test.operator == "not_equals":
            terms.append(Sql(f"{found} <> {literal(checks.instant(test.value))}"))
        else:
            terms.append(Sql(f"{found} {COMPARISONS[test.operator]} {literal(checks.instant(test.value))}"))
    return all_of(terms)


def order_key(last_resort: Sql | None = None) -> Sql:
    """Events in time; equal times are ordered by event_id as text. What neither tells apart is ordered by what is asked
    of it, since the engine reads rows in any order and the answer must not depend on that."""
    asked = "" if last_resort is None else f", {last_resort}"
    return Sql(f"row({ROW}.ts, coalesce({ROW}.event_id, ''){asked})")


def fits_at_the_end(occurrence: str, fits: Sql) -> Sql:
    """An aggregate: whether the first or last event fits; of several that nothing tells apart, one is enough."""
    fits = Sql(f"coalesce({fits}, false)")
    if occurrence == "first":
        return Sql(f"arg_min({fits}, {order_key(Sql(f'not {fits}'))})")
    return Sql(f"arg_max({fits}, {order_key(fits)})")


def identity_of(f: Facets) -> Sql:
    """A text that is equal for equal values: 1 and 1.0 are one, 1 and "1" are two; null where there is no value."""
    return Sql(
        f"coalesce('t' || {f.text}, 'n' || ({f.number})::varchar, 'b' || ({f.boolean})::varchar,"
        f" 'l' || ({f.items})::varchar, 'o' || {f.document})"
    )


def number_tests(found: Sql, tests: tuple[Test, ...]) -> Sql:
    """Tests of a computed number."""
    terms: list[Sql] = []
    for test in tests:
        if test.operator == "between":
            low, high = _numbers(test)
            terms.append(Sql(f"{found} between {literal(low)} and {literal(high)}"))
        else:
            sign = "<>" if test.operator == "not_equals" else COMPARISONS[test.operator]
            terms.append(Sql(f"{found} {sign} {literal(_numbers(test)[0])}"))
    return all_of(terms)


def needs_an_event(aggregate: Aggregate) -> bool:
    """Whether the test of an aggregate fails by itself for a user without events: on null, or on a 0."""
    if aggregate.function in ("count", "distinct"):
        return not zero_passes(aggregate)
    return aggregate.function in ("sum", "avg", "min", "max")


def zero_passes(aggregate: Aggregate) -> bool:
    """Whether the aggregate of a user without events, which is 0, passes the tests."""
    return all(_compares(0, test.operator, *_numbers(test)) for test in aggregate.check.tests)


def _compares(number: float, operator: str, *values: float) -> bool:
    if operator == "between":
        low, high = values
        return low <= number <= high
    (value,) = values
    signs: dict[str, Callable[[float, float], bool]] = {
        "equals": eq, "not_equals": ne, "gt": gt, "gte": ge, "lt": lt, "lte": le
    }  # fmt: skip
    return signs[operator](number, value)


def _numbers(test: Test) -> tuple[float, ...]:
    values = test.value if isinstance(test.value, tuple) else (test.value,)
    return tuple(float(value) for value in values)  # type: ignore[arg-type]
