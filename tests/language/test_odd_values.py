"""Whatever stands in the place of a value is either right or told with its line: nothing ends in a traceback.

Every value and every word of every accepted file is replaced by every odd one, and accepted texts are cut and mixed.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from segmentation.clock import Clock
from segmentation.language.describe import in_words
from segmentation.language.folder import load_texts
from segmentation.language.model import Definition
from segmentation.language.parse import Parsed, parse_text
from segmentation.language.yaml_file import plain
from segmentation.plan.compile import compile_plan
from tests.language.test_accepted import node, texts

ODD: list[Any] = [
    None, True, 0, 5, -1, 1.5, 10**18, 10**30, 10**500, float("inf"), "", " ", "x", "any", "5", "9" * 5000, "5 days",
    "5 days ago", "0 minutes", "999999999 years", "today", "2026-01-01", "2026-01-01T00:00:00Z", "2026-02-30",
    "0001-01-01", "9999-12-31", "(", "%", "'", "\u202e", [], [None], [5], ["x"], ["x", "x"], [[]],
    ["2026-01-02", "2026-01-01"], {}, {"x": 1}, {"any": []}, {"gte": 5}, {"property": "x"}, {"": None},
]  # fmt: skip
CLOCK = Clock(datetime(2026, 3, 1, tzinfo=UTC), ZoneInfo("Europe/Istanbul"))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside a value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inside in items:
        yield from places(inside, (*path, key))


def with_other(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """A copy with another value at a path."""
    if not path:
        return other
    copy = value.copy()
    copy[path[0]] = with_other(value[path[0]], path[1:], other)
    return copy


def with_other_word(value: Any, path: tuple[Any, ...], word: str) -> Any:
    """A copy in which the last key of a path is another word."""
    inside = value
    for key in path[:-1]:
        inside = inside[key]
    if not isinstance(inside, dict):
        return value
    return with_other(value, path[:-1], {word if key == path[-1] else key: item for key, item in inside.items()})


def as_yaml(value: Any) -> str:
    """JSON is YAML; numbers that JSON does not have are written as YAML does."""
    return json.dumps(value, indent=1, ensure_ascii=False).replace(": Infinity", ": .inf")


def complaints(parsed: Parsed, text: str) -> list[str]:
    """What is wrong with how a text was judged."""
    wrong = []
    if (parsed.definition is None) != bool(parsed.problems):
        wrong.append("neither a definition nor a problem, or both")
    for problem in (*parsed.problems, *parsed.warnings):
        if not 1 <= problem.line <= text.count("\n") + 2 or "\n" in problem.message:
            wrong.append(f"no place or no sentence: {problem}")
    return wrong


def calculable(definition: Definition) -> bool:
    """Whether a definition can be told in words and compiled, or fails with a reason."""
    folder = load_texts({f"{name}.yml": f"name: {name}\nwho: {{tag: a}}\n" for name in definition.references})
    together = {**folder.definitions, definition.name: definition}
    plan = compile_plan(together, CLOCK, {name: n for n, name in enumerate(together)})
    return in_words(definition).endswith(".") and (definition.name in plan.computed or bool(plan.failed))


@pytest.mark.parametrize("text", texts())
def test_an_odd_value_is_right_or_told_with_its_line(text: str) -> None:
    whole = plain(node(text))
    odd = random.Random(text)
    for path in places(whole):
        others = [with_other(whole, path, other) for other in ODD]
        if path:
            others += [with_other_word(whole, path, word) for word in ("x", "did", "within", "as", "\u0435vent")]
        for other in others:
            written = as_yaml(other)
            parsed = parse_text(written, "case.yml")
            assert complaints(parsed, written) == [], written
            if parsed.definition is not None and odd.random() < 0.1:
                assert calculable(parsed.definition), written


@pytest.mark.parametrize("seed", range(20))
def test_a_text_that_was_cut_and_mixed_is_a_segment_or_told_with_its_line(seed: int) -> None:
    rng = random.Random(seed)
    whole = texts()
    for _ in range(150):
        text = rng.choice(whole)
        for _ in range(rng.randint(1, 3)):
            at = rng.randint(0, len(text))
            other = rng.choice(whole)
            start = rng.randint(0, len(other))
            piece = rng.choice(
                [other[start : start + rng.randint(1, 9)], *"{}[]:,-#&*!|>'\"%@`\t\n\0\x07\x85\ufeff\u2028", ""]
            )
            text = text[:at] + piece + text[at + rng.choice([0, 0, 1, 5]) :]
        assert complaints(parse_text(text, "case.yml"), text) == [], text
