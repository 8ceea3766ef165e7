"""Who is in an export and what of them: the members of a segment as the last published run left them.

One row per member in the order of external ids, written to a file of this machine, so that the warehouse is free again
before any format is made. Not here: the formats, and what was exported before (`sent.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.exports.cells import Column
from orchestration.exports.fields import cell, common, kind, nobody_has, raw
from orchestration.exports.request import Request
from orchestration.exports.words import LIST_COLUMNS
from orchestration.published import last_run
from orchestration.warehouse import aware
from segmentation.language.export_fields import PLAIN_FIELDS, Field
from segmentation.language.folder import ENDINGS
from segmentation.language.problems import unknown_segment
from segmentation.plan.facets import extracted
from segmentation.plan.sql import Sql, literal

MEMORY = "1GB"  # for sorting; beyond it, the disk
ORDER = Sql("order by external_id nulls last, user_id")
EXTERNAL_ID = Field("external_id", "external_id")
NEVER = "segment {} was never calculated: refresh it first"
NO_LONGER_A_USER, BLACKLISTED, WITHOUT_IDENTITY = "no_longer_a_user", "blacklisted", "without_identity"


@dataclass(frozen=True)
class Standing:
    """A segment as it is published: its permanent number, and the run that its members come from.

    `as_of` and `run_no` are of that run, `data_as_of` of the last one, whose profiles and blacklist count.
    """

    segment: str
    number: int
    title: str | None
    kind: str | None
    status: str
    reason: str | None
    definition_hash: str
    as_of: datetime
    run_no: int
    data_as_of: datetime


@dataclass(frozen=True)
class Collected:
    """The rows of an export in `file`: members less `dropped`, by reason."""

    file: Path
    columns: tuple[Column, ...]
    members: int
    dropped: Mapping[str, int]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.members - sum(self.dropped.values())


def standing_of(connection: duckdb.DuckDBPyConnection, name: str, folder: Path) -> Standing:
    """Raises ValueError in one sentence if there is no such segment, or it has no members that could be exported;
    `folder` has the files of segments, of which some may be new."""
    statuses = dict(connection.execute("select segment, status from segments.segments order by segment").fetchall())
    if name not in statuses and any((folder / f"{name}{ending}").is_file() for ending in ENDINGS):
        raise ValueError(NEVER.format(name))
    if name not in statuses:
        raise ValueError(unknown_segment(name, statuses))
    if statuses[name] == "deleted":
        raise ValueError(f"segment {name} is deleted: it has no members to export")
    found = connection.execute(
        """
        select s.title, s.kind, s.status, s.reason, d.segment_no, d.definition_hash, r.as_of, d.run_no
        from segments.segments as s
        join raw.segment_definitions as d on s.segment = d.segment and d.is_computed and d.mode = 'present'
        join raw.runs as r on d.run_no = r.run_no and r.is_published
        where s.segment = ? order by d.run_no desc limit 1
        """,
        [name],
    ).fetchone()
    last = last_run(connection)
    if found is None or last is None:
        raise ValueError(NEVER.format(name))
    title, kind_, status, reason, number, hash_, as_of, run_no = found
    return Standing(name, number, title, kind_, status, reason, hash_, aware(as_of), run_no, last[1])


def collect(connection: duckdb.DuckDBPyConnection, request: Request, file: Path) -> Collected:
    """Writes the rows of an export, with `user_id` and `external_id` before the cells.

    Raises ValueError for an attribute that no user has.
    """
    connection.execute(f"set memory_limit = {literal(MEMORY)}")
    kinds = _kinds(connection, request.fields)
    members, dropped = _judge(connection, request)
    inner = [Sql(f"{raw(field)} as r{place}") for place, field in enumerate(request.fields)]
    cells = [cell(field, Sql(f"r{place}")) for place, field in enumerate(request.fields)]
    columns = [Column(field.name, its, field.key) for field, its in zip(request.fields, kinds, strict=True)]
    if request.as_list:
        cells = [literal("g" if request.fields[0].key == "user_id" else "i"), *cells]
        columns = [Column(name, "text", request.fields[0].key) for name in LIST_COLUMNS]
    devices = "left join segments.user_devices as d on m.user_id = d.user_id"
    rows = f"""
        select user_id, external_id, {", ".join(f"{one} as c{place}" for place, one in enumerate(cells))}
        from (
            select m.user_id, {raw(EXTERNAL_ID)} as external_id, {", ".join(inner)}
            from judged as m
            join staging.stg_users as u on m.user_id = u.user_id
            {devices if any(field.is_of_devices for field in request.fields) else ""}
            where m.why is null
        )
    """
    if request.as_list:
        nobody = _number(connection, f"select count(*) from ({rows}) where c1 is null")
        dropped[WITHOUT_IDENTITY] = nobody
        rows = f"select * from ({rows}) where c1 is not null"
    connection.execute(f"copy ({rows} {ORDER}) to {literal(str(file))} (format parquet)")
    return Collected(file, tuple(columns), members, dropped)


def _judge(connection: duckdb.DuckDBPyConnection, request: Request) -> tuple[int, dict[str, int]]:
    """Puts the members into the table `judged`, with the reason for which somebody is left out."""
    where, values = ("channel = $channel", {"channel": request.channel}) if request.channel else ("true", {})
    connection.execute(
        f"""
        create or replace temp table judged as
        select m.user_id, m.valid_from as since, case
            when u.user_id is null then '{NO_LONGER_A_USER}'
            when b.user_id is not null then '{BLACKLISTED}'
        end as why
        from segments.segment_membership as m
        left join staging.stg_users as u on m.user_id = u.user_id
        left join (select distinct user_id from staging.stg_blacklist where listed and {where}) as b
            on m.user_id = b.user_id
        where m.segment = $segment and m.valid_to is null
        """,
        {"segment": request.segment, **values},
    )
    found = connection.execute("select why, count(*) from judged group by why").fetchall()
    counts = dict(found)
    dropped = {reason: counts.get(reason, 0) for reason in (BLACKLISTED, NO_LONGER_A_USER)}
    return sum(counts.values()), dropped


def _kinds(connection: duckdb.DuckDBPyConnection, fields: Sequence[Field]) -> list[Any]:
    """The kind of every field. An attribute's is that of its values over all users, so that it is the same in the
    exports of all segments; one that nobody has is a mistake, and not an empty column."""
    attributes = [field for field in fields if field.attribute is not None]
    if not attributes:
        return [PLAIN_FIELDS[field.key] for field in fields]
    inner = ", ".join(f"{raw(field)} as r{place}" for place, field in enumerate(attributes))
    outer = ", ".join(f"list(distinct {kind(Sql(f'r{place}'))}) as k{place}" for place in range(len(attributes)))
    found = connection.execute(f"select {outer} from (select {inner} from staging.stg_users as u)").fetchone()
    assert found is not None
    seen = {field: [one for one in kinds if one] for field, kinds in zip(attributes, found, strict=True)}
    for field, kinds in seen.items():
        if not kinds:
            raise ValueError(nobody_has(field, _known(connection, field)))
    return [common(sorted(seen[field])) if field in seen else PLAIN_FIELDS[field.key] for field in fields]


def _known(connection: duckdb.DuckDBPyConnection, field: Field) -> list[str]:
    """Attributes that somebody has, on the level of the one that nobody has, for the sentence about it."""
    above, dot, _ = (field.attribute or "").rpartition(".")
    document = extracted(Sql("attributes"), above) if dot else "attributes"
    rows = connection.execute(
        f"select distinct unnest(json_keys({document})) as key from staging.stg_users"
        f" where json_type({document}) = 'OBJECT' order by key"
    ).fetchall()
    return [f"{above}.{key}" if dot else key for (key,) in rows]


def _number(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    found = connection.execute(sql).fetchone()
    return int(found[0]) if found else 0
