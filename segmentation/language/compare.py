"""Two rules laid over each other: which conditions an edit added, removed or changed, and which of them move somebody.

The result is one tree. Its spots are conditions, or whole groups that stand on one side only; a spot without an edit is
the same on both sides. Whether somebody has a condition is asked of a function, so this knows no data.
Not here: how a condition is told (`describe.py`), and how it is computed (`segmentation/plan`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from segmentation.language.canonical import canonical
from segmentation.language.model import (
    All,
    Any_,
    Attribute,
    Connector,
    Definition,
    Device,
    Did,
    InSegment,
    Interest,
    Leaf,
    Live,
    Not,
    Predict,
    Reach,
    Regularly,
    Response,
    Rfm,
    Rule,
    StaticList,
    leaves,
)  # fmt: skip

Change = Literal["same", "added", "removed", "changed", "joined"]
Side = Literal["old", "new"]


@dataclass(frozen=True)
class Body:
    """What stands in place of a rule, as one condition."""

    body: Connector | StaticList | Live | Predict


Criterion = Rule | Body
Holds = Callable[[Side, "Leaf | Body"], bool]  # whether somebody has a condition, as the old or the new rule asks it


@dataclass(frozen=True, eq=False)
class Spot:
    """One place of the two rules. `joined` has the same conditions on both sides, but another word joins them."""

    change: Change
    old: Criterion | None
    new: Criterion | None


@dataclass(frozen=True, eq=False)
class Group:
    """A group that both sides have; children that stand on one side only count for that side."""

    word: Literal["all", "any"]
    children: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class Turned:
    """A `not` that both sides have."""

    child: Node


Node = Spot | Group | Turned


def criteria(definition: Definition, universe: Leaf | None = None) -> Criterion:
    """All that decides who is in, as one rule: the body, the universe as a leaf, include and exclude."""
    body: Criterion = cast(Rule, definition.body) if definition.kind == "who" else Body(definition.body)  # type: ignore[arg-type]
    parts: list[Criterion] = [body] if universe is None else [body, universe]
    if definition.include:
        join = Any_ if definition.include_mode == "any" else All
        parts.append(join(tuple(map(InSegment, definition.include))))
    parts += [Not(InSegment(name)) for name in definition.exclude]
    return _simple(All(tuple(parts)))  # type: ignore[arg-type]  # a body is a leaf here and nowhere else


def compare(old: Criterion, new: Criterion) -> Node:
    """The one tree of two rules. The order of conditions, and groups around a single one, are no difference."""
    return _compare(_simple(old), _simple(new))


def edits(node: Node) -> Iterator[Spot]:
    """The spots that are not the same on both sides, left to right."""
    yield from (spot for spot in spots(node) if spot.change != "same")


def spots(node: Node) -> Iterator[Spot]:
    """All spots, left to right."""
    if isinstance(node, Group):
        for child in node.children:
            yield from spots(child)
    elif isinstance(node, Turned):
        yield from spots(node.child)
    else:
        yield node


def value(node: Node, side: Side, holds: Holds) -> bool:
    """Whether somebody satisfies the old or the new rule."""
    if isinstance(node, Group):
        values = [value(child, side, holds) for child in node.children if _stands(child, side)]
        return all(values) if node.word == "all" else any(values)
    if isinstance(node, Turned):
        return not value(node.child, side, holds)
    rule = node.old if side == "old" else node.new
    assert rule is not None
    return satisfies(rule, lambda leaf: holds(side, leaf))


def satisfies(rule: Criterion, holds: Callable[[Leaf | Body], bool]) -> bool:
    """Whether somebody satisfies a rule, from what holds of its conditions."""
    match rule:
        case All(children):
            return all(satisfies(child, holds) for child in children)
        case Any_(children):
            return any(satisfies(child, holds) for child in children)
        case Not(child):
            return not satisfies(child, holds)
        case _:
            return holds(rule)


def reasons(node: Node, holds: Holds) -> list[Spot]:
    """Why somebody moves: the spots that belong to a smallest set of edits which moves them; none for who stays.

    A group that turned did so because of those of its children that turned with it. So a condition that changed for
    somebody without any consequence is no reason, and where two are each enough, or only enough together, both are.
    A spot without an edit is a reason where it means other people now, such as a segment whose own rule was edited.
    """
    was, now = value(node, "old", holds), value(node, "new", holds)
    return [] if was == now else list(_turned(node, now, holds))


def _turned(node: Node, to: bool, holds: Holds) -> Iterator[Spot]:
    """The spots below a node that went to a value, given that the node did."""
    if isinstance(node, Spot):
        yield node
    elif isinstance(node, Turned):
        yield from _turned(node.child, not to, holds)
    else:
        for child in node.children:
            neutral = node.word == "all"  # what a child that does not stand there counts for
            before = value(child, "old", holds) if _stands(child, "old") else neutral
            after = value(child, "new", holds) if _stands(child, "new") else neutral
            if before != to and after == to:
                yield from _turned(child, to, holds)


def _stands(node: Node, side: Side) -> bool:
    return not isinstance(node, Spot) or (node.old if side == "old" else node.new) is not None


# ---------------------------------------------------------------- laying one over the other


def _simple(rule: Criterion) -> Criterion:
    """The same with groups inside their like dissolved, and groups of one replaced by it."""
    if isinstance(rule, Not):
        child = _simple(rule.child)
        return child.child if isinstance(child, Not) else Not(cast(Rule, child))
    if not isinstance(rule, All | Any_):
        return rule
    children: list[Criterion] = []
    for child in map(_simple, rule.children):
        children += child.children if isinstance(child, All | Any_) and type(child) is type(rule) else (child,)
    distinct = {canonical(child): child for child in children}
    return children[0] if len(distinct) == 1 else type(rule)(tuple(distinct.values()))  # type: ignore[arg-type]


def _compare(old: Criterion, new: Criterion) -> Node:
    if not isinstance(old, All | Any_ | Not) and canonical(old) == canonical(new):
        return Spot("same", old, new)
    if isinstance(old, Not) and isinstance(new, Not):
        return Turned(_compare(old.child, new.child))
    kind = _common_group(old, new)
    if kind is not None:
        word: Literal["all", "any"] = "all" if kind is All else "any"
        return Group(word, tuple(_align(_children(old, kind), _children(new, kind))))
    joined = isinstance(old, All | Any_) and isinstance(new, All | Any_) and _leaves(old) == _leaves(new)
    return Spot("joined" if joined else "changed", old, new)


def _common_group(old: Criterion, new: Criterion) -> type[All] | type[Any_] | None:
    """The group that both can be read as, a single condition being a group of one."""
    kinds = {type(rule) for rule in (old, new) if isinstance(rule, All | Any_)}
    if len(kinds) == 1:
        return kinds.pop()
    for group, other in ((new, old), (old, new)):  # all against any: one may have become a part of the other
        if isinstance(group, All | Any_) and canonical(other) in map(canonical, group.children):
            return type(group)
    return None


def _children(rule: Criterion, kind: type[All] | type[Any_]) -> list[Criterion]:
    return list(rule.children) if isinstance(rule, All | Any_) and isinstance(rule, kind) else [rule]


def _align(old: Sequence[Criterion], new: Sequence[Criterion]) -> Iterator[Node]:
    """Children in the order of the new rule, then those that are gone. Equals meet first, then what is most alike."""
    by_text = {canonical(child): child for child in old}
    partner = {number: by_text.pop(text) for number, text in enumerate(map(canonical, new)) if text in by_text}
    left = list(by_text.values())
    while left:
        alike, place, number = max(
            (
                (_likeness(one, child), -place, -number)
                for place, one in enumerate(left)
                for number, child in enumerate(new)
                if number not in partner
            ),
            default=(0.0, 0, 0),
        )
        if not alike:
            break
        partner[-number] = left.pop(-place)
    for number, child in enumerate(new):
        yield _compare(partner[number], child) if number in partner else Spot("added", None, child)
    yield from (Spot("removed", child, None) for child in left)


def _likeness(old: Criterion, new: Criterion) -> float:
    """From 0 to 1: how much one looks like an edit of the other; 0 is another condition."""
    if isinstance(old, Not) and isinstance(new, Not):
        return _likeness(old.child, new.child)
    if isinstance(old, All | Any_ | Not) or isinstance(new, All | Any_ | Not):
        before, after = _leaves(old), _leaves(new)
        return len(before & after) / len(before | after)
    if type(old) is not type(new) or not _same_subject(old, new):
        return 0.0
    mine, others = vars(old), vars(new)
    same: int = sum(mine[name] == others[name] for name in mine)
    return 0.5 + 0.5 * same / len(mine)


def _same_subject(old: Criterion, new: Criterion) -> bool:
    """Whether two conditions of one kind are about the same thing, so that one may have been made of the other."""
    match old, new:
        case (Did() | Regularly() | Interest(), Did() | Regularly() | Interest()):
            return old.events == new.events or bool(set(old.events or ()) & set(new.events or ()))
        case Attribute(), Attribute():
            return old.path == new.path
        case InSegment(), InSegment():
            return old.name == new.name
        case Response(), Response():
            return old.kind == new.kind
        case Reach(), Reach():
            return old.word == new.word
        case Rfm(), Rfm():
            return old.event == new.event
        case Device(), Device():
            return {word for word, _ in old.checks} == {word for word, _ in new.checks}
        case _:
            return True


def _leaves(rule: Criterion) -> set[str]:
    return {canonical(rule)} if isinstance(rule, Body) else {canonical(leaf) for leaf in leaves(rule)}
