"""Days that are over: the size a segment would have had, and who would have come and left, had it existed then.

Definitions, events and profiles are today's; the moment is the day's. Only sizes and flows come of it, marked as
reconstructed, and the present is neither read nor touched. Days that follow each other share a moment (the end of one
is the start of the next), so each costs one build of what depends on the moment; files, staging and tiles are brought
up to date once. Every day is published by itself: what dies on the way leaves whole days.
Not here: which of a recorded and a reconstructed day is shown (`dbt_project/models/segments/segment_size_daily.sql`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from orchestration import state
from orchestration.dbt_runner import Built, DbtFailed, dbt, parsed, put_into, sync_project, write_plan
from orchestration.decisions import decide, dropped_attributes, with_references
from orchestration.history.inputs import look_at_inputs
from orchestration.isolation import PLAN_NODES, culprits
from orchestration.landing import confirm_landing
from orchestration.lists.ledger import load_lists
from orchestration.recalculation import Prepared, compile_for, look_around
from orchestration.settings import Settings
from orchestration.warehouse import connect, exclusively
from segmentation.clock import Clock
from segmentation.plan.compile import Plan

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

MEMBERS = "segment_bits_now"
SIZES = "segment_size_past"
PUBLISHED = ("segment_size_daily", "segments")
STAGED = ("--exclude", "config.schema:staging")
# Looking up the handful of relations that a day touches is cheaper than all of them. One at a time: a second thread
# that looks a schema up while the first replaces a view there would remember the view both as itself and as its backup.
UNCACHED = ("--no-populate-cache", "--threads", "1")


@dataclass(frozen=True)
class Reconstructed:
    """`days` are those that were written, in order; the rest is as `Prepared` has it, of the last of them."""

    days: tuple[date, ...]
    segments: tuple[str, ...]
    failures: Mapping[str, str]
    problems: tuple[str, ...]


class PastDays:
    """A walk over days that are over, in order. Hold the workspace for as long as it lasts.

    `only` names segments (all, if None); what they read is computed for them and not recorded. `over_recorded` shows
    the days in place of recorded ones. Raises LandingError for files that cannot be read.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        only: Iterable[str] | None = None,
        over_recorded: bool = False,
        source_run: str | None = None,
    ) -> None:
        self.settings, self.over_recorded, self.source_run = settings, over_recorded, source_run
        sync_project(settings.project)
        with connect(settings.warehouse) as connection:
            found = look_around(settings, connection)
            definitions = found.folder.definitions
            self.names = set(definitions) if only is None else set(only) & set(definitions)
            read = {name: definitions[name] for name in with_references(self.names, definitions)}
            lists = load_lists(connection, read, None, state.next_run(connection))
            self.inputs = look_at_inputs(connection, settings, found.folder)
        self.folder, self.known, self.slots, self.older = found.folder, found.known, found.slots, found.meant.older
        self.layout = self.known.tile_layout
        dropped = dropped_attributes(self.folder.definitions, self.known.attributes, found.attributes)
        self.unfit, self.broken = {**found.meant.failed, **lists, **dropped}, dict[str, str]()
        self.built: Mapping[str, str] = {}  # the plan's models as they were last built
        self.at: datetime | None = None  # the moment whose members are in plan.segment_bits_now
        self.is_published = False
        self.manifest: Manifest | None = None

    def open(self, day: date, on_node: Callable[[Built], None] | None = None) -> Prepared:
        """The run of a day's end, ready for dbt; members at its start stand in plan.segment_bits_before."""
        clock = Clock(datetime(day.year, day.month, day.day, 12, tzinfo=UTC), self.settings.zone)
        start, end = clock.midnight(day), clock.midnight(day + timedelta(days=1))
        if self.at != start:
            self._members_at(start, day, on_node)
        with connect(self.settings.warehouse) as connection:
            connection.execute(f"create or replace table plan.segment_bits_before as from plan.{MEMBERS}")
        return self._prepare(end, day)

    def build(self, prepared: Prepared, on_node: Callable[[Built], None] | None = None) -> None:
        """Builds what `open` prepared, down to the sizes. Raises DbtFailed."""
        # The views are there by the first day, and show the others as they are published.
        self._dbt(prepared.plan, [SIZES] if self.is_published else PUBLISHED, on_node)
        self._remember(prepared)

    def publish(self, prepared: Prepared) -> None:
        """Shows a built day."""
        with connect(self.settings.warehouse) as connection:
            state.publish(connection, prepared.run_no)
            if not self.is_published:
                confirm_landing(connection)
        self.is_published = True

    def _members_at(self, moment: datetime, day: date, on_node: Callable[[Built], None] | None) -> None:
        prepared = self._prepare(moment, day)
        try:
            self._dbt(prepared.plan, [MEMBERS], on_node)
        except DbtFailed as failure:
            if failure.node not in PLAN_NODES:
                raise
            self.broken = culprits(self.settings, prepared.plan.computed, lambda names: self._alone(moment, names))
            if not self.broken:
                raise
            self.layout = None  # the search has cut the tiles to its own needs
            prepared = self._prepare(moment, day)
            self._dbt(prepared.plan, [MEMBERS], on_node)
        self._remember(prepared)

    def _dbt(self, plan: Plan, targets: Iterable[str], on_node: Callable[[Built], None] | None) -> None:
        """Builds what leads to some models: everything but sizes the first time, then what a moment changes."""
        if not self.built:
            select = [f"+{one}" for one in (*targets, *PUBLISHED)]
            dbt(self.settings, "run", select, on_node=on_node, flags=("--exclude", f"{SIZES}+"))
            return
        moved = [name for name, sql in plan.models.items() if self.built.get(name) != sql]
        select = [f"{one}+,+{target}" for one in (*moved, "source:raw.runs") for target in targets]
        if self.manifest is None or not put_into(self.manifest, plan.models):
            self.manifest = parsed(self.settings)
        dbt(self.settings, "run", select, on_node=on_node, flags=(*STAGED, *UNCACHED), manifest=self.manifest)

    def _remember(self, prepared: Prepared) -> None:
        self.built, self.layout, self.at = prepared.plan.models, prepared.plan.layout, prepared.as_of

    def _alone(self, moment: datetime, names: Iterable[str]) -> Plan:
        chosen = {name: self.folder.definitions[name] for name in names if name in self.folder.definitions}
        return compile_for(self.settings, chosen, moment, self.slots, set(chosen), set(self.slots), None)

    def _prepare(self, moment: datetime, day: date) -> Prepared:
        runnable = {name: one for name, one in self.folder.definitions.items() if name not in self.broken}
        compute = with_references(self.names & set(runnable), runnable) - set(self.unfit)
        plan = compile_for(self.settings, runnable, moment, self.slots, compute, set(), self.layout)
        failed = {**plan.failed, **self.unfit, **self.broken}
        slots = {name: self.slots[name] for name in self.names}
        decisions = decide(self.folder, self.known.segments, slots, plan.computed, failed, self.older)
        with connect(self.settings.warehouse) as connection:
            clock = Clock(moment, self.settings.zone)
            run_no = state.open_run(
                connection, clock, day, "past", decisions, {}, self.source_run, self.inputs,
                over_recorded=self.over_recorded,
            )  # fmt: skip
        write_plan(self.settings.project, plan.models)
        problems = tuple(f"{one.file}:{one.line}: {one.message}" for one in self.folder.problems)
        computed = tuple(name for name in plan.computed if name in self.names)
        return Prepared(run_no, moment, day, "past", computed, tuple(decisions), plan, problems)


