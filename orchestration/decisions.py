"""What a run computes, and what it says about every segment it does not: pure decisions, no database, no Dagster.

Not here: reading state or writing it (`state.py`), running anything (`recalculation.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from croniter import croniter

from orchestration.memory import Memory
from segmentation.clock import Clock
from segmentation.language.canonical import definition_hash
from segmentation.language.folder import Folder
from segmentation.language.model import Attribute, Definition, Live, leaves
from segmentation.language.words import SYSTEM_SEGMENTS
from segmentation.plan.live_triggers import asked_attributes

Outcome = Literal["computed", "stale", "failed", "kept", "waiting", "paused", "idle", "deleted"]
Cause = Literal["initial", "definition", "data"]
NOTHING: Mapping[str, str] = MappingProxyType({})
NO_MEMORIES: Mapping[str, Memory] = MappingProxyType({})


@dataclass(frozen=True)
class Known:
    """What earlier runs left about a segment."""

    segment_no: int
    outcome: Outcome
    reason: str | None
    computed_hash: str | None  # of the last computation; None if it never was computed or was deleted
    was_computed: bool = True  # ever, deleted or not
    computed_at: datetime | None = None  # the moment of the last computation, aware UTC
    memory: Memory = field(default_factory=Memory)


@dataclass(frozen=True)
class Decision:
    """What becomes of one segment in a run. `definition` is None when its file is broken or gone; its hash is that of
    what the members come from, as `rests_on` tells it."""

    segment: str
    segment_no: int
    outcome: Outcome
    is_computed: bool
    reason: str | None = None
    cause: Cause | None = None
    definition: Definition | None = None
    memory: Memory = field(default_factory=Memory)


def assign_slots(known: Mapping[str, int], names: Iterable[str]) -> dict[str, int]:
    """A permanent number for every segment: the old ones as they are, new names in order after them."""
    slots = dict(known)
    following = max(slots.values(), default=-1) + 1
    for number, name in enumerate(sorted(set(names) - set(slots)), start=following):
        slots[name] = number
    return slots


def with_dependants(names: Iterable[str], definitions: Mapping[str, Definition]) -> set[str]:
    """The names and every segment that reads one of them, however far."""
    found = set(names)
    while more := {n for n, d in definitions.items() if n not in found and found & set(d.references)}:
        found |= more
    return found


def with_references(names: Iterable[str], definitions: Mapping[str, Definition]) -> set[str]:
    """The names and every segment that one of them reads, however far; unknown names are left."""
    found = set(names)
    waiting = list(found)
    while waiting:
        one = definitions.get(waiting.pop())
        more = set(one.references if one else ()) & set(definitions) - found
        found |= more
        waiting += more
    return found


def rests_on(folder: Folder, known: Mapping[str, Known], computed: Collection[str]) -> dict[str, str]:
    """The hash of what everybody's members come from, once `computed` are computed from their files as they are.

    Whatever is not computed has the members of its last computation, and so has what reads it: a file that is broken
    or was edited and not computed yet changes nothing for its readers.
    """
    hashes = {name: one.computed_hash for name, one in known.items() if one.computed_hash is not None}
    for name in folder.order:
        if name in computed:
            hashes[name] = _hash_over(folder.definitions[name], hashes)
    return hashes


def _hash_over(definition: Definition, hashes: Mapping[str, str]) -> str:
    return definition_hash(definition, {n: h for n, h in hashes.items() if n not in SYSTEM_SEGMENTS})


def due(
    folder: Folder,
    known: Mapping[str, Known],
    only: Iterable[str] | None,
    clock: Clock,
    *,
    idle: Collection[str] = (),
    failing: Collection[str] = (),
    automatic: bool = False,
) -> set[str]:
    """Names to compute at the clock's moment.

    When segments are named (`only`), those and what reads them. Else what is recalculated at least daily; what has a
    cron line of its own, if it has ticked since the last computation; and whatever was never computed or has been
    edited since, unless it waits for people (`manual`) and never was. Paused and idle segments stay as they are unless
    a person names them. `failing` are known to fail, so that those who read them find their old members.
    """
    good = folder.definitions
    resting = {name for name, one in good.items() if one.paused} | set(idle)
    if only is not None:
        named = set(only) & set(good) - (resting if automatic else set())
        return {n for n in with_dependants(named, good) if n in named or n not in resting}
    found = set()
    hashes = rests_on(folder, known, ())
    for name in folder.order:
        now = _hash_over(good[name], hashes)
        if name not in resting and _is_due(good[name], known.get(name), now, clock):
            found.add(name)
            if name not in failing:
                hashes[name] = now
    return found


def _is_due(definition: Definition, before: Known | None, hash_now: str, clock: Clock) -> bool:
    policy = definition.refresh.policy
    if policy in ("daily", "every"):
        return True
    if before is None or before.computed_hash is None:
        return policy != "manual"
    if before.computed_hash != hash_now:
        return True
    return policy == "cron" and _has_ticked(str(definition.refresh.cron), before.computed_at, clock)


def _has_ticked(cron: str, since: datetime | None, clock: Clock) -> bool:
    if since is None:
        return True
    following = croniter(cron, since.astimezone(clock.zone)).get_next(datetime)
    return bool(following <= clock.as_of)


def readable(known: Mapping[str, Known]) -> set[str]:
    """Segments whose members of an earlier run can be read."""
    return {name for name, one in known.items() if one.computed_hash is not None}


def dropped_attributes(
    definitions: Mapping[str, Definition], before: Mapping[str, int], now: Mapping[str, int]
) -> dict[str, str]:
    """Segments that ask for an attribute which users had (`before`, users by key) and nobody has any more (`now`).

    Such a rule would not fail by itself; it would quietly become empty.
    """
    gone = {key for key, users in before.items() if users and not now.get(key)}
    failed = {}
    for name, definition in definitions.items():
        for path in sorted(_attributes_of(definition)) if gone else ():
            key = path if path in before else path.split(".")[0]
            if key in gone:
                failed[name] = f"attribute {key} is on no user any more ({before[key]:,} users had it when last seen)"
                break
    return failed


def _attributes_of(definition: Definition) -> set[str]:
    """The attributes of users that a definition asks for."""
    body = definition.body
    rule = body.who if isinstance(body, Live) else body if definition.kind == "who" else None
    asked = {leaf.path for leaf in leaves(rule) if isinstance(leaf, Attribute)} if rule else set()  # type: ignore[arg-type]
    return asked | asked_attributes(body) if isinstance(body, Live) else asked


def decide(
    folder: Folder,
    known: Mapping[str, Known],
    slots: Mapping[str, int],
    computed: Iterable[str],
    failed: Mapping[str, str],
    older: Mapping[str, str] = NOTHING,
    idle: Mapping[str, str] = NOTHING,
    memories: Mapping[str, Memory] = NO_MEMORIES,
) -> list[Decision]:
    """One decision for every segment that has a file or ever had one, by name.

    `older` names segments whose source is not what it should be now, each with one sentence, though it can be used.
    """
    computed = set(computed)
    problems: dict[str, str] = {}
    for problem in folder.problems:
        problems.setdefault(_stem(problem.file), f"{problem.file}:{problem.line}: {problem.message}")
    now = rests_on(folder, known, computed)
    resting = {name for name, one in folder.definitions.items() if one.paused or name in idle or name in failed}
    soon = rests_on(folder, known, set(folder.order) - resting)
    decisions = []
    for name in sorted(slots):
        definition, before = folder.definitions.get(name), known.get(name)
        number, reason = slots[name], None
        cause: Cause | None = None
        if name in computed:
            assert definition is not None
            definition = replace(definition, hash=now[name])
            reason = older.get(name) or stale_reason(definition, computed, failed, folder, known, older)
            cause = (
                "initial" if before is None or not before.was_computed
                else "data" if before.computed_hash == now[name]
                else "definition"
            )  # fmt: skip
            outcome: Outcome = "stale" if reason else "computed"
        elif name in failed:
            outcome, reason = "failed", failed[name]
        elif definition is None and name in folder.broken:
            outcome, reason = "failed", problems.get(name, "its file has an error")
        elif definition is None:
            outcome, reason, cause = "deleted", "its file is gone", "definition"
        elif definition.paused:
            outcome = "paused"
        elif name in idle:
            outcome, reason = "idle", idle[name]
        elif before is not None and before.outcome in ("failed", "stale"):
            outcome, reason = before.outcome, before.reason
        else:
            definition = replace(definition, hash=soon[name])
            outcome = "waiting" if before is not None and _waits(definition, before) else "kept"
        had_members = before is not None and before.computed_hash is not None
        is_computed = name in computed or outcome == "deleted" and had_members
        memory = memories.get(name, Memory())
        decisions.append(Decision(name, number, outcome, is_computed, reason, cause, definition, memory))
    return decisions


def _waits(definition: Definition, before: Known) -> bool:
    """Whether a segment that was computed once is to be computed again before its members are what its file says."""
    if before.computed_hash is None:
        return False
    resumed = before.outcome in ("paused", "idle", "waiting") and definition.refresh.policy not in ("once", "manual")
    return resumed or before.computed_hash != definition.hash


def stale_reason(
    definition: Definition,
    computed: set[str],
    failed: Mapping[str, str],
    folder: Folder,
    known: Mapping[str, Known],
    older: Mapping[str, str] = NOTHING,
) -> str | None:
    """Why a segment computed now rests on an older result: something it reads, at any depth, failed or does so."""
    seen: set[str] = set()
    waiting = list(definition.references)
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        old_failure = name not in computed and name in known and known[name].outcome == "failed"
        if name in failed or name in folder.broken or old_failure:
            return f"reads segment {name}, whose last recalculation failed: its last good members were used"
        if name in older:
            return f"reads segment {name}, which rests on older data: {older[name]}"
        if name in folder.definitions:
            waiting += folder.definitions[name].references
    return None


def _stem(file: str) -> str:
    return file.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
