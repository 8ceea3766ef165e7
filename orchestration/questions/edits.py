"""Two definitions of a segment laid over each other, in words.

Not here: laying rules over each other (`segmentation/language/compare.py`), and counting people (`moves.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from orchestration.questions.difference import Edit, EditChange, Held, Reason, Shift
from segmentation.language.compare import Body, Criterion, Holds, Node, Side, Spot, compare, criteria, satisfies, spots
from segmentation.language.describe import in_words, leaf_in_words, rule_in_words
from segmentation.language.model import All, Any_, Definition, InSegment, Known, Not
from segmentation.plan.leaves import universe_leaf

# What stands beside the rule, and who would notice.
BESIDE = (
    ("refresh", lambda one: one.refresh.text),
    ("paused", lambda one: "yes" if one.paused else "no"),
    ("ready to use", lambda one: "yes" if one.ready_to_use else "no"),
    ("title", lambda one: one.title),
    ("description", lambda one: one.description),
    ("created by", lambda one: one.created_by),
    ("labels", lambda one: ", ".join(one.labels) or None),
)  # type: tuple[tuple[str, Callable[[Definition], str | None]], ...]


@dataclass(frozen=True)
class Laid:
    """The one tree of both rules."""

    old: Definition
    new: Definition
    node: Node

    def edits(self, differs: Callable[[str], bool]) -> list[Spot]:
        """Spots that the edit touches, segments included that mean something else now."""
        return [
            spot
            for spot in spots(self.node)
            if spot.change != "same" or isinstance(spot.new, InSegment) and differs(spot.new.name)
        ]

    def edit(self, spot: Spot, entering: Shift | None = None, leaving: Shift | None = None) -> Edit:
        """A spot in words."""
        change: EditChange = "means_others" if spot.change == "same" else spot.change
        return Edit(change, self._words("old", spot.old), self._words("new", spot.new), entering, leaving)

    def reason(self, spot: Spot, held_old: Held, holds_new: Held) -> Reason:
        """A spot as it concerns somebody."""
        told = self.edit(spot)
        return Reason(told.change, told.old, held_old, told.new, holds_new)

    def standing(self, spot: Spot, holds: Holds) -> tuple[Held, Held]:
        """Whether somebody held the old condition of a spot, and holds the new one."""

        def held(side: Side, rule: Criterion | None) -> Held:
            return None if rule is None else satisfies(rule, lambda leaf: holds(side, leaf))

        return held("old", spot.old), held("new", spot.new)

    def _words(self, side: Side, rule: Criterion | None) -> str | None:
        if rule is None:
            return None
        if isinstance(rule, Body):
            definition = self.old if side == "old" else self.new
            alone = replace(definition, include=(), exclude=(), universe=Known())
            return in_words(alone).rstrip(".").removeprefix("Users ")
        if isinstance(rule, Not) and isinstance(rule.child, InSegment):
            return f"are not in the segment {rule.child.name}"
        return rule_in_words(rule) if isinstance(rule, All | Any_ | Not) else leaf_in_words(rule)


def lay(old: Definition, new: Definition) -> Laid:
    """Lays the new definition over the old one, with include, exclude and universe."""
    return Laid(old, new, compare(criteria(old, universe_leaf(old)), criteria(new, universe_leaf(new))))


def beside(old: Definition, new: Definition) -> Iterator[str]:
    """What changes beside the rule, in one phrase each."""
    for word, said in BESIDE:
        before, after = said(old), said(new)
        if before != after:
            yield f"{word}: {before or 'none'} → {after or 'none'}"
    if old.activate != new.activate:
        yield "activate"
    if old.tests != new.tests:
        yield "tests"
