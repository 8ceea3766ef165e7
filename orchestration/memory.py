"""What runs pass on to each other about a segment, whether they compute it or not: pure, one step per run.

Not here: what follows from it (`visibility.py`, `idleness.py`), and where it is kept (`state.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from orchestration.visibility import Shown, shown
from segmentation.language.canonical import definition_hash
from segmentation.language.folder import Folder
from segmentation.language.model import Definition

if TYPE_CHECKING:
    from orchestration.decisions import Known


@dataclass(frozen=True)
class Memory:
    """`own_hash` is of the file as last read, other files left aside. `touched_at` is when a person last had to do with
    the segment, `sent_at` when a message that names it last went out; both aware UTC."""

    own_hash: str | None = None
    touched_at: datetime | None = None
    sent_at: datetime | None = None
    shown: Shown = field(default_factory=Shown)


def remember(
    folder: Folder,
    known: Mapping[str, Known],
    used: Collection[str],
    sent: Mapping[str, datetime],
    as_of: datetime,
    midnight: datetime,
) -> dict[str, Memory]:
    """The memory after a run at `as_of`, of every segment that has a file or ever had one.

    `used` are those a person refreshes or uploads a list for, `sent` the last sends in the landing area, and
    `midnight` ends the run's day. Of a broken file nothing is learnt. One that is gone is shown no longer.
    """
    found = {}
    for name in {*folder.definitions, *known}:
        before = known[name].memory if name in known else Memory()
        definition = folder.definitions.get(name)
        moments = [moment for moment in (before.sent_at, sent.get(name)) if moment is not None]
        last = max(moments, default=None)
        if definition is not None:
            own = definition_hash(definition, {})
            at = as_of if name in used or _is_touched(definition, own, known.get(name)) else before.touched_at
            found[name] = Memory(own, at, last, shown(before.shown, definition.ready_to_use, midnight))
        else:
            stays = before.shown if name in folder.broken else Shown()
            found[name] = Memory(before.own_hash, before.touched_at, last, stays)
    return found


def _is_touched(definition: Definition, own_hash: str, before: Known | None) -> bool:
    """Whether somebody wrote, edited or resumed it since the run before."""
    if before is None or before.memory.touched_at is None:
        return True
    resumed = before.outcome in ("paused", "deleted") and not definition.paused
    return resumed or own_hash != before.memory.own_hash
