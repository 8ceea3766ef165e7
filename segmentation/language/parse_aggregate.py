"""Aggregates beside `did`: `count: {gt: 5}`, `sum: {of: amount, gte: 100}`, `first: {of: plan, equals: trial}`.

Not here: the leaf they stand on (parse_events.py).
"""

from __future__ import annotations

from typing import cast

from segmentation.language import words
from segmentation.language.model import Aggregate, AggregateFunction, Check, Conversion, Scalar, Test
from segmentation.language.parse_check import check, operator_value
from segmentation.language.parse_values import boolean, choice, is_number, mapping, text
from segmentation.language.problems import Report, one_of
from segmentation.language.yaml_file import Atom, Fields, Items

_CONVERSIONS: dict[str, tuple[Conversion, ...]] = {  # the first is implied; count and distinct convert nothing
    "sum": ("number",),
    "avg": ("number",),
    "min": ("number", "date"),
    "max": ("number", "date"),
}


def aggregate_of(fields: Fields, r: Report) -> Aggregate | None:
    """The aggregate of a leaf; None without one, or after an error."""
    given = [word for word in words.AGGREGATES if word in fields.fields]
    if not given:
        return None
    if len(given) > 1:
        line = max(fields.lines[word] for word in given)
        r.error(
            line, f"found {' and '.join(given)} on one leaf, expected one aggregate; put each into a leaf of its own"
        )
        return None
    word = given[0]
    node = fields.fields[word]
    if not isinstance(node, Fields):
        example = "{gte: 5}" if word == "count" else "{of: amount, gte: 100}"
        meant = f"; did you mean {{equals: {node.text}}}?" if isinstance(node, Atom) and is_number(node.value) else ""
        r.wrong(node, f"a mapping such as {word}: {example}", hint=meant)
        return None
    function = cast(AggregateFunction, word)
    if word in words.ONE_VALUE_AGGREGATES:
        return _one_value(function, node, r)
    return _number(function, node, r)


def _one_value(function: AggregateFunction, node: Fields, r: Report) -> Aggregate | None:
    mapping(node, r, ("of", *words.CHECK_WORDS), f"beside {function}", required=("of",))
    of = text(node.fields["of"], r, "the name of a property") if "of" in node.fields else None
    checked = check(node, r, f"the {function} value")
    return None if of is None or checked is None else Aggregate(function, of, checked)


def _number(function: AggregateFunction, node: Fields, r: Report) -> Aggregate | None:
    conversions: tuple[Conversion, ...] = _CONVERSIONS.get(function, ())
    known = (*(() if function == "count" else ("of",)), *words.AGGREGATE_OPERATORS, *(("as",) if conversions else ()))
    mapping(node, r, known, f"beside {function}", required=() if function == "count" else ("of",))
    of = text(node.fields["of"], r, "the name of a property") if function != "count" and "of" in node.fields else None
    convert: Conversion | None = conversions[0] if conversions else None
    if conversions and "as" in node.fields:
        convert = cast(Conversion | None, choice(node.fields["as"], r, conversions))
        if convert is None:
            return None
    test = one_test(node, r, function, convert, least=0 if function in ("count", "distinct") else None)
    if test is None or (function != "count" and of is None):
        return None
    return Aggregate(function, of, Check((test,), convert))


def one_test(
    node: Fields, r: Report, what: str, convert: Conversion | None = None, *, least: int | None = None
) -> Test | None:
    """The one operator of an aggregate; with `least` it compares whole numbers from there on."""
    given = [word for word in words.AGGREGATE_OPERATORS if word in node.fields]
    if len(given) != 1:
        how = f"found {' and '.join(given)}" if given else "found no operator"
        line = node.lines[given[-1]] if given else node.line
        r.error(line, f"{how} beside {what}, expected one of {one_of(words.AGGREGATE_OPERATORS)}")
        return None
    value = node.fields[given[0]]
    if convert == "date":
        return operator_value(given[0], value, r, "date")
    for atom in value.items if isinstance(value, Items) else [value]:
        if not isinstance(atom, Atom) or atom.value is None:
            continue  # the operator says what it needs
        if isinstance(atom.value, str | bool):
            r.wrong(atom, "a number", hint="; without the quotes" if atom.quoted else "")
            return None
        if least is not None and is_number(atom.value) and (isinstance(atom.value, float) or atom.value < least):
            r.wrong(atom, f"a whole number from {least} on")
            return None
    return operator_value(given[0], value, r, convert)


def with_non_doers(fields: Fields, aggregate: Aggregate | None, r: Report, *, negated: bool, occurrence: bool) -> bool:
    """Reads `include_non_doers`, which needs an aggregate that is 0 for people without an event."""
    node = fields.fields.get("include_non_doers")
    if node is None:
        return False
    wanted = boolean(node, r)
    if not wanted:
        return False
    line = fields.lines["include_non_doers"]
    numeric = [word for word in words.AGGREGATES if word not in words.ONE_VALUE_AGGREGATES]
    if negated:
        r.error(line, "found include_non_doers beside did_not, which holds them already, expected it beside did")
    elif occurrence or not any(word in fields.fields for word in numeric):
        r.error(line, f"found include_non_doers without an aggregate, expected {one_of(numeric)} beside it")
    elif aggregate is not None and aggregate.check.convert == "date":
        r.error(line, "found include_non_doers beside as: date, expected an aggregate that is a number")
    else:
        return True
    return False


def warn_if_never(test: Test, line: int, told: str, r: Report) -> None:
    """Warns about a count that only people without an event have; `told` says what follows."""
    value = test.value
    high: Scalar | None = None
    if test.operator in ("equals", "lte") and is_number(value):
        high = cast(float, value)
    elif test.operator == "lt" and is_number(value):
        high = cast(float, value) - 1
    elif test.operator == "between" and isinstance(value, tuple) and is_number(value[1]):
        high = cast(float, value[1])
    if high is not None and cast(float, high) <= 0:
        r.warn(line, f"nobody who did it has such a count, so {told}")
