"""How windows, spans, offsets and moments are written. What they cover at a moment is `segmentation/clock.py`'s."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import cast

from segmentation.clock import parse_moment
from segmentation.language import words
from segmentation.language.model import (
    After,
    Before,
    Between,
    Calendar,
    Exactly,
    FromTo,
    Moment,
    Offset,
    On,
    Point,
    Unit,
    Window,
    Within,
)
from segmentation.language.problems import Report, did_you_mean, found, nearest, one_of
from segmentation.language.yaml_file import Atom, Fields, Items, Node

_SPAN = re.compile(r"(\d{1,9}) +(minute|hour|day|week|month|year)s?\Z", re.ASCII)
_AGO = re.compile(r"(\d{1,9}) +(minute|hour|day|week|month|year)s? +ago\Z", re.ASCII)
_AHEAD = re.compile(r"in +(\d{1,9}) +(minute|hour|day|week|month|year)s?\Z", re.ASCII)
_LOOSE_SPAN = re.compile(r"(?:(?:in )?(?:the )?(?:last|past|previous) )?(\d{1,9}) *([a-z]+)", re.ASCII)
_SHORT_UNITS = {"d": "days", "h": "hours", "hr": "hours", "hrs": "hours", "w": "weeks", "y": "years", "mo": "months",
                "min": "minutes", "mins": "minutes"}  # fmt: skip
_LENGTHS: dict[Unit, tuple[float, float]] = {  # days, at least and at most
    "minutes": (1 / 1440, 1 / 1440), "hours": (1 / 24, 1 / 24), "days": (1, 1), "weeks": (7, 7), "months": (28, 31),
    "years": (365, 366),
}  # fmt: skip


def event_window(fields: Fields, r: Report) -> Window | None:
    """The window of a leaf on events, from the window words of its mapping; None without one, or after an error."""
    given = [word for word in words.WINDOWS if word in fields.fields]
    if not given or not one_window(fields, given, r):
        return None
    found_window = window(fields, given, r)
    if isinstance(found_window, Calendar) and found_window.word in words.FRESH_CALENDAR:
        r.fresh_windows.append((found_window.word, fields.lines["within"]))
    elif isinstance(found_window, Exactly) and found_window.offset.count > 0:
        r.warn(fields.lines["exactly"], "no event lies ahead of the run: this window is always empty")
    return found_window


def one_window(fields: Fields, given: list[str], r: Report) -> bool:
    """Notes two windows on one leaf; only from and to go together."""
    if len(given) <= 1 or set(given) == {"from", "to"}:
        return True
    line = max(fields.lines[word] for word in given)
    r.error(line, f"found two windows on one leaf ({', '.join(given)}), expected one; only from and to go together")
    return False


def window(fields: Fields, given: list[str], r: Report) -> Window | None:
    """The window that one word, or from with to, spells."""
    word, node = given[0], fields.fields[given[0]]
    if word == "within":
        return within(node, r)
    if word == "between":
        return between(node, r)
    if word == "exactly":
        day = offset(node, r, words.LONG_UNITS)
        return None if day is None else Exactly(day)
    if word in ("before", "after", "on"):
        at = moment(node, r)
        if at is None:
            return None
        return Before(at) if word == "before" else After(at) if word == "after" else On(at)
    return _from_to(fields, given, r)


def within(node: Node, r: Report) -> Within | Calendar | None:
    """`30 days`, `previous month`."""
    what = f"a span such as 30 days, or {one_of(words.CALENDAR)}"
    if isinstance(node, Atom) and isinstance(node.value, str):
        if node.value in words.CALENDAR:
            return Calendar(node.value)  # type: ignore[arg-type]
        if match := _SPAN.match(node.value):
            return Within(int(match[1]), _unit(match[2]))
    r.wrong(node, what, hint=_span_hint(node, words.CALENDAR))
    return None


def span(node: Node, r: Report, *, units: Iterable[str] = words.UNITS, low: int = 0) -> Within | None:
    """A length of time alone, such as `1 hour`."""
    if isinstance(node, Atom) and isinstance(node.value, str) and (match := _SPAN.match(node.value)):
        unit = _unit(match[2])
        if unit in units:
            if int(match[1]) >= low:
                return Within(int(match[1]), unit)
            r.wrong(node, f"at least {low} {match[2]}")
            return None
    r.wrong(node, f"a span in {one_of(units)} such as 7 days", hint=_span_hint(node, ()))
    return None


def between(node: Node, r: Report, *, seconds: bool = False) -> Between | None:
    """`[2026-04-16, 2026-04-23]`: two dates or two timestamps; with `seconds` also numbers of Unix seconds."""
    if not isinstance(node, Items) or len(node.items) != 2:
        r.wrong(node, "a list of two dates or two timestamps")
        return None
    start, end = (moment(item, r, seconds=seconds) for item in node.items)
    if start is None or end is None:
        return None
    if isinstance(start, datetime) != isinstance(end, datetime):
        r.error(node.line, "found a date and a timestamp, expected two dates or two timestamps")
        return None
    if start > end:
        _backwards(node.line, found(node.items[0]), found(node.items[1]), r)
        return None
    return Between(start, end)


def moment(node: Node, r: Report, *, seconds: bool = False) -> Moment | None:
    """A date or a timestamp; with `seconds` also a number of Unix seconds."""
    what = "a date (2026-04-01) or a timestamp (2026-04-01T09:00:00Z)"
    if isinstance(node, Atom):
        try:
            if isinstance(node.value, str):
                at = parse_moment(node.value)
                if at is not None:
                    return at
            elif seconds and isinstance(node.value, int | float) and not isinstance(node.value, bool):
                return unix_moment(node.value)
        except (ValueError, OverflowError) as error:
            r.wrong(node, what, hint=f": {error}")
            return None
    r.wrong(node, what)
    return None


def unix_moment(seconds: float) -> datetime:
    """The instant of a number of seconds since 1970. Raises OverflowError or ValueError beyond the calendar."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def offset(node: Node, r: Report, units: Iterable[str] = words.UNITS) -> Offset | None:
    """`60 days ago`, `in 5 days`."""
    what = "a distance such as 5 days ago or in 5 days"
    if isinstance(node, Atom) and isinstance(node.value, str):
        at = _offset(node.value)
        if at is not None and at.unit in units:
            return at
        if at is not None:
            r.wrong(node, f"{what}, in {one_of(units)}")
            return None
        if match := _SPAN.match(node.value):
            r.wrong(node, what, hint=f"; did you mean '{match[0]} ago'?")
            return None
    r.wrong(node, what)
    return None


