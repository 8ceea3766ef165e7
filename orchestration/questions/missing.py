"""What would have to be otherwise: the fewest leaves that would let somebody in, and each of them in words.

Pure functions over ticks and values. Not here: where these come from (`explain.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from orchestration.questions.values import number
from segmentation.language.describe import leaf_in_words
from segmentation.language.describe_checks import (
    aggregate_in_words,
    check_in_words,
    filters_in_words,
    listed,
    place_in_words,
    window_in_words,
)
from segmentation.language.model import Attribute, Did, InSegment, Leaf, Regularly, Test
from segmentation.language.model import Sequence as Steps

Join = Literal["all", "any", "not", "leaf"]


@dataclass(frozen=True)
class Tick:
    """A part of a rule and whether it holds. `leaf` is None for groups, and for what stands in place of a rule."""

    path: str
    join: Join
    holds: bool
    children: tuple[Tick, ...] = ()


def joined(join: Join, ticks: Iterable[bool]) -> bool:
    """Whether a group of such ticks holds."""
    held = list(ticks)
    if join == "not":
        return not held[0]
    return all(held) if join == "all" else any(held)


def fewest(tick: Tick, wanted: bool = True) -> tuple[tuple[str, bool], ...]:
    """Places of the fewest leaves that have to change for a part to hold, or not to, and what each has to become.

    Of several ways that are as short, the one that stands first.
    """
    if tick.holds is wanted:
        return ()
    if tick.join == "leaf":
        return ((tick.path, wanted),)
    if tick.join == "not":
        return fewest(tick.children[0], not wanted)
    ways = [fewest(child, wanted) for child in tick.children]
    if (tick.join == "all") is wanted:  # every child has to be as wanted
        return tuple(one for way in ways for one in way)
    return min(ways, key=len)


def in_words(leaf: Leaf, wanted: bool, seen: Any) -> str:
    """What has to become of a leaf so that it holds, or no longer does; `seen` is the value it found."""
    if isinstance(leaf, Did) and leaf.negated:
        return in_words(replace(leaf, negated=False), not wanted, seen)
    if isinstance(leaf, InSegment):
        return f"is {'not ' if wanted else ''}in segment {leaf.name}" + ("" if wanted else ", and must not be")
    if isinstance(leaf, Did) and leaf.occurrence is None:
        return _more_events(leaf, seen) if wanted else _fewer_events(leaf, seen)
    if isinstance(leaf, Attribute) and wanted:
        told = _negated(check_in_words(leaf.check))
        return f"{leaf.path} is {_shown(seen)}, {told}"
    if isinstance(leaf, Regularly) and wanted:
        lacking = leaf.at_least - int(seen or 0)
        return f"{lacking} more {leaf.every}{'' if lacking == 1 else 's'} in which it holds: {leaf_in_words(leaf)}"
    if isinstance(leaf, Steps) and wanted:
        lacking = len(leaf.steps) - int(seen or 0)
        return f"{lacking} more step{'' if lacking == 1 else 's'} of: {leaf_in_words(leaf)}"
    return f"must {'' if wanted else 'no longer '}hold: {leaf_in_words(leaf)}"


def _shown(seen: Any) -> str:
    if seen is None:
        return "not known"
    if isinstance(seen, bool):
        return "true" if seen else "false"
    return number(seen) if isinstance(seen, int | float) else str(seen)


def _negated(told: str) -> str:
    """`not gold or platinum` out of `is one of gold or platinum`."""
    for beginning, instead in (
        ("is one of ", "not "), ("is none of ", "which is one of "), ("is not known", "and must not be known"),
        ("is known", "and must be known"), ("is not ", "and must not be "), ("is ", "not "),
    ):  # fmt: skip
        if told.startswith(beginning) and " and " not in told:
            return instead + told.removeprefix(beginning)
    return f"asked for is one that {told}"


def _which(leaf: Did) -> str:
    """What the events of a leaf have to be like, to follow their name."""
    parts = [window_in_words(leaf.window)] if leaf.window else []
    if leaf.near is not None:
        parts.append(place_in_words(leaf.near))
    if leaf.where:
        parts.append(f"where {filters_in_words(leaf.where)}")
    if leaf.hours or leaf.weekdays:
        bare = replace(leaf, where=(), window=None, near=None, aggregate=None, include_non_doers=False)
        parts.append(leaf_in_words(bare).split(" at least once ", 1)[-1])
    return f" {' '.join(parts)}" if parts else ""


def _events(leaf: Did, count: float) -> str:
    name = "event" if leaf.events is None else f"{listed(leaf.events, 'or')} event"
    return f"{name}{'' if count == 1 else 's'}"


def _more_events(leaf: Did, seen: Any) -> str:
    aggregate = leaf.aggregate
    if aggregate is None:
        return f"1 {_events(leaf, 1)}{_which(leaf)}"
    test = aggregate.check.tests[0]
    if aggregate.function in ("count", "sum", "distinct") and (gap := _gap(test, seen or 0, aggregate.function)):
        lacking = number(abs(gap))
        word = "more" if gap > 0 else "fewer"
        if aggregate.function == "count":
            return f"{lacking} {word} {_events(leaf, abs(gap))}{_which(leaf)}"
        if aggregate.function == "sum":
            return (
                f"{lacking} {'more' if gap > 0 else 'less'} in total {aggregate.of} of {_events(leaf, 2)}{_which(leaf)}"
            )
        what = "day" if aggregate.of == "days" else "value"
        of = "" if aggregate.of == "days" else f" of {aggregate.of}"
        plural = "" if abs(gap) == 1 else "s"
        return f"{lacking} {word} different {what}{plural}{of} of {_events(leaf, 2)}{_which(leaf)}"
    if not seen and aggregate.function in ("count", "sum", "distinct"):  # none at all does not count as 0
        return f"1 {_events(leaf, 1)}{_which(leaf)}, as nobody without one counts"
    told = f"{_events(leaf, 2)}{_which(leaf)} {aggregate_in_words(aggregate)}"
    return f"{told} (it is {_shown(seen)})" if seen is not None else f"{told} (there is none)"


def _fewer_events(leaf: Did, seen: Any) -> str:
    if leaf.aggregate is None:
        found = int(seen or 0)
        return f"no {_events(leaf, 1)}{_which(leaf)}, and there {'is' if found == 1 else 'are'} {found:,}"
    return f"must no longer hold: {leaf_in_words(leaf)}"


def _gap(test: Test, seen: float, function: str) -> float:
    """How much more it takes (less, if negative) to pass a test; 0 if that cannot be said."""
    values = test.value if isinstance(test.value, tuple) else (test.value,)
    low, high = float(values[0]), float(values[-1])  # type: ignore[arg-type]
    whole = function != "sum"
    smallest = {"gte": low, "gt": math.floor(low) + 1 if whole else low, "equals": low, "between": low}
    largest = {"lte": high, "lt": math.ceil(high) - 1 if whole else high, "equals": high, "between": high}
    if test.operator in smallest and seen < (least := smallest[test.operator]):
        return math.ceil(least - seen) if whole else round(least - seen, 6)
    if test.operator in largest and seen > (most := largest[test.operator]):
        return -(math.ceil(seen - most) if whole else round(seen - most, 6))
    return 0
