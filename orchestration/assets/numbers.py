"""Numbers of segments as the warehouse publishes them for the days of a run, and as Dagster plots them.

Not here: the assets that report them (`segments.py`), and what the page of a segment tells besides
(`details_metadata.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import dagster as dg
import duckdb

from orchestration.assets import details_metadata, matching_checks
from orchestration.assets.moments import RunMoment
from orchestration.details import Details, EventDay
from orchestration.published import ListUpload, last_uploads
from orchestration.recent_sizes import Sizes
from orchestration.settings import Settings
from orchestration.warehouse import aware, connect, naive
from orchestration.waterfall import Waterfall


@dataclass(frozen=True)
class Numbers:
    """What the warehouse publishes of one segment for one day. `is_new` if the run at hand calculated it. `prediction`
    says how good the forecast of a predictive segment is, by name; `upload` is the last one of a list; `test_users` are
    not counted for past days."""

    status: str
    reason: str | None
    as_of: datetime | None
    is_new: bool
    upload: ListUpload | None
    prediction: Mapping[str, float]
    test_users: int | None
    users: int
    ios: int
    android: int
    web: int
    entered: int
    left: int


def read_numbers(settings: Settings, names: Iterable[str], moments: Sequence[RunMoment]) -> list[dict[str, Numbers]]:
    """Published numbers by segment, for each moment of a run; of a day that is over with how they came about as
    status."""
    names = list(names)
    with connect(settings.warehouse) as connection:
        *over, last = moments
        found = [_past_numbers(connection, names, now) for now in over]
        return [*found, (_past_numbers if last.is_past else _numbers)(connection, names, last)]


def _numbers(connection: duckdb.DuckDBPyConnection, names: Iterable[str], now: RunMoment) -> dict[str, Numbers]:
    uploads = last_uploads(connection, names)
    rows = connection.execute(
        """
        select s.segment, s.status, s.reason, s.updated_at, coalesce(s.updated_at = ?, false), p,
            s.test_users, d.users, d.ios, d.android, d.web, d.entered, d."left"
        from segments.segments as s
        left join segments.segment_size_daily as d
            on s.segment = d.segment
            and d.day = (select max(day) from segments.segment_size_daily as l where l.segment = s.segment
                and not l.reconstructed)
        left join (
            select segment, positives, threshold, held_out_precision, held_out_recall
            from segments.segment_predictions
        ) as p on s.segment = p.segment
        where list_contains(?, s.segment)
        """,
        [naive(now.as_of), list(names)],
    ).fetchall()
    found = {}
    for name, status, reason, at, is_new, judged, tests, *numbers in rows:
        prediction = {key: float(one) for key, one in (judged or {}).items() if key != "segment" and one is not None}
        as_of = aware(at)
        counts = [number or 0 for number in numbers]
        found[name] = Numbers(status, reason, as_of, is_new, uploads.get(name), prediction, tests, *counts)
    return found


def _past_numbers(connection: duckdb.DuckDBPyConnection, names: Iterable[str], now: RunMoment) -> dict[str, Numbers]:
    rows = connection.execute(
        """
        select segment, if(reconstructed, 'reconstructed', 'recorded'), users, ios, android, web, entered, "left"
        from segments.segment_size_daily where day = ? and list_contains(?, segment)
        """,
        [now.day, list(names)],
    ).fetchall()
    return {name: Numbers(status, None, now.as_of, True, None, {}, None, *numbers) for name, status, *numbers in rows}


def metadata(
    one: Numbers,
    way: Waterfall | None = None,
    details: Details | None = None,
    sizes: Sizes = (),
    events: Sequence[EventDay] = (),
) -> dict[str, dg.MetadataValue]:
    """Numbers plot over time by themselves, so they stay numbers; `way` is what a connector segment has besides, and
    `details` what is known of the present alone, with the sizes of the last days and what members did."""
    calculated = {"as_of": dg.MetadataValue.timestamp(one.as_of)} if one.as_of else {}
    counts = one.upload.counts if one.upload else {}
    uploaded = {f"upload_{name}": dg.MetadataValue.int(number) for name, number in counts.items()}
    told = details_metadata.metadata(details, sizes, events) if details else {}
    first = {name: value for name, value in told.items() if isinstance(value, dg.MarkdownMetadataValue)}
    return {
        **first,  # what people open comes before what they see anyway
        "dagster/row_count": dg.MetadataValue.int(one.users),
        "users": dg.MetadataValue.int(one.users),
        "entered": dg.MetadataValue.int(one.entered),
        "left": dg.MetadataValue.int(one.left),
        "ios": dg.MetadataValue.int(one.ios),
        "android": dg.MetadataValue.int(one.android),
        "web": dg.MetadataValue.int(one.web),
        "status": dg.MetadataValue.text(one.status),
        **({} if one.test_users is None else {"test_users": dg.MetadataValue.int(one.test_users)}),
        **{name: dg.MetadataValue.float(value) for name, value in one.prediction.items()},
        **({"reason": dg.MetadataValue.text(one.reason)} if one.reason else {}),
        **calculated,
        **(matching_checks.metadata(way) if way else {}),
        **uploaded,
        **told,
    }
