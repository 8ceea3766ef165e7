"""The fields that a row of an export may have, and the SQL that takes each out of the warehouse as text.

Every cell is text first, with a kind beside it that says what it was; the formats decide what becomes of that.
Aliases: `u` is the user's row, `d` the facts of their devices, `m` the member. Not here: which rows there are
(`collect.py`).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from segmentation.language.problems import did_you_mean
from segmentation.plan.facets import BRACE, BRACKET, MINUS, PLAIN_DECIMAL, QUOTE, extracted, facets_of_json_text
from segmentation.plan.fields import USER_COLUMNS
from segmentation.plan.sql import Sql

Kind = Literal["text", "integer", "number", "boolean", "timestamp", "list", "json"]

ATTRIBUTE = "attributes."
USER_FIELDS: Mapping[str, Kind] = {**USER_COLUMNS, "tags": "list"}
DEVICE_FIELDS: Mapping[str, Kind] = {
    "device_count": "integer", "device_type": "text", "operating_system": "text", "device_model": "text",
    "app_version": "text", "last_used_at": "timestamp",
}  # fmt: skip
MEMBER_FIELDS: Mapping[str, Kind] = {"since": "timestamp"}
PLAIN_FIELDS: Mapping[str, Kind] = {**USER_FIELDS, **DEVICE_FIELDS, **MEMBER_FIELDS}

WHOLE = r"-?\d{1,18}"  # what certainly fits 64 bits; longer ones stay text, to the digit


@dataclass(frozen=True)
class Field:
    """A field as it was asked for, which is the header of its column, and the field that is meant."""

    name: str
    key: str

    @property
    def attribute(self) -> str | None:
        """The path of a profile attribute, None for any other field."""
        return self.key.removeprefix(ATTRIBUTE) if self.key.startswith(ATTRIBUTE) else None

    @property
    def is_of_devices(self) -> bool:
        """Whether it is about the member's devices."""
        return self.key in DEVICE_FIELDS


def parse_fields(text: str) -> tuple[Field, ...]:
    """The fields of a list with commas, in its order; a name that holds a comma stands in double quotes.

    Names are those of the tables (`device_count`) or of Netmera's pages (`Device Count`). Raises ValueError in one
    sentence.
    """
    return fields_of(next(csv.reader([text], skipinitialspace=True), []))


def fields_of(names: Sequence[str]) -> tuple[Field, ...]:
    """The same for names one by one."""
    fields = tuple(_field(name.strip()) for name in names)
    if not fields:
        raise ValueError("found no field, expected at least one such as external_id")
    keys = [field.key for field in fields]
    if twice := next((field.name for field in fields if keys.count(field.key) > 1), None):
        raise ValueError(f"found the field {twice!r} twice, expected it once")
    return fields


def _field(name: str) -> Field:
    if name.startswith(ATTRIBUTE) and name != ATTRIBUTE:
        return Field(name, name)
    key = name.lower().replace(" ", "_")
    if key in PLAIN_FIELDS:
        return Field(name, key)
    near = did_you_mean(key, PLAIN_FIELDS)
    said = near or (f"; an attribute is written {ATTRIBUTE}{name}" if name else "")
    raise ValueError(f"found the field {name!r}, expected one of {', '.join(PLAIN_FIELDS)} or {ATTRIBUTE}NAME{said}")


def raw(field: Field) -> Sql:
    """The value of a field: JSON text of an attribute, text of any other.

    An attribute is what rules take it for: the exact key, then the dotted path, then the column of that name.
    """
    path = field.attribute
    if path is None:
        if field.key == "device_count":
            return Sql("coalesce(d.device_count, 0)::varchar")
        alias = "d" if field.key in DEVICE_FIELDS else "m" if field.key in MEMBER_FIELDS else "u"
        return _as_text(Sql(f"{alias}.{field.key}"), PLAIN_FIELDS[field.key])
    value = Sql(f"{extracted(Sql('u.attributes'), path)}::varchar")
    column = USER_COLUMNS.get(path)
    if column is None:
        return value
    other = _as_text(Sql(f"u.{path}"), column) if column == "timestamp" else Sql(f"u.{path}")
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
        f" then case when regexp_full_match({value}, '{PLAIN_DECIMAL}') then 'number' end"
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
    """`2026-01-15T00:00:00Z`, with a fraction only where there is one."""
    fraction = f"rtrim(rtrim(strftime({moment}, '.%f'), '0'), '.')"
    return Sql(f"strftime({moment}, '%Y-%m-%dT%H:%M:%S') || {fraction} || 'Z'")


def nobody_has(field: Field, known: Sequence[str]) -> str:
    """One sentence about an attribute without any value, with the nearest that has some."""
    near = did_you_mean(field.key, [f"{ATTRIBUTE}{one}" for one in known])
    return f"no user has the attribute {field.attribute!r}{near}"
