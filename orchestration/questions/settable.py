"""A definition with other values in it: which places of a file there are, and the texts that other values make.

The texts go through the ordinary parser, so a value that does not fit is an ordinary error. Not here: what comes of
them (`what_if.py`).
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from segmentation.language.problems import did_you_mean
from segmentation.language.yaml_file import BadYaml, Fields, plain, read_yaml

MOST_VARIANTS = 20  # all of them are computed together, for each day
GROUPS = ("all", "any", "not")
HEAD = {"name", "title", "description", "created_by", "created_on", "labels", "ready_to_use", "refresh", "paused",
        "tests", "activate"}  # fmt: skip  # they decide nothing about who is in


@dataclass(frozen=True)
class Setting:
    """`--set PATH=VALUE`: a place, and the values to try there."""

    path: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Changed:
    """A definition with some values changed: `label` such as `who.0.count.gte = 3`, `text` as a file would say it."""

    label: str
    text: str


def parse_setting(told: str) -> Setting:
    """A place and its values: `who.0.count.gte=3`, several as `=3,4,5`, a list in brackets. Raises ValueError."""
    path, sign, text = told.partition("=")
    if not sign or not path.strip() or not text.strip():
        raise ValueError(f"found {told!r}, expected PATH=VALUE such as who.0.count.gte=3")
    whole = text.lstrip()[0] in "[{\"'"
    parts = [text] if whole else text.split(",")
    try:
        values = tuple(_value(part.strip()) for part in parts)
    except BadYaml as bad:
        raise ValueError(f"{told}: {bad.message}") from None
    return Setting(path.strip(), values)


def changed(text: str, settings: Sequence[Setting]) -> list[Changed]:
    """A definition with each combination of values. Raises ValueError for a place that is not there."""
    document = plain(read_yaml(text)[0])  # type: ignore[arg-type]  # a file with an error has no definition
    places = [_find(document, setting.path) for setting in settings]
    combinations = list(itertools.product(*(setting.values for setting in settings)))
    if len(combinations) > MOST_VARIANTS:
        raise ValueError(f"found {len(combinations)} combinations of values, expected {MOST_VARIANTS} at most")
    made = []
    for values in combinations:
        other = copy.deepcopy(document)
        for place, value in zip(places, values, strict=True):
            inside = other
            for key in place[:-1]:
                inside = inside[key]
            inside[place[-1]] = value
        pairs = zip(settings, values, strict=True)
        label = ", ".join(f"{one.path} = {json.dumps(value, ensure_ascii=False)}" for one, value in pairs)
        made.append(Changed(label, json.dumps(other, ensure_ascii=False)))
    return made


def places_of(document: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place of a definition that decides who is in."""
    keys = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    for key, value in keys:
        if path or key not in HEAD:
            yield (*path, key)
            yield from places_of(value, (*path, key))


def _find(document: Any, path: str) -> tuple[str | int, ...]:
    """The keys behind a path. The word of a group may be left out, and `all` may be said of a bare list."""
    places = list(places_of(document))
    by_name = {spelling: place for place in places for spelling in (_spelled(place), _spelled(place, groups=False))}
    plain_path = ".".join(part for part in path.split(".") if part not in GROUPS)
    unambiguous = [place for place in places if _spelled(place, groups=False) == plain_path]
    if path in by_name:
        return by_name[path]
    if len(unambiguous) == 1:
        return unambiguous[0]
    names = [_spelled(place) for place in places]
    raise ValueError(f"there is no {path} in the definition{did_you_mean(path, names)}")


def _spelled(place: tuple[str | int, ...], *, groups: bool = True) -> str:
    return ".".join(str(key) for key in place if groups or key not in GROUPS)


def _value(text: str) -> Any:
    node = read_yaml(f"value: {text}")[0]
    assert isinstance(node, Fields)
    return plain(node)["value"]
