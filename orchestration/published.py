"""The published tables as people read them: the catalogue with sizes and flows, and the sizes of past days.

Only the schema `segments` is read here, apart from one look at the runs to know whether there was any.
Not here: how anything is shown (`cli/`), or how the tables come about (`dbt_project/models/segments`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

import duckdb

from orchestration.details import Card, cards
from orchestration.settings import Settings
from orchestration.warehouse import aware, connect, exclusively, has_table

ROWS = """
    with latest as (
        select segment, max(day) as day, arg_max(ios, day) as ios, arg_max(android, day) as android,
            arg_max(web, day) as web, arg_max(entered, day) as entered, arg_max("left", day) as left_count
        from segments.segment_size_daily where not reconstructed group by segment
    )
    select s.segment, s.title, s.kind, s.status, s.users, s.message_sent, s.refresh, coalesce(s.ready_to_use, false),
        s.created_by, s.created_on, s.updated_at, s.definition_hash, s.reason, s.description,
        coalesce(s.labels, []), s.file, l.day, coalesce(l.ios, 0), coalesce(l.android, 0), coalesce(l.web, 0),
        coalesce(l.entered, 0), coalesce(l.left_count, 0), s.test_users,
        s.visible_from, s.visible_until, s.is_visible
    from segments.segments as s left join latest as l on s.segment = l.segment
    order by s.segment
"""


class NothingPublished(RuntimeError):
    """The workspace has no published run."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(f"nothing calculated yet in {settings.home}: run `make run`")


@dataclass(frozen=True)
class SegmentRow:
    """One segment of the catalogue. Platforms, `entered` and `left` are those of `day`, its last recorded local day."""

    segment: str
    title: str | None
    kind: str | None
    status: str
    users: int
    message_sent: int
    refresh: str | None
    ready_to_use: bool
    created_by: str | None
    created_on: date | None
    updated_at: datetime | None
    definition_hash: str | None
    reason: str | None
    description: str | None
    labels: tuple[str, ...]
    file: str | None
    day: date | None
    ios: int
    android: int
    web: int
    entered: int
    left: int
    test_users: int | None
    visible_from: datetime | None
    visible_until: datetime | None
    is_visible: bool


@dataclass(frozen=True)
class DayRow:
    """Size of a segment at the end of a local day, by platform, and who came and went in it."""

    day: date
    users: int
    ios: int
    android: int
    web: int
    entered: int
    left: int
    reconstructed: bool


@dataclass(frozen=True)
class RunRow:
    """A published run: what it computed, and the segments that it could not, with one sentence each."""

    run_no: int
    as_of: datetime
    day: date
    computed: tuple[str, ...]
    failures: Mapping[str, str]


@dataclass(frozen=True)
class PredictionRow:
    """How good a predictive segment's forecast was at its last calculation; precision and recall are those among users
    who were held out of the fit, 0 to 1. `status` is ok or insufficient_data, `threshold` is None for bands."""

    status: str
    positives: int
    trained_on: int
    held_out: int
    threshold: float | None
    held_out_precision: float | None
    held_out_recall: float | None


@dataclass(frozen=True)
class ListUpload:
    """An upload of a list, and what came of its rows; `state` is current, replaced or refused."""

    file: str
    on_upload: str
    as_of: datetime
    state: str
    reason: str | None
    rows: int
    matched: int
    duplicates: int
    not_found: int
    ambiguous: int
    bad: int

    @property
    def counts(self) -> dict[str, int]:
        """Rows, and then rows by outcome."""
        names = ("rows", "matched", "duplicates", "not_found", "ambiguous", "bad")
        return {name: getattr(self, name) for name in names}


def published(settings: Settings) -> list[SegmentRow]:
    """The catalogue by name, deleted segments included. Raises NothingPublished and WarehouseBusy."""
    with _reading(settings) as connection:
        return [_row(values) for values in connection.execute(ROWS).fetchall()]


def summary(settings: Settings) -> dict[str, Card]:
    """The cards above the catalogue, by name. Raises as `published` does."""
    with _reading(settings) as connection:
        return cards(connection)


def size_history(settings: Settings, name: str, days: int) -> list[DayRow]:
    """The last recorded or reconstructed days of a segment, oldest first. Raises as `published` does."""
    with _reading(settings) as connection:
        rows = connection.execute(
            'select day, users, ios, android, web, entered, "left", reconstructed from segments.segment_size_daily'
            " where segment = ? order by day desc limit ?",
            [name, days],
        ).fetchall()
    return [DayRow(*row) for row in reversed(rows)]


