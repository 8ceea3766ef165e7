"""Who is in a segment, now or at any moment since its first calculation, as runs recorded it.

Members change with runs and at no other time: between two of them, those of the earlier one stand. What was recorded
stays as it was seen then, whatever landed or was edited later.
Not here: who would have been in (`segments evaluate`, `segments backfill`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.published import NothingPublished
from orchestration.settings import Settings
from orchestration.warehouse import aware, connect, has_table, naive
from segmentation.language.problems import did_you_mean

SINCE_AS_TEXT = "replace(strftime(since, '%Y-%m-%dT%H:%M:%S.%f'), '.000000', '') || 'Z'"
FETCHED = 50_000  # rows at a time
STANDING = """
    select segment, user_id, valid_from as since from segments.segment_membership
    where segment = $segment and valid_from <= $moment::timestamp
    and coalesce(valid_to > $moment::timestamp, true)
    order by user_id
"""


@dataclass(frozen=True)
class Standing:
    """A segment at a moment: the published run that speaks for it, and when the members were calculated, which is
    earlier if that run left them as they were. `is_deleted` is whether the file was gone by then."""

    segment: str
    run_no: int
    as_of: datetime
    computed_at: datetime
    users: int
    is_deleted: bool


class Members:
    """The members of one segment at one moment, as long as the warehouse is open for them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, standing: Standing) -> None:
        self.standing = standing
        self._connection = connection
        self._bound = {"segment": standing.segment, "moment": naive(standing.as_of)}

    def __iter__(self) -> Iterator[tuple[str, datetime]]:
        """User ids in the order of their text, each with the moment since when it is in."""
        found = self._connection.execute(STANDING, self._bound)
        while rows := found.fetchmany(FETCHED):
            for _, user_id, since in rows:
                yield user_id, aware(since)

    def write(self, out: Path) -> None:
        """`segment,user_id,since`, sorted, as Parquet if the name ends so, else as CSV; whole or not at all."""
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = out.with_name(f".{out.name}.tmp")
        self._connection.execute(f"create or replace temp table standing as {STANDING}", self._bound)
        rows = self._connection.table("standing")
        try:
            if out.suffix == ".parquet":
                rows.write_parquet(str(temporary))
            else:
                rows.project(f"segment, user_id, {SINCE_AS_TEXT} as since").write_csv(str(temporary), header=True)
            temporary.replace(out)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def members_of(settings: Settings, segment: str, moment: datetime | None = None) -> Iterator[Members]:
    """The members that the last published run at or before a moment left, by default the last of all.

    Raises NothingPublished, WarehouseBusy, and ValueError in one sentence where nothing was recorded.
    """
    if not settings.warehouse.exists():  # opening would create it
        raise NothingPublished(settings)
    with connect(settings.warehouse) as connection:
        if not has_table(connection, "segments", "segment_membership"):
            raise NothingPublished(settings)
        yield Members(connection, _standing(connection, settings, segment, moment))


def _standing(
    connection: duckdb.DuckDBPyConnection, settings: Settings, segment: str, moment: datetime | None
) -> Standing:
    runs = connection.execute(
        "select run_no, as_of from raw.runs where is_published and mode = 'present' order by run_no"
    ).fetchall()
    if not runs:
        raise NothingPublished(settings)
    computed = connection.execute(
        "select l.run_no, l.as_of, l.users from state.segment_size_log as l"
        " join state.segment_names as n using (segment_no) where n.segment = ? and l.run_no <= ? order by l.run_no",
        [segment, runs[-1][0]],
    ).fetchall()
    if not computed:
        raise ValueError(_never(connection, segment))
    until = runs[-1][1] if moment is None else naive(moment)
    before = [one for one in computed if one[1] <= until]
    if not before:
        raise ValueError(
            f"{segment} was calculated for the first time as of {_text(computed[0][1])}: nothing is recorded before"
        )
    run_no, as_of = max(one for one in runs if one[1] <= until)
    _, computed_at, users = before[-1]
    return Standing(
        segment, run_no, aware(as_of), aware(computed_at), users,
        _is_deleted(connection, segment, run_no),
    )  # fmt: skip


def _never(connection: duckdb.DuckDBPyConnection, segment: str) -> str:
    known = [name for (name,) in connection.execute("select segment from state.segment_names order by 1").fetchall()]
    if segment in known:
        return f"{segment} was never calculated: `segments refresh {segment}` does so"
    return f"no run has seen a segment {segment!r}{did_you_mean(segment, known)}"


def _is_deleted(connection: duckdb.DuckDBPyConnection, segment: str, run_no: int) -> bool:
    """By the definitions that runs kept; a deletion has no file, and a system segment never had one."""
    row = connection.execute(
        "select arg_max(outcome = 'deleted', run_no) from raw.segment_definitions"
        " where segment = ? and mode = 'present' and run_no <= ?",
        [segment, run_no],
    ).fetchone()
    return bool(row and row[0])


def _text(moment: datetime) -> str:
    return f"{moment.isoformat()}Z"
