"""`segments erase`: one person leaves the workspace, and what was purged is said.

Not here: the erasure (`orchestration/erasure`).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from orchestration.changes import whoever_runs_this
from orchestration.cli.tables import count
from orchestration.cli.words import complain, print_json, progress, say, settings_for, wall_clock, with_json

if TYPE_CHECKING:
    from orchestration.erasure.erase import Purged


@click.command()
@click.argument("users", nargs=-1, required=True, metavar="USER...")
@click.option(
    "--by",
    type=click.Choice(("user_id", "external_id", "email", "msisdn")),
    default="user_id",
    show_default=True,
    help="What USER is.",
)
@click.option("--source", metavar="CONNECTOR", help="USER is an id of this connector, of somebody who is no user.")
@click.option("--reference", metavar="TEXT", help="For the log, such as the number of the request; no personal data.")
@click.option("--who", metavar="WHO", help="Who erases, for the log (default: your user name).")
@click.option("--yes", is_flag=True, help="Do it. Without this, only what would be removed is said.")
@with_json
def erase(
    users: tuple[str, ...],
    by: str,
    source: str | None,
    reference: str | None,
    who: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove a person for good: from landing files, lists, the warehouse, exports, and all else in the workspace.

    It cannot be undone. An erasure that was cut short is completed by the same command once more.
    """
    if source is not None and by != "user_id":
        raise click.UsageError("--source says that USER is an id of a connector, so --by has no place beside it")
    settings = settings_for()
    with progress("looking") as shown:
        from orchestration.erasure.erase import erase as remove
        from orchestration.erasure.erase import look

        if yes:
            shown.doing("erasing")
            told = remove(
                settings, users, by, source,
                who=who or whoever_runs_this(), at=wall_clock(), reference=reference, waiting=shown.waiting,
            )  # fmt: skip
        else:
            told = look(settings, users, by, source, shown.waiting)
    if as_json:
        print_json({"erased": yes, **asdict(told)})
    else:
        _say(told, done=yes)


def _say(told: Purged, *, done: bool) -> None:
    for place, found in told.places.items():
        files = f" in {count(found['files'], 'file')}" if found["files"] else ""
        what = "file" if place in ("exports", "requests and logs") else "row"
        say(f"{place:<36}{count(found['rows'], what)}{files if what == 'row' else ''}")
    for file in told.exports:
        say(f"{'removed' if done else 'would be removed'}: {file}, with its manifest")
    for one in told.sent:
        complain(f"{one} told others of this person: they have to be asked to erase as well")
    for one in told.activations:
        complain(f"{one} sent this person, who is there until it runs again: `segments activate` takes them back")
    for file in told.left:
        complain(f"{file} still names this person: look at it, and edit or remove it by hand")
    say("erased for good" if done else "nothing is removed yet: --yes does it, and it cannot be undone")


COMMANDS = {"erase": erase}
