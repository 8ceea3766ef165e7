"""Facets: one JSON value seen as each of its possible types, and its conversions from one to another.

A value comes from JSON, so it has a type of its own; its `Facets` are one SQL expression per type, null where the
value is of another. Not here: what is asked of a value (`checks.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from segmentation.clock import Clock
from segmentation.language.model import Conversion
from segmentation.plan.sql import NULL, Sql, literal

PLAIN_DECIMAL = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?"
QUOTE, MINUS, BRACKET, BRACE = 34, 45, 91, 123  # letters that JSON values begin with
ISO_DATE = r"\d{4}-\d{2}-\d{2}"
ISO_TIMESTAMP = ISO_DATE + r"[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s?(Z|z|[+-]\d{2}(:?\d{2})?)?"
UNIX_SECONDS = r"\d{9,11}"


@dataclass(frozen=True)
class Facets:
    """One value, seen as each of its possible types; SQL null where it is of another type.

    `items` is a list of JSON values for a non-empty JSON array, `document` the JSON text of an object.
    """

    text: Sql = NULL
    number: Sql = NULL
    boolean: Sql = NULL
    items: Sql = NULL
    document: Sql = NULL


def facets_of_json(value: Sql) -> Facets:
    """Facets of an SQL expression of type JSON."""
    kind = f"json_type({value})"
    return Facets(
        text=Sql(f"(case when {kind} = 'VARCHAR' then {value}->>'$' end)"),
        number=Sql(
            f"(case when {kind} in ('UBIGINT', 'BIGINT', 'DOUBLE', 'HUGEINT', 'UHUGEINT')"
            f" then try_cast({value} as double) end)"
        ),
        boolean=Sql(f"(case when {kind} = 'BOOLEAN' then {value}::varchar = 'true' end)"),
        items=Sql(  # an empty list counts as null
            f"(case when {kind} = 'ARRAY' and json_array_length({value}) > 0"
            f""" then from_json({value}, '["JSON"]') end)"""
        ),
        document=Sql(f"(case when {kind} = 'OBJECT' then {value}::varchar end)"),
    )


def facets_of_json_text(value: Sql) -> Facets:
    """The same for a column of JSON text that the engine wrote: its first letter tells its type without parsing."""
    first = f"ascii({value})"
    return Facets(
        text=Sql(  # unquoted by hand where nothing is escaped, which is nearly always
            f"(case when {first} = {QUOTE} then case when contains({value}, '\\') then {value}->>'$'"
            f" else substr({value}, 2, length({value}) - 2) end end)"
        ),
        number=Sql(f"(case when {first} between 48 and 57 or {first} = {MINUS} then try_cast({value} as double) end)"),
        boolean=Sql(f"(case when {value} = 'true' then true when {value} = 'false' then false end)"),
        items=Sql(  # an empty list counts as null
            f"""(case when {first} = {BRACKET} and json_array_length({value}) > 0"""
            f""" then from_json({value}, '["JSON"]') end)"""
        ),
        document=Sql(f"(case when {first} = {BRACE} then {value} end)"),
    )


def extracted(document: Sql, path: str) -> Sql:
    """The JSON value at a path of a JSON document: the exact key first, then the dotted path; lists are not entered."""
    whole = f"json_extract({document}, {_json_path([path])})"
    if "." not in path:
        return Sql(whole)
    return Sql(f"coalesce({whole}, json_extract({document}, {_json_path(path.split('.'))}))")


def _json_path(keys: list[str]) -> Sql:
    if any(not key or set(key) & set('"\\*') for key in keys):  # only a JSON pointer can spell these
        return literal("".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys))
    return literal("$" + "".join(f'."{key}"' for key in keys))


# ---------------------------------------------------------------- conversions


def as_number(f: Facets) -> Sql:
    """A number, or text that is a plain decimal; finite."""
    parsed = f"case when regexp_full_match({f.text}, '{PLAIN_DECIMAL}') then try_cast({f.text} as double) end"
    return f.number if f.text == NULL else _finite(Sql(f"coalesce({f.number}, {parsed})"))


def _finite(number: Sql) -> Sql:
    return Sql(f"(case when isfinite({number}) then {number} end)")


def as_text(f: Facets) -> Sql:
    """Text as it is; 5.0 as `5`; booleans as `true` and `false`."""
    number = f"regexp_replace(({f.number})::varchar, '\\.0$', '')"
    return Sql(f"coalesce({f.text}, {number}, ({f.boolean})::boolean::varchar)")


def as_boolean(f: Facets) -> Sql:
    """Booleans; true/false, yes/no, 1/0 in any case."""
    word = f"lower(coalesce({f.text}, regexp_replace(({f.number})::varchar, '\\.0$', '')))"
    return Sql(
        f"coalesce({f.boolean}, case when {word} in ('true', 'yes', '1') then true"
        f" when {word} in ('false', 'no', '0') then false end)"
    )


def as_version(f: Facets) -> Sql:
    """Components as a list of integers without trailing zeros; null if one is not digits."""
    bare = f"regexp_replace(regexp_extract(regexp_replace({as_text(f)}, '^v', ''), '^[^-+]*'), '(\\.0+)*$', '')"
    return Sql(
        f"(case when regexp_full_match({bare}, '\\d+(\\.\\d+)*')"
        f" then try_cast(string_split({bare}, '.') as hugeint[]) end)"
    )


def as_instant(f: Facets, clock: Clock) -> Sql:
    """A naive UTC timestamp: local midnight of a date, a timestamp (UTC without zone), or Unix seconds."""
    text = f.text
    written = f"case when regexp_full_match({text}, '{UNIX_SECONDS}') then try_cast({text} as double) end"
    seconds = f"coalesce({f.number}, {written})"
    return Sql(
        f"(case when regexp_full_match({text}, '{ISO_DATE}') then {midnight(Sql(f'try_cast({text} as date)'), clock)}"
        f" when regexp_full_match({text}, '{ISO_TIMESTAMP}') then try_cast({text} as timestamptz) at time zone 'UTC'"
        f" when abs({seconds}) < 1e11 then make_timestamp((({seconds}) * 1000000)::bigint) end)"
    )


def converted(f: Facets, convert: Conversion, clock: Clock) -> Sql:
    """The value under `as`; null where it does not convert."""
    if convert == "date":
        return as_instant(f, clock)
    by_name: dict[Conversion, Callable[[Facets], Sql]] = {
        "number": as_number, "text": as_text, "boolean": as_boolean, "version": as_version
    }  # fmt: skip
    return by_name[convert](f)


def midnight(day: Sql, clock: Clock) -> Sql:
    """The first instant of a local date as naive UTC.

    The engine takes the second of two midnights where a zone sets its clocks back over midnight, so an hour earlier
    is tried as well.
    """
    zone = literal(clock.zone.key)
    if clock.zone.key == "UTC":
        return Sql(f"({day})::timestamp")
    second = f"((({day})::timestamp at time zone {zone}) at time zone 'UTC')"
    return Sql(
        f"(case when {local(Sql(f'{second} - interval 1 hour'), clock)}::date = {day}"
        f" then {second} - interval 1 hour else {second} end)"
    )


def local(instant: Sql, clock: Clock) -> Sql:
    """The local wall clock of a naive UTC timestamp."""
    if clock.zone.key == "UTC":
        return Sql(f"({instant})")
    return Sql(f"(({instant}) at time zone 'UTC' at time zone {literal(clock.zone.key)})")
