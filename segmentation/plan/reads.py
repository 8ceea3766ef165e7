"""Which stored rows each condition of a definition looks at: for telling what segments cost.

A condition looks at the rows of its events within its window, or once at every user, device or response. Passes are
shared between conditions and skip what they can, so this is how much a condition asks for, by one measure for all.
Not here: counting the rows, and the queries themselves (the other modules of this package).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from segmentation.clock import Clock, bounds
from segmentation.language.model import (
    Definition,
    Device,
    Did,
    InSegment,
    Interest,
    Leaf,
    Live,
    Predict,
    Regularly,
    Response,
    Rfm,
    Sequence,
    Window,
    leaves,
)
from segmentation.plan.leaves import definition_leaves

DAYS = {"day": 1, "week": 7, "month": 31}
TILES, USERS, DEVICES, RESPONSES = "event_tiles", "user_profiles", "stg_devices", "stg_message_events"


@dataclass(frozen=True)
class Read:
    """Rows of a dbt model; of the tiles those of some events (all if None) from `start` on and before `end`."""

    model: str
    events: tuple[str, ...] | None = None
    start: datetime | None = None
    end: datetime | None = None


def reads(definition: Definition, clock: Clock, late_arrival_days: int) -> dict[Hashable, Read]:
    """What a definition itself asks for, by condition: equal conditions of two definitions have equal keys.

    The segments it reads are asked elsewhere. Members of lists and cohorts are listed, and nothing is asked for them.
    """
    return dict(_reads(definition, clock, late_arrival_days))


def _reads(definition: Definition, clock: Clock, late_arrival_days: int) -> Iterator[tuple[Hashable, Read]]:
    body = definition.body
    if isinstance(body, Live):
        judged = clock.as_of - timedelta(days=late_arrival_days + 1)
        events = (*body.events, *body.then_not) or None
        yield ("trigger", definition.name), Read(TILES, events, judged, clock.as_of)
        yield from (_read(leaf, clock) for leaf in (leaves(body.who) if body.who else ()) if isinstance(leaf, Did))
    if isinstance(body, Predict):
        yield ("forecast", definition.name), Read(TILES, (body.event,), None, clock.as_of)
    yield from (_read(leaf, clock) for leaf in definition_leaves(definition) if not isinstance(leaf, InSegment))


def _read(leaf: Leaf, clock: Clock) -> tuple[Hashable, Read]:
    match leaf:
        case Did():
            return replace(leaf, negated=False), _of_events(leaf.events, leaf.window, clock)
        case Interest():
            return leaf, _of_events(leaf.events, leaf.window, clock)
        case Rfm():
            return leaf, _of_events((leaf.event,), leaf.window, clock)
        case Sequence():
            named = [step.events for step in leaf.steps]
            events = None if None in named else tuple(name for names in named for name in names or ())
            return leaf, _of_events(events, leaf.window, clock)
        case Regularly():
            start = clock.as_of - timedelta(days=leaf.in_last * DAYS[leaf.every])
            return leaf, Read(TILES, leaf.events, start, clock.as_of)
        case Device():
            return leaf, Read(DEVICES)
        case Response():
            return leaf, Read(RESPONSES)
        case _:
            return leaf, Read(USERS)


def _of_events(events: tuple[str, ...] | None, window: Window | None, clock: Clock) -> Read:
    start, end = bounds(window, clock, of_events=True) if window else (None, clock.as_of)
    return Read(TILES, events, start, end)
