"""What is wrong with segments: failing, stale, not sent, shrinking, likely duplicates, unused. Pure, a sentence each.

What people paused or deleted, and system segments, are nobody's duty and left out. Not here: reading what is judged
(`report.py`), and what freshness and size are measured by (`expectations.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from orchestration.health.expectations import promised, shrunk
from segmentation.clock import Clock
from segmentation.language.model import Definition

Kind = Literal["failing", "stale", "not_sent", "shrinking", "duplicate", "unused"]
KINDS: tuple[Kind, ...] = get_args(Kind)
UNUSED_DAYS = 90


@dataclass(frozen=True)
class Seen:
    """A segment as the last run left it. Moments are aware UTC; `definition` is None where its file has an error.

    `messages_ahead` are drafts and scheduled messages that name it, `readers` the segments that read it and are
    calculated; `sizes` are users at the end of recorded days, oldest first. `unsent` are activations whose last call
    met a closed gate or failed, with its sentence.
    """

    segment: str
    status: str
    reason: str | None
    updated_at: datetime | None
    definition: Definition | None
    began_at: datetime | None
    sent_at: datetime | None
    messages_ahead: int
    readers: tuple[str, ...]
    sizes: Sequence[int]
    unsent: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Pair:
    """Two segments that share members or a rule, once each way. `is_likely` says whether they are likely the same, and
    `jaccard` what they share of all members of both, None if nobody is in either."""

    segment: str
    other: str
    is_likely: bool
    same_rule: bool
    jaccard: float | None


@dataclass(frozen=True)
class Finding:
    """Something to look at; `said` is a sentence without its subject, which is the segment."""

    kind: Kind
    segment: str
    said: str


def findings(seen: Iterable[Seen], pairs: Iterable[Pair], clock: Clock, *, messages_landed: bool) -> list[Finding]:
    """All findings as of the clock's moment, in the order of their kinds.

    Where no messages have landed, nobody can tell what is unused, and nothing is.
    """
    present = {one.segment: one for one in seen if one.status != "deleted" and not _is_system(one)}
    active = [one for one in present.values() if one.status != "not_active"]
    found = [
        *(Finding("failing", one.segment, _failing(one, clock)) for one in active if one.status == "failed"),
        *_stale(active, clock),
        *(Finding("not_sent", one.segment, f"{name}: {why}") for one in active for name, why in one.unsent),
        *_shrinking(active),
        *_duplicates(pairs, set(present)),
        *(_unused(active, clock) if messages_landed else ()),
    ]
    return sorted(found, key=lambda one: (KINDS.index(one.kind), one.segment, one.said))


def _is_system(one: Seen) -> bool:
    return one.definition is not None and one.definition.is_system


def _failing(one: Seen, clock: Clock) -> str:
    since = f"its members are of {_day(one.updated_at, clock)}" if one.updated_at else "it has no members yet"
    return f"{one.reason or 'failed'}; {since}"


def _stale(active: Iterable[Seen], clock: Clock) -> Iterator[Finding]:
    for one in active:
        if one.status == "stale":
            yield Finding("stale", one.segment, one.reason or "rests on an older result")
        elif one.status != "failed" and one.definition is not None and one.updated_at is not None:
            said = late(one.definition, one.updated_at, clock)
            if said is not None:
                yield Finding("stale", one.segment, said)


def late(definition: Definition, computed_at: datetime, clock: Clock) -> str | None:
    """What to say of members that are older than the refresh policy promises, None of others."""
    due = promised(definition, clock)
    if due is None or computed_at >= due:
        return None
    return (
        f"members are of {_moment(computed_at, clock)}, but `{definition.refresh.text}` promises {_moment(due, clock)}"
        " or later"
    )


def _shrinking(active: Iterable[Seen]) -> Iterator[Finding]:
    for one in active:
        *history, last = one.sizes or (0,)
        band = shrunk(last, history)
        if band is not None:
            yield Finding(
                "shrinking",
                one.segment,
                f"has {last:,} users, {last / band.median:.0%} of {band.median:,.0f}, the median of {band.days} days",
            )


def _duplicates(pairs: Iterable[Pair], present: set[str]) -> Iterator[Finding]:
    for one in pairs:
        if one.is_likely and one.segment < one.other and {one.segment, one.other} <= present:
            if one.same_rule:
                said = f"has the same rule as {one.other}"
            elif one.jaccard == 1:
                said = f"has the same members as {one.other}"
            else:
                said = f"has nearly the members of {one.other} ({one.jaccard:.1%} of both are in both)"
            yield Finding("duplicate", one.segment, said)


def _unused(active: Iterable[Seen], clock: Clock) -> Iterator[Finding]:
    start = clock.midnight(clock.today - timedelta(days=UNUSED_DAYS))
    for one in active:
        if one.definition is None or one.began_at is None:
            continue
        if one.definition.ready_to_use or one.definition.activate or one.readers or one.messages_ahead:
            continue
        if max(one.began_at, one.sent_at or one.began_at) < start:
            last = (
                f"the last message that names it went out on {_day(one.sent_at, clock)}"
                if one.sent_at
                else "no message that names it ever went out"
            )
            yield Finding("unused", one.segment, f"{last}, and no segment reads it")


def _day(moment: datetime | None, clock: Clock) -> str:
    assert moment is not None
    local = moment.astimezone(clock.zone)
    return f"{local.day} {local:%b %Y}"


def _moment(moment: datetime, clock: Clock) -> str:
    return f"{_day(moment, clock)} {moment.astimezone(clock.zone):%H:%M}"
