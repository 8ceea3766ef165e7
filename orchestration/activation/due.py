"""Whether an activation is due: by the clock, or since members came or went. Pure decisions over news and cursors.

`daily`, weekly and monthly mean the members that the night's recalculation of that day left, so they wait for it, but
not for ever: after some hours the activation is asked for anyway, and the gate that asks for fresh members says why
nothing went out. The hours begin with the first look at the tick, as a machine that was off catches up with the night
once it is on. Of ticks that nobody was there for, the latest counts. What was there before an activation was first seen
is not sent by itself.
Not here: when rhythms tick (`rhythms.py`), what is sent (`run.py`), and what became of runs (`sensors/activations.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from croniter import croniter

from orchestration.activation.named import Activation
from orchestration.activation.news import Change, News
from orchestration.activation.rhythms import ON_CHANGE, When, is_calendar, last_tick, next_tick, rhythm, ticks
from segmentation.clock import EARLIEST, Clock, utc_text
from segmentation.language.model import Definition

PATIENCE = timedelta(hours=6)  # with a night that published nothing
COMPUTED_AT_MIDNIGHT = ("daily", "every")


@dataclass(frozen=True)
class Handled:
    """What needs no run any more: changes up to a run, and for each rhythm with a clock its ticks up to a moment. Where
    its last tick is still to be handled, `waiting` says since when it has been looked at."""

    run_no: int
    ticks: Mapping[str, datetime]
    waiting: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Due:
    """`name` is the same as long as it is the same thing that is due. `at` is the moment that a run is for, `handled`
    what it handles. Changes alone hold back who came otherwise than by them; a tick sends the `whole` segment."""

    name: str
    at: datetime
    handled: Handled
    whole: bool = True


@dataclass(frozen=True)
class Look:
    """What a look comes to: what is handled already, what is due, and what is waited for."""

    handled: Handled
    due: Due | None = None
    waits: str = ""


def first_seen(activation: Activation, news: News, now: datetime) -> Handled:
    """What an activation that was not there before leaves alone: all that has happened so far."""
    return Handled(news.run_no, {rhythm(one): now for one in activation.whens if ticks(one)})


def look(activation: Activation, definition: Definition, handled: Handled, news: News, clock: Clock) -> Look:
    """Whether an activation is due at the clock's moment."""
    began = first_seen(activation, news, clock.as_of).ticks
    run_no = handled.run_no if handled.run_no <= news.run_no else 0  # a warehouse that begins anew
    done = {name: handled.ticks.get(name, now) for name, now in began.items()}
    last = {rhythm(one): last_tick(one, clock.as_of, clock.zone) for one in activation.whens if ticks(one)}
    waiting = {
        name: since if (since := handled.waiting.get(name, EARLIEST)) >= tick else clock.as_of
        for name, tick in last.items()
        if tick > done[name]
    }
    handled = Handled(run_no, done, waiting)
    names: list[str] = []
    moments: list[datetime] = []
    waits: list[str] = []
    after = handled
    for when in activation.whens:
        name = rhythm(when)
        if name not in waiting:
            continue
        tick = last[name]
        at = _moment_for(when, tick, waiting[name], definition, news, clock)
        if at is None:
            waits.append(f"{name}: the night's calculation for {utc_text(tick)} is not published yet")
            continue
        names.append(f"{name} {utc_text(tick)}")
        moments.append(at)
        after = replace(after, ticks={**after.ticks, name: tick})
    whole = bool(names)
    change = _change(activation, news)
    if change is not None and change.run_no > handled.run_no:
        names.append(f"run {change.run_no} {utc_text(change.as_of)}")
        moments.append(change.as_of)
    else:
        handled = replace(handled, run_no=news.run_no)  # nothing in it for this activation
    after = replace(after, run_no=news.run_no)
    due = Due("; ".join(names), max(moments), after, whole) if names else None
    return Look(handled, due, "; ".join(waits))


def beginning(activation: Activation, found: Look, news: News) -> Look:
    """The look at an activation that tells of changes and has not begun: whatever happens before it begins it will not
    tell of, so it is due as soon as there is a run to begin after."""
    if found.due is not None or activation.segment not in news.segments:
        return found
    due = Due(f"its beginning after run {news.run_no}", news.as_of, found.handled, whole=False)
    return replace(found, due=due)


def next_due(activation: Activation, clock: Clock) -> datetime | None:
    """The first tick after the clock's moment; None where changes alone set it off."""
    return min((next_tick(one, clock.as_of, clock.zone) for one in activation.whens if ticks(one)), default=None)


def _change(activation: Activation, news: News) -> Change | None:
    """The last run in which members came or went in a way that sets the activation off."""
    segment = news.segments.get(activation.segment)
    ways = {way for one in activation.whens for way in ON_CHANGE.get(rhythm(one), ())}
    return segment.last(ways, activation.causes) if segment else None


def _moment_for(
    when: When, tick: datetime, since: datetime, definition: Definition, news: News, clock: Clock
) -> datetime | None:
    """The moment that a run for a tick is for; None if the tick, looked at since a moment, waits for members."""
    if not is_calendar(when) or _has_members_of(tick, definition, news, clock):
        return tick
    return since + PATIENCE if clock.as_of >= since + PATIENCE else None


def _has_members_of(midnight: datetime, definition: Definition, news: News, clock: Clock) -> bool:
    """Whether the members are those that the recalculation at a midnight left: as recent as it, or as the last tick of
    a schedule that has none there; where nothing recalculates them by itself, whichever there are."""
    segment = news.segments.get(definition.name)
    if segment is None or news.as_of < midnight:
        return False
    refresh = definition.refresh
    if refresh.policy in COMPUTED_AT_MIDNIGHT:
        return segment.as_of >= midnight
    if refresh.cron is None:
        return True
    local = midnight.astimezone(clock.zone)
    return bool(segment.as_of >= croniter(refresh.cron, local + timedelta(seconds=1)).get_prev(datetime))
