"""The SQL that takes each field of an export out of the warehouse as text.

Every cell is text first, with a kind beside it that says what it was; the formats decide what becomes of that.
Aliases: `u` is the user's row, `d` the facts of their devices, `m` the member. Not here: which fields there are
(`segmentation/language/export_fields.py`), and which rows (`collect.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestration.exports.words import IDENTIFIERS
from segmentation.columns import USER_COLUMNS
from segmentation.language.export_fields import ATTRIBUTE, DEVICE_FIELDS, MEMBER_FIELDS, PLAIN_FIELDS, Field, Kind
from segmentation.language.problems import nearest
from segmentation.plan.facets import BRACE, BRACKET, MINUS, PLAIN_DECIMAL, QUOTE, extracted, facets_of_json_text
from segmentation.plan.sql import Sql

WHOLE = r"-?\d{1,18}"  # what certainly fits 64 bits; longer ones stay text, to the digit


def raw(field: Field) -> Sql:
    """The value of a field: JSON text of an attribute, text of any other.

    An identifier without letters is none. An attribute is what rules take it for: the exact key, then the dotted path,
    then the column of that name.
    """
    path = field.attribute
    if path is None:
        if field.key == "device_count":
            return Sql("coalesce(d.device_count, 0)::varchar")
        alias = "d" if field.key in DEVICE_FIELDS else "m" if field.key in MEMBER_FIELDS else "u"
        column = Sql(f"nullif({alias}.{field.key}, '')" if field.key in IDENTIFIERS else f"{alias}.{field.key}")
        return _as_text(column, PLAIN_FIELDS[field.key])
    value = Sql(f"{extracted(Sql('u.attributes'), path)}::varchar")
    its = USER_COLUMNS.get(path)
    if its is None:
        return value
    other = _as_text(Sql(f"u.{path}"), its) if its == "timestamp" else Sql(f"u.{path}")
    return Sql(f"coalesce({value}, to_json({other})::varchar)")


def cell(field: Field, value: Sql) -> Sql:
    """The text of a cell out of what `raw` gave."""
    if field.attribute is None:
        return value
    return Sql(
        f"(case {kind(value)} when 'text' then coalesce({facets_of_json_text(value).text}, {value})"
        f" when 'number' then {_without_fraction(value)} when 'boolean' then {value} when 'integer' then {value}"
        f" when 'json' then {value} end)"
    )


def kind(value: Sql) -> Sql:
    """The kind of an attribute's JSON text; null where there is no value, which an empty list is none."""
    first = f"ascii({value})"
    return Sql(
        f"(case when {first} = {QUOTE} then 'text'"
        f" when {value} in ('true', 'false') then 'boolean'"
        f" when regexp_full_match({value}, '{WHOLE}') then 'integer'"
        f" when regexp_full_match({value}, '-?\\d+') then 'text'"
        f" when {first} between 48 and 57 or {first} = {MINUS}"
        f" then case when regexp_full_match({value}, '{PLAIN_DECIMAL}')"
        f" then if(isfinite(try_cast({value} as double)), 'number', 'text') end"
        f" when {first} = {BRACE} or ({first} = {BRACKET} and json_array_length({value}) > 0) then 'json' end)"
    )


def common(kinds: Sequence[Kind]) -> Kind:
    """What a column of these kinds is: numbers stay numbers, and whatever else is mixed is text."""
    different = set(kinds)
    if len(different) == 1:
        return next(iter(different))
    return "number" if different == {"integer", "number"} else "text"


def _as_text(column: Sql, its: str) -> Sql:
    if its == "number":
        return _without_fraction(Sql(f"{column}::varchar"))
    if its == "timestamp":
        return _iso(column)
    if its == "list":
        return Sql(f"(case when json_array_length({column}) > 0 then json_extract({column}, '$')::varchar end)")
    return column if its == "text" else Sql(f"{column}::varchar")


def _without_fraction(number: Sql) -> Sql:
    return Sql(f"regexp_replace({number}, '\\.0$', '')")


def _iso(moment: Sql) -> Sql:
    """`2026-01-15T00:00:00Z`, with a fraction only where there is one; null where the year has not four digits."""
    fraction = f"rtrim(rtrim(strftime({moment}, '.%f'), '0'), '.')"
    text = f"strftime({moment}, '%Y-%m-%dT%H:%M:%S') || {fraction} || 'Z'"
    return Sql(f"(case when year({moment}) between 1 and 9999 then {text} end)")


def nobody_has(field: Field, known: Sequence[str]) -> str:
    """One sentence about an attribute without any value, with the nearest that has some."""
    near = nearest(field.attribute or "", [one for one in known if one != field.attribute])
    said = f"; did you mean {ATTRIBUTE + near!r}?" if near else ""
    return f"no user has the attribute {field.attribute!r}{said}"
