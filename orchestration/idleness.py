"""Which segments nobody uses any more, so that runs leave them as they are until somebody does.

A segment is idle when for so many days no message that names it went out to anybody, and no person had to do with it:
wrote, edited, resumed or refreshed it, or uploaded its list. What an active segment reads is in use, and so is what is
ready to use, what leaves the house by `activate`, and every system segment.
Not here: how both kinds of use are remembered (`memory.py`), and what readers see of an idle segment (`decisions.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from orchestration.decisions import Known
from orchestration.memory import Memory
from segmentation.clock import Clock
from segmentation.language.folder import Folder
from segmentation.language.model import Definition


def idle(
    folder: Folder, known: Mapping[str, Known], memories: Mapping[str, Memory], days: int, clock: Clock
) -> dict[str, str]:
    """Idle segments with one sentence each. A use counts as long as `within: N days` finds it; 0 days is for ever.

    What was never calculated has no members that it could keep, so it is not idle.
    """
    if not days:
        return {}
    start = clock.midnight(clock.today - timedelta(days=days))
    found = {}
    for name, definition in folder.definitions.items():
        calculated = name in known and known[name].computed_hash is not None
        last = _last_use(definition, memories[name], clock)
        if calculated and last < start and not definition.paused and not _is_in_use(definition):
            found[name] = last
    active = [name for name, one in folder.definitions.items() if name not in found and not one.paused]
    while active:
        for reference in folder.definitions[active.pop()].references:
            if found.pop(reference, None) is not None:
                active.append(reference)
    return {name: _reason(folder.definitions[name], last, days, clock) for name, last in found.items()}


def _is_in_use(definition: Definition) -> bool:
    return definition.is_system or definition.ready_to_use or bool(definition.activate)


def _last_use(definition: Definition, memory: Memory, clock: Clock) -> datetime:
    created = clock.midnight(definition.created_on) if definition.created_on else None
    return max(moment for moment in (memory.touched_at, memory.sent_at, created) if moment is not None)


def _reason(definition: Definition, last: datetime, days: int, clock: Clock) -> str:
    day = last.astimezone(clock.zone).date()
    deeds = "edited, refreshed or uploaded" if definition.kind == "list" else "edited or refreshed"
    return (
        f"for more than {days} days no message went out to it, and nobody {deeds} it (last on {day});"
        " any of these brings it back"
    )
