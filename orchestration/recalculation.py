"""One recalculation: landing files in, published members out, in three steps that any entry point can take.

`prepare` loads the landing area, decides what to compute and compiles the plan; dbt builds it; `publish` makes it
visible. Nothing a reader sees changes before `publish`, so a run that dies leaves the last good state.
Not here: Dagster and the command line, which call these steps; the decisions themselves (`decisions.py`); days that
are over (`past_days.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Literal

import duckdb

from orchestration import state
from orchestration.activation.news import write_news
from orchestration.audiences import Meant, look_at_audiences, write_strategies
from orchestration.dbt_runner import Built, DbtFailed, dbt, sync_project, write_plan
from orchestration.decisions import Decision, assign_slots, decide, dropped_attributes, readable
from orchestration.health.measure import write_costs
from orchestration.history.inputs import look_at_inputs
from orchestration.history.manifests import leave_out_unread_files
from orchestration.ingest.attempts import NONE, read_attempts
from orchestration.isolation import PLAN_NODES, culprits
from orchestration.landing import confirm_landing, load_landing
from orchestration.landing.facts import attribute_keys
from orchestration.roll_call import call_the_roll
from orchestration.segment_folder import segments_of
from orchestration.settings import Settings
from orchestration.state import State
from orchestration.warehouse import connect, exclusively
from segmentation.clock import Clock
from segmentation.language.folder import Folder
from segmentation.language.model import Definition
from segmentation.plan.compile import Plan, compile_plan

Mode = Literal["present", "past"]
NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Prepared:
    """A run that is ready for dbt. `computed` are the segments it computes, `decisions` one entry per segment."""

    run_no: int
    as_of: datetime
    day: date
    mode: Mode
    computed: tuple[str, ...]
    decisions: tuple[Decision, ...]
    plan: Plan
    problems: tuple[str, ...]

    @property
    def failures(self) -> dict[str, str]:
        """Segments that could not be recalculated, with one sentence each."""
        return {one.segment: one.reason or "failed" for one in self.decisions if one.outcome == "failed"}


@dataclass(frozen=True)
class Found:
    """What any run starts from: the definitions, what is remembered of them, users by attribute, and audiences."""

    folder: Folder
    known: State
    slots: Mapping[str, int]
    attributes: Mapping[str, int]
    meant: Meant


def look_around(settings: Settings, connection: duckdb.DuckDBPyConnection, as_of: datetime | None = None) -> Found:
    """Brings in what has landed, for a run of the present at a moment, or of a past day. Raises LandingError."""
    folder = segments_of(settings)
    state.prepare_schema(connection)
    load_landing(connection, settings.landing)
    write_strategies(connection, settings.matching)
    known = state.read_state(connection)
    slots = assign_slots(known.slots, [*folder.definitions, *folder.broken])
    # A past day shows no status, so nobody asks which pulls had failed by then.
    attempts = read_attempts(settings.landing, as_of) if as_of else NONE
    meant = look_at_audiences(connection, folder.definitions, attempts)
    return Found(folder, known, slots, attribute_keys(connection), meant)


def day_of(as_of: datetime, settings: Settings) -> date:
    """The local day a run belongs to: the one that ends at midnight, for a run at midnight."""
    return (as_of - timedelta(microseconds=1)).astimezone(settings.zone).date()


def prepare(
    settings: Settings,
    as_of: datetime,
    *,
    only: Iterable[str] | None = None,
    source_run: str | None = None,
    broken: Mapping[str, str] = NOTHING,
    automatic: bool = False,
    ending: date | None = None,
) -> Prepared:
    """Loads, decides, compiles and writes the plan. Raises LandingError or ValueError with one sentence.

    `only` names segments to refresh, together with those that read them, and `automatic` tells that no person did;
    `broken` are those that failed when they ran. `ending` is the day at whose end the run was due, if another run
    has overtaken it since.
    """
    day = day_of(as_of, settings)
    sync_project(settings.project)
    with connect(settings.warehouse) as connection:
        found = look_around(settings, connection, as_of)
        folder, known, slots = found.folder, found.known, found.slots
        if known.last_as_of is not None and as_of < known.last_as_of:
            raise ValueError(
                f"the last run stands for {known.last_as_of.isoformat()}, after {as_of.astimezone(UTC).isoformat()}:"
                " history does not go back"
            )
        dropped = dropped_attributes(folder.definitions, known.attributes, found.attributes)
        called = call_the_roll(
            connection,
            settings,
            folder,
            known,
            as_of,
            Clock(as_of, settings.zone).midnight((ending or day) + timedelta(days=1)),
            only=only,
            automatic=automatic,
            unfit={**dropped, **found.meant.failed, **broken},
        )
        runnable = {name: one for name, one in folder.definitions.items() if name not in broken}
        plan = compile_for(
            settings,
            runnable,
            as_of,
            slots,
            set(called.wanted - set(called.refused)),
            readable(known.segments),
            known.tile_layout,
            settings.late_arrival_days,
        )
        decisions = decide(
            folder,
            known.segments,
            slots,
            plan.computed,
            {**plan.failed, **called.refused},
            found.meant.older,
            idle=called.resting,
            memories=called.memories,
        )
        # An attribute that is gone stays known: else the run after next would take its absence for the truth.
        attributes = {**known.attributes, **found.attributes}
        inputs, clock = look_at_inputs(connection, settings, folder), Clock(as_of, settings.zone)
        run_no = state.open_run(connection, clock, day, "present", decisions, attributes, source_run, inputs)
    write_plan(settings.project, plan.models)
    problems = tuple(f"{one.file}:{one.line}: {one.message}" for one in folder.problems)
    return Prepared(run_no, as_of, day, "present", plan.computed, tuple(decisions), plan, problems)


def compile_for(
    settings: Settings,
    definitions: Mapping[str, Definition],
    as_of: datetime,
    slots: Mapping[str, int],
    compute: set[str],
    stored: set[str],
    tile_layout: str | None,
    late_arrival_days: int | None = None,
    *,
    statistics: bool = True,
) -> Plan:
    """The plan of definitions at a moment, with this workspace's zone and event names."""
    return compile_plan(
        definitions,
        Clock(as_of, settings.zone),
        slots,
        compute=compute,
        stored=stored,
        settings=settings.events,
        stored_layout=tile_layout,
        late_arrival_days=late_arrival_days,
        statistics=statistics,
    )


