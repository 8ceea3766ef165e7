"""What a run that is computed again takes from the workspace's warehouse, since no file tells it any more.

Numbers of people, so that members can be compared; members of segments that are not computed again, for those that
read them; rows of uploaded lists. Which segments those are, and why, is decided here.
Not here: the computation (`verification.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration import state
from orchestration.decisions import assign_slots
from orchestration.history.manifests import Manifest
from orchestration.lists.ledger import prepare_lists
from orchestration.warehouse import connect, has_table, naive
from segmentation.language.folder import Folder
from segmentation.language.model import Definition
from segmentation.plan.sql import literal

COMPARED = "raw.members_recorded"  # in the throw-away warehouse: segment_no, person_no
STANDING = "run_from <= $run and coalesce(run_to > $run, true)"


@dataclass(frozen=True)
class Recorded:
    """`recomputed` are the segments that the run calculated and that can be calculated again; `reasons` say of the
    others why not, in one sentence; `stored` are those of them that had members to be read by others."""

    slots: Mapping[str, int]
    recomputed: Set[str]
    stored: Set[str]
    reasons: Mapping[str, str]


def recorded_in(connection: duckdb.DuckDBPyConnection, manifest: Manifest, folder: Folder) -> Recorded:
    """What the warehouse has of a run."""
    known = dict(connection.execute("select segment, segment_no from state.segment_names").fetchall())
    run = {"run": manifest.run_no}
    computed = {
        name
        for (name,) in connection.execute(
            "select n.segment from state.segment_size_log as l join state.segment_names as n using (segment_no)"
            " where l.run_no = $run",
            run,
        ).fetchall()
    }
    ever = {
        name
        for (name,) in connection.execute(
            "select distinct n.segment from state.segment_size_log as l"
            " join state.segment_names as n using (segment_no) where l.run_no <= $run",
            run,
        ).fetchall()
    }
    replaced = _replaced_lists(connection, manifest.run_no)
    reasons = {}
    for name in sorted({*folder.definitions, *folder.broken}):
        if reason := _why_not(name, folder.definitions.get(name), name in computed, manifest, replaced):
            reasons[name] = reason
    return Recorded(
        slots=assign_slots(known, [*folder.definitions, *folder.broken]),
        recomputed=frozenset(set(folder.definitions) - set(reasons)),
        stored=frozenset(set(reasons) & ever),
        reasons=reasons,
    )


def _why_not(
    name: str, definition: Definition | None, is_computed: bool, manifest: Manifest, replaced: Set[str]
) -> str | None:
    if not is_computed:
        outcome, reason = manifest.rested.get(name, ("", None))
        if outcome == "failed":
            return f"the run could not calculate it ({reason})"
        if outcome == "paused":
            return "it was paused"
        if outcome == "idle":
            return "it was at rest, as nobody used it"
        return f"it was not due in that run (refresh: {definition.refresh.text})" if definition else "it has no file"
    assert definition is not None
    if definition.kind == "live":
        return "it is live, and goes by what its log said at the time"
    if name in replaced:
        return "rows of its list are kept only until another upload replaces them"
    return None


def _replaced_lists(connection: duckdb.DuckDBPyConnection, run_no: int) -> set[str]:
    """Segments of which a good upload that counted in the run has no rows any more; its count stays."""
    if not has_table(connection, "raw", "list_uploads"):
        return set()
    rows = connection.execute(
        """
        with counted as (
            select * from raw.list_uploads as u
            where state = 'good' and run_no <= $run and upload_no >= coalesce((
                select max(upload_no) from raw.list_uploads as r
                where r.segment = u.segment and r.on_upload = 'replace' and r.state = 'good' and r.run_no <= $run
            ), 0)
        )
        select distinct segment from counted
        where rows > (select count(*) from raw.list_rows as l where l.upload_no = counted.upload_no)
        """,
        {"run": run_no},
    ).fetchall()
    return {segment for (segment,) in rows}


def copy_over(connection: duckdb.DuckDBPyConnection, away: Path, manifest: Manifest, recorded: Recorded) -> None:
    """Puts into a new warehouse at `away` what the run has to find there."""
    run = {"run": manifest.run_no}
    with connect(away) as fresh:
        state.prepare_schema(fresh)
        prepare_lists(fresh)
        for schema in ("staging", "state"):
            fresh.execute(f"create schema {schema}")
    connection.execute(f"attach {literal(str(away))} as away")
    try:
        connection.execute("create table away.staging.people as from staging.people")
        connection.execute(
            f"create table away.{COMPARED} as select segment_no, person_no from state.segment_stays where {STANDING}",
            run,
        )
        connection.execute(
            "create table away.state.segment_bits as select $run::uinteger as run_no,"
            " (segment_no // 64)::usmallint as word, person_no, bit_or(1::ubigint << (segment_no % 64)) as bits"
            f" from away.{COMPARED} where list_contains($stored::usmallint[], segment_no) group by all",
            {**run, "stored": [recorded.slots[name] for name in recorded.stored]},
        )
        connection.execute(
            "insert into away.raw.runs by name select $run as run_no, $as_of::timestamp as as_of, $day::date as day,"
            " 'present' as mode, true as is_published",
            {**run, "as_of": naive(manifest.as_of), "day": manifest.day},
        )
        for name in recorded.stored:
            connection.execute(
                "insert into away.raw.segment_definitions by name select $run as run_no, 'present' as mode,"
                " $name as segment, $number as segment_no, true as is_computed",
                {**run, "name": name, "number": recorded.slots[name]},
            )
        if has_table(connection, "raw", "list_uploads"):
            connection.execute("insert into away.raw.list_uploads from raw.list_uploads where run_no <= $run", run)
            for table in ("list_rows", "list_repeats"):
                connection.execute(
                    f"insert into away.raw.{table} from raw.{table} where upload_no in"
                    " (select upload_no from away.raw.list_uploads)"
                )
    finally:
        connection.execute("detach away")
