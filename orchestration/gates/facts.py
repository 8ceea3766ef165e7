"""What gates judge by, read from the warehouse in one go, so that it is free again before anything is judged.

Not here: what is expected (`asked.py`), and the segments behind the one that is asked about (`calculated.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import duckdb

from orchestration.gates.calculated import Calculated, calculated
from orchestration.matching import EVERY, matching_of
from orchestration.published import NothingPublished, last_run
from orchestration.settings import Settings
from orchestration.warehouse import aware, has_table, naive
from orchestration.waterfall import waterfalls_of
from segmentation.clock import Clock
from segmentation.plan.reads import TILES, reads

HABIT_DAYS = 28  # local days before the newest event
SLOT = timedelta(minutes=15)  # every zone's offset is a multiple of it
OFTEN = 3  # times in those days make a habit: a shop that rests at weekends does so four times


@dataclass(frozen=True)
class Leaving:
    """How many people are out there, and how many of them would be taken back."""

    before: int
    removed: int


@dataclass(frozen=True)
class Reach:
    """How many people are to be out there, and how many of them the destination can identify."""

    members: int
    identified: int


@dataclass(frozen=True)
class Events:
    """The newest event before a moment, aware UTC, None if there is none; on how many of the 28 local days before its
    own there were any; and how long it is quiet between events at times, which is the third longest pause of them."""

    newest: datetime | None
    days: int
    quiet: timedelta


@dataclass(frozen=True)
class Identified:
    """Users found behind an audience of a vendor, or behind a list: `found` of `asked` people whom `source` names, and
    the `rate` that is compared with `floor`. `fetched_at` is that of an audience, and `as_of` what the segment's
    members stand for, both aware UTC."""

    segment: str
    source: str
    found: int
    asked: int
    rate: float | None
    floor: float
    as_of: datetime | None
    fetched_at: datetime | None = None


@dataclass(frozen=True)
class Facts:
    """`run_at` is the moment of the last published run, aware UTC. `sizes` are the segment's users at the end of the
    recorded days before the last one, oldest first, under the definition that it has; `universe` are users now, and
    `universe_sizes` those of the recorded days before the last run's. `events` is None if no condition asks for
    events."""

    own: Calculated
    behind: tuple[Calculated, ...]
    zone: ZoneInfo
    run_at: datetime
    sizes: Sequence[int]
    universe: int
    universe_sizes: Sequence[int]
    events: Events | None
    identified: tuple[Identified, ...]

    @property
    def segment(self) -> str:
        """The segment that is asked about."""
        return self.own.segment


def read_facts(connection: duckdb.DuckDBPyConnection, settings: Settings, segment: str) -> Facts:
    """Raises NothingPublished, and ValueError in one sentence if there is no such segment."""
    last = last_run(connection) if has_table(connection, "segments", "segments") else None
    if last is None:
        raise NothingPublished(settings)
    run_no, run_at = last
    own, behind = calculated(connection, settings, segment)
    (universe,) = connection.execute("select count(*) from staging.stg_users").fetchone() or (0,)
    return Facts(
        own,
        behind,
        settings.zone,
        run_at,
        _sizes(connection, own),
        universe,
        _universe_sizes(connection, run_no),
        _events(connection, settings, own, behind),
        tuple(_identified(connection, settings, (own, *behind))),
    )


def _sizes(connection: duckdb.DuckDBPyConnection, own: Calculated) -> list[int]:
    """Days of runs that read the definition as the members' own run read it: what another rule gave says nothing."""
    rows = connection.execute(
        """
        with read as (
            select definition_hash, run_from, coalesce(run_to, 2147483647) as run_to from raw.run_definitions
            where segment = $segment
        ),
        same as (
            select run_from, run_to from read where definition_hash in (
                select definition_hash from read where run_from <= $run and run_to > $run
            )
        ),
        recorded as (
            select run_no, day, users from state.segment_size_log
            where segment_no = $number and run_no <= $run
            qualify row_number() over (partition by day order by run_no desc) = 1
        )
        select users from recorded
        where day < (select max(day) from recorded)
        and ($is_system or exists (select 1 from same where recorded.run_no between run_from and run_to - 1))
        order by day
        """,
        {
            "segment": own.segment,
            "number": own.segment_no,
            "run": own.run_no or 0,
            "is_system": own.definition is not None and own.definition.is_system,
        },
    ).fetchall()
    return [users for (users,) in rows]


def _universe_sizes(connection: duckdb.DuckDBPyConnection, run_no: int) -> list[int]:
    rows = connection.execute(
        "select users from segments.segment_size_daily where segment = 'all_users' and not reconstructed"
        " and day < (select day from raw.runs where run_no = ?) order by day",
        [run_no],
    ).fetchall()
    return [users for (users,) in rows]


def _events(
    connection: duckdb.DuckDBPyConnection, settings: Settings, own: Calculated, behind: Iterable[Calculated]
) -> Events | None:
    """Events before the moment of the members, as far as they are still there."""
    moving = [one for one in behind if not one.is_resting]
    if own.as_of is None or not any(_asks_for_events(one, settings) for one in (own, *moving)):
        return None
    (newest,) = connection.execute(
        "select max(ts) from staging.stg_events where is_first and ts < ?", [naive(own.as_of)]
    ).fetchone() or (None,)
    if newest is None:
        return Events(None, 0, timedelta())
    clock = Clock(aware(newest), settings.zone)
    first = clock.midnight(clock.today - timedelta(days=HABIT_DAYS))
    rows = connection.execute(
        "select distinct time_bucket(?, ts) as slot from staging.stg_events"
        " where is_first and ts >= ? and ts <= ? order by slot",
        [SLOT, naive(first), newest],
    ).fetchall()
    slots = [slot for (slot,) in rows]
    days = {aware(slot).astimezone(settings.zone).date() for slot in slots} - {clock.today}
    pauses = sorted((after - before for before, after in pairwise(slots)), reverse=True)
    quiet = pauses[OFTEN - 1] + SLOT if len(pauses) >= OFTEN else timedelta()
    return Events(aware(newest), len(days), quiet)


def _asks_for_events(one: Calculated, settings: Settings) -> bool:
    """What cannot be read may ask for anything."""
    if one.definition is None or one.as_of is None:
        return True
    asked = reads(one.definition, Clock(one.as_of, settings.zone), settings.late_arrival_days)
    return any(read.model == TILES for read in asked.values())


def _identified(
    connection: duckdb.DuckDBPyConnection, settings: Settings, segments: Sequence[Calculated]
) -> list[Identified]:
    as_of = {one.segment: one.as_of for one in segments}
    found = [
        Identified(
            name,
            f"users that {one.connector.title()} reports" if one.connector_users else "rows that came",
            one.netmera_users,
            one.connector_users or one.fetched_users,
            one.found_share,
            matching_of(settings.matching, one.connector).match_rate_below,
            as_of[name],
            one.updated_at,
        )
        for name, one in sorted(waterfalls_of(connection, as_of).items())
    ]
    if not has_table(connection, "segments", "list_uploads"):  # a warehouse from before there were lists
        return found
    rows = connection.execute(
        "select segment, sum(matched)::bigint, sum(rows - duplicates)::bigint from segments.list_uploads"
        " where state = 'current' and list_contains(?, segment) group by segment order by segment",
        [list(as_of)],
    ).fetchall()
    floor = settings.matching[EVERY].match_rate_below
    return found + [
        Identified(name, "identities on it", matched, asked, matched / asked if asked else None, floor, as_of[name])
        for name, matched, asked in rows
    ]
