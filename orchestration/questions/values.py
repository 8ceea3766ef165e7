"""What a leaf found about one person, for people and for machines.

The rows come from the queries of `segmentation/plan/seen.py`. Not here: whether that is enough (`missing.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from orchestration.warehouse import aware, aware_if_moment
from segmentation.language.describe_checks import listed, value_in_words
from segmentation.language.model import (
    Aggregate,
    Attribute,
    Bucket,
    Device,
    Did,
    InSegment,
    Interest,
    Leaf,
    Located,
    Reach,
    Regularly,
    Response,
    Rfm,
    Tag,
)
from segmentation.language.model import (
    Sequence as Steps,
)
from segmentation.plan.rfm import GRID

Row = Mapping[str, Any]
_REACTIONS = ("delivered", "opened", "clicked")
_AGGREGATES = {"sum": "total", "avg": "average", "min": "smallest", "max": "largest", "first": "first",
               "last": "latest"}  # fmt: skip


@dataclass(frozen=True)
class Value:
    """`text` for people; `data` is a plain JSON value, a number where a number is compared."""

    text: str
    data: Any


@dataclass(frozen=True)
class Stay:
    """Membership of another segment as the leaf read it; `since` is None where it was not recorded but computed."""

    is_member: bool
    since: datetime | None = None


def value_of(leaf: Leaf, rows: Sequence[Row], zone: ZoneInfo, stay: Stay | None = None) -> Value:
    """What a leaf found; no rows is nothing."""
    row = rows[0] if rows else {}
    match leaf:
        case Did():
            return _did(leaf, row, zone)
        case Attribute(path, _):
            found = _plain(row.get("value"))
            return Value(f"{path} is {'not known' if found is None else value_in_words(found)}", found)
        case Tag():
            tags = list(row.get("tags") or ())
            return Value(f"has the tag{'s' if len(tags) > 1 else ''} {listed(tags)}" if tags else "has no tags", tags)
        case Device(checks):
            return _devices([word for word, _ in checks], rows)
        case InSegment(name):
            inside = stay is not None and stay.is_member
            since = stay.since if stay else None
            told = f"is {'' if inside else 'not '}in {name}" + (f" since {local(since, zone)}" if since else "")
            return Value(told, inside)
        case Response():
            return _messages(rows, zone)
        case Reach():
            facts = sorted(one["fact"] for one in rows)
            return Value(f"has {listed(facts)}" if facts else "has none of what it takes", facts)
        case Located():
            return _place(row)
        case Bucket():
            return Value(f"draws {row['drawn']:.2f}%" if row else "no draw", row.get("drawn"))
        case Rfm():
            return _cell(row)
        case Steps(steps):
            taken = int(row.get("steps", 0))
            return Value(f"took {taken} of {len(steps)} steps", taken)
        case Regularly():
            good = sum(1 for one in rows if one["is_enough"])
            return Value(f"in {good} of the last {leaf.in_last} {leaf.every}{'s' if leaf.in_last > 1 else ''}", good)
        case Interest():
            return _share(leaf, rows)


def number(value: float) -> str:
    """`1,234.5`: as many decimals as there are, at most six."""
    return f"{value:,.6f}".rstrip("0").rstrip(".")


def local(moment: datetime, zone: ZoneInfo) -> str:
    """`25 Feb 2026 13:00` on the workspace's clock; moments of the warehouse are UTC without saying so."""
    at = (moment if moment.tzinfo else aware(moment)).astimezone(zone)
    clock = f"{at:%H:%M}" if not (at.second or at.microsecond) else f"{at:%H:%M:%S}"
    return f"{at.day} {at:%b %Y} {clock}"


def times(count: int) -> str:
    """`never`, `once`, `3 times`."""
    return {0: "never", 1: "once"}.get(count, f"{count:,} times")


def _did(leaf: Did, row: Row, zone: ZoneInfo) -> Value:
    fitting, named = int(row.get("fitting") or 0), int(row.get("named") or 0)
    value, aggregate = row.get("value"), leaf.aggregate
    if leaf.occurrence:
        word = "first" if leaf.occurrence == "first" else "latest"
        return Value(f"{word} {local(value, zone)}" if value else "never", aware_if_moment(value))
    seen = times(fitting)
    if fitting:
        seen += f", {'last ' if fitting > 1 else ''}{local(row['last'], zone)}"
    if named > fitting:
        seen += f" ({'otherwise' if fitting else 'but'} {times(named - fitting)} with other details)"
    if aggregate is None or aggregate.function == "count":
        return Value(seen, fitting)
    return Value(f"{_aggregate(aggregate, value, zone)}, {seen}", _data(aggregate, value))


