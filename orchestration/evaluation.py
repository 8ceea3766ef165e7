"""Evaluation: all definitions of one folder over one landing area at one moment, in a warehouse that is thrown away.

The same models as the daily run, without history. Not here: the command line around it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration import state
from orchestration.audiences import look_at_audiences, write_strategies
from orchestration.dbt_runner import Built, dbt, sync_project, write_plan
from orchestration.decisions import assign_slots
from orchestration.landing import load_landing
from orchestration.lists.ledger import load_lists
from orchestration.recalculation import compile_for
from orchestration.settings import Settings
from orchestration.warehouse import connect
from segmentation.language.folder import Folder
from segmentation.plan.sql import literal

STAGES = {
    "event_tiles": "tiles",
    "user_profiles": "conditions",
    "person_events": "conditions",
    "user_conditions": "conditions",
    "live_rules": "membership",
    "live_moments": "membership",
    "live_people": "membership",
    "predicted_segments": "conditions",
    "prediction_features": "conditions",
    "prediction_weights": "conditions",
    "prediction_scores": "conditions",
    "prediction_quality": "conditions",
    "prediction_people": "membership",
    "roll_bits": "membership",
    "segment_bits_now": "membership",
    "segment_members_now": "membership",
    "bit_positions": "membership",
}  # every other model is loading


@dataclass(frozen=True)
class Evaluation:
    """What came of it: seconds per stage, rows read by table, members by segment, failures, and predictions that are
    empty for want of data.

    Stages are load, tiles, conditions, membership (until every member is a stored row) and write; total is wall time.
    """

    seconds: Mapping[str, float]
    rows_in: Mapping[str, int]
    members: Mapping[str, int]
    failed: Mapping[str, str]
    insufficient: Mapping[str, str]


def evaluate(
    folder: Folder, settings: Settings, as_of: datetime, out: Path, on_node: Callable[[Built], None] | None = None
) -> Evaluation:
    """Writes `segment,user_id`, sorted by both, to `out` (Parquet if it ends so, else CSV).

    What the settings say of home and target does not count. The file appears whole or not at all.
    Raises LandingError and DbtFailed.
    """
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="segments-evaluate-") as home:
        throw_away = replace(settings, home=Path(home), target="duckdb")
        sync_project(throw_away.project)
        slots = assign_slots({}, folder.definitions)
        with connect(throw_away.warehouse) as connection:
            state.prepare_schema(connection)
            load_landing(connection, throw_away.landing, full=True)
            write_strategies(connection, throw_away.matching)
            unfit = {
                **look_at_audiences(connection, folder.definitions).failed,
                **load_lists(connection, folder.definitions, as_of, state.next_run(connection)),
            }
        wanted = set(folder.definitions) - set(unfit)
        plan = compile_for(throw_away, folder.definitions, as_of, slots, wanted, set(), None, statistics=False)
        write_plan(throw_away.project, plan.models)
        predicts = any(folder.definitions[name].kind == "predict" for name in plan.computed)
        asked = ["+segment_members_now", *(["+prediction_quality"] if predicts else [])]
        seconds = dict.fromkeys(("load", "tiles", "conditions", "membership"), 0.0)
        for node in dbt(throw_away, "run", asked, on_node=on_node):
            seconds[STAGES.get(node.name, "load")] += node.seconds
        with connect(throw_away.warehouse) as connection:
            started = time.perf_counter()
            rows_in = _rows_in(connection)
            members = _members(connection, {slots[name]: name for name in plan.computed})
            seconds["membership"] += time.perf_counter() - started
            insufficient = _insufficient(connection) if predicts else {}
            started = time.perf_counter()
            _write(connection, out)
            seconds["write"] = time.perf_counter() - started
    seconds["total"] = time.perf_counter() - began
    return Evaluation(seconds, rows_in, members, {**plan.failed, **unfit}, insufficient)


def _insufficient(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    rows = connection.execute("select segment, reason from plan.prediction_quality where reason is not null").fetchall()
    return dict(rows)


def _rows_in(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    found = connection.execute(
        "select table_name from information_schema.tables where table_schema = 'staging' and table_name like 'stg_%'"
    ).fetchall()
    counts = {}
    for (name,) in sorted(found):
        row = connection.execute(f'select count(*) from staging."{name}"').fetchone()
        counts[name.removeprefix("stg_")] = row[0] if row else 0
    return counts


def _members(connection: duckdb.DuckDBPyConnection, names: Mapping[int, str]) -> dict[str, int]:
    """Stores one row per member, in order, and counts them by segment."""
    connection.execute("create temp table names (segment_no usmallint, segment varchar)")
    if names:
        connection.executemany("insert into names values (?, ?)", [[number, name] for number, name in names.items()])
    # In a fresh warehouse numbers go by name and by user id, so ordering by number is ordering by text.
    connection.execute(
        "create temp table members as from state.segment_members_now semi join names using (segment_no)"
        " order by segment_no, person_no"
    )
    return dict(
        connection.execute(
            "select n.segment, count(m.person_no) from names as n"
            " left join members as m using (segment_no) group by n.segment order by n.segment"
        ).fetchall()
    )


def _write(connection: duckdb.DuckDBPyConnection, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.tmp")
    form = "format parquet" if out.suffix == ".parquet" else "format csv, header"
    connection.execute(
        "copy (select n.segment, u.user_id from members as m join names as n using (segment_no)"
        " join plan.user_profiles as u using (person_no) order by m.segment_no, m.person_no)"
        f" to {literal(str(temporary))} ({form})"
    )
    temporary.replace(out)
