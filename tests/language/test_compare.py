"""Two rules laid over each other: what is an edit, what is none, and that reasons are exactly what moved somebody."""

from __future__ import annotations

import random
from itertools import chain, combinations

import pytest

from segmentation.language.canonical import canonical
from segmentation.language.compare import Node, Spot, Turned, compare, criteria, edits, reasons, value
from segmentation.language.folder import load_texts
from segmentation.language.model import All, Any_, Not, Rule, Tag

LETTERS = "abcdef"


def rule(text: str) -> Rule:
    folder = load_texts({"one.yml": f"name: one\nwho: {text}\n"})
    assert not folder.problems, folder.problems
    return criteria(folder.definitions["one"])  # type: ignore[return-value]


def changes(old: str, new: str) -> list[str]:
    return [spot.change for spot in edits(compare(rule(old), rule(new)))]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[{tag: a}, {tag: b}]", "{all: [{tag: b}, {tag: a}]}", []),
        ("[{tag: a}, {all: [{tag: b}]}]", "[{tag: a}, {tag: b}]", []),
        ("{not: {not: {tag: a}}}", "[{tag: a}]", []),
        ("[{did: x, within: 7 days}]", "[{did: x, within: 9 days}]", ["changed"]),
        ("[{did: x}]", "[{did_not: x}]", ["changed"]),
        ("[{did: x}]", "[{did: y}]", ["changed"]),
        ("[{did: x}, {tag: a}]", "[{did: y}, {tag: a}]", ["added", "removed"]),
        ("[{did: [x, y]}]", "[{did: x}]", ["changed"]),
        ("{not: {attribute: a, equals: 1}}", "{not: {attribute: b, equals: 1}}", ["changed"]),
        ("[{did: x}]", "[{did: x}, {tag: a}]", ["added"]),
        ("{any: [{did: x}, {tag: a}]}", "[{did: x}]", ["removed"]),
        ("[{did: x}, {tag: a}]", "{any: [{did: x}, {tag: a}]}", ["joined"]),
        ("[{did: x}]", "{any: [{all: [{did: x}, {tag: a}]}, {did: x}]}", ["added"]),
        ("[{did: x}, {any: [{tag: a}, {did: z}]}]", "[{did: x}, {any: [{tag: a}, {did: y}]}]", ["added", "removed"]),
        ("[{not: {did: x}}, {tag: a}]", "[{not: {did: x, within: 2 days}}, {tag: a}]", ["changed"]),
        ("[{did: x, count: {gte: 1}}, {did: x, count: {gte: 3}}]", "[{did: x, count: {gte: 3}}]", ["removed"]),
    ],
)
def test_what_an_edit_did(old: str, new: str, expected: list[str]):
    assert changes(old, new) == expected


def a_rule(chance: random.Random, depth: int = 3) -> Rule:
    kind = chance.choice(["leaf", "all", "any", "not"]) if depth else "leaf"
    if kind == "leaf":
        return Tag((chance.choice(LETTERS),))
    if kind == "not":
        return Not(a_rule(chance, depth - 1))
    children = tuple(a_rule(chance, depth - 1) for _ in range(chance.randint(1, 3)))
    return All(children) if kind == "all" else Any_(children)


def satisfied(rule: Rule, held: set[str]) -> bool:
    match rule:
        case All(children):
            return all(satisfied(child, held) for child in children)
        case Any_(children):
            return any(satisfied(child, held) for child in children)
        case Not(child):
            return not satisfied(child, held)
        case Tag(names):
            return names[0] in held
    raise AssertionError(rule)


def partly(node: Node, edited: set[int]) -> bool | None:
    """The rule with some of the edits made, for who holds what `HELD` says; None for what does not stand there."""
    if isinstance(node, Spot):
        side = node.new if id(node) in edited else node.old
        return None if side is None else satisfied(side, HELD)  # type: ignore[arg-type]
    if isinstance(node, Turned):
        return not partly(node.child, edited)
    values = [one for one in (partly(child, edited) for child in node.children) if one is not None]
    return all(values) if node.word == "all" else any(values)


HELD: set[str] = set()


@pytest.mark.parametrize("seed", range(40))
def test_reasons_alone_move_somebody_and_each_is_needed_in_one_of_the_ways(seed: int):
    chance = random.Random(seed)
    for _ in range(50):
        old, new = a_rule(chance), a_rule(chance)
        node = compare(old, new)
        HELD.clear()
        HELD.update(letter for letter in LETTERS if chance.random() < 0.5)

        def holds(_: object, leaf: object) -> bool:
            return leaf.names[0] in HELD  # type: ignore[attr-defined]

        assert value(node, "old", holds) == satisfied(old, HELD)
        assert value(node, "new", holds) == satisfied(new, HELD)
        found = reasons(node, holds)
        if satisfied(old, HELD) == satisfied(new, HELD):
            assert found == []
            continue
        assert found
        assert all(spot.change != "same" for spot in found)
        moving = {id(spot) for spot in found}
        if len(found) > 8:
            continue
        smallest: list[set[int]] = []
        for some in chain.from_iterable(combinations(sorted(moving), n) for n in range(1, len(found) + 1)):
            if partly(node, set(some)) == satisfied(new, HELD) and not any(one <= set(some) for one in smallest):
                smallest.append(set(some))
        assert set().union(*smallest) == moving, "each of them is needed in one of the ways"


def test_a_rule_laid_over_itself_has_no_edit():
    chance = random.Random(7)
    for _ in range(300):
        one = a_rule(chance)
        assert not [*edits(compare(one, one))], canonical(one)