def reconstruct(
    settings: Settings,
    days: Iterable[date],
    *,
    only: Iterable[str] | None = None,
    over_recorded: bool = False,
    waiting: Callable[[], None] | None = None,
) -> Reconstructed:
    """Past days of the named segments, or of all. Raises LandingError and DbtFailed; days before that are whole."""
    with exclusively(settings.home, waiting):
        return reconstruct_now(settings, days, only=only, over_recorded=over_recorded)


def reconstruct_now(
    settings: Settings,
    days: Iterable[date],
    *,
    only: Iterable[str] | None = None,
    over_recorded: bool = False,
    source_run: str | None = None,
    on_node: Callable[[Built], None] | None = None,
    on_day: Callable[[date], None] | None = None,
) -> Reconstructed:
    """The same for callers that hold the workspace already; `on_day` hears of each day that is published."""
    past = PastDays(settings, only=only, over_recorded=over_recorded, source_run=source_run)
    written: list[date] = []
    prepared = None
    for day in sorted(set(days)):
        # Each model and each step opens the file, which costs more than a day does unless it is open here meanwhile.
        # The first day takes longer, and between days it is let go, for those who want to read.
        with connect(settings.warehouse) if past.is_published else nullcontext():
            prepared = past.open(day, on_node)
            past.build(prepared, on_node)
            past.publish(prepared)
        written.append(day)
        if on_day:
            on_day(day)
    if prepared is None:
        return Reconstructed((), (), {}, ())
    return Reconstructed(tuple(written), prepared.computed, prepared.failures, prepared.problems)
