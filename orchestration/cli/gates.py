"""`segments gates`: what the gates of a segment say, without anything being sent.

Not here: what they judge by (`orchestration/gates`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from orchestration.cli.tables import gate_table, moment_text, show
from orchestration.cli.words import complain, moment_of, print_json, progress, say, settings_for, with_json

if TYPE_CHECKING:
    from orchestration.gates.results import Result


@click.command()
@click.argument("name")
@click.option(
    "--at", metavar="T", help="Judge freshness at this moment (default: that of the last run, as exports do)."
)
@with_json
def gates(name: str, at: str | None, as_json: bool) -> None:
    """Tell what the gates of a segment say: whether its members may leave for files and vendors.

    How many would be taken back is known only where they go to, so the gate `removals` is asked there.
    """
    from orchestration.gates.facts import read_facts
    from orchestration.gates.judge import judge
    from orchestration.published import NothingPublished
    from orchestration.warehouse import connect

    settings = settings_for()
    moment = None if at is None else moment_of(at, settings)
    if not settings.warehouse.exists():  # opening would create it
        raise NothingPublished(settings)
    with progress("reading") as shown:
        with connect(settings.warehouse) as connection:
            facts = read_facts(connection, settings, name)
        shown.doing("asking the gates")
        results = judge(facts, settings.gates, moment)
    closed = [one.gate for one in results if one.state == "closed"]
    if as_json:
        print_json(
            {
                "segment": name,
                "at": moment or facts.run_at,
                "as_of": facts.own.as_of,
                "closed": closed,
                "gate_results": [one.told() for one in results],
            }
        )
        return
    show(gate_table([(one.gate, one.state, one.said or _numbers(one, settings.zone)) for one in results]))
    say()
    say(f"closed: {', '.join(closed)}; an override needs a name and a reason" if closed else "nothing is closed")
    complain("removals are asked for where members go to, against what is out there")


def _numbers(one: Result, zone: ZoneInfo) -> str:
    """What an open gate compared: `users 1,451, low 956, high 1,776`."""
    return ", ".join(f"{name} {_number(name, number, zone)}" for name, number in one.numbers.items())


def _number(name: str, number: int | float, zone: ZoneInfo) -> str:
    from orchestration.gates.asked import MOMENTS

    if name in MOMENTS:
        return moment_text(datetime.fromtimestamp(number, UTC), zone)
    return f"{number:,}" if isinstance(number, int) else f"{number:,.4g}"


COMMANDS = {"gates": gates}
