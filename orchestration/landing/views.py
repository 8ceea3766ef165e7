"""The SQL of the views in the schema raw: every landing table with the contract's columns, whatever the format.

A view gives each column its type and nothing else: no row is judged, dropped or put in order. Where a time, number or
flag cannot be read the column is null and `unread` holds what was said, as a JSON object by column.
Not here: which files there are (load.py), and which rows count (the staging models).
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestration.landing.contract import CONTRACT, SQL_TYPES, Kind
from orchestration.landing.look import Group, csv_reader, jsonl_reader, parquet_reader

_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")


def view_sql(table: str, groups: Sequence[Group]) -> str:
    """`create or replace view` for one table: the contract's columns, unread, file_no, row_no (from 1 in each file)."""
    branches = [_branch(table, group) for group in groups] or [_nothing(table)]
    return f"create or replace view raw.{table} as\n" + "\nunion all\n".join(branches)


def _nothing(table: str) -> str:
    columns = [f'cast(null as {SQL_TYPES[kind]}) as "{name}"' for name, kind in CONTRACT[table].columns.items()]
    columns += ["cast(null as varchar) as unread", "cast(null as integer) as file_no", "cast(null as bigint) as row_no"]
    return f"select {', '.join(columns)} where false"


def _branch(table: str, group: Group) -> str:
    types = dict(group.columns)
    columns, said = [], {}
    for name, kind in CONTRACT[table].columns.items():
        type_ = types.get(name)
        if type_ is None:
            columns.append(f'cast(null as {SQL_TYPES[kind]}) as "{name}"')
            continue
        columns.append(f'{_typed(kind, name, type_)} as "{name}"')
        if (source := _may_be_unreadable(kind, name, type_)) is not None:
            said[name] = f'"said {name}"'
            columns.append(f"{source} as {said[name]}")
    numbers = ", ".join(str(file.file_no) for file in group.files)
    columns.append(f"cast([{numbers}][cast(file_index as bigint) + 1] as integer) as file_no")
    columns.append("row_no")
    exposed = ", ".join(f'"{name}"' for name in CONTRACT[table].columns)
    return (
        f"select {exposed}, {_unread(said)} as unread, file_no, row_no from (\n"
        f"  select {', '.join(columns)}\n  from ({_rows(group)})\n)"
    )


def _rows(group: Group) -> str:
    """The reader call with file_index and row_no; text formats have to count, in the order they are read."""
    if group.format == "parquet":
        return f"select *, file_index, file_row_number + 1 as row_no from {parquet_reader(group.files)}"
    if group.format == "csv":
        reader = csv_reader(group.files, group.columns)
    else:
        reader = jsonl_reader(group.files, group.columns)
    # Windows without partition and order are computed as rows stream by, which costs a fraction of a real window.
    return (
        "select *, counted - max(started) over (rows between unbounded preceding and current row) as row_no from ("
        "select *, case when file_index is distinct from lag(file_index) over () then counted - 1 end as started from ("
        f"select *, file_index, row_number() over () as counted from {reader}))"
    )


def _unread(said: dict[str, str]) -> str:
    if not said:
        return "cast(null as varchar)"
    lost = {name: f'{source} is not null and "{name}" is null' for name, source in said.items()}
    values = ", ".join(f"'{name}': case when {lost[name]} then {source} end" for name, source in said.items())
    # A patch on an empty object leaves the nulls out.
    patch = f"cast(json_merge_patch('{{}}', to_json({{{values}}})) as varchar)"
    return f"case when {' or '.join(f'({test})' for test in lost.values())} then {patch} end"


def _said(name: str, type_: str) -> str:
    """The value as text, where an empty text says nothing."""
    return f"nullif(\"{name}\", '')" if type_ == "VARCHAR" else f'cast("{name}" as varchar)'


def _typed(kind: Kind, name: str, type_: str) -> str:
    column = f'"{name}"'
    nested = type_.startswith(("STRUCT", "MAP")) or type_.endswith("]")
    if kind == "json":
        if nested:
            return f"cast(to_json({column}) as varchar)"
        return f"nullif(nullif(cast({column} as varchar), ''), 'null')"
    if kind == "text":
        if nested:
            return f"cast(to_json({column}) as varchar)"
        return column if type_ == "VARCHAR" else f"cast({column} as varchar)"
    if kind == "time":
        if type_ == "TIMESTAMP":
            return column
        if type_ == "TIMESTAMP WITH TIME ZONE":
            return f"timezone('UTC', {column})"
        if type_ == "DATE" or type_.startswith("TIMESTAMP"):
            return f"cast({column} as timestamp)"
        # In a session whose zone is UTC a text without zone is UTC, and one with zone says so itself.
        return f"timezone('UTC', try_cast({_said(name, type_)} as timestamptz))"
    if kind == "number":
        number = f"try_cast({_said(name, type_)} as double)"
        if type_ in ("DOUBLE", "FLOAT", *_NUMBERS) or type_.startswith("DECIMAL"):
            number = f"cast({column} as double)"
        return f"case when isfinite({number}) then {number} end"
    if type_ == "BOOLEAN":
        return column
    lower = f"lower({_said(name, type_)})"
    return (
        f"case when {lower} in ('true', '1', '1.0', 'yes') then true"
        f" when {lower} in ('false', '0', '0.0', 'no') then false end"
    )


def _may_be_unreadable(kind: Kind, name: str, type_: str) -> str | None:
    """What the file says in a column that is converted from text, None where nothing can be lost."""
    if kind in ("text", "json"):
        return None
    if kind == "time" and (type_ == "DATE" or type_.startswith("TIMESTAMP")):
        return None
    if kind == "number" and (type_ in ("DOUBLE", "FLOAT", *_NUMBERS) or type_.startswith("DECIMAL")):
        return None  # a NaN is how some writers spell null
    if kind == "flag" and type_ == "BOOLEAN":
        return None
    return _said(name, type_)