def _aggregate(aggregate: Aggregate, value: Any, zone: ZoneInfo) -> str:
    if aggregate.function == "distinct":
        what = "day" if aggregate.of == "days" else f"value of {aggregate.of}"
        plural = "days" if aggregate.of == "days" else f"values of {aggregate.of}"
        return f"{value or 0} different {what if value == 1 else plural}"
    found = _data(aggregate, value)
    if found is None:
        told = "not known" if aggregate.function not in ("sum", "avg") else "0"
    elif isinstance(value, datetime):
        told = local(value, zone)
    else:
        told = (
            number(found) if isinstance(found, int | float) and not isinstance(found, bool) else value_in_words(found)
        )
    return f"{_AGGREGATES[aggregate.function]} {aggregate.of} {told}"


def _data(aggregate: Aggregate, value: Any) -> Any:
    if aggregate.function in ("first", "last"):
        return _plain(value)
    if value is None and aggregate.function in ("sum", "avg", "distinct"):
        return 0
    return aware_if_moment(value)


def _plain(facets: Mapping[str, Any] | None) -> Any:
    """The JSON value that facets are of."""
    if not facets:
        return None
    if facets["items"] is not None:
        return [json.loads(one) for one in facets["items"]]
    if facets["document"] is not None:
        return json.loads(facets["document"])
    value = next((facets[name] for name in ("text", "number", "boolean") if facets[name] is not None), None)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _devices(words: Sequence[str], rows: Sequence[Row]) -> Value:
    data = [{**{word: one[word] for word in words}, "in_use": one["in_use"]} for one in rows]
    told = [
        " ".join(str(one[word]) for word in words if one[word] is not None) + ("" if one["in_use"] else " (not in use)")
        for one in data
    ]
    named = sorted(one.strip() or "a device of which that is not known" for one in told)  # rows come in any order
    return Value(f"has {listed(named)}" if named else "has no device", data)


def _messages(rows: Sequence[Row], zone: ZoneInfo) -> Value:
    counts = {kind: sum(1 for one in rows if one.get(kind)) for kind in _REACTIONS}
    told = f"{len(rows)} such message{'' if len(rows) == 1 else 's'}"
    if rows:
        told += f": {', '.join(f'{count} {kind}' for kind, count in counts.items())}"
        sent = [one["sent_at"] for one in rows if one["sent_at"]]
        told += f", last sent {local(max(sent), zone)}" if sent else ""
    return Value(told, {"messages": len(rows), **counts})


def _place(row: Row) -> Value:
    data = {key: row.get(key) for key in ("city", "lat", "lon", "metres")}
    told = [str(data["city"])] if data["city"] else []
    told += [f"{data['metres']:,.0f} m away"] if data["metres"] is not None else []
    return Value(", ".join(told) or "no known place", data)


def _cell(row: Row) -> Value:
    if not row:
        return Value("no such event, so no place in the grid", None)
    recency, frequency = divmod(int(row["cell"]), 10)
    name = GRID[recency][frequency - 1]
    return Value(
        f"is {name.replace('_', ' ')}: recency {recency} of 5, frequency {frequency} of 5",
        {"segment": name, "recency": recency, "frequency": frequency},
    )


def _share(leaf: Interest, rows: Sequence[Row]) -> Value:
    whole, part = sum(one["times"] for one in rows), sum(one["chosen"] for one in rows)
    data: dict[str, Any] = {"events": whole, "chosen": part, "share": part / whole if whole else None}
    if not whole:
        return Value("no such events", data)
    told = f"{part:,} of {whole:,} such events, {part / whole:.1%}"
    rivals = [one for one in rows if one["value"] is not None and not one["chosen"]]
    if leaf.at_least is None and leaf.property is not None and rivals:
        most = max(rivals, key=lambda one: one["times"])
        told += f"; the most frequent other value comes {times(most['times'])}"
    return Value(told, data)
