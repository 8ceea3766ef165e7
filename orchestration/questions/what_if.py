"""How large a segment would have been on past days under other values in its rule, beside the rule as it is.

One plan per day holds all variants over the same tiles. Events are those before the day's end, everything else is known
as it is now, as for any reconstructed day. Segments that the rule reads are computed for the day as well.
Not here: which values (`settable.py`), and writing anything down (`orchestration/past_days.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from orchestration.decisions import with_references
from orchestration.questions.probe import Probe, probing
from orchestration.questions.settable import Changed, Setting, changed
from orchestration.settings import Settings
from segmentation.clock import Clock
from segmentation.language.folder import Folder, load_folder
from segmentation.language.model import Definition
from segmentation.language.problems import did_you_mean
from segmentation.plan.system import with_system

AS_IT_IS = "as it is"


@dataclass(frozen=True)
class Curve:
    """Users at the end of each day under one variant of the rule."""

    label: str
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class WhatIf:
    """`recorded` is what runs found on those of the days that have a record; `history_begins` is the first of these."""

    segment: str
    days: tuple[date, ...]
    curves: tuple[Curve, ...]
    recorded: Mapping[date, int]
    history_begins: date | None


def what_if(
    settings: Settings,
    name: str,
    wanted: Sequence[Setting],
    first: date | None = None,
    last: date | None = None,
    *,
    days: int = 90,
    on_day: Callable[[int, int], None] = lambda done, total: None,
) -> WhatIf:
    """Sizes on local days: the `days` up to the last whole day that a run has seen, or from `first` to `last`.

    Raises ValueError for a segment, a place, a value or a day that does not exist, and what `probing` raises.
    """
    folder = with_system(load_folder(settings.segments), settings.events)
    if name not in folder.sources:
        raise ValueError(f"there is no file of a segment {name!r}{did_you_mean(name, sorted(folder.sources))}")
    if name not in folder.definitions:
        raise ValueError(next(str(one) for one in folder.problems if one.file == folder.sources[name].file))
    kind = folder.definitions[name].kind
    if kind in ("list", "connector") and any(one.path.split(".")[0] == kind for one in wanted):
        raise ValueError(f"the members of a {kind} are what was sent, so nothing else can be set under `{kind}`")
    variants: dict[str, Mapping[str, Definition]] = {AS_IT_IS: folder.definitions}
    for one in changed(folder.sources[name].text, wanted):
        variants[one.label] = _definitions(settings, folder, name, one)
    with probing(settings, long=True) as probe:
        listed = _days(probe, settings, first, last, days)
        recorded, begins = _recorded(probe, name, listed)
        sizes = _sizes(probe, settings, name, variants, listed, on_day)
    curves = tuple(Curve(label, sizes[label]) for label in variants)
    return WhatIf(name, listed, curves, recorded, begins)


def _definitions(settings: Settings, folder: Folder, name: str, one: Changed) -> Mapping[str, Definition]:
    """The folder with one file changed. Raises ValueError with the first error of that file."""
    file = Path(folder.sources[name].file)
    other = with_system(load_folder(settings.segments, instead={file: one.text}), settings.events)
    if name not in other.definitions:
        why = next((problem.message for problem in other.problems if problem.file == str(file)), "it cannot be read")
        raise ValueError(f"{one.label}: {why}")
    return other.definitions


def _days(probe: Probe, settings: Settings, first: date | None, last: date | None, days: int) -> tuple[date, ...]:
    today = Clock(probe.as_of, settings.zone).today
    newest = today - timedelta(days=1)  # the last day that was over by the last run
    last = last or newest
    first = first or last - timedelta(days=days - 1)
    if last > newest:
        raise ValueError(f"{last} was not over at the last run: the last whole day it has seen is {newest}")
    if first > last:
        raise ValueError(f"{last} lies before {first}")
    return tuple(first + timedelta(days=number) for number in range((last - first).days + 1))


def _recorded(probe: Probe, name: str, days: Sequence[date]) -> tuple[dict[date, int], date | None]:
    rows = probe.connection.execute(
        "select day, users from segments.segment_size_daily where segment = ? and not reconstructed order by day",
        [name],
    ).fetchall()
    return {day: users for day, users in rows if days[0] <= day <= days[-1]}, rows[0][0] if rows else None


def _sizes(
    probe: Probe,
    settings: Settings,
    name: str,
    variants: Mapping[str, Mapping[str, Definition]],
    days: Sequence[date],
    on_day: Callable[[int, int], None],
) -> dict[str, tuple[int, ...]]:
    names = {label: f"{name}__{number}" for number, label in enumerate(variants)}
    everything: dict[str, Definition] = {}
    for label, definitions in variants.items():
        for other in with_references([name], definitions) - {name}:
            everything[other] = definitions[other]
        everything[names[label]] = _alone(definitions[name], names[label])
    found: dict[str, list[int]] = {label: [] for label in variants}
    for number, day in enumerate(days):
        moment = _end_of(day, settings)
        relation = probe.answer(everything, moment, compute=everything)
        counted = dict(
            probe.connection.execute(f"select segment, count(*) from {relation} group by segment").fetchall()
        )
        probe.connection.execute(f"drop table {relation}")
        for label, own in names.items():
            found[label].append(int(counted.get(own, 0)))
        if number == 0:
            probe.let_go()
        on_day(number + 1, len(days))
    return {label: tuple(sizes) for label, sizes in found.items()}


def _alone(definition: Definition, name: str) -> Definition:
    """A variant under a name of its own; rows of lists and pulls are found by the segment's name."""
    return definition if definition.kind in ("list", "connector") else replace(definition, name=name)


def _end_of(day: date, settings: Settings) -> datetime:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=settings.zone)
    return Clock(noon, settings.zone).midnight(day + timedelta(days=1))
