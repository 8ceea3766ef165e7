"""One asset per segment: its page shows the rule in words, its numbers, and whether its last recalculation went well.

In the daily run the models have done the work and the assets report it. Materialized on their own, segments are
recalculated together with those that read them, on landing files as they are now.
Not here: the recalculation itself (`orchestration/recalculation.py`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import dagster as dg

from orchestration.assets import matching_checks, segment_checks
from orchestration.assets.moments import calculate, run_moments
from orchestration.assets.numbers import Numbers, metadata, read_numbers
from orchestration.assets.segment_page import page, page_of_errors
from orchestration.details import Details, EventDay, details, event_days
from orchestration.names import GROUPS, POOL, model_key, segment_key
from orchestration.partitions import days
from orchestration.recent_sizes import Sizes, recent_sizes
from orchestration.settings import Settings
from orchestration.warehouse import connect, exclusively
from orchestration.watch import Watch
from orchestration.waterfall import Waterfall, waterfalls
from segmentation.clock import Clock
from segmentation.language.folder import Folder
from segmentation.language.model import Definition

CHECK = "recalculated"
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")  # what Dagster takes for an owner
LABEL = re.compile(r"[A-Za-z0-9_.-]{1,63}")


class Present(NamedTuple):
    """What is known of segments in the present alone: ways from vendors to users, details, sizes of the last days, and,
    of a few, what members did."""

    ways: Mapping[str, Waterfall]
    details: Mapping[str, Details]
    sizes: Mapping[str, Sizes]
    events: Mapping[str, Sequence[EventDay]]

    def of(self, name: str) -> tuple[Waterfall | None, Details | None, Sizes, Sequence[EventDay]]:
        """What is known of one of them."""
        return self.ways.get(name), self.details.get(name), self.sizes.get(name, ()), self.events.get(name, ())


NOTHING = Present({}, {}, {}, {})
FEW = 5  # segments that somebody chose: each takes a look at the events of all its members


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
            *segment_checks.specs(folder),
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
            few = chosen if len(chosen) <= FEW else []
            present = NOTHING if moments[-1].is_past else _present(settings, [*chosen, *also], few)
        for now, of_day in zip(moments, numbers, strict=True):
            is_alone = len(moments) == 1
            beside = present if now is moments[-1] else NOTHING
            yield from _results(chosen if is_alone else [], of_day, beside)
            for name in also if is_alone else [*chosen, *also]:
                if name in of_day and of_day[name].is_new:
                    told = metadata(of_day[name], *beside.of(name))
                    context.log_event(
                        dg.AssetMaterialization(segment_key(name), partition=now.day.isoformat(), metadata=told)
                    )
        failed = {name: one.reason for name, one in numbers[-1].items() if name in chosen and one.status == "failed"}
        if not moments[-1].is_past:
            yield from _checks(chosen, numbers[-1])
            connected = [name for name in chosen if name in from_connectors]
            yield from matching_checks.results(connected, present.ways, settings)
            clock = Clock(moments[-1].as_of, settings.zone)
            for evaluation in segment_checks.evaluations(
                chosen, folder, numbers[-1], present.sizes, clock, context.selected_asset_check_keys
            ):
                context.log_event(evaluation)
        elif watch.reconstructed:
            failed = dict(watch.reconstructed.failures)
        if failed:
            listed = "; ".join(f"{name}: {reason}" for name, reason in sorted(failed.items()))
            raise dg.Failure(f"not recalculated, last good members kept: {listed}", allow_retries=False)

    return segments


def _present(settings: Settings, names: list[str], looked_into: list[str]) -> Present:
    ways = waterfalls(settings, names)
    with connect(settings.warehouse) as connection:
        events = event_days(connection, looked_into)
        return Present(ways, details(connection, names), recent_sizes(connection, names), events)


def _results(names: Iterable[str], numbers: Mapping[str, Numbers], beside: Present) -> Iterator[dg.MaterializeResult]:
    for name in names:
        # Numbers of an earlier day are not shown again under this one: their flows would be plotted twice.
        if name in numbers and numbers[name].is_new and numbers[name].status != "failed":
            told = metadata(numbers[name], *beside.of(name))
            yield dg.MaterializeResult(segment_key(name), metadata=told)


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
