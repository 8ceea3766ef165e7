"""`segments members`: what runs recorded of a segment.

Not here: where it is read (`orchestration/history`).
"""

from __future__ import annotations

from pathlib import Path

import click

from orchestration.cli.tables import count, moment_text
from orchestration.cli.words import FOLDER, complain, moment_of, print_json, say, settings_for, utc_text, with_json


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
        raise click.BadParameter(
            f"found {out.name!r}, expected a name that ends with .csv or .parquet", None, None, "out"
        )
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


COMMANDS = {"members": members}
