"""The health report of a workspace: what is wrong with which segments, and what each cost in the last seven days.

Not here: the judgements (`findings.py`), the costs of a run (`costs.py`), and how the report looks (`markdown.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb

from orchestration import details, state
from orchestration.activation.recorded import calls_in, in_files
from orchestration.health.findings import KINDS, Finding, Kind, Pair, Seen, findings
from orchestration.published import NothingPublished
from orchestration.recent_sizes import recent_sizes, recorded
from orchestration.segment_folder import segments_of
from orchestration.settings import Settings
from orchestration.warehouse import aware, connect, has_table, naive
from segmentation.clock import Clock
from segmentation.language.folder import Folder

COST_DAYS = 7
UNSENT = ("draft", "scheduled")


@dataclass(frozen=True)
class SegmentCost:
    """What a segment cost in the runs of the period, `runs` of which computed it."""

    segment: str
    runs: int
    seconds: float
    rows: int
    bytes: int


@dataclass(frozen=True)
class Report:
    """Findings as of a moment, and the costs of the runs of the `COST_DAYS` before it, dearest segment first.

    `seconds` are those of all dbt nodes of these runs as dbt measured them; the costs of segments add up to them.
    `judged` are the segments that there are, without deleted and system ones; `cards` sum up all of the last run.
    """

    as_of: datetime
    judged: int
    findings: tuple[Finding, ...]
    runs: int
    seconds: float
    costs: tuple[SegmentCost, ...]
    messages_landed: bool
    cards: Mapping[str, details.Card]

    @property
    def counts(self) -> Mapping[Kind, int]:
        """Segments with a finding, by its kind; a segment with two of a kind counts once."""
        found = Counter(kind for kind, _ in {(one.kind, one.segment) for one in self.findings})
        return {kind: found[kind] for kind in KINDS}


def health(settings: Settings, as_of: datetime) -> Report:
    """The report as of a moment, on what the last run published and the files as they are now.

    Raises NothingPublished, WarehouseBusy, and ValueError if there are no files.
    """
    folder, clock = segments_of(settings), Clock(as_of, settings.zone)
    if not settings.warehouse.exists():  # opening would create it
        raise NothingPublished(settings)
    with connect(settings.warehouse) as connection:
        if not has_table(connection, "segments", "segments"):
            raise NothingPublished(settings)
        seen = _seen(connection, folder, clock)
        pairs = [
            Pair(name, one.other, one.is_likely_duplicate, one.same_rule, one.jaccard)
            for name, others in details.overlaps(connection, [one.segment for one in seen]).items()
            for one in others
        ]
        messages_landed = _number(connection, "select count(*) from staging.stg_messages") > 0
        runs, seconds, costs = _costs(connection, clock)
        cards = details.cards(connection)
    found = findings(seen, pairs, clock, messages_landed=messages_landed)
    system = {name for name, one in folder.definitions.items() if one.is_system}
    judged = sum(one.status != "deleted" and one.segment not in system for one in seen)
    return Report(as_of, judged, tuple(found), runs, seconds, costs, messages_landed, cards)


def _seen(connection: duckdb.DuckDBPyConnection, folder: Folder, clock: Clock) -> list[Seen]:
    rows = connection.execute(
        "select segment, status, reason, updated_at, first from segments.segments left join ("
        " select segment, min(day) as first from segments.segment_size_daily where not reconstructed group by segment"
        ") using (segment) order by segment"
    ).fetchall()
    names = [name for name, *_ in rows]
    known, sizes = state.read_state(connection).segments, recent_sizes(connection, names)
    uses, unsent = details.dependents(connection, names), _unsent(connection, folder)
    return [
        Seen(
            segment=name,
            status=status,
            reason=reason,
            updated_at=aware(updated_at),
            definition=folder.definitions.get(name),
            began_at=_began(name, folder, first, clock),
            sent_at=known[name].memory.sent_at if name in known else None,
            messages_ahead=sum(one.kind == "message" and one.status in UNSENT for one in uses.get(name, ())),
            readers=tuple(other for other, one in folder.readers_of(name).items() if not one.paused),
            sizes=recorded(sizes.get(name, ())),
            unsent=unsent.get(name, ()),
        )
        for name, status, reason, updated_at, first in rows
    ]


def _unsent(connection: duckdb.DuckDBPyConnection, folder: Folder) -> dict[str, list[tuple[str, str]]]:
    """By segment, activations of its file that did not send when they last should have, with the sentence."""
    found: dict[str, list[tuple[str, str]]] = {}
    real = calls_in(connection).real
    for one in in_files(folder)[0] if real else ():
        call = real.get(one.stream)
        if call is not None and call.ending in ("closed", "failed"):
            found.setdefault(one.segment, []).append((one.name, call.said))
    return found


def _began(name: str, folder: Folder, first: date | None, clock: Clock) -> datetime | None:
    """When it was written, as its file says; else its first recorded day."""
    definition = folder.definitions.get(name)
    day = (definition and definition.created_on) or first
    return clock.midnight(day) if day else None


def _costs(connection: duckdb.DuckDBPyConnection, clock: Clock) -> tuple[int, float, tuple[SegmentCost, ...]]:
    if not has_table(connection, "segments", "segment_costs"):  # the last run was one of an older version
        return 0, 0.0, ()
    end = naive(clock.as_of)
    period = [end - timedelta(days=COST_DAYS), end]
    runs, seconds = connection.execute(
        "select count(distinct run_no), coalesce(sum(c.seconds), 0)"
        " from raw.run_costs as c join raw.runs using (run_no) where is_published and as_of > ? and as_of <= ?",
        period,
    ).fetchone() or (0, 0.0)
    rows = connection.execute(
        "select segment, count(*), sum(seconds), sum(rows)::bigint, sum(bytes)::bigint from segments.segment_costs"
        " where as_of > ? and as_of <= ? group by segment order by sum(seconds) desc, segment",
        period,
    ).fetchall()
    return runs, seconds, tuple(SegmentCost(*row) for row in rows)


def _number(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    (number,) = connection.execute(sql).fetchone() or (0,)
    return int(number)