def prediction(settings: Settings, name: str) -> PredictionRow | None:
    """The forecast behind a segment, None if it does not predict. Raises as `published` does."""
    columns = ", ".join(column.name for column in fields(PredictionRow))
    with _reading(settings) as connection:
        if not has_table(connection, "segments", "segment_predictions"):  # the last run was one of an older version
            return None
        row = connection.execute(
            f"select {columns} from segments.segment_predictions where segment = ?", [name]
        ).fetchone()
    return PredictionRow(*row) if row else None


def recorded_days(settings: Settings, names: Iterable[str], first: date, last: date) -> dict[str, int]:
    """How many of these days show what a run recorded, for each of the segments that has any."""
    with _reading(settings) as connection:
        rows = connection.execute(
            "select segment, count(*) from segments.segment_size_daily where not reconstructed"
            " and day between ? and ? and list_contains(?, segment) group by segment order by segment",
            [first, last, list(names)],
        ).fetchall()
    return dict(rows)


def run_of(settings: Settings, source_run: str) -> RunRow | None:
    """What a run of Dagster published, None if that was nothing. Raises WarehouseBusy."""
    with _if_any_run(settings) as connection:
        if connection is None:
            return None
        found = connection.execute(
            "select run_no, as_of, day from raw.runs where is_published and mode = 'present' and source_run = ?"
            " order by run_no desc limit 1",
            [source_run],
        ).fetchone()
        if found is None:
            return None
        decided = connection.execute(
            "select segment, is_computed, outcome, reason from raw.segment_definitions where run_no = ?"
            " order by segment",
            [found[0]],
        ).fetchall()
    run_no, as_of, day = found
    return RunRow(
        run_no,
        aware(as_of),
        day,
        tuple(segment for segment, is_computed, *_ in decided if is_computed),
        {segment: reason or "failed" for segment, _, outcome, reason in decided if outcome == "failed"},
    )


def last_moment(settings: Settings) -> datetime | None:
    """The `as_of` of the last published run, None if there was none."""
    with _if_any_run(settings) as connection:
        if connection is None:
            return None
        last = last_run(connection)
    return last[1] if last else None


def last_run(connection: duckdb.DuckDBPyConnection) -> tuple[int, datetime] | None:
    """Number and `as_of` of the last published run of the present, None if there was none."""
    row = connection.execute(
        "select run_no, as_of from raw.runs where is_published and mode = 'present' order by run_no desc limit 1"
    ).fetchone()
    return (row[0], aware(row[1])) if row else None


def last_upload(settings: Settings, name: str) -> ListUpload | None:
    """The last upload of a list, good or refused; None for other segments. Raises as `published` does."""
    with _reading(settings) as connection:
        return last_uploads(connection, [name]).get(name)


def last_uploads(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> dict[str, ListUpload]:
    """The last upload of those of the segments that are lists."""
    if not has_table(connection, "segments", "list_uploads"):  # a warehouse from before there were lists
        return {}
    rows = connection.execute(
        "select segment, file, on_upload, as_of, state, reason, rows, matched, duplicates, not_found, ambiguous, bad"
        " from segments.list_uploads where list_contains(?, segment)"
        " qualify row_number() over (partition by segment order by upload_no desc) = 1",
        [list(names)],
    ).fetchall()
    return {
        segment: ListUpload(file, on_upload, aware(as_of), *rest) for segment, file, on_upload, as_of, *rest in rows
    }


@contextmanager
def _if_any_run(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection | None]:
    """A connection, or None where nothing was ever calculated."""
    if not settings.warehouse.exists():  # opening would create it
        yield None
        return
    with connect(settings.warehouse) as connection:
        yield connection if has_table(connection, "raw", "runs") else None


@contextmanager
def _reading(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    if not settings.warehouse.exists():  # opening would create it
        raise NothingPublished(settings)
    with connect(settings.warehouse) as connection:
        if not has_table(connection, "segments", "segments"):
            raise NothingPublished(settings)
        yield connection


@contextmanager
def held(settings: Settings, waiting: Callable[[], None] | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse with something published, in which nobody calculates meanwhile; `waiting` hears if somebody does.

    Raises NothingPublished and WarehouseBusy.
    """
    with exclusively(settings.home, waiting), _reading(settings) as connection:
        yield connection


def _row(values: tuple[Any, ...]) -> SegmentRow:
    named = dict(zip((column.name for column in fields(SegmentRow)), values, strict=True))
    for column in ("updated_at", "visible_from", "visible_until"):
        named[column] = aware(named[column])
    named["labels"] = tuple(named["labels"])
    return SegmentRow(**named)
