"""Who is calculated in a run of the present, who rests, and which lists got an upload: each depends on the others.

A list at rest is looked at, because an upload wakes it, and with it whatever else it is due with. Not here: the single
decisions (`decisions.py`, `idleness.py`, `memory.py`), and what a list's file says (`lists/`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import duckdb

from orchestration.decisions import due
from orchestration.idleness import idle
from orchestration.landing.facts import last_sends
from orchestration.lists.ledger import load_lists, uploaded_in
from orchestration.lists.paths import lists_there
from orchestration.memory import Memory, remember
from orchestration.settings import Settings
from orchestration.state import State, next_run
from segmentation.clock import Clock
from segmentation.language.folder import Folder


@dataclass(frozen=True)
class RollCall:
    """`wanted` are due; of those, `refused` cannot be calculated; `resting` are not due, as nobody uses them. Both say
    why in one sentence. `memories` are what the run remembers of every segment."""

    wanted: frozenset[str]
    refused: Mapping[str, str]
    resting: Mapping[str, str]
    memories: Mapping[str, Memory]


def call_the_roll(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    folder: Folder,
    known: State,
    as_of: datetime,
    midnight: datetime,
    *,
    only: Iterable[str] | None,
    automatic: bool,
    unfit: Mapping[str, str],
) -> RollCall:
    """Looks at what landed and at the files of lists, and reads uploads into the ledger under the next run's number.

    `only` and `automatic` are as for `prepare`; `midnight` ends the day at whose end the run was due; `unfit` are
    segments that cannot be calculated, with the reason.
    """
    sent = last_sends(connection, as_of)
    # Where no messages have landed, nobody can say what was sent, and nothing is idle.
    idle_days = 0 if sent is None else settings.idle_days
    named = set() if automatic or only is None else set(only)
    clock, run_no = Clock(as_of, settings.zone), next_run(connection)

    def remembered(uploaded: set[str]) -> dict[str, Memory]:
        return remember(folder, known.segments, named | uploaded, sent or {}, as_of, midnight)

    def at_rest(memories: Mapping[str, Memory]) -> dict[str, str]:
        return idle(folder, known.segments, memories, idle_days, clock)

    def due_but(resting: Collection[str]) -> set[str]:
        return due(folder, known.segments, only, clock, idle=resting, failing=unfit, automatic=automatic)

    resting = at_rest(remembered(set()))
    # A list at rest is looked at all the same, by the size and time of its file: an upload wakes it.
    asleep = lists_there({name: folder.definitions[name] for name in due_but(()) & set(resting)})
    not_woken = load_lists(connection, asleep, as_of, run_no, more_to_come=True)
    resting = at_rest(remembered(uploaded_in(connection, run_no) & set(asleep)))
    resting |= {name: f"{resting[name]}; {reason}" for name, reason in not_woken.items() if name in resting}
    wanted = due_but(resting)
    looked_at = {name: folder.definitions[name] for name in wanted | set(asleep)}
    unusable = {**unfit, **load_lists(connection, looked_at, as_of, run_no)}
    refused = {name: reason for name, reason in unusable.items() if name in wanted}
    return RollCall(frozenset(wanted), refused, resting, remembered(uploaded_in(connection, run_no)))
