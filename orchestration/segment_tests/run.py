"""Runs the tests of segment files: compiles what a segment reads, puts the small people into memory, and compares.

Each test has a database of its own as far as rules can tell, since some rules rank all people against each other.
Not here: staging and models in memory (`memory.py`), and how the outcome is said (`orchestration/cli/test.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import jinja2

from orchestration.segment_tests.memory import Tables, in_memory, members
from segmentation.clock import Clock, parse_zone
from segmentation.language.describe import leaf_in_words
from segmentation.language.folder import Folder
from segmentation.language.model import Definition, InSegment, Leaf, Moment, SegmentTest, leaves
from segmentation.language.words import TESTED_KINDS
from segmentation.plan.compile import compile_plan
from segmentation.plan.leaves import universe_leaf
from segmentation.plan.system import system_definitions

MOST_REASONS = 8  # conditions of a rule that are told one by one
_LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True)
class Failure:
    """An expectation that does not hold, or a test that cannot be run: then `user` is None and `reason` says why.

    `holds` and `fails` are the conditions of the rule, in words, that are and are not true of the user.
    """

    file: str
    line: int
    segment: str
    as_of: datetime
    user: str | None = None
    expected: str | None = None
    reason: str | None = None
    holds: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How many tests of how many segments were run, how many of them failed, and in what."""

    tests: int
    segments: int
    failed: int
    failures: tuple[Failure, ...]


def run_tests(
    folder: Folder,
    zone: ZoneInfo,
    settings: Mapping[str, str],
    names: Iterable[str] | None = None,
    on_segment: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Runs the tests of the named segments, of all if none are named. `zone` counts for tests that name none."""
    chosen = sorted(folder.definitions if names is None else {*names} & {*folder.definitions})
    tested = [folder.definitions[name] for name in chosen if folder.definitions[name].tests]
    failures: list[Failure] = []
    with in_memory() as connection:
        runner = _Runner(connection, folder.definitions, zone, settings)
        for definition in tested:
            on_segment(definition.name)
            for test in definition.tests:
                failures += runner.run(definition, test)
    return Outcome(
        tests=sum(len(one.tests) for one in tested),
        segments=len(tested),
        failed=len({(one.file, one.line) for one in failures}),
        failures=tuple(failures),
    )


class _Runner:
    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        definitions: Mapping[str, Definition],
        zone: ZoneInfo,
        settings: Mapping[str, str],
    ) -> None:
        self.connection, self.definitions, self.zone, self.settings = connection, definitions, zone, settings
        self.system = system_definitions(settings)

    def run(self, definition: Definition, test: SegmentTest) -> list[Failure]:
        """What does not hold of one test."""
        zone = parse_zone(test.timezone) if test.timezone else self.zone
        clock = Clock(_instant(test.as_of, zone), zone)

        def failure(**more: Any) -> Failure:
            return Failure(definition.file, test.line, definition.name, clock.as_of, **more)

        try:
            together = self._together(definition, test)
            tables = _tables(test, zone)
            found = self._members(together, clock, tables, test.segments)[definition.name]
            wrong = [(user, "in") for user in test.inside if user not in found]
            wrong += [(user, "out") for user in test.outside if user in found]
            truths = self._truths(definition, together, clock, tables, test.segments) if wrong else {}
        except (_Untestable, duckdb.Error, jinja2.TemplateError) as error:
            return [failure(reason=" ".join(str(error).split()))]
        return [
            failure(
                user=user,
                expected=expected,
                holds=tuple(told for told, users in truths.items() if user in users),
                fails=tuple(told for told, users in truths.items() if user not in users),
            )
            for user, expected in wrong
        ]

    def _together(self, definition: Definition, test: SegmentTest) -> dict[str, Definition]:
        """A segment and all that it reads, short of what the test says itself."""
        together: dict[str, Definition] = {}
        paths: list[tuple[str, ...]] = [(definition.name,)]
        while paths:
            path = paths.pop()
            name = path[-1]
            if name in together or name in self.system:
                continue
            if name not in self.definitions:
                raise _Untestable(f"it reads {name}, whose file has an error")
            if self.definitions[name].kind not in TESTED_KINDS:
                through = f" by way of {path[1]}" if len(path) > 2 else ""
                raise _Untestable(
                    f"it reads {name}{through}, a segment of kind {self.definitions[name].kind}, whose members do not "
                    f"follow from events; say who they are under segments: {{{path[1]}: [...]}}"
                )
            together[name] = self.definitions[name]
            paths += [(*path, other) for other in together[name].references if other not in test.segments]
        return together

    def _members(
        self, together: Mapping[str, Definition], clock: Clock, tables: Tables, said: Mapping[str, tuple[str, ...]]
    ) -> dict[str, set[str]]:
        slots = {name: slot for slot, name in enumerate(sorted({*together, *said}))}
        plan = compile_plan(together, clock, slots, stored=said, settings=self.settings)
        for name, reason in sorted(plan.failed.items()):
            raise _Untestable(f"{name} cannot be computed: {reason}")
        return members(self.connection, plan, tables, slots, said)

    def _truths(
        self,
        definition: Definition,
        together: Mapping[str, Definition],
        clock: Clock,
        tables: Tables,
        said: Mapping[str, tuple[str, ...]],
    ) -> dict[str, set[str]]:
        """Of whom each condition of a segment is true, by the condition in words; empty if there are too many."""
        conditions = dict.fromkeys(_conditions(definition))
        if len(conditions) > MOST_REASONS:
            return {}
        alone = {
            f"condition_{n}": Definition(f"condition_{n}", definition.file, "who", leaf, definition.refresh)
            for n, leaf in enumerate(conditions)
        }
        found = self._members({**together, **alone}, clock, tables, said)
        return {leaf_in_words(leaf): found[name] for name, leaf in zip(alone, conditions, strict=True)}


class _Untestable(Exception):
    """Why a test cannot be run, as a clause."""


def _conditions(definition: Definition) -> Iterable[Leaf]:
    if definition.kind == "who":
        yield from leaves(definition.body)  # type: ignore[arg-type]  # the body of this kind is a rule
    for name in (*definition.include, *definition.exclude):
        yield InSegment(name)
    if (leaf := universe_leaf(definition)) is not None:
        yield leaf


def _tables(test: SegmentTest, zone: ZoneInfo) -> Tables:
    """Landing rows with instants for times, and with what a test may leave out."""

    def timed(row: Mapping[str, Any]) -> dict[str, Any]:
        return {column: _instant(value, zone) if isinstance(value, date) else value for column, value in row.items()}

    tables = {table: [timed(row) for row in rows] for table, rows in test.tables.items()}
    for n, device in enumerate(tables.get("devices", ())):
        device.setdefault("device_id", f"device {n}")
    for consent in tables.get("consents", ()):
        consent.setdefault("at", _LONG_AGO)
    for listing in tables.get("blacklist", ()):
        listing.setdefault("at", _LONG_AGO)
        listing.setdefault("listed", True)
    return tables


def _instant(moment: Moment, zone: ZoneInfo) -> datetime:
    """The instant of a moment; a date is its local midnight."""
    if isinstance(moment, datetime):
        return moment
    return Clock(_LONG_AGO, zone).midnight(moment)
