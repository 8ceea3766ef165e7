"""One asset per segment: its page shows the rule in words, its numbers, and whether its last recalculation went well.

In the daily run the models have done the work and the assets report it. Materialized on their own, segments are
recalculated together with those that read them, on landing files as they are now.
Not here: the recalculation itself (`orchestration/recalculation.py`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import duckdb

from orchestration.assets import matching_checks
from orchestration.assets.moments import RunMoment, calculate, run_moments
from orchestration.assets.segment_page import page, page_of_errors
from orchestration.names import GROUPS, POOL, model_key, segment_key
from orchestration.partitions import days
from orchestration.published import ListUpload, last_uploads
from orchestration.settings import Settings
from orchestration.warehouse import connect, exclusively
from orchestration.watch import Watch
from orchestration.waterfall import Waterfall, waterfalls
from segmentation.language.folder import Folder
from segmentation.language.model import Definition

CHECK = "recalculated"
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
LABEL = re.compile(r"[A-Za-z0-9_.-]{1,63}")


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


def segment_assets(settings: Settings, folder: Folder, watch: Watch) -> dg.AssetsDefinition:
    """The assets of a folder; a file with an error has one too, so that its history stays in sight."""
    specs = [_spec(definition, settings) for definition in folder.definitions.values()]
    specs += [_broken_spec(name, folder) for name in sorted(folder.broken)]
    names = {spec.key: spec.key.path[-1] for spec in specs}
    from_connectors = {name for name, one in folder.definitions.items() if one.kind == "connector"}
    in_order = [*sorted(folder.broken), *folder.order]  # Dagster wants what is read before what reads it

    @dg.multi_asset(
        name="segments",
        specs=specs,
        check_specs=[
            *(dg.AssetCheckSpec(CHECK, asset=key, description="Its last recalculation succeeded.") for key in names),
            *matching_checks.specs(folder),
        ],
        can_subset=True,
        partitions_def=days(settings),
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=POOL,
    )
    def segments(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        selected = {names[key] for key in context.selected_asset_keys if key in names}
        chosen = [name for name in in_order if name in selected]
        also: list[str] = []  # reads a chosen one, hence is recalculated with it
        with exclusively(settings.home, watch.waiting):
            moments = run_moments(context, settings)
            if not moments[0].is_finished:
                calculate(context, settings, moments, watch, only=chosen)
                if watch.prepared:
                    also = sorted(set(watch.prepared.computed) - set(chosen))
            numbers = read_numbers(settings, [*chosen, *also], moments)
            ways = {} if moments[-1].is_past else waterfalls(settings, [*chosen, *also])
        for now, of_day in zip(moments, numbers, strict=True):
            is_alone, of_now = len(moments) == 1, ways if now is moments[-1] else {}
            yield from _results(chosen if is_alone else [], of_day, of_now)
            for name in also if is_alone else [*chosen, *also]:
                if name in of_day and of_day[name].is_new:
                    told = metadata(of_day[name], of_now.get(name))
                    context.log_event(
                        dg.AssetMaterialization(segment_key(name), partition=now.day.isoformat(), metadata=told)
                    )
        failed = {name: one.reason for name, one in numbers[-1].items() if name in chosen and one.status == "failed"}
        if not moments[-1].is_past:
            yield from _checks(chosen, numbers[-1])
            yield from matching_checks.results([name for name in chosen if name in from_connectors], ways, settings)
        elif watch.reconstructed:
            failed = dict(watch.reconstructed.failures)
        if failed:
            listed = "; ".join(f"{name}: {reason}" for name, reason in sorted(failed.items()))
            raise dg.Failure(f"not recalculated, last good members kept: {listed}", allow_retries=False)

    return segments


def _results(
    names: Iterable[str], numbers: Mapping[str, Numbers], ways: Mapping[str, Waterfall]
) -> Iterator[dg.MaterializeResult]:
    for name in names:
        # Numbers of an earlier day are not shown again under this one: their flows would be plotted twice.
        if name in numbers and numbers[name].is_new and numbers[name].status != "failed":
            yield dg.MaterializeResult(segment_key(name), metadata=metadata(numbers[name], ways.get(name)))


def _checks(names: Iterable[str], numbers: Mapping[str, Numbers]) -> Iterator[dg.AssetCheckResult]:
    for name in names:
        one = numbers.get(name)
        passed = one is not None and one.status != "failed"
        yield dg.AssetCheckResult(
            passed=passed and one is not None and one.status != "stale",
            asset_key=segment_key(name),
            check_name=CHECK,
            severity=dg.AssetCheckSeverity.WARN if passed else dg.AssetCheckSeverity.ERROR,
            metadata={"status": one.status, **({"reason": one.reason} if one.reason else {})} if one else {},
        )


def metadata(one: Numbers, way: Waterfall | None = None) -> dict[str, dg.MetadataValue]:
    """Numbers plot over time by themselves, so they stay numbers; `way` is what a connector segment has besides."""
    calculated = {"as_of": dg.MetadataValue.timestamp(one.as_of)} if one.as_of else {}
    counts = one.upload.counts if one.upload else {}
    uploaded = {f"upload_{name}": dg.MetadataValue.int(number) for name, number in counts.items()}
    return {
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
    }


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
        [now.as_of.astimezone(UTC).replace(tzinfo=None), list(names)],
    ).fetchall()
    found = {}
    for name, status, reason, at, is_new, judged, tests, *numbers in rows:
        prediction = {key: float(one) for key, one in (judged or {}).items() if key != "segment" and one is not None}
        as_of = at and at.replace(tzinfo=UTC)
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


# ---------------------------------------------------------------- what the page says before any run


def _spec(definition: Definition, settings: Settings) -> dg.AssetSpec:
    owner = definition.created_by
    return dg.AssetSpec(
        segment_key(definition.name),
        deps=[
            model_key("segments", "segment_members"),
            *(segment_key(name) for name in definition.references),
        ],
        group_name="system" if definition.is_system else GROUPS[definition.kind],
        description=page(definition),
        owners=[owner] if owner and EMAIL.fullmatch(owner) else None,
        tags={label: "" for label in definition.labels if LABEL.fullmatch(label)},
        # A kind named segment would wear the logo of a vendor of that name.
        kinds=set() if definition.is_system else {"yaml"},
        skippable=True,
        metadata={
            "definition": dg.MetadataValue.text(
                "built in" if definition.is_system else f"{settings.segments.name}/{Path(definition.file).name}"
            ),
            "definition_hash": dg.MetadataValue.text(definition.hash),
            "refresh": dg.MetadataValue.text(definition.refresh.text),
        },
    )


def _broken_spec(name: str, folder: Folder) -> dg.AssetSpec:
    problems = [problem for problem in folder.problems if Path(problem.file).stem == name]
    return dg.AssetSpec(
        segment_key(name),
        deps=[model_key("segments", "segment_members")],
        group_name="with_errors",
        description=page_of_errors(problems),
        kinds={"yaml"},
        skippable=True,
    )
