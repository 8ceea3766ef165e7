"""What was last sent of a stream, kept as rows in `SEGMENTS_HOME/exports_sent`, what is another since, and who is gone.

Whoever is no member any more has to be taken back as they were sent: a later address would not find them there. So a
row that changed is taken back as it was, and added as it is. Not here: which export a stream continues (`ledger.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from orchestration.exports.cells import CHANGE, Column
from orchestration.exports.collect import MEMORY, ORDER, Collected
from orchestration.exports.fields import common
from orchestration.gates.facts import Leaving
from segmentation.language.export_fields import Kind
from segmentation.plan.sql import literal

FOLDER = "exports_sent"


def sent_file(home: Path, stream: str, export_no: int) -> Path:
    """The rows that an export sent, or stood for if it was a delta."""
    return home / FOLDER / f"{stream}.{export_no}.parquet"


def forget_others(home: Path, stream: str, export_no: int) -> None:
    """Removes what earlier exports of a stream sent."""
    for file in (home / FOLDER).glob(f"{stream}.*.parquet"):
        if file != sent_file(home, stream, export_no):
            file.unlink()


def leaving_of(before: Path | None, now: Collected) -> Leaving | None:
    """How many people were sent, and how many of those are not in the rows any more; None if nothing was sent, or what
    was sent is not there."""
    if before is None or not before.exists():
        return None
    with duckdb.connect() as connection:
        connection.execute(f"set memory_limit = {literal(MEMORY)}")
        connection.execute(f"set temp_directory = {literal(str(now.file.parent))}")
        found = connection.execute(
            "with sent as (select distinct user_id from read_parquet($before))"
            " select (select count(*) from sent),"
            " (select count(*) from sent as s anti join read_parquet($now) as n on s.user_id = n.user_id)",
            {"now": str(now.file), "before": str(before)},
        ).fetchone()
    assert found is not None
    return Leaving(*found)


def difference(
    before: Path | None, now: Collected, kinds: Mapping[str, Kind], file: Path, workplace: Path
) -> tuple[tuple[Column, ...], dict[str, int]]:
    """Writes rows that are gone, then rows that are new, each in the order of exports, with a column that says so.

    `before` is what was sent, None if nothing was; `kinds` are what its columns were. Returns the columns, and how many
    rows there are of each change. Raises ValueError if what was sent is not there.
    """
    if before is not None and not before.exists():
        raise ValueError(f"{before} is gone, which holds what the last export sent: export in full")
    cells = [f"c{place}" for place in range(len(now.columns))]
    moved = ", ".join(f"{name} as c{place}" for place, name in enumerate(cells, start=1))
    with duckdb.connect() as connection:
        connection.execute(f"set memory_limit = {literal(MEMORY)}")
        connection.execute(f"set temp_directory = {literal(str(workplace))}")
        connection.execute(f"create view rows_now as from read_parquet({literal(str(now.file))})")
        sent = f"from read_parquet({literal(str(before))})" if before else "from rows_now where false"
        connection.execute(f"create view rows_before as {sent}")

        def only_in(here: str, there: str, change: str) -> str:
            return f"""
                select '{change}' as c0, {moved}, user_id, external_id from rows_{here} as h
                where not exists (
                    select 1 from rows_{there} as t
                    where t.user_id = h.user_id and {" and ".join(f"t.{c} is not distinct from h.{c}" for c in cells)}
                )
            """

        changes = f"{only_in('before', 'now', 'removed')} union all {only_in('now', 'before', 'added')}"
        connection.execute(f"create temp table changes as {changes}")
        connection.execute(
            f"copy (from changes {ORDER.replace('order by', 'order by c0 desc,')})"
            f" to {literal(str(file))} (format parquet)"
        )
        counts = dict(connection.execute("select c0, count(*) from changes group by c0").fetchall())
    columns = tuple(Column(one.name, common([one.kind, kinds.get(one.name, one.kind)]), one.key) for one in now.columns)
    return (Column(CHANGE, "text", CHANGE), *columns), {name: counts.get(name, 0) for name in ("added", "removed")}
