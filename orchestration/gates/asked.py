"""What each gate asks: numbers of which one has to be at least the other, or why there is nothing to ask.

Inputs are judged at the moment that the members who rest on them stand for, since what came later is not in them;
whether members are recent enough at all is judged at the moment of asking. Not here: the comparison (`judge.py`), and
where facts come from (`facts.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from statistics import median

from orchestration.comparisons import Number
from orchestration.gates.calculated import Calculated
from orchestration.gates.facts import HABIT_DAYS, Facts, Identified, Leaving, Reach
from orchestration.gates.limits import Limits
from orchestration.health.expectations import HISTORY_DAYS, LEAST_DAYS, promised, size_band
from orchestration.health.findings import late
from segmentation.clock import Clock, utc_text

HABIT = 20  # of the local days before the newest event, so many had events where they come nearly every day


@dataclass(frozen=True)
class Comparison:
    """The number under `key` has to be at least that under `least`; `said` is the sentence if it is not. Moments are
    aware UTC. `beside` are numbers that are not compared, for whoever looks."""

    key: str
    value: Number
    least: str
    bound: Number
    said: str
    beside: Mapping[str, int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A segment on its way: to where `leaving` people would be taken back, and `reach` people be identified, as far as
    that is known. `at` is the moment of asking, aware UTC."""

    facts: Facts
    limits: Limits
    at: datetime
    leaving: Leaving | None
    reach: Reach | None


Answer = tuple[Comparison, ...] | str  # a text says why there is nothing to judge by


def answers(case: Case) -> dict[str, Answer]:
    """By gate, in their order."""
    return {gate: ask(case) for gate, ask in _GATES.items()}


def _freshness(case: Case) -> Answer:
    facts = case.facts
    if facts.own.as_of is None:
        return "it was never calculated"
    found = [*_promise(case), *_promises_behind(facts), *_events(case), *_audiences(case)]
    return tuple(found) or "no schedule promises anything of it, and it rests on nothing that comes daily"


def _promise(case: Case) -> Iterator[Comparison]:
    own, clock = case.facts.own, Clock(case.at, case.facts.zone)
    due = _due(own, clock)
    if due is not None and own.as_of is not None and own.definition is not None:
        yield Comparison("as_of", own.as_of, "promised", due, late(own.definition, own.as_of, clock) or "")


def _promises_behind(facts: Facts) -> Iterator[Comparison]:
    """Of those that are late, the one that is most."""
    if facts.own.as_of is None:
        return
    clock = Clock(facts.own.as_of, facts.zone)
    found = [(one.as_of - due, one, due) for one in facts.behind if one.as_of and (due := _due(one, clock))]
    if found:
        _, one, due = min(found, key=lambda three: three[0])
        assert one.as_of is not None
        assert one.definition is not None
        said = f"{one.segment}, which it reads: {late(one.definition, one.as_of, clock)}"
        yield Comparison("read_as_of", one.as_of, "read_promised", due, said)


def _due(one: Calculated, clock: Clock) -> datetime | None:
    return promised(one.definition, clock) if one.definition is not None and not one.is_resting else None


def _events(case: Case) -> Iterator[Comparison]:
    events, as_of, days = case.facts.events, case.facts.own.as_of, case.limits.events_missing_days
    if events is None or events.newest is None or as_of is None or not days or events.days < HABIT:
        return
    expected = as_of - max(timedelta(days=days), events.quiet)
    said = (
        f"the newest event is of {_moment(events.newest)}, and there were events on {events.days} of the {HABIT_DAYS}"
        f" days before; expected one of {_moment(expected)} or later"
    )
    yield Comparison("newest_event", events.newest, "event_expected", expected, said, {"days_with_events": events.days})


def _audiences(case: Case) -> Iterator[Comparison]:
    """The audience that was oldest when its segment was calculated."""
    allowed = timedelta(days=case.limits.audience_days)
    found = [(one.fetched_at - one.as_of, one) for one in case.facts.identified if one.fetched_at and one.as_of]
    if found and allowed:
        _, one = min(found, key=lambda pair: pair[0])
        assert one.fetched_at is not None
        assert one.as_of is not None
        expected = one.as_of - allowed
        said = (
            f"{_whose(case.facts, one)}the audience was fetched at {_moment(one.fetched_at)}, expected"
            f" {_moment(expected)} or later"
        )
        yield Comparison("fetched", one.fetched_at, "fetch_expected", expected, said)


def _size_band(case: Case) -> Answer:
    users, sizes = case.facts.own.users, case.facts.sizes
    band = size_band(sizes)
    if band is None:
        days = f"{len(sizes)} recorded {'day' if len(sizes) == 1 else 'days'}"
        return f"the history is too short: {days} with this definition, expected {LEAST_DAYS}"
    said = (
        f"{users:,} users, expected {band.low:,} to {band.high:,}: the median of {band.days} recorded days is"
        f" {band.median:,.0f}"
    )
    return (
        Comparison("users", users, "low", band.low, said, {"median": band.median}),
        Comparison("high", band.high, "users", users, said, {"median": band.median}),
    )


