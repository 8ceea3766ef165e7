"""The parts of a definition by the place where they stand, and each of them as a definition of its own.

A place is spelled as in the rule: `0` is the first child of the outermost group, `1.0` the first child of the second; a
rule that is one leaf stands at `0`. Beside the rule there are `include.0`, `exclude.0` and `universe`. What stands in
place of a rule is named by its kind: `connector`, `list`, `live`, `predict`.
Not here: what is asked of the parts (`probe.py`, `explain.py`, `diff.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from segmentation.language.model import All, Any_, Definition, InSegment, Known, Leaf, Not, Predict, Rfm, Rule
from segmentation.plan.leaves import definition_leaves, universe_leaf


def leaf_definitions(definition: Definition) -> dict[str, Definition]:
    """Each leaf of a rule, and each of include, exclude and universe, as a definition that asks for it alone.

    Their members are the users of whom the leaf is true, so that leaves are answered by the plan that answers the
    rule. What stands in place of a rule keeps the segment's name, by which its rows are found; a band of likelihood
    also keeps who is ranked.
    """
    found = {path: _asking(definition, leaf) for path, leaf in rule_leaves(definition)}
    if definition.kind != "who":
        found[definition.kind] = _body_alone(definition)
    for word, names in (("include", definition.include), ("exclude", definition.exclude)):
        for number, name in enumerate(names):
            found[f"{word}.{number}"] = _asking(definition, InSegment(name))
    if (leaf := universe_leaf(definition)) is not None:
        found["universe"] = _asking(definition, leaf)
    return {path: replace(one, name=path) if one.kind == "who" else one for path, one in found.items()}


def rule_leaves(definition: Definition) -> Iterator[tuple[str, Leaf]]:
    """The leaves of a rule by their place, left to right; of another kind of segment, nothing."""
    if definition.kind == "who":
        yield from _leaves(definition.body, ())  # type: ignore[arg-type]  # the body of this kind is a rule


def _leaves(rule: Rule, path: tuple[int, ...]) -> Iterator[tuple[str, Leaf]]:
    if isinstance(rule, All | Any_ | Not):
        for number, child in enumerate(children(rule)):
            yield from _leaves(child, (*path, number))
    else:
        yield ".".join(map(str, path or (0,))), rule


def children(rule: All | Any_ | Not) -> tuple[Rule, ...]:
    """What a group joins, or what `not` turns round."""
    return (rule.child,) if isinstance(rule, Not) else rule.children


def ranks_people(definitions: Iterable[Definition]) -> bool:
    """Whether any of these depends on people other than the one looked at."""
    return any(
        isinstance(one.body, Predict) or any(isinstance(leaf, Rfm) for leaf in definition_leaves(one))
        for one in definitions
    )


def _asking(definition: Definition, leaf: Leaf) -> Definition:
    return Definition(definition.name, definition.file, "who", leaf, definition.refresh)


def _body_alone(definition: Definition) -> Definition:
    if isinstance(definition.body, Predict) and definition.body.band:
        return replace(definition, exclude=())
    return replace(definition, include=(), exclude=(), universe=Known())
