"""Operators and what they compare with: checks on attributes, properties, device words, pages, and `where`.

Literals are converted here as `as` says, so `as: number` beside "10" compares with 10, and a literal that does not
convert is an error rather than a rule that matches nobody. Not here: aggregates and event leaves (parse_events.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import cast

from segmentation.language import words
from segmentation.language.literals import literal, regex_error, version_parts
from segmentation.language.model import AnyFilter, Check, Conversion, Filter, Operator, Scalar, Test, Where
from segmentation.language.parse_values import boolean, choice, text, unknown_words
from segmentation.language.parse_window import anniversary, between, one_window, window
from segmentation.language.problems import Report, found
from segmentation.language.yaml_file import Atom, Fields, Items, Node

_ISO_START = re.compile(r"\d{4}-\d{2}-\d{2}(?:\Z|[T ]\d{2}:)", re.ASCII)
_FILTER_HINTS = {  # words that are right elsewhere
    "attribute": "; inside where it is 'property'",
    "any": "; {any: [...]} is an item of its own in the outermost list",
    "all": "; the filters of a list hold together anyway",
    "not": "; say not_equals, not_in, not_contains or exists: false",
}
_IGNORES_CASE = {"equals", "not_equals", "in", "not_in", *words.TEXT_OPERATORS}


def check(
    fields: Fields,
    r: Report,
    what: str,
    *,
    operators: Iterable[str] = words.CHECK_WORDS,
    convert: Conversion | None = None,
) -> Check | None:
    """The check that a mapping's operator words spell, in the order written; other words are left to the caller.

    `what` names the checked value in messages. `convert` is the conversion that the leaf itself implies (versions).
    """
    operators = set(operators)
    before = len(r.problems)
    node = fields.fields.get("as") if "as" in operators else None
    if node is not None:
        asked = cast(Conversion | None, choice(node, r, (convert,) if convert else words.CONVERSIONS))
        if asked is None:
            return None
        convert = asked
    given = [word for word in fields.fields if word in operators and word not in words.MODIFIERS]
    if not given:
        some = ", ".join(sorted(operators - set(words.MODIFIERS), key=words.VALUE_WORDS.index))
        r.error(fields.line, f"found no operator for {what}, expected one of {some}")
        return None
    windows = [word for word in given if word in words.WINDOWS]
    if "between" in windows and not _between_is_window(fields.fields["between"], convert):
        windows.remove("between")
    if windows or "anniversary" in given:
        if convert not in (None, "date"):
            word = windows[0] if windows else "anniversary"
            r.error(fields.lines[word], f"found {word} beside as: {convert}, expected as: date or no as")
            return None
        convert = "date"
    tests: list[Test] = []
    if windows and one_window(fields, windows, r):
        reach = (
            between(fields.fields["between"], r, seconds=True) if windows == ["between"] else window(fields, windows, r)
        )
        if reach is not None:
            tests.append(Test("window", reach))
    for word in given:
        if word not in windows and (one := _test(word, fields, convert, r)) is not None:
            tests.append(one)
    ignore_case = _ignore_case(fields, tests, convert, r) if "ignore_case" in operators else False
    if len(r.problems) > before:
        return None
    return Check(tuple(tests), convert, ignore_case)


def where(node: Node, r: Report) -> Where | None:
    """The filters of `where` or `has_item`, joined by AND; an item `{any: [...]}` joins by OR."""
    if not isinstance(node, Items) or not node.items:
        r.wrong(node, "a list of filters such as [{property: category, equals: shoes}]")
        return None
    filters: list[Filter | AnyFilter] = []
    for item in node.items:
        if isinstance(item, Fields) and "any" in item.fields and "property" not in item.fields:
            unknown_words(item, r, ("any",), "beside any in a list of filters")
            options = _filters(item.fields["any"], r)
            if options:
                filters.append(AnyFilter(options))
        elif (one := _filter(item, r)) is not None:
            filters.append(one)
    return tuple(dict.fromkeys(filters)) if len(filters) == len(node.items) else None


def operator_value(word: str, node: Node, r: Report, convert: Conversion | None) -> Test | None:
    """One comparison (`gt` to `between`) with its literal or literals."""
    if word == "between":
        return _between(node, convert, r)
    if word in ("in", "not_in"):
        return _list(word, node, convert, r)
    value = literal(node, r, word, convert)
    return None if value is None else Test(cast(Operator, word), value)


def _filters(node: Node, r: Report) -> tuple[Filter, ...] | None:
    if not isinstance(node, Items) or not node.items:
        r.wrong(node, "a list of filters, of which one has to hold")
        return None
    filters = [_filter(item, r) for item in node.items]
    good = [one for one in filters if one is not None]
    return tuple(dict.fromkeys(good)) if len(good) == len(filters) else None


def _filter(node: Node, r: Report) -> Filter | None:
    if not isinstance(node, Fields):
        r.wrong(node, "a filter such as {property: category, equals: shoes}")
        return None
    for key in node.fields:
        if key not in words.FILTER:
            r.word(node.lines[key], key, words.FILTER, "in a filter", hint=_FILTER_HINTS.get(key, ""))
    path_node = node.fields.get("property")
    if path_node is None:
        if not any(key not in words.FILTER for key in node.fields):
            r.error(node.line, "found a filter without a property, expected {property: ..., equals: ...}")
        return None
    path = text(path_node, r, "the name of a property")
    checked = check(node, r, f"property {path!r}")
    return None if path is None or checked is None else Filter(path, checked)


def _test(word: str, fields: Fields, convert: Conversion | None, r: Report) -> Test | None:
    node = fields.fields[word]
    if word == "exists":
        known = boolean(node, r)
        return None if known is None else Test("exists", known)
    if word == "anniversary":
        day = anniversary(node, r)
        return None if day is None else Test("anniversary", day)
    if word == "has_item":
        if convert is not None:
            r.error(fields.lines[word], f"found has_item beside as: {convert}, expected as inside its filters")
            return None
        elements = where(node, r)
        return None if elements is None else Test("has_item", elements)
    if word in words.TEXT_OPERATORS:
        return _text_test(word, node, fields, convert, r)
    return operator_value(word, node, r, convert)


def _text_test(word: str, node: Node, fields: Fields, convert: Conversion | None, r: Report) -> Test | None:
    if convert not in (None, "text"):
        r.error(fields.lines[word], f"found {word} beside as: {convert}, expected as: text or no as")
        return None
    if not isinstance(node, Atom) or not isinstance(node.value, str):
        hint = "" if not isinstance(node, Atom) or node.value is None else f'; to mean the text, write "{node.text}"'
        r.wrong(node, "text", hint=hint)
        return None
    if word == "matches" and (error := regex_error(node.value)):
        r.error(node.line, f"found the pattern {found(node)}, expected a regular expression that RE2 reads: {error}")
        return None
    return Test(cast(Operator, word), node.value)


def _between_is_window(node: Node, convert: Conversion | None) -> bool:
    """Two ISO dates or timestamps, or `as: date`, make `between` the window; else it is the inclusive operator."""
    if convert is not None or not isinstance(node, Items):
        return convert == "date"
    return bool(node.items) and all(
        isinstance(item, Atom) and isinstance(item.value, str) and _ISO_START.match(item.value) for item in node.items
    )


def _between(node: Node, convert: Conversion | None, r: Report) -> Test | None:
    if convert == "date":
        reach = between(node, r, seconds=True)
        return None if reach is None else Test("window", reach)
    if not isinstance(node, Items) or len(node.items) != 2:
        r.wrong(node, "a list of two values, the lower one first")
        return None
    low, high = (literal(item, r, "between", convert) for item in node.items)
    if low is None or high is None:
        return None
    if isinstance(low, str) != isinstance(high, str):
        r.error(node.line, f"found {found(node.items[0])} and {found(node.items[1])}, expected two of one type")
        return None
    ordered = (version_parts(low), version_parts(high)) if convert == "version" else (low, high)
    if ordered[0] > ordered[1]:  # type: ignore[operator]  # both are text, numbers or parts of versions
        r.error(node.line, f"found {found(node.items[0])} before {found(node.items[1])}, expected the lower one first")
        return None
    return Test("between", (low, high))


def _list(word: str, node: Node, convert: Conversion | None, r: Report) -> Test | None:
    if not isinstance(node, Items):
        single = "equals" if word == "in" else "not_equals"
        what = f"a list such as [{found(node)}]" if isinstance(node, Atom) else "a list of values"
        r.wrong(node, what, hint=f"; for one value say {single}")
        return None
    if not node.items:
        r.wrong(node, "at least one value")
        return None
    values = [literal(item, r, word, convert) for item in node.items]
    good = [value for value in values if value is not None]
    if len(good) < len(values):
        return None
    return Test(cast(Operator, word), tuple(unique_scalars(good)))


def unique_scalars(values: Iterable[Scalar]) -> list[Scalar]:
    """Each value once, ordered by type and value: lists that say the same become equal. `true` is not 1 here."""
    return [value for _, value in sorted({(_kind(value), value) for value in values})]


_kind: Callable[[Scalar], int] = lambda value: 0 if isinstance(value, bool) else 2 if isinstance(value, str) else 1  # noqa: E731


def _ignore_case(fields: Fields, tests: list[Test], convert: Conversion | None, r: Report) -> bool:
    node = fields.fields.get("ignore_case")
    if node is None:
        return False
    wanted = boolean(node, r)
    if wanted and (convert not in (None, "text") or not any(test.operator in _IGNORES_CASE for test in tests)):
        if len(tests) > 0:
            r.error(fields.lines["ignore_case"], "found ignore_case without a text operator, expected it beside "
                                                 "equals, in, contains and the like")  # fmt: skip
        return False
    return bool(wanted)