def _removals(case: Case) -> Answer:
    leaving, limits = case.leaving, case.limits
    if leaving is None:
        return "nothing is known to be out there"
    allowed = max(limits.few, floor(_exact(limits.removal_cap) * leaving.before))
    share = f" ({leaving.removed / leaving.before:.1%})" if leaving.before else ""
    said = (
        f"{leaving.removed:,} of {leaving.before:,} people who are out there would be taken back{share}, expected"
        f" {allowed:,} or fewer"
    )
    beside = {"before": leaving.before}
    return (Comparison("removed_allowed", allowed, "removed", leaving.removed, said, beside),)


def _match_rate(case: Case) -> Answer:
    found = [*_found(case), *_reached(case)]
    if found:
        return tuple(found)
    if case.facts.identified or case.reach:
        return f"{case.limits.few:,} people or fewer are too few to judge by"
    return "neither an audience of a vendor nor a list is behind it"


def _found(case: Case) -> Iterator[Comparison]:
    """The audience or list that falls short most."""
    rates = [(one.rate, one) for one in case.facts.identified if one.rate is not None and one.asked > case.limits.few]
    if rates:
        rate, one = min(rates, key=lambda pair: pair[0] - pair[1].floor)
        said = (
            f"{_whose(case.facts, one)}{one.found:,} of {one.asked:,} {one.source} were found ({rate:.1%}, expected"
            f" {one.floor:.0%} or more)"
        )
        yield Comparison(
            "match_rate", rate, "match_rate_below", one.floor, said, {"found": one.found, "asked": one.asked}
        )


def _reached(case: Case) -> Iterator[Comparison]:
    reach, below = case.reach, case.limits.identified_below
    if reach is not None and reach.members > case.limits.few:
        said = (
            f"{reach.identified:,} of {reach.members:,} members can be identified at the destination"
            f" ({reach.identified / reach.members:.1%}, expected {below:.0%} or more)"
        )
        expected = ceil(_exact(below) * reach.members)
        beside = {"members": reach.members}
        yield Comparison("identified", reach.identified, "identified_expected", expected, said, beside)


def _universe(case: Case) -> Answer:
    users, sizes, limits = case.facts.universe, case.facts.universe_sizes[-HISTORY_DAYS:], case.limits
    if not sizes:
        return "no day before this one is recorded"
    usual = median(sizes) if len(sizes) >= LEAST_DAYS else sizes[-1]
    kept = max(min(ceil((1 - _exact(limits.universe_drop)) * Fraction(usual)), ceil(usual - limits.few)), 0)
    what = f"the median of {len(sizes)} recorded days is" if len(sizes) >= LEAST_DAYS else "the last recorded day had"
    said = f"{users:,} users have landed, expected {kept:,} or more: {what} {usual:,.0f}"
    return (Comparison("all_users", users, "all_users_expected", kept, said, {"usual": usual}),)


def _upstream(case: Case) -> Answer:
    facts = case.facts
    troubles = [trouble for one in (facts.own, *facts.behind) if (trouble := _trouble(one, one is facts.own))]
    more = f"; and {len(troubles) - 1} more" if len(troubles) > 1 else ""
    said = troubles[0] + more if troubles else ""
    return (Comparison("troubled_allowed", 0, "troubled", len(troubles), said),)


def _trouble(one: Calculated, is_own: bool) -> str | None:
    """What is wrong with a segment; the members of one that rests are judged by their own calculation."""
    what = _wrong(one)
    return what and (f"it {what}" if is_own else f"it reads {one.segment}, which {what}")


def _wrong(one: Calculated) -> str | None:
    why = f" ({one.reason})" if one.reason else ""
    if one.status == "deleted":
        return "is deleted"
    if one.status in ("failed", "stale"):
        return f"is {one.status}{why}"
    if one.as_of is None:
        return "was never calculated"
    if one.is_resting and one.stale:
        return f"was stale when it was last calculated ({one.stale})"
    return None


def _whose(facts: Facts, one: Identified) -> str:
    return "" if one.segment == facts.segment else f"{one.segment}, which it reads: "


def _exact(share: float) -> Fraction:
    """As it is written: 0.15 of 100 people is 15."""
    return Fraction(str(share))


def _moment(moment: datetime) -> str:
    return utc_text(moment.replace(microsecond=0))


_GATES: Mapping[str, Callable[[Case], Answer]] = {
    "freshness": _freshness,
    "size_band": _size_band,
    "removals": _removals,
    "match_rate": _match_rate,
    "universe": _universe,
    "upstream": _upstream,
}
GATES = tuple(_GATES)
MOMENTS = frozenset(  # names of numbers that are moments
    ("as_of", "promised", "read_as_of", "read_promised", "newest_event", "event_expected", "fetched", "fetch_expected")
)