def anniversary(node: Node, r: Report) -> Offset | None:
    """`today`, `yesterday`, `tomorrow`, `in 5 days`, `5 days ago`."""
    if isinstance(node, Atom) and isinstance(node.value, str):
        if node.value in words.ANNIVERSARIES:
            return Offset(words.ANNIVERSARIES[node.value], "days")
        at = _offset(node.value)
        if at is not None and at.unit == "days":
            return at
    hint = did_you_mean(str(node.value), words.ANNIVERSARIES) if isinstance(node, Atom) else ""
    r.wrong(node, "today, yesterday, tomorrow, in 5 days or 5 days ago", hint=hint)
    return None


def _offset(text: str) -> Offset | None:
    if match := _AGO.match(text):
        return Offset(-int(match[1]), _unit(match[2]))
    if match := _AHEAD.match(text):
        return Offset(int(match[1]), _unit(match[2]))
    return None


def _unit(singular: str) -> Unit:
    return cast(Unit, f"{singular}s")


def _from_to(fields: Fields, given: list[str], r: Report) -> FromTo | None:
    points: dict[str, Point | None] = {"from": None, "to": None}
    for word in given:
        node = fields.fields[word]
        value = node.value if isinstance(node, Atom) else None
        points[word] = _offset(value) if isinstance(value, str) else None
        if points[word] is None:
            if isinstance(value, str) and value[:4].isdigit() and value[4:5] == "-":
                points[word] = moment(node, r)
            else:
                hint = f"; did you mean '{value} ago'?" if isinstance(value, str) and _SPAN.match(value) else ""
                r.wrong(node, "a distance such as 60 days ago, a date or a timestamp", hint=hint)
        if points[word] is None:
            return None
    start, end = points["from"], points["to"]
    if start is not None and end is not None and _surely_after(start, end):
        _backwards(fields.lines["to"], found(fields.fields["from"]), found(fields.fields["to"]), r)
        return None
    return FromTo(start, end)


def _surely_after(start: Point, end: Point) -> bool:
    """Whether the start lies after the end whenever the run takes place; a date against a distance depends on it."""
    if isinstance(start, Offset) and isinstance(end, Offset):
        if start.unit == end.unit:
            return start.count > end.count
        if {start.unit, end.unit} == {"minutes", "hours"}:  # both roll, so they compare to the minute
            return _minutes(start) > _minutes(end)
        return min(start.count * days for days in _LENGTHS[start.unit]) > 1 + max(
            end.count * days for days in _LENGTHS[end.unit]
        )
    if isinstance(start, Offset) or isinstance(end, Offset):
        return False
    if isinstance(start, datetime) and isinstance(end, datetime):
        return start > end
    first = start.date() if isinstance(start, datetime) else start
    last = end.date() if isinstance(end, datetime) else end
    if type(start) is type(end):
        return first > last
    return (first - last).days > 1  # a local midnight lies within a day of the UTC date


def _minutes(offset: Offset) -> int:
    return offset.count * (60 if offset.unit == "hours" else 1)


def _backwards(line: int, start: str, end: str, r: Report) -> None:
    r.error(line, f"found a window from {start} to {end}, which ends before it starts, expected the earlier one first")


def _span_hint(node: Node, calendar: Iterable[str]) -> str:
    """What somebody who wrote `last 7 days`, `last month`, `30d` or 30 is likely to have meant."""
    if not isinstance(node, Atom) or node.value is None or isinstance(node.value, bool):
        return ""
    text = str(node.value).strip().lower()
    if text.isdecimal():
        return f"; did you mean '{text} days'?"
    if text.startswith(("last ", "past ")) and f"previous {text[5:]}" in calendar:
        return f"; did you mean 'previous {text[5:]}'?"
    if match := _LOOSE_SPAN.match(text):
        unit = _SHORT_UNITS.get(match[2]) or nearest(match[2], words.UNITS)
        if unit:
            return f"; did you mean '{match[1]} {unit}'?"
    known = {word.replace(" ", "_"): word for word in calendar}
    near = nearest(text, known)
    return f"; did you mean {known[near]!r}?" if near else ""