def publish(settings: Settings, prepared: Prepared, nodes: Iterable[Built] = (), *, staged: bool = True) -> None:
    """Makes a built run visible: one transaction, then the landing files it read count as loaded, and news are told.

    `nodes` are what dbt built for it, whose seconds are kept as its costs. `staged` is False if the run built on
    staging as it was: files that landed since were not read by anybody yet.
    """
    nodes = list(nodes)
    with connect(settings.warehouse) as connection:
        if nodes and prepared.mode == "present":
            write_costs(connection, settings, prepared, nodes)
        state.publish(connection, prepared.run_no)
        if staged:
            confirm_landing(connection)
        else:
            leave_out_unread_files(connection, prepared.run_no)
        if prepared.mode == "present":
            write_news(connection, settings.home)


def recalculate(
    settings: Settings,
    as_of: datetime,
    *,
    only: Iterable[str] | None = None,
    source_run: str | None = None,
    on_node: Callable[[Built], None] | None = None,
    waiting: Callable[[], None] | None = None,
    automatic: bool = False,
) -> Prepared:
    """A whole run in this process. Raises what `prepare` raises, and DbtFailed."""
    with exclusively(settings.home, waiting):
        return recalculate_now(settings, as_of, only=only, source_run=source_run, on_node=on_node, automatic=automatic)


def recalculate_now(
    settings: Settings,
    as_of: datetime,
    *,
    only: Iterable[str] | None = None,
    source_run: str | None = None,
    on_node: Callable[[Built], None] | None = None,
    automatic: bool = False,
) -> Prepared:
    """The same for callers that hold the workspace already."""
    prepared = prepare(settings, as_of, only=only, source_run=source_run, automatic=automatic)
    try:
        nodes = dbt(settings, "build", on_node=on_node, flags=NO_UNIT_TESTS)
    except DbtFailed as failure:
        if failure.node not in PLAN_NODES:
            raise
        prepared = prepare_without_culprits(
            settings, prepared, failure, only=only, source_run=source_run, automatic=automatic
        )
        nodes = dbt(settings, "build", on_node=on_node, flags=NO_UNIT_TESTS)
    publish(settings, prepared, nodes)
    return prepared


def prepare_without_culprits(
    settings: Settings,
    prepared: Prepared,
    failure: Exception,
    *,
    only: Iterable[str] | None = None,
    source_run: str | None = None,
    automatic: bool = False,
    ending: date | None = None,
) -> Prepared:
    """The same run without the segments that make its plan fail; raises the failure again if there are none."""
    folder = segments_of(settings)
    slots = {one.segment: one.segment_no for one in prepared.decisions}

    def alone(names: Iterable[str]) -> Plan:
        chosen = {name: folder.definitions[name] for name in names}
        return compile_for(settings, chosen, prepared.as_of, slots, set(chosen), set(slots), None)

    broken = culprits(settings, prepared.computed, alone)
    if not broken:
        raise failure
    return prepare(
        settings, prepared.as_of, only=only, source_run=source_run, broken=broken, automatic=automatic, ending=ending
    )
