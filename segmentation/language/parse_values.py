"""Single values: text, numbers, choices, lists of text, hours, weekdays, places; and mappings with known words.

Each function gives the value, or None after it noted in the report what is wrong with it.
Not here: windows (parse_window.py) and operators (parse_check.py).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import cast

from segmentation.language.model import Channel, Place
from segmentation.language.problems import Report, did_you_mean, one_of
from segmentation.language.words import CHANNELS, PLACE, WEEKDAYS
from segmentation.language.yaml_file import Atom, Fields, Items, Node

_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\Z", re.ASCII)
_PERCENT = re.compile(r"(\d+(?:\.\d+)?) ?%\Z", re.ASCII)


def mapping(node: Node, r: Report, known: Iterable[str], where: str, required: Iterable[str] = ()) -> Fields | None:
    """A mapping; words it may not have and words it lacks are noted, the others remain to be read."""
    if not isinstance(node, Fields):
        r.wrong(node, f"a mapping {where}")
        return None
    known = tuple(known)
    unknown_words(node, r, known, where)
    for word in required:
        if word not in node.fields:
            near = next((key for key in node.fields if key not in known), None)
            if near is None or did_you_mean(near, [word]) == "":
                r.error(node.line, f"found no {word!r} {where}, expected {' and '.join(required)}")
    return node


def unknown_words(node: Fields, r: Report, known: Iterable[str], where: str) -> None:
    """Notes every word of a mapping that is not known there."""
    known = tuple(known)
    for key in node.fields:
        if key not in known:
            r.word(node.lines[key], key, known, where)


def text(node: Node, r: Report, what: str = "text") -> str | None:
    """Text that is not empty. A number is an error: ids and names are kept to the letter, so they stand in quotes."""
    if isinstance(node, Atom):
        if isinstance(node.value, str):
            if node.value.strip():
                return node.value
        elif node.value is not None:
            r.wrong(node, what, hint=f'; to mean the text, write "{node.text}"')
            return None
    r.wrong(node, what)
    return None


def identifier(node: Node, r: Report, what: str) -> str | None:
    """Text, or a whole number that is one when written without quotes, such as a vendor's numeric id."""
    if isinstance(node, Atom) and isinstance(node.value, int) and not isinstance(node.value, bool):
        return node.text
    return text(node, r, what)


def texts(node: Node, r: Report, what: str, *, may_be_empty: bool = False) -> tuple[str, ...] | None:
    """A list of text, each once, in the order written."""
    if not isinstance(node, Items):
        hint = f"; write [{node.text}]" if isinstance(node, Atom) and isinstance(node.value, str) else ""
        r.wrong(node, what, hint=hint)
        return None
    if not node.items and not may_be_empty:
        r.wrong(node, what)
        return None
    values = [text(item, r) for item in node.items]
    good = [value for value in values if value is not None]
    return tuple(dict.fromkeys(good)) if len(good) == len(values) else None


def names(node: Node, r: Report, what: str) -> tuple[str, ...] | None:
    """One name or a list of names, sorted, each once; an empty tuple stands for the word `any`."""
    if isinstance(node, Atom):
        if node.value == "any":
            return ()
        one = text(node, r, f"{what}, a list of them, or any")
        return None if one is None else (one,)
    several = texts(node, r, f"{what}, a list of them, or any")
    return None if several is None else tuple(sorted(several))


def choice(node: Node, r: Report, words: Iterable[str]) -> str | None:
    """One of some words."""
    words = tuple(words)
    if isinstance(node, Atom) and isinstance(node.value, str):
        if node.value in words:
            return node.value
        r.wrong(node, one_of(words), hint=did_you_mean(node.value, words))
    else:
        r.wrong(node, one_of(words))
    return None


def channel(node: Node, r: Report) -> Channel | None:
    """A message channel."""
    return cast(Channel | None, choice(node, r, CHANNELS))


def boolean(node: Node, r: Report) -> bool | None:
    """true or false."""
    if isinstance(node, Atom) and isinstance(node.value, bool):
        return node.value
    r.wrong(node, "true or false")
    return None


