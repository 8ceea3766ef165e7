"""Who entered a segment and who left it since a run, for those who want to hear of each change once.

Changes are those of published runs of the present in the order of the runs: a day that was reconstructed has sizes and
no changes, and a run that died is not there. Causes that were not asked for are passed over for good. Not here: what
was told to whom so far (`deliveries.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from orchestration.activation.named import Activation, Cause
from orchestration.activation.wish import Wish
from orchestration.gates.facts import Leaving
from orchestration.published import last_run
from orchestration.warehouse import aware
from segmentation.clock import utc_text
from segmentation.plan.sql import Sql

BOTH = ("entered", "left")
DIRECTIONS = {"on_enter": ("entered",), "on_leave": ("left",)}

# run_no, moment, change, cause, person_no
CHANGES = Sql("""
    select c.run_no, c.as_of as moment, c.change, c.cause, c.person_no
    from state.segment_changes_log as c
    join raw.runs as r on c.run_no = r.run_no and r.is_published and r.mode = 'present'
    where c.segment_no = $segment and c.run_no > $since and c.run_no <= $until and list_contains($changes, c.change)
""")
# Whoever is in as a run left it: person_no, valid_from.
PEOPLE = Sql("""
    select person_no, valid_from from state.segment_stays
    where segment_no = $segment and run_from <= $run and (run_to is null or run_to > $run)
""")
# Members of the beginning, in the columns of CHANGES.
BEGINNING = Sql(f"""
    select $until as run_no, valid_from as moment, 'entered' as change, 'initial' as cause, person_no
    from ({PEOPLE.replace("$run", "$until")})
""")


@dataclass(frozen=True)
class Place:
    """A published run: up to it, changes have been looked at."""

    run_no: int
    as_of: datetime


@dataclass(frozen=True)
class Wanted:
    """The changes and the causes that somebody wants to hear of, of the segment with this permanent number."""

    segment_no: int
    changes: tuple[str, ...]
    causes: tuple[Cause, ...]


@dataclass(frozen=True)
class Found:
    """What there is to tell after `since` up to `until`, and what is passed over. `members` are in the segment now.

    `since` is None where somebody begins to listen. `first` is the moment of the first change that is told, None if
    there is none or it is about members of the beginning. `leaving` is None if nobody was in at `since`.
    """

    since: Place | None
    until: Place
    entered: int
    left: int
    held_back: int
    members: int
    first: datetime | None
    leaving: Leaving | None


def wanted(activation: Activation, wish: Wish, segment_no: int) -> Wanted:
    """What an activation asks for, and beside it whoever wishes it now."""
    asked = {change for when in activation.whens for change in _changes(when)}
    causes = tuple(dict.fromkeys((*activation.causes, *wish.causes)))
    return Wanted(segment_no, tuple(one for one in BOTH if one in asked), causes)


def look(connection: duckdb.DuckDBPyConnection, asked: Wanted, since: Place | None) -> Found:
    """Counts what there is to tell. Raises ValueError if the warehouse does not have the run of `since`: it was made
    anew, and its runs say nothing of what came after."""
    last = last_run(connection)
    assert last is not None, "a segment that stands has a published run"
    until = Place(*last)
    if since is not None:
        _require(connection, since)
    source, values = _source(asked, since, until)
    counts = _row(
        connection,
        f"""
        select
            count(*) filter (f.wanted and f.change = 'entered'),
            count(*) filter (f.wanted and f.change = 'left'),
            count(*) filter (not f.wanted),
            min(f.moment) filter (f.wanted)
        from (select change, moment, list_contains($causes, cause) as wanted from ({source})) as f
        """,
        {**values, "causes": list(asked.causes)},
    )  # fmt: skip
    entered, left, held_back, first = counts
    (members,) = _row(
        connection, f"select count(*) from ({PEOPLE})", {"segment": asked.segment_no, "run": until.run_no}
    )
    leaving = _leaving(connection, asked, since, until) if since else None
    return Found(since, until, entered, left, held_back, members, aware(first) if since else None, leaving)


def events(asked: Wanted, since: Place | None, until: Place) -> tuple[Sql, Mapping[str, Any]]:
    """Rows of what is told, and the values that go with the statement: `run_no, moment, change, cause, user_id,
    external_id`. `place` is the order: by runs, in each by person, as nobody enters and leaves in one run."""
    source, values = _source(asked, since, until)
    rows = f"""
        select s.run_no, s.moment, s.change, s.cause, p.id as user_id, u.external_id,
            row_number() over (order by s.run_no, s.change, p.id, s.person_no) as place
        from ({source}) as s
        join staging.people as p on s.person_no = p.person_no
        left join staging.stg_users as u on p.source = '' and p.id = u.user_id
        where list_contains($causes, s.cause)
    """
    return Sql(rows), {**values, "causes": list(asked.causes)}


def _changes(when: str | Mapping[str, Any]) -> tuple[str, ...]:
    return DIRECTIONS.get(when, BOTH) if isinstance(when, str) else BOTH


def _source(asked: Wanted, since: Place | None, until: Place) -> tuple[Sql, dict[str, Any]]:
    """Rows before causes are looked at. Who begins to listen hears of members if at all, and of no change of before."""
    values: dict[str, Any] = {"segment": asked.segment_no, "until": until.run_no}
    if since is not None:
        return CHANGES, {**values, "since": since.run_no, "changes": list(asked.changes)}
    if "initial" in asked.causes and "entered" in asked.changes:
        return BEGINNING, values
    return CHANGES, {**values, "since": until.run_no, "changes": list(asked.changes)}


def _leaving(connection: duckdb.DuckDBPyConnection, asked: Wanted, since: Place, until: Place) -> Leaving | None:
    """Members as of `since`, and those of them whose last news is that they left."""
    people = {"segment": asked.segment_no, "run": since.run_no}
    (before,) = _row(connection, f"select count(*) from ({PEOPLE})", people)
    source, values = _source(asked, since, until)
    (removed,) = _row(
        connection,
        f"""
        select count(*) from (
            select person_no, arg_max(change, run_no) as last from ({source})
            where list_contains($causes, cause) group by person_no
        ) as news semi join ({PEOPLE}) as people using (person_no) where news.last = 'left'
        """,
        {**values, **people, "causes": list(asked.causes)},
    )
    return Leaving(before, removed) if before else None


def _require(connection: duckdb.DuckDBPyConnection, since: Place) -> None:
    found = connection.execute(
        "select as_of from raw.runs where run_no = ? and is_published and mode = 'present'", [since.run_no]
    ).fetchone()
    if found is None or aware(found[0]) != since.as_of:
        raise ValueError(
            f"the warehouse has no run {since.run_no} of {utc_text(since.as_of)}, up to which changes were delivered:"
            " it is another than then, so start anew with --replace"
        )


def _row(connection: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, Any]) -> Sequence[Any]:
    row = connection.execute(sql, values).fetchone()
    assert row is not None
    return row
