"""`segments what-if`: sizes per day of the last quarter under other values in a rule.

Not here: the sizes (`orchestration/questions/what_if.py`).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestration.cli.tables import count, day_text, duration, show, sparkline
from orchestration.cli.words import Day, print_json, progress, say, settings_for, with_json, with_segments

if TYPE_CHECKING:
    from rich.table import Table

    from orchestration.questions.what_if import WhatIf

FEW_DAYS = 31  # up to so many are listed one by one
STEP = 7


@click.command(name="what-if")
@click.argument("name")
@click.option(
    "--set",
    "sets",
    multiple=True,
    required=True,
    metavar="PATH=VALUE",
    help="A value of the rule, such as who.0.count.gte=3; several are tried by =3,4,5.",
)
@click.option("--from", "first", type=Day(), help="First local day.")
@click.option("--to", "last", type=Day(), help="Last local day, included (default: the last one a run has seen).")
@click.option("--last", "days", type=click.IntRange(1, 3660), default=90, show_default=True, help="So many days.")
@click.option("--every-day", is_flag=True, help="List every day, where only each seventh is listed otherwise.")
@with_segments
@with_json
def what_if(
    name: str,
    sets: tuple[str, ...],
    first: date | None,
    last: date | None,
    days: int,
    every_day: bool,
    segments: Path | None,
    as_json: bool,
) -> None:
    """Say how large a segment would have been under other values in its rule.

    The size at the end of each local day, for the rule of its file as it is and for each of the values. Nothing is
    written down.
    """
    from orchestration.questions.settable import parse_setting
    from orchestration.questions.what_if import what_if as asked

    wanted = []
    for one in sets:
        try:
            wanted.append(parse_setting(one))
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--set") from None
    settings = settings_for(segments)
    with progress("compiling") as shown:
        shown.doing("counting")
        told = asked(settings, name, wanted, first, last, days=days, on_day=shown.days)
        seconds = shown.seconds
    if as_json:
        print_json(as_plain(told))
        return
    say(f"{name}: {count(len(told.days), 'day')} up to {day_text(told.days[-1])}, {duration(seconds)}\n")
    show(_curves(told))
    say()
    shown_days = [day for number, day in enumerate(reversed(told.days)) if every_day or _is_shown(number, told)]
    show(_days(told, {*shown_days}))
    if len(shown_days) < len(told.days):
        say(f"\n{len(shown_days)} of {len(told.days)} days are listed; --every-day lists all of them")
    say(f"\n{_semantics(told)}")


def as_plain(told: WhatIf) -> dict[str, object]:
    """The curves as JSON values: sizes in the order of `days`."""
    return {
        "segment": told.segment,
        "days": list(told.days),
        "history_begins": told.history_begins,
        "recorded": {day.isoformat(): users for day, users in told.recorded.items()},
        "variants": [{"set": one.label, "users": list(one.sizes)} for one in told.curves],
    }


def _is_shown(number: int, told: WhatIf) -> bool:
    return len(told.days) <= FEW_DAYS or number % STEP == 0


def _curves(told: WhatIf) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("rule", "last day", "change", "average", "lowest", "highest"):
        table.add_column(column, justify="left" if column == "rule" else "right")
    table.add_column("each day" if len(told.days) <= FEW_DAYS else "each week", no_wrap=True)
    now = told.curves[0].sizes[-1]
    for one in told.curves:
        sizes = one.sizes
        drawn = sizes if len(sizes) <= FEW_DAYS else sizes[::-1][::STEP][::-1]
        change = "" if one is told.curves[0] else f"{sizes[-1] - now:+,}"
        numbers = (sizes[-1], change, round(sum(sizes) / len(sizes)), min(sizes), max(sizes))
        cells = [number if isinstance(number, str) else f"{number:,}" for number in numbers]
        table.add_row(one.label, *cells, sparkline(drawn))
    return table


def _days(told: WhatIf, shown: set[date]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("day")
    table.add_column("recorded", justify="right")
    for one in told.curves:
        table.add_column(one.label, justify="right")
    for number, day in enumerate(told.days):
        if day in shown:
            found = told.recorded.get(day)
            row = [f"{one.sizes[number]:,}" for one in told.curves]
            table.add_row(day_text(day), "–" if found is None else f"{found:,}", *row)
    return table


def _semantics(told: WhatIf) -> str:
    """What the numbers rest on, and since when there is a record to hold them against."""
    begins = told.history_begins
    since = "nothing of it is recorded yet" if begins is None else f"records begin on {day_text(begins)}"
    return (
        "Counted from the events before the end of each day, with attributes, devices, consents, lists and pulls as"
        f" they are now; {since}."
    )


COMMANDS = {"what-if": what_if}
