"""Members of both sides of all segments that an edit concerns, computed in one plan, and what their people hold.

What cannot be computed is found by halving, so that one segment does not keep the others from being told.
Not here: what the two sides are (`worlds.py`), and what is told of the numbers (`diff.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import duckdb

from orchestration.questions.edits import Laid, lay
from orchestration.questions.moves import Alike, Moves
from orchestration.questions.probe import Probe, Unanswerable, leaf_definitions
from orchestration.questions.worlds import SIDES, Worlds
from segmentation.language.canonical import canonical
from segmentation.language.compare import Body, Side
from segmentation.language.model import Definition, Leaf


class Counted:
    """Members of all segments that are asked for, on both sides, and what their people hold."""

    def __init__(self, probe: Probe, worlds: Worlds, names: Iterable[str], as_of: datetime, people: int) -> None:
        self.probe, self.worlds, self.as_of = probe, worlds, as_of
        self.failed: dict[str, str] = {}
        self.laid: dict[str, Laid] = {}
        self.leaves: dict[str, dict[tuple[Side, str], str]] = {}  # segment: side and condition: name of its members
        self._definitions: dict[str, Definition] = {}  # of conditions, by name
        targets = [name for name in names if not self._refused(name)]
        asked = dict.fromkeys(targets)
        for name in names:
            if worlds.differs(name):
                asked.update(dict.fromkeys(one for one in worlds.readers(name) if self._moves(one)))
        for name in targets:
            self._ask_why(name)
        members = self._members(list(asked))
        sides = {name: self._keys(name) for name in asked if name not in self.failed}
        moves = Moves(probe, members, sides)
        self.flows = moves.flows()
        conditions = {name: {*self.leaves.get(name, {}).values()} for name in targets if name in sides}
        self.groups = moves.groups(conditions, people)
        self.otherwise = moves.otherwise_recorded() if as_of == probe.as_of else {}

    def _refused(self, name: str) -> bool:
        for side in SIDES:
            if self.worlds.definition(side, name) and (reason := self.worlds.refusal(side, name)):
                self.failed.setdefault(name, reason)
        return name in self.failed

    def _moves(self, reader: str) -> bool:
        """Whether a reader's members would be computed again."""
        if self.worlds.is_at_rest(reader) or reader in self.worlds.folders["new"].broken:
            return False
        return not self._refused(reader)

    def _keys(self, name: str) -> tuple[str | None, str | None]:
        old, new = (self.worlds.asked_key(side, name) if self.worlds.definition(side, name) else None for side in SIDES)
        return old, new

    def _ask_why(self, name: str) -> None:
        """Notes every condition of both sides as a segment of its own; equal ones are one."""
        both = {side: self.worlds.definition(side, name) for side in SIDES}
        if both["old"] is None or both["new"] is None or not self.worlds.differs(name):
            return
        self.laid[name] = lay(both["old"], both["new"])
        keys: dict[tuple[Side, str], str] = {}
        for side, definition in both.items():
            assert definition is not None
            key = self.worlds.asked_key(side, name)
            parts = leaf_definitions(self.worlds.placed(side, definition, key))
            for part in parts.values():
                is_body = part.kind != "who"
                text = f"{side} {name}" if is_body else canonical(part.body)
                known = f"condition of {text}"
                self._definitions.setdefault(known, part if is_body else replace(part, name=known))
                keys[side, text if not is_body else "body"] = known
        self.leaves[name] = keys

    def _members(self, names: list[str]) -> str:
        """A relation of the members of all that can be computed; what fails is found by halving, and noted."""
        relations = [found for some in ([names] if names else []) for found in self._answers(some)]
        union = " union ".join(f"select segment, person_no from {one}" for one in relations)
        nobody = "select null::varchar as segment, null::uinteger as person_no where false"
        self.probe.connection.execute(f"create or replace temp table diff_members as {union or nobody}")
        return "diff_members"

    def _answers(self, names: list[str]) -> list[str]:
        asked = [(side, name) for name in names for side in SIDES if self.worlds.definition(side, name)]
        wanted = self.worlds.to_compute(asked)
        for name in names:
            wanted |= {key: self._definitions[key] for key in self.leaves.get(name, {}).values()}
        about = {**self.worlds.folders["new"].definitions, **wanted}
        try:
            return [self.probe.answer(about, self.as_of, compute=wanted)]
        except (Unanswerable, duckdb.Error) as error:
            if len(names) == 1:
                self.failed[names[0]] = _sentence(error)
                return []
            middle = len(names) // 2
            return [*self._answers(names[:middle]), *self._answers(names[middle:])]

    def holds(self, name: str, alike: Alike, side: Side, leaf: Leaf | Body) -> bool:
        """Whether some people have a condition of a segment."""
        text = "body" if isinstance(leaf, Body) else canonical(self.worlds.placed_leaf(side, leaf))
        return self.leaves[name][side, text] in alike.held


def _sentence(error: Exception) -> str:
    """What is said of a failure; the engine's own words may quote people's values."""
    if isinstance(error, Unanswerable):
        return str(error).partition(" cannot be computed: ")[2] or str(error)
    return f"its SQL fails on the data ({type(error).__name__})"
