"""How numbers, days and segments look in a terminal.

Not here: where they come from (`orchestration/published.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from rich.table import Table

    from orchestration.changes import Change
    from orchestration.details import Habit
    from orchestration.published import DayRow, SegmentRow
    from orchestration.waterfall import Waterfall

STATUS_STYLE = {"ready": "green", "failed": "bold red", "stale": "yellow", "not_active": "dim", "deleted": "dim"}
GATE_STYLE = {"open": "green", "closed": "bold red", "unknown": "dim"}
BARS = "▁▂▃▄▅▆▇█"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """`1 user`, `1,234 users`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `1 h 5 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def day_text(day: date) -> str:
    """`Sun 22 Nov 2026`."""
    return f"{day:%a} {day.day} {day:%b %Y}"


def moment_text(moment: datetime, zone: ZoneInfo) -> str:
    """A moment on the workspace's wall clock: `22 Nov 2026 00:00 Europe/Istanbul`."""
    local = moment.astimezone(zone)
    clock = f"{local:%H:%M}" if not (local.second or local.microsecond) else f"{local:%H:%M:%S}"
    return f"{local.day} {local:%b %Y} {clock} {zone.key}"


def sparkline(values: Sequence[int]) -> str:
    """One bar per value, from the lowest to the highest; a level line stays in the middle."""
    if not values:
        return ""
    low, high = min(values), max(values)
    if low == high:
        return BARS[3] * len(values)
    return "".join(BARS[round((value - low) * (len(BARS) - 1) / (high - low))] for value in values)


def change(entered: int, left: int) -> str:
    """`+12 -3`, and a dash for a day on which nobody came or went."""
    if not entered and not left:
        return "–"
    return " ".join([*([f"+{entered:,}"] if entered else []), *([f"-{left:,}"] if left else [])])


def segment_table(rows: Sequence[SegmentRow]) -> Table:
    """The table of `run` and `list`; changes are those of the last day that any of the rows was calculated for."""
    table = _table()
    last = max((row.day for row in rows if row.day), default=None)
    for name, where in (
        ("segment", "left"), ("kind, refresh", "left"), ("status", "left"), ("users", "right"), ("change", "right"),
        ("iOS", "right"), ("Android", "right"), ("Web", "right"),
    ):  # fmt: skip
        table.add_column(name, justify=where, no_wrap=name != "kind, refresh", overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        style = STATUS_STYLE.get(row.status, "")
        sizes = [f"{number:,}" for number in (row.users, row.ios, row.android, row.web)]
        users, *platforms = sizes if row.updated_at else ["–"] * 4
        table.add_row(
            row.segment,
            ", ".join(part for part in (row.kind, row.refresh) if part) or "–",
            f"[{style}]{row.status}[/]" if style else row.status,
            users,
            change(row.entered, row.left) if row.day == last else "–",
            *platforms,
        )
    return table


def day_table(rows: Sequence[DayRow]) -> Table:
    """The last days of one segment."""
    table = _table()
    table.add_column("day")
    for name in ("users", "entered", "left", "iOS", "Android", "Web"):
        table.add_column(name, justify="right")
    if any(row.reconstructed for row in rows):
        table.add_column("")
    for row in rows:
        numbers = (row.users, row.entered, row.left, row.ios, row.android, row.web)
        told = ["reconstructed"] if row.reconstructed else []
        table.add_row(day_text(row.day), *(f"{n:,}" for n in numbers), *told)
    return table


def waterfall_table(rows: Sequence[Waterfall]) -> Table:
    """The way of connector segments from what vendors report to people whom a push reaches; last, where rows ended."""
    table = _table()
    table.add_column("segment", no_wrap=True)
    reached = ("reported", "rows", "with id", "known", "users", "by push", "match rate")
    for name in (*reached, "no id", "malformed", "not found", "ambiguous"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row.segment,
            *("–" if number is None else f"{number:,}" for _, number in row.steps),
            "–" if row.match_rate is None else f"{row.match_rate:.1%}",
            *(f"{number:,}" for _, number in row.losses),
        )
    return table


def event_table(rows: Sequence[Habit]) -> Table:
    """What members did, by event: how often, how many on the busiest day, and each week up to the last day."""
    from rich.markup import escape

    table = _table()
    table.add_column("event", overflow="fold")
    for name in ("times", "users on the busiest day"):
        table.add_column(name, justify="right")
    table.add_column("each week", no_wrap=True)
    for row in rows:
        ends = range(len(row.daily), 0, -7)
        weeks = [sum(row.daily[max(end - 7, 0) : end]) for end in ends][::-1]
        table.add_row(escape(row.event), f"{row.times:,}", f"{row.most_users:,}", sparkline(weeks))
    return table


def gate_table(rows: Sequence[tuple[str, str, str]]) -> Table:
    """Gates with their states, and why, or what was compared."""
    from rich.markup import escape

    table = _table()
    table.add_column("gate", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("because", overflow="fold")
    for gate, state, why in rows:
        style = GATE_STYLE.get(state, "")
        table.add_row(gate, f"[{style}]{state}[/]" if style else state, escape(why))
    return table


def change_table(rows: Sequence[Change], zone: ZoneInfo, *, with_segment: bool = True) -> Table:
    """What people did to segments; one hash of a definition where it stayed the same, and with it who is a member."""
    from rich.markup import escape

    table = _table()
    for name in ("when", "who", "what", *(("segment",) if with_segment else ()), "definition"):
        table.add_column(name, overflow="fold")
    for row in rows:
        what = f"{row.action} of {row.source}" if row.source else row.action
        hashes = [(one or "–")[:12] for one in (row.hash_before, row.hash_after)]
        table.add_row(
            moment_text(row.at.replace(second=0, microsecond=0), zone),
            escape(row.by),
            what,
            *((row.segment,) if with_segment else ()),
            hashes[0] if hashes[0] == hashes[1] else " to ".join(hashes),
        )
    return table


def show(what: object) -> None:
    """Prints something of rich's on stdout, as wide as it needs to be where nobody looks at it."""
    from rich.console import Console

    wide = None if sys.stdout.isatty() else 140
    Console(file=sys.stdout, width=wide, highlight=False, soft_wrap=wide is not None).print(what)


def _table() -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
