"""One asset per segment: its page shows the rule in words, its numbers, and whether its last recalculation went well.

In the daily run the models have done the work and the assets report it. Materialized on their own, segments are
recalculated together with those that read them, on landing files as they are now.
Not here: the recalculation itself (`orchestration/recalculation.py`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from orchestration.assets import match_rate
from orchestration.assets.moments import RunMoment, run_moment
from orchestration.assets.segment_page import page, page_of_errors
from orchestration.names import GROUPS, POOL, model_key, segment_key
from orchestration.partitions import days
from orchestration.recalculation import Prepared, recalculate_now, reconstruct_now
from orchestration.settings import Settings
from orchestration.warehouse import connect, exclusively
from orchestration.watch import Watch
from orchestration.waterfall import Waterfall, waterfalls
from segmentation.language.folder import Folder
from segmentation.language.model import Definition
from segmentation.language.words import SYSTEM_SEGMENTS

CHECK = "recalculated"
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
LABEL = re.compile(r"[A-Za-z0-9_.-]{1,63}")


@dataclass(frozen=True)
class Numbers:
    """What the warehouse publishes of one segment for one day. `is_new` if the run at hand calculated it, `is_past` if
    it reconstructed that day. `prediction` says how good the forecast of a predictive segment is, by name."""

    status: str
    reason: str | None
    as_of: datetime | None
    is_new: bool
    is_past: bool
    prediction: Mapping[str, float]
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
            *match_rate.specs(folder),
        ],
        can_subset=True,
        partitions_def=days(settings),
        backfill_policy=dg.BackfillPolicy.multi_run(),
        pool=POOL,
    )
    def segments(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        selected = {names[key] for key in context.selected_asset_keys if key in names}
        chosen = [name for name in in_order if name in selected]
        also: list[str] = []
        with exclusively(settings.home, watch.waiting):
            now = run_moment(context, settings)
            if not now.is_finished:
                prepared = _recalculate(context, settings, chosen, now, watch)
                watch.prepared = prepared
                also = sorted(set(prepared.computed) - set(chosen)) if not now.is_past else []
            numbers = read_numbers(settings, [*chosen, *also], now)
            ways = {} if now.is_past else waterfalls(settings, [*chosen, *also])
        yield from _report(chosen, numbers, ways)
        yield from match_rate.results([name for name in chosen if name in from_connectors], ways, settings)
        for name in also:  # it reads a chosen one, hence was recalculated with it
            if name in numbers:
                context.log_event(
                    dg.AssetMaterialization(
                        segment_key(name),
                        partition=context.partition_key,
                        metadata=metadata(numbers[name], ways.get(name)),
                    )
                )
        failed = {name: numbers[name].reason for name in chosen if name in numbers and numbers[name].status == "failed"}
        if failed:
            listed = "; ".join(f"{name}: {reason}" for name, reason in sorted(failed.items()))
            raise dg.Failure(f"not recalculated, last good members kept: {listed}", allow_retries=False)

    return segments


def _recalculate(
    context: dg.AssetExecutionContext, settings: Settings, names: Iterable[str], now: RunMoment, watch: Watch
) -> Prepared:
    if now.is_past:
        return reconstruct_now(settings, now.day, source_run=context.run_id, on_node=watch.on_node)
    return recalculate_now(settings, now.as_of, only=names, source_run=context.run_id, on_node=watch.on_node)


def _report(
    names: Iterable[str], numbers: dict[str, Numbers], ways: dict[str, Waterfall]
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    for name in names:
        one = numbers.get(name)
        passed = one is not None and one.status != "failed"
        # Numbers of an earlier day are not shown again under this one: their flows would be plotted twice.
        if one is not None and passed and one.is_new:
            yield dg.MaterializeResult(segment_key(name), metadata=metadata(one, ways.get(name)))
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
    return {
        "dagster/row_count": dg.MetadataValue.int(one.users),
        "users": dg.MetadataValue.int(one.users),
        "entered": dg.MetadataValue.int(one.entered),
        "left": dg.MetadataValue.int(one.left),
        "ios": dg.MetadataValue.int(one.ios),
        "android": dg.MetadataValue.int(one.android),
        "web": dg.MetadataValue.int(one.web),
        "status": dg.MetadataValue.text("reconstructed" if one.is_past else one.status),
        **{name: dg.MetadataValue.float(value) for name, value in one.prediction.items()},
        **({"reason": dg.MetadataValue.text(one.reason)} if one.reason else {}),
        **calculated,
        **(match_rate.metadata(way) if way else {}),
    }


def read_numbers(settings: Settings, names: Iterable[str], now: RunMoment) -> dict[str, Numbers]:
    """Published numbers by segment; for a past run those of its day."""
    with connect(settings.warehouse) as connection:
        rows = connection.execute(
            """
            select s.segment, s.status, s.reason, s.updated_at,
                case when ? then d.day is not null else coalesce(s.updated_at = ?, false) end,
                case when ? then null else p end, d.users, d.ios, d.android, d.web, d.entered, d."left"
            from segments.segments as s
            left join segments.segment_size_daily as d
                on s.segment = d.segment
                and d.day = case when ? then ?::date else
                    (select max(day) from segments.segment_size_daily as l where l.segment = s.segment
                     and not l.reconstructed) end
            left join (
                select segment, positives, threshold, held_out_precision, held_out_recall
                from segments.segment_predictions
            ) as p on s.segment = p.segment
            where list_contains(?, s.segment)
            """,
            [
                *(now.is_past, now.as_of.astimezone(UTC).replace(tzinfo=None), now.is_past),
                *(now.is_past, now.day, list(names)),
            ],
        ).fetchall()
    found = {}
    for name, status, reason, updated_at, is_new, judged, *numbers in rows:
        as_of = now.as_of if now.is_past else updated_at and updated_at.replace(tzinfo=UTC)
        prediction = {key: float(one) for key, one in (judged or {}).items() if key != "segment" and one is not None}
        counts = [number or 0 for number in numbers]
        found[name] = Numbers(status, reason, as_of, is_new, now.is_past, prediction, *counts)
    return found


# ---------------------------------------------------------------- what the page says before any run


def _spec(definition: Definition, settings: Settings) -> dg.AssetSpec:
    owner = definition.created_by
    return dg.AssetSpec(
        segment_key(definition.name),
        deps=[
            model_key("segments", "segment_members"),
            *(segment_key(name) for name in definition.references if name not in SYSTEM_SEGMENTS),
        ],
        group_name=GROUPS[definition.kind],
        description=page(definition),
        owners=[owner] if owner and EMAIL.fullmatch(owner) else None,
        tags={label: "" for label in definition.labels if LABEL.fullmatch(label)},
        kinds={"yaml"},  # a kind named segment would wear the logo of a vendor of that name
        skippable=True,
        metadata={
            "definition": dg.MetadataValue.text(f"{settings.segments.name}/{Path(definition.file).name}"),
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
