"""The tree of a rule: groups, how deep and how large they may be, and which leaf a mapping is.

Not here: what stands inside a leaf (parse_events.py, parse_profile.py).
"""

from __future__ import annotations

from collections.abc import Callable

from segmentation.language import parse_events, parse_profile, words
from segmentation.language.model import All, Any_, Leaf, Not, Rule
from segmentation.language.problems import Report, nearest
from segmentation.language.yaml_file import Fields, Items, Node

_READERS: dict[str, Callable[[str, Fields, Report], Leaf | None]] = {
    "did": parse_events.did,
    "did_not": parse_events.did,
    "sequence": parse_events.sequence,
    "regularly": parse_events.regularly,
    "interest": parse_events.interest,
    "rfm": parse_events.rfm,
    **dict.fromkeys(words.RESPONSES, parse_events.response),
    "attribute": parse_profile.attribute,
    "tag": parse_profile.tag,
    "segment": parse_profile.segment,
    **dict.fromkeys(words.DEVICE_WORDS, parse_profile.device),
    **dict.fromkeys(words.REACH, parse_profile.reach),
    "located": parse_profile.located,
    "bucket": parse_profile.bucket,
}
_TREE_WORDS = (*words.GROUPS, *words.LEAVES)


def rule(node: Node, r: Report) -> Rule | None:
    """A whole rule; None after an error. A bare list is `all`."""
    return _Tree(r).whole(node)


class _Tree:
    def __init__(self, r: Report) -> None:
        self.r = r
        self.leaves = 0
        self.too_deep = False

    def whole(self, node: Node) -> Rule | None:
        before = len(self.r.problems)
        result = self.group("all", node, 1) if isinstance(node, Items) else self.part(node, 0)
        if self.leaves > words.MAX_LEAVES:
            self.r.error(
                node.line,
                f"found {self.leaves} leaves in one rule, expected at most {words.MAX_LEAVES}; "
                "move some into a segment of their own and refer to it",
            )
        return result if len(self.r.problems) == before else None

    def part(self, node: Node, depth: int) -> Rule | None:
        """A group or a leaf; `depth` counts the groups around it."""
        if not isinstance(node, Fields):
            self.r.wrong(node, "a rule such as {did: purchase, within: 30 days}")
            return None
        groups = [word for word in words.GROUPS if word in node.fields]
        if groups:
            return self.grouped(groups, node, depth)
        return self.leaf(node)

    def grouped(self, groups: list[str], node: Fields, depth: int) -> Rule | None:
        word = groups[0]
        others = [key for key in node.fields if key != word]
        for key in others:
            line = node.lines[key]
            if key in _TREE_WORDS:
                self.r.error(line, f"found {key} beside {word}, expected one of them; put both into an all or any")
            else:
                self.r.word(line, key, (word,), f"beside {word}")
        if word != "not":
            return self.group(word, node.fields[word], depth + 1, node.lines[word])
        self.check_depth(node.lines[word], depth + 1)
        if isinstance(node.fields[word], Items):
            self.r.wrong(node.fields[word], "one rule", hint="; say not: {any: [...]} or not: {all: [...]}")
            return None
        child = self.part(node.fields[word], depth + 1)
        return None if child is None else Not(child)

    def group(self, word: str, node: Node, depth: int, line: int | None = None) -> Rule | None:
        line = node.line if line is None else line
        self.check_depth(line, depth)
        if not isinstance(node, Items):
            self.r.wrong(node, f"a list of rules under {word}")
            return None
        if not node.items:
            self.r.error(line, f"found an empty group, expected at least one rule under {word}")
            return None
        children = [self.part(child, depth) for child in node.items]
        good = tuple(child for child in children if child is not None)
        if len(good) < len(children):
            return None
        return All(good) if word == "all" else Any_(good)

    def check_depth(self, line: int, depth: int) -> None:
        if depth > words.MAX_DEPTH and not self.too_deep:
            self.too_deep = True
            self.r.error(
                line,
                f"found groups nested {depth} deep, expected at most {words.MAX_DEPTH}; move a part into a segment",
            )

    def leaf(self, node: Fields) -> Leaf | None:
        self.leaves += 1
        given = [word for word in node.fields if word in words.LEAVES]
        if not given:
            self.unknown(node)
            return None
        word = given[0]
        extra = [other for other in given[1:] if other not in words.LEAVES[word]]
        if extra:
            self.r.error(
                node.lines[extra[0]],
                f"found {extra[0]} beside {word}, expected one condition per mapping; put both into an all or any",
            )
            return None
        return _READERS[word](word, node, self.r)

    def unknown(self, node: Fields) -> None:
        """No leaf word: the likeliest misspelling is blamed, else the first word that belongs to no leaf."""
        if not node.fields:
            self.r.wrong(node, "a rule such as {did: purchase, within: 30 days}")
            return
        beside = {word for allowed in words.LEAVES.values() for word in allowed}
        blamed = next((key for key in node.fields if key not in beside and nearest(key, _TREE_WORDS)), None)
        blamed = blamed or next((key for key in node.fields if key not in beside), None)
        if blamed is None:
            first = next(iter(node.fields))
            self.r.error(
                node.lines[first], f"found {first!r} without a condition to stand beside, expected did, attribute, ..."
            )
        else:
            self.r.word(node.lines[blamed], blamed, _TREE_WORDS, "in a rule")
