"""The same folder of segments twice, as it was and as it is, made into one set of definitions that a plan computes.

A segment that means the same in both is there once; one that does not is there twice, under the letter of its side and
its name, and whoever reads it reads the one of the same side. What can be read as the last run recorded it is not
computed again. Not here: running anything (`probe.py`), and what follows from the members (`diff.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from segmentation.language.compare import Side
from segmentation.language.folder import Folder
from segmentation.language.model import All, Any_, Definition, InSegment, Live, Not, Rule
from segmentation.plan.system import with_system

SIDES: tuple[Side, Side] = ("old", "new")
_LETTER = {"old": "0", "new": "1"}  # no name of a segment begins with a digit, so these are nobody's
_LISTED = ("list", "connector")  # kinds whose members are rows under the segment's name, whatever the file says


@dataclass(frozen=True)
class Recorded:
    """What the last runs left of each segment: the hash of what its members come from, the definition they computed,
    and at which moment."""

    hashes: Mapping[str, str]
    definitions: Mapping[str, Definition]
    moments: Mapping[str, datetime]


class Worlds:
    """Both folders, and under which key a segment of either side is computed."""

    def __init__(self, old: Folder, new: Folder, recorded: Recorded, events: Mapping[str, str]) -> None:
        self.folders: Mapping[Side, Folder] = {"old": with_system(old, events), "new": with_system(new, events)}
        self.recorded = recorded

    def definition(self, side: Side, name: str) -> Definition | None:
        """A segment of one side, None if it is not there or has an error."""
        return self.folders[side].definitions.get(name)

    def differs(self, name: str) -> bool:
        """Whether a segment means something else on the two sides, by itself or by what it reads."""
        old, new = (self.definition(side, name) for side in SIDES)
        return old is None or new is None or old.hash != new.hash

    def readers(self, name: str) -> list[str]:
        """Segments that read one on either side, themselves or through others, nearest first."""
        found: dict[str, None] = {}
        waiting = [name]
        while waiting:
            one = waiting.pop(0)
            direct = {other for side in SIDES for other in self.folders[side].readers_of(one)}
            for other in sorted(direct - {name, *found}):
                found[other] = None
                waiting.append(other)
        return list(found)

    # ------------------------------------------------------------ what is computed

    def key(self, side: Side, name: str) -> str:
        """Under which name the members of a segment are computed or read."""
        definition = self.definition(side, name)
        if definition is None or definition.is_system or not self.differs(name) or self._rests(definition):
            return name
        return f"{_LETTER[side]}{name}"

    def _rests(self, definition: Definition) -> bool:
        """Whether its members stay as recorded, whatever its file says."""
        return definition.paused and definition.name in self.recorded.hashes

    def is_at_rest(self, name: str) -> bool:
        """Whether a segment keeps its members, whatever happens to what it reads."""
        new = self.definition("new", name)
        return new is not None and self._rests(new)

    @property
    def last(self) -> datetime | None:
        """The last moment that anything was computed for."""
        return max(self.recorded.moments.values(), default=None)

    def is_recorded(self, side: Side, name: str) -> bool:
        """Whether others read what the last run recorded of a segment, rather than a new computation."""
        definition = self.definition(side, name)
        if definition is None or definition.is_system:
            return False
        fits = not self.differs(name) and self.recorded.hashes.get(name) == definition.hash
        return fits or self._rests(definition)

    def refusal(self, side: Side, name: str) -> str | None:
        """Why the members of a segment cannot be known before the next run, if they cannot."""
        return next((reason for one in self._below(side, name) if (reason := self._unlisted(side, name, one))), None)

    def _unlisted(self, side: Side, name: str, listed: str) -> str | None:
        definition = self.definition(side, listed)
        if definition is None or definition.kind not in _LISTED:
            return None
        before = self.recorded.definitions.get(listed)
        if before is not None and before.body == definition.body:
            return None
        of_whom = "" if listed == name else f"it reads {listed}, and "
        what = "list" if definition.kind == "list" else "cohort"
        when = "no run has read it" if side == "old" else "the next run reads it"
        return f"{of_whom}who is in this {what} is not known here: {when}"

    def _below(self, side: Side, name: str) -> Iterator[str]:
        """A segment and all that has to be computed for it, each once."""
        seen: set[str] = set()
        waiting = [name]
        while waiting:
            one = waiting.pop()
            definition = self.definition(side, one)
            if one in seen or definition is None or (one != name and self.is_recorded(side, one)):
                continue
            seen.add(one)
            yield one
            waiting.extend(definition.references)

    def to_compute(self, asked: Iterable[tuple[Side, str]]) -> dict[str, Definition]:
        """Definitions by key: the segments asked for, and what has to be computed for them."""
        found = {}
        for side, name in asked:
            for one in self._below(side, name):
                definition = self.definition(side, one)
                if definition is not None and not definition.is_system:
                    key = self.asked_key(side, one) if one == name else self.key(side, one)
                    found[key] = self.placed(side, definition, key)
        return found

    def asked_key(self, side: Side, name: str) -> str:
        """The key of a segment that is asked for by itself: also one at rest is computed from its file then."""
        return f"{_LETTER[side]}{name}" if self.differs(name) else name

    def placed(self, side: Side, definition: Definition, key: str | None = None) -> Definition:
        """A definition that reads the segments of its side. One whose members are listed keeps its name."""
        body = definition.body
        if isinstance(body, Live):
            body = body if body.who is None else replace(body, who=self._placed_rule(side, body.who))
        elif definition.kind == "who":
            body = self._placed_rule(side, cast(Rule, body))
        return replace(
            definition,
            name=definition.name if key is None or definition.kind in _LISTED else key,
            body=body,
            include=tuple(self.key(side, name) for name in definition.include),
            exclude=tuple(self.key(side, name) for name in definition.exclude),
        )

    def _placed_rule(self, side: Side, rule: Rule) -> Rule:
        match rule:
            case All(children) | Any_(children):
                return type(rule)(tuple(self._placed_rule(side, child) for child in children))
            case Not(child):
                return Not(self._placed_rule(side, child))
            case InSegment(name):
                return InSegment(self.key(side, name))
            case _:
                return rule

    def placed_leaf(self, side: Side, leaf: Rule) -> Rule:
        """A condition that reads the segments of its side."""
        return self._placed_rule(side, leaf)
