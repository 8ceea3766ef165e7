"""`segments backfill`: sizes and flows of past days, for the segments named or for all.

Not here: how a day is reconstructed (`orchestration/past_days.py`) or the run is started (`orchestration/launch.py`).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from orchestration.cli.named import folder_with
from orchestration.cli.tables import count, day_text, duration
from orchestration.cli.words import (
    Day,
    Failed,
    complain,
    print_json,
    progress,
    say,
    settings_for,
    shown_problem,
    wall_clock,
    with_json,
    with_segments,
)
from orchestration.settings import Settings
from segmentation.clock import Clock


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--from", "first", type=Day(), required=True, help="First local day.")
@click.option("--to", "last", type=Day(), required=True, help="Last local day, included; it has to be over.")
@click.option("--over-recorded", is_flag=True, help="Show these days in place of what runs recorded on them.")
@with_segments
@with_json
def backfill(
    names: tuple[str, ...], first: date, last: date, over_recorded: bool, segments: Path | None, as_json: bool
) -> None:
    """Reconstruct sizes of past days, as if today's definitions had existed then.

    Of all segments, or those named. Members and changes of the present are not touched, and days that runs recorded
    stay as they were recorded.
    """
    if last < first:
        raise click.BadParameter(f"{last} lies before {first}", param_hint="--to")
    settings = settings_for(segments)
    _refuse_days(first, last, settings)
    folder = folder_with(names, settings)
    with progress("starting") as shown:
        from orchestration.launch import launch_past
        from orchestration.published import recorded_days

        total, done = (last - first).days + 1, 0

        def next_day(_: date) -> None:
            nonlocal done
            done += 1
            shown.days(done, total)

        shown.doing("reconstructing")
        told = launch_past(
            settings,
            first,
            last,
            only=names or None,
            over_recorded=over_recorded,
            on_day=next_day,
            waiting=shown.waiting,
        )
        kept = recorded_days(settings, told.segments, first, last)
    for problem in told.problems if not names else ():
        complain(f"left out: {shown_problem(problem)}")
    for name, why in sorted(told.failures.items()):
        complain(f"{name} cannot be calculated: {shown_problem(why)}")
    if as_json:
        print_json(
            {
                "days": told.days,
                "segments": sorted(told.segments),
                "recorded": kept,
                "seconds": round(shown.seconds, 3),
                "failed": told.failures,
                "problems": list(told.problems),
            }
        )
    else:
        who = count(len(told.segments), "segment") if len(told.segments) != 1 else told.segments[0]
        say(f"{count(len(told.days), 'day')} of {who} up to {day_text(last)}, {duration(shown.seconds)}")
        if kept:
            say(
                f"{count(sum(kept.values()), 'size')} that runs recorded on these days stay as they were;"
                " --over-recorded shows the reconstruction"
            )
    if told.failures or set(names) - set(folder.definitions):
        raise Failed


def _refuse_days(first: date, last: date, settings: Settings) -> None:
    today = Clock(wall_clock(), settings.zone).today
    if last >= today:
        raise ValueError(
            f"{last} is not over in {settings.zone.key}, where it is {today}: only past days can be backfilled"
        )
    if first < settings.first_day:
        raise ValueError(f"{first} lies before {settings.first_day}, where history begins (first_day in settings.toml)")


COMMANDS = {"backfill": backfill}
