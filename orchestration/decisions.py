"""What a run computes, and what it says about every segment it does not: pure decisions, no database, no Dagster.

Not here: reading state or writing it (`state.py`), running anything (`recalculation.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from croniter import croniter

from segmentation.clock import Clock
from segmentation.language.folder import Folder
from segmentation.language.model import Attribute, Definition, Live, leaves
from segmentation.plan.live_triggers import asked_attributes

Outcome = Literal["computed", "stale", "failed", "kept", "paused", "deleted"]
Cause = Literal["initial", "definition", "data"]
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Known:
    """What earlier runs left about a segment."""

    segment_no: int
    outcome: Outcome
    reason: str | None
    computed_hash: str | None  # of the last computation; None if it never was computed or was deleted
    was_computed: bool = True  # ever, deleted or not
    computed_at: datetime | None = None  # the moment of the last computation, aware UTC


@dataclass(frozen=True)
class Decision:
    """What becomes of one segment in a run. `definition` is None when its file is broken or gone."""

    segment: str
    segment_no: int
    outcome: Outcome
    is_computed: bool
    reason: str | None = None
    cause: Cause | None = None
    definition: Definition | None = None


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
    """The names and every segment that one of them reads, however far; system segments and unknown names are left."""
    found = set(names)
    waiting = list(found)
    while waiting:
        one = definitions.get(waiting.pop())
        more = set(one.references if one else ()) & set(definitions) - found
        found |= more
        waiting += more
    return found


def due(folder: Folder, known: Mapping[str, Known], only: Iterable[str] | None, clock: Clock) -> set[str]:
    """Names to compute at the clock's moment.

    When segments are named (`only`), those and what reads them. Else what is recalculated at least daily; what has a
    cron line of its own, if it has ticked since the last computation; and whatever was never computed or has been
    edited since, unless it waits for people (`manual`) and never was. Paused segments stay as they are unless named.
    """
    good = folder.definitions
    if only is not None:
        named = set(only) & set(good)
        return {n for n in with_dependants(named, good) if n in named or not good[n].paused}
    return {name for name, one in good.items() if not one.paused and _is_due(one, known.get(name), clock)}


def _is_due(definition: Definition, before: Known | None, clock: Clock) -> bool:
    policy = definition.refresh.policy
    if policy in ("daily", "every"):
        return True
    if before is None or before.computed_hash is None:
        return policy != "manual"
    if before.computed_hash != definition.hash:
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
) -> list[Decision]:
    """One decision for every segment that has a file or ever had one, by name.

    `older` names segments whose source is not what it should be now, each with one sentence, though it can be used.
    """
    computed = set(computed)
    problems: dict[str, str] = {}
    for problem in folder.problems:
        problems.setdefault(_stem(problem.file), f"{problem.file}:{problem.line}: {problem.message}")
    decisions = []
    for name in sorted(slots):
        definition, before = folder.definitions.get(name), known.get(name)
        number = slots[name]
        if name in computed:
            assert definition is not None
            stale = older.get(name) or stale_reason(definition, computed, failed, folder, known, older)
            cause: Cause = (
                "initial" if before is None or not before.was_computed
                else "data" if before.computed_hash == definition.hash
                else "definition"
            )  # fmt: skip
            decisions.append(Decision(name, number, "stale" if stale else "computed", True, stale, cause, definition))
        elif name in failed:
            decisions.append(Decision(name, number, "failed", False, failed[name], None, definition))
        elif definition is None and name in folder.broken:
            decisions.append(Decision(name, number, "failed", False, problems.get(name, "its file has an error")))
        elif definition is None:
            had_members = before is not None and before.computed_hash is not None
            decisions.append(Decision(name, number, "deleted", had_members, "its file is gone", "definition"))
        elif definition.paused:
            decisions.append(Decision(name, number, "paused", False, None, None, definition))
        else:
            carried = before is not None and before.outcome in ("failed", "stale")
            outcome: Outcome = before.outcome if carried and before else "kept"
            decisions.append(
                Decision(name, number, outcome, False, before.reason if carried and before else None, None, definition)
            )
    return decisions


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
