"""Literals that people compare with, brought to the type that `as` names, and regular expressions that RE2 reads.

Dates stay the text that was written, since what a bare date means depends on the workspace's zone. The engine itself
judges regular expressions, so that what loads also runs. Not here: operators (parse_check.py).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from segmentation.clock import parse_moment
from segmentation.language import words
from segmentation.language.model import Conversion, Scalar
from segmentation.language.parse_values import is_number
from segmentation.language.parse_window import unix_moment
from segmentation.language.problems import Report
from segmentation.language.yaml_file import Atom, Items, Node

if TYPE_CHECKING:
    import duckdb

LARGEST = 2**63 - 1  # what engines hold as a whole number
_LONGEST_NUMBER = 1000

_DECIMAL = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?\Z", re.ASCII)
_VERSION = re.compile(r"v?\d{1,18}(?:\.\d{1,18})*(?:[-+].*)?\Z", re.ASCII)
_UNIX_SECONDS = re.compile(r"\d{9,11}\Z", re.ASCII)
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_EXPECTED = {
    None: "a value",
    "number": "a number, as said by as: number",
    "text": "text, as said by as: text",
    "boolean": "true or false, as said by as: boolean",
    "date": "a date (2026-04-01), a timestamp or Unix seconds",
    "version": 'a version in quotes such as "5.10"',
}
_LIST_WORDS = {"equals": "in", "not_equals": "not_in"}


def literal(node: Node, r: Report, operator: str, convert: Conversion | None) -> Scalar | None:
    """One value to compare with, converted; None after an error was noted."""
    expected = _EXPECTED[convert]
    if not isinstance(node, Atom):
        hint = ""
        if isinstance(node, Items) and operator in _LIST_WORDS:
            hint = f"; for several values say {_LIST_WORDS[operator]}"
        r.wrong(node, expected if convert else "one value", hint=hint)
        return None
    if node.value is None:
        hint = {"equals": "; say exists: false", "not_equals": "; say exists: true"}.get(operator, "")
        r.wrong(node, expected, hint=hint)
        return None
    value = node.value
    if isinstance(value, float) and not is_number(value):
        r.wrong(node, "a finite number")
        return None
    if isinstance(value, int) and abs(value) > LARGEST:
        r.wrong(node, "a whole number below 2^63", hint="; an id is text and stands in quotes")
        return None
    if operator in words.COMPARISONS or operator == "between":
        if convert == "boolean":
            r.error(node.line, f"found {operator} beside as: boolean, expected equals or not_equals")
            return None
        if isinstance(value, bool):
            r.wrong(node, "a number or text to compare by size", hint="; for true or false say equals")
            return None
    if convert is None:
        return value
    try:
        converted = _convert(node, value, convert)
    except (ValueError, OverflowError) as error:
        r.wrong(node, expected, hint=f": {error}")
        return None
    if converted is None:
        quote = convert == "version" and isinstance(value, float)
        r.wrong(node, f'"{node.text}" in quotes: as a number 5.10 is 5.1' if quote else expected)
    return converted


def _convert(atom: Atom, value: Scalar, convert: Conversion) -> Scalar | None:
    if convert == "number":
        return _number(value)
    if convert == "text":
        if isinstance(value, bool):
            return "true" if value else "false"
        return value if isinstance(value, str) else f"{int(value)}" if value == int(value) else repr(value)
    if convert == "boolean":
        return value if isinstance(value, bool) else _TRUTH.get(str(value).lower())
    if convert == "version":
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return atom.text
        return value if isinstance(value, str) and _VERSION.match(value) else None
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return value if _UNIX_SECONDS.match(value) or parse_moment(value) is not None else None
    unix_moment(value)
    return value


def version_parts(value: Scalar) -> tuple[int, ...]:
    """The components of a version that was accepted, without zeros at the end: 5.0 is 5."""
    parts = [int(part) for part in re.split("[-+]", str(value).removeprefix("v"), maxsplit=1)[0].split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def _number(value: Scalar) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if not _DECIMAL.match(value) or len(value) > _LONGEST_NUMBER:
            return None
        value = float(value) if any(sign in value for sign in ".eE") else int(value)
    return value if is_number(value) and (isinstance(value, float) or abs(value) <= LARGEST) else None


@lru_cache(maxsize=4096)
def regex_error(pattern: str) -> str | None:
    """Why RE2 refuses a pattern, or None."""
    import duckdb  # only files with a pattern pay for the engine

    try:
        _engine().execute("select regexp_matches('', ?)", [pattern]).fetchall()
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        return reason.partition(": ")[2] or reason
    return None


@lru_cache(maxsize=1)
def _engine() -> duckdb.DuckDBPyConnection:
    import duckdb

    return duckdb.connect(":memory:", config={"threads": 1})
