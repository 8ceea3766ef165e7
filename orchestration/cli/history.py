"""`segments members` and `verify`: what runs recorded of a segment, and whether it comes out again.

Not here: where it is read (`orchestration/history`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestration.cli.tables import count, moment_text
from orchestration.cli.words import (
    FOLDER,
    Failed,
    complain,
    moment_of,
    print_json,
    progress,
    say,
    settings_for,
    shown_problem,
    with_json,
)
from orchestration.settings import Settings
from segmentation.clock import utc_text

if TYPE_CHECKING:
    from orchestration.history.verification import Comparison, Verification


@click.command()
@click.argument("name")
@click.option("--as-of", metavar="T", help="A moment, or a day for its first instant (default: the last run).")
@click.option("--out", type=FOLDER, metavar="FILE", help="Write segment, user_id and since to a .csv or .parquet.")
@with_json
def members(name: str, as_of: str | None, out: Path | None, as_json: bool) -> None:
    """Who is in a segment, or was at a moment: as the last run up to then recorded it.

    One user a line, with the moment since when. A segment that is deleted by now has its past all the same.
    """
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise click.BadParameter(f"found {out.name!r}, expected an ending .csv or .parquet", param_hint="--out")
    settings = settings_for()
    moment = moment_of(as_of, settings) if as_of else None
    from orchestration.history.members import members_of

    with members_of(settings, name, moment) as found:
        standing = found.standing
        if out is not None:
            found.write(out)
        if as_json:
            told = {**vars(standing), **({"out": str(out)} if out else {})}
            people = {} if out else {"members": [{"user_id": who, "since": since} for who, since in found]}
            print_json({**told, **people})
            return
        for who, since in () if out else found:
            say(f"{who}\t{utc_text(since)}")
    where = f" in {out}" if out else ""
    older = (
        ""
        if standing.computed_at == standing.as_of
        else f", calculated {moment_text(standing.computed_at, settings.zone)}"
    )
    gone = ", deleted by then" if standing.is_deleted else ""
    complain(f"{count(standing.users, 'user')}{where} as of {moment_text(standing.as_of, settings.zone)}{older}{gone}")


@click.command()
@click.argument("run", type=int, required=False)
@click.option("--as-of", metavar="T", help="The last run at or before a moment or day (default: the last of all).")
@click.option("--users", type=click.IntRange(0), default=0, help="Show so many users on each side of a difference.")
@with_json
def verify(run: int | None, as_of: str | None, users: int, as_json: bool) -> None:
    """Calculate a past run again, from the files and rules it was made from, and compare.

    RUN is the number of a published run. Exit code 0 if every segment that can be calculated again has exactly the
    recorded members, else 1. Nothing in the workspace changes.
    """
    if run is not None and as_of is not None:
        raise click.UsageError("a run is named by its number or by a moment, not by both")
    settings = settings_for()
    moment = moment_of(as_of, settings) if as_of else None
    with progress("starting") as shown:
        from orchestration.history.verification import verify as calculate_again

        shown.doing("calculating again")
        found = calculate_again(settings, run, moment, users=users, on_node=shown.node)
    if as_json:
        print_json({
            **vars(found),
            "is_equal": found.is_equal,
            "compared": [{**vars(one), "is_equal": one.is_equal} for one in found.compared],
        })  # fmt: skip
    else:
        _say_verified(found, settings)
    if not found.is_equal:
        raise Failed


def _say_verified(found: Verification, settings: Settings) -> None:
    different = [one for one in found.compared if not one.is_equal]
    outcome = f"{len(different):,} not as recorded" if different else "all as recorded"
    say(
        f"run {found.run_no} as of {moment_text(found.as_of, settings.zone)}:"
        f" {count(len(found.compared), 'segment')} calculated again, {outcome}"
    )
    for one in different:
        say(_difference(one))
    for name, why in sorted(found.not_recomputed.items()):
        say(f"{name} was not calculated again: {shown_problem(why)}")
    for name, why in sorted(found.failed.items()):
        complain(f"{name} cannot be calculated any more: {shown_problem(why)}")
    for urls, what in ((found.changed_files, "holds something else by now"), (found.gone_files, "is gone")):
        for url in urls:
            complain(f"{url} {what}")
    if found.erased_files:
        complain(f"since then, somebody who was erased was taken out of {count(len(found.erased_files), 'file')}")
    if not found.is_equal and not found.is_same_code:
        complain("the run was made by another version of the code")


def _difference(one: Comparison) -> str:
    sides = []
    for number, who, word in (
        (one.entering, one.entering_users, "only now"),
        (one.leaving, one.leaving_users, "only recorded"),
    ):
        named = f" ({', '.join(who)}{', ...' if len(who) < number else ''})" if who else ""
        sides.append(f"{number:,} {word}{named}")
    return f"{one.segment}: {one.recorded:,} recorded, {one.recomputed:,} now; {', '.join(sides)}"


COMMANDS = {"members": members, "verify": verify}
