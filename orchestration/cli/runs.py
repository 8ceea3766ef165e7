"""`segments run` and `segments refresh`: recalculate now, and see what came of it.

Not here: how a recalculation works (`orchestration/recalculation.py`) or is started (`orchestration/launch.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestration.changes import whoever_runs_this
from orchestration.cli.named import folder_with
from orchestration.cli.requested import serve
from orchestration.cli.sample_data import last_day_before, may_hold_sample, write_or_extend
from orchestration.cli.sample_vendors import pull_from_vendors, vendors_of
from orchestration.cli.tables import count, day_text, duration, moment_text, segment_table, show, waterfall_table
from orchestration.cli.words import (
    Failed,
    Progress,
    complain,
    moment_of,
    print_json,
    progress,
    say,
    settings_for,
    shown_problem,
    wall_clock,
    with_json,
    with_segments,
)
from orchestration.inbox import FOLDER, Inbox, Request
from orchestration.settings import Settings
from segmentation.clock import Clock

if TYPE_CHECKING:
    from orchestration.published import RunRow
    from orchestration.recalculation import Prepared


@click.command()
@click.option("--as-of", metavar="T", help="The moment to calculate for (default: the last local midnight).")
@click.option("--sample-if-empty", is_flag=True, help="Use an invented shop if no data has landed yet.")
@with_segments
@with_json
def run(as_of: str | None, sample_if_empty: bool, segments: Path | None, as_json: bool) -> None:
    """Recalculate every segment that has a clock.

    A file with an error keeps its last good members; the others are calculated.
    """
    settings = settings_for(segments)
    with progress("starting") as shown:
        from orchestration.launch import launch
        from orchestration.published import last_moment

        last = last_moment(settings)
        moment = _moment(as_of, last, settings)
        moments = [moment]
        sample = _sample_up_to(moment, settings, shown) if sample_if_empty else None
        if sample and last is None:
            # A second run shows who came and left, so the first stands for the evening before.
            moments.insert(0, _day_before(moment, settings))
        vendors = vendors_of(sample) if sample else ()
        for one in moments:
            if sample and vendors:
                pull_from_vendors(settings, sample, vendors, one, shown)
            shown.doing(f"calculating as of {moment_text(one, settings.zone)}")
            prepared = launch(settings, one, on_node=shown.node, waiting=shown.waiting)
        concerned = {one.segment for one in prepared.decisions if one.outcome != "deleted"}
    _report(settings, prepared, concerned, prepared.problems, shown.seconds, as_json)
    if not as_json:
        say("\nNext: `make dev` opens the web page, `segments show NAME` tells about one segment.")
    _fail_if_any(prepared, concerned, prepared.problems)


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--as-of", metavar="T", help="The moment to calculate for (default: now).")
@click.option("--by", metavar="WHO", help="Who asks (default: your user name).")
@click.option("--no-wait", is_flag=True, help="Drop the request and come back at once.")
@with_segments
@with_json
def refresh(
    names: tuple[str, ...], as_of: str | None, by: str | None, no_wait: bool, segments: Path | None, as_json: bool
) -> None:
    """Ask for the named segments, and those that read them, to be calculated as of now.

    The request goes to the inbox of the workspace. Dagster serves it while it runs with this workspace; otherwise this
    command does so itself.
    """
    settings = settings_for(segments)
    moment = moment_of(as_of, settings) if as_of else None
    folder = folder_with(names, settings)
    with progress("starting") as shown:
        from orchestration.decisions import with_dependants
        from orchestration.published import last_moment

        now = wall_clock()
        _refuse_the_past(moment or now, last_moment(settings), settings)
        request = Inbox(settings.home).drop(names, by or whoever_runs_this(), now, moment)
        if no_wait:
            _say_dropped(request, settings, as_json)
            return
        done = serve(settings, request, shown)
        concerned = with_dependants(names, folder.definitions)
    _report(settings, done, concerned, [str(one) for one in folder.problems], shown.seconds, as_json)
    _fail_if_any(done, concerned, ())


def _say_dropped(request: Request, settings: Settings, as_json: bool) -> None:
    if as_json:
        print_json(request.as_json())
    else:
        say(f"request {request.id}: {settings.home / FOLDER} holds it until Dagster takes it (`segments dev`)")


def _moment(as_of: str | None, last: datetime | None, settings: Settings) -> datetime:
    if as_of:
        moment = moment_of(as_of, settings)
        _refuse_the_past(moment, last, settings)
        return moment
    clock = Clock(wall_clock(), settings.zone)
    midnight = clock.midnight(clock.today)
    return max(midnight, last or midnight)  # after a refresh today, history does not go back to midnight


def _refuse_the_past(moment: datetime, last: datetime | None, settings: Settings) -> None:
    if last is not None and moment < last:
        raise ValueError(
            f"the last run stands for {moment_text(last, settings.zone)}, after {moment_text(moment, settings.zone)};"
            " past days are reconstructed with `segments backfill`"
        )


def _day_before(moment: datetime, settings: Settings) -> datetime:
    """The midnight at which the day of a moment began; for a midnight, the one before."""
    clock = Clock(moment - timedelta(microseconds=1), settings.zone)
    return clock.midnight(clock.today)


def _sample_up_to(moment: datetime, settings: Settings, shown: Progress) -> Path | None:
    """Makes or extends the sample if the landing area is its place, and says where that is."""
    landing = may_hold_sample(settings)
    if landing is None:
        return None
    report = write_or_extend(landing, last_day_before(moment), None, shown)
    if report.days_written:
        complain(f"sample data for {count(len(report.days_written), 'day')} written to {landing}")
    return landing


def _report(
    settings: Settings,
    prepared: Prepared | RunRow,
    concerned: set[str],
    problems: Sequence[str],
    seconds: float,
    as_json: bool,
) -> None:
    from orchestration.published import published
    from orchestration.waterfall import waterfalls

    rows = sorted(
        (row for row in published(settings) if row.segment in concerned), key=lambda row: (-row.users, row.segment)
    )
    of_vendors = [row.segment for row in rows if row.kind == "connector"]
    ways = waterfalls(settings, of_vendors) if of_vendors else {}
    if as_json:
        print_json(
            {
                "run_no": prepared.run_no,
                "as_of": prepared.as_of,
                "day": prepared.day,
                "seconds": round(seconds, 3),
                "computed": sorted(prepared.computed),
                "segments": [vars(row) for row in rows],
                "waterfalls": [vars(ways[name]) for name in sorted(ways)],
                "failed": {name: why for name, why in prepared.failures.items() if name in concerned},
                "problems": list(problems),
            }
        )
        return
    say(f"As of {moment_text(prepared.as_of, settings.zone)}; came and left on {day_text(prepared.day)}\n")
    show(segment_table(rows))
    states = Counter(row.status for row in rows)
    told = ", ".join(f"{number:,} {status}" for status, number in states.most_common())
    places = count(sum(row.users for row in rows), "membership")
    say(f"\n{count(len(rows), 'segment')} ({told}), {places}, {duration(seconds)}")
    for row in rows:
        if row.status == "stale" and row.reason:
            say(f"{row.segment} is stale: {row.reason}")
        elif row.status == "ready" and row.reason:
            say(f"{row.segment} is empty: {row.reason}")
    if ways:
        say("\nFrom cohorts of vendors to users; the last four columns are rows that led to nobody\n")
        show(waterfall_table([ways[name] for name in of_vendors if name in ways]))


def _fail_if_any(prepared: Prepared | RunRow, concerned: set[str], problems: Sequence[str]) -> None:
    """Ends with exit code 1 if a file is broken or a segment could not be calculated, each in one sentence."""
    for problem in problems:
        complain(shown_problem(problem))
    failed = {name: why for name, why in prepared.failures.items() if name in concerned}
    for name, why in sorted(failed.items()):
        if why not in problems:
            complain(f"{name} failed and keeps its last good members: {shown_problem(why)}")
    if problems or failed:
        raise Failed


COMMANDS = {"run": run, "refresh": refresh}
