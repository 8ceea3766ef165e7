"""The dbt models as assets, in two steps: staging (any file, any time) and the segments of one day.

dbt's data tests come along as asset checks; one that fails keeps the run from being published.
Not here: what the models say (`dbt_project/`), and how their plan is compiled (`segmentation/plan`).
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets

from orchestration.assets.moments import calculate, of_run, run_moments
from orchestration.dbt_runner import Built, DbtFailed, dbt_environment, in_one_line, with_environment
from orchestration.isolation import PLAN_NODES
from orchestration.landing import confirm_landing, load_landing
from orchestration.names import POOL, landing_key, model_key
from orchestration.partitions import days
from orchestration.past_days import PastDays
from orchestration.recalculation import prepare, prepare_without_culprits, publish
from orchestration.settings import Settings
from orchestration.warehouse import connect, exclusively
from orchestration.watch import Watch

STAGING = "config.schema:staging"
NO_UNIT_TESTS = ["--exclude-resource-type", "unit_test"]
# A test that also looks at a later model belongs to the step that builds that one.
STAGING_TESTS = ["--indirect-selection", "cautious"]
LANDING_SOURCES = "raw"


class Translator(DagsterDbtTranslator):
    """Keys and groups follow the folders; a source of dbt *is* the landing asset of that name."""

    def __init__(self, tables: Sequence[str]) -> None:
        super().__init__()
        self.tables = set(tables)

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> dg.AssetSpec:
        """The spec of a dbt node."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = self.get_resource_props(manifest, unique_id)
        if node["resource_type"] == "source":
            if node["source_name"] == LANDING_SOURCES and node["name"] in self.tables:
                return spec.replace_attributes(key=landing_key(node["name"]))
            return spec.replace_attributes(key=dg.AssetKey(["records", node["name"]]), group_name="records")
        layer = node["fqn"][1]
        return spec.replace_attributes(key=model_key(layer, node["name"]), group_name=layer)


def dbt_resource(settings: Settings) -> DbtCliResource:
    """The dbt command of this environment on the workspace's working copy."""
    return DbtCliResource(
        project_dir=str(settings.project),
        profiles_dir=str(settings.project),
        target=settings.target,
        dbt_executable=str(Path(sys.executable).parent / "dbt"),
    )


def model_assets(settings: Settings, manifest: Path, tables: Sequence[str], watch: Watch) -> list[dg.AssetsDefinition]:
    """Both steps."""
    translator = Translator(tables)

    @dbt_assets(manifest=manifest, select=STAGING, name="staging", dagster_dbt_translator=translator, pool=POOL)
    def staging(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
        with exclusively(settings.home, watch.waiting):
            with connect(settings.warehouse) as connection:
                load_landing(connection, settings.landing)
            events, watch.staged, failure = _build(context, dbt, settings, watch, STAGING_TESTS)
            yield from events
            if failure:
                raise dg.Failure(str(failure), allow_retries=False)
            if not context.is_subset:
                with connect(settings.warehouse) as connection:
                    confirm_landing(connection)

    @dbt_assets(
        manifest=manifest,
        exclude=STAGING,
        name="segment_models",
        dagster_dbt_translator=translator,
        partitions_def=days(settings),
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=POOL,
    )
    def segment_models(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
        if context.is_subset:
            raise dg.Failure(
                "these models are one calculation: materialize all of them together, or the segments you need",
                allow_retries=False,
            )
        with exclusively(settings.home, watch.waiting):
            *before, now = run_moments(context, settings)
            calculate(context, settings, before, watch)
            if now.is_past:
                prepared = PastDays(settings, **of_run(context)).open(now.day, watch.on_node)
            else:
                prepared = prepare(settings, now.as_of, source_run=context.run_id, ending=now.day)
            watch.prepared = prepared
            context.log.info(f"{len(prepared.computed)} segments as of {prepared.as_of.isoformat()}")
            events, built, failure = _build(context, dbt, settings, watch)
            if failure and failure.node in PLAN_NODES and not now.is_past:
                prepared = prepare_without_culprits(
                    settings, prepared, failure, source_run=context.run_id, ending=now.day
                )
                watch.prepared = prepared
                events, built, failure = _build(context, dbt, settings, watch)
            if not failure:
                publish(settings, prepared, [*watch.staged, *built], staged=False)
                watch.staged = ()
            yield from events
            if failure:
                raise dg.Failure(str(failure), allow_retries=False)

    return [staging, segment_models]


def _build(
    context: dg.AssetExecutionContext,
    dbt: DbtCliResource,
    settings: Settings,
    watch: Watch,
    flags: Sequence[str] = (),
) -> tuple[list[Any], list[Built], DbtFailed | None]:
    """Builds the step's models, and gives dbt's nodes with their seconds. Events are held back, because a plan that
    failed may be replaced by another, and given in the order of Dagster's graph, which may be older than the plan and
    know models that no longer read each other."""
    with with_environment(dbt_environment(settings)):
        invocation = dbt.cli(["build", *NO_UNIT_TESTS, *flags], context=context, raise_on_error=False)
    events = []
    for event in invocation.stream():
        events.append(event)
        if watch.on_node and isinstance(event, dg.Output):
            watch.on_node(Built(event.output_name.split("__", 1)[-1], "success", 0.0))
    graph = {key: context.assets_def.asset_deps[key] for key in context.assets_def.keys}
    place = {key: number for number, key in enumerate(TopologicalSorter(graph).static_order())}
    events.sort(
        key=lambda event: (
            place[context.asset_key_for_output(event.output_name)] if isinstance(event, dg.Output) else len(place)
        )
    )
    results_file = invocation.target_path / "run_results.json"
    results = json.loads(results_file.read_text())["results"] if results_file.exists() else []
    built = [Built(_node(one), str(one["status"]), float(one["execution_time"])) for one in results]
    bad = [one for one in results if one["status"] in ("error", "fail")]
    if bad:
        message = in_one_line(str(bad[0]["message"] or bad[0]["status"]))
        return events, built, DbtFailed(f"{_node(bad[0])}: {message}", _node(bad[0]))
    if not invocation.is_successful():
        error = invocation.get_error()
        return events, built, DbtFailed(" ".join(str(error).split())[:1500])
    return events, built, None


def _node(result: Mapping[str, Any]) -> str:
    return str(result["unique_id"]).split(".")[2]