def is_number(value: object) -> bool:
    """Whether a value is a finite number (a boolean is none)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def number(
    node: Node, r: Report, what: str = "a number", *, low: float = -math.inf, high: float = math.inf
) -> float | None:
    """A finite number within limits; whole numbers stay whole."""
    if isinstance(node, Atom) and is_number(node.value):
        value = cast(float, node.value)
        if low <= value <= high:
            return value
    r.wrong(node, what)
    return None


def whole(node: Node, r: Report, what: str = "a whole number", *, low: int, high: int = 10_000) -> int | None:
    """A whole number within limits."""
    value = node.value if isinstance(node, Atom) and not isinstance(node.value, bool) else None
    if isinstance(value, int) and low <= value <= high:
        return value
    r.wrong(node, f"{what} from {low} to {high:,}")
    return None


def share(node: Node, r: Report) -> float | None:
    """A share as `30%` or 0.3, from 0 to 1."""
    if isinstance(node, Atom):
        if isinstance(node.value, str) and (match := _PERCENT.match(node.value)) and float(match[1]) <= 100:
            return round(float(match[1]) / 100, 12)
        if is_number(node.value) and 0 <= cast(float, node.value) <= 1:
            return float(cast(float, node.value))
        if is_number(node.value) and 1 < cast(float, node.value) <= 100:
            r.wrong(node, "a share such as 30% or 0.3", hint=f"; did you mean {node.text}%?")
            return None
    r.wrong(node, "a share such as 30% or 0.3")
    return None


def hours(node: Node, r: Report) -> tuple[int, int] | None:
    """`["09:00", "18:00"]` as minutes after local midnight; the second may be 24:00, and an earlier one wraps."""
    what = 'two times of day such as ["09:00", "18:00"]'
    if not isinstance(node, Items) or len(node.items) != 2:
        r.wrong(node, what)
        return None
    minutes: list[int] = []
    for item in node.items:
        written = item.value if isinstance(item, Atom) else None
        if isinstance(written, str) and (match := _TIME.match(written)):
            minutes.append(int(match[1]) * 60 + int(match[2]))
        elif written == "24:00" and minutes:
            minutes.append(24 * 60)
        else:
            r.wrong(item, "a time of day such as 09:00")
            return None
    if minutes[0] == minutes[1]:
        r.error(node.line, f"found hours that begin and end at {_clock_time(minutes[0])}, expected two different times")
        return None
    return minutes[0], minutes[1]


def _clock_time(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def weekdays(node: Node, r: Report) -> tuple[int, ...] | None:
    """`[mon, tue]` as ISO weekdays, sorted."""
    if not isinstance(node, Items) or not node.items:
        hint = f"; write [{node.text}]" if isinstance(node, Atom) and isinstance(node.value, str) else ""
        r.wrong(node, "a list of weekdays such as [mon, tue]", hint=hint)
        return None
    days = [choice(item, r, WEEKDAYS) for item in node.items]
    if None in days:
        return None
    return tuple(sorted({WEEKDAYS.index(day) + 1 for day in days if day}))


def place(node: Node, r: Report) -> Place | None:
    """`{city: London}` or `{lat: 41.01, lon: 28.98, within_m: 500}`."""
    where = "of a place"
    fields = mapping(node, r, PLACE, where)
    if fields is None:
        return None
    given = [word for word in PLACE if word in fields.fields]
    if given == ["city"]:
        city = text(fields.fields["city"], r, "the name of a city")
        return None if city is None else Place(city=city)
    if given != ["lat", "lon", "within_m"]:
        r.error(fields.line, f"found {' and '.join(given) or 'nothing'} {where}, expected city, or lat, lon and "
                             "within_m")  # fmt: skip
        return None
    lat = number(fields.fields["lat"], r, "a latitude from -90 to 90", low=-90, high=90)
    lon = number(fields.fields["lon"], r, "a longitude from -180 to 180", low=-180, high=180)
    within_m = number(fields.fields["within_m"], r, "metres, 0 or more", low=0)
    if lat is None or lon is None or within_m is None:
        return None
    return Place(lat=float(lat), lon=float(lon), within_m=float(within_m))
