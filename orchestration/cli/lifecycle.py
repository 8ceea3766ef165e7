"""`segments delete` and `segments reopen`.

Not here: what they do (`orchestration/lifecycle.py`).
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from orchestration.cli.tables import count
from orchestration.cli.words import (
    Command,
    Failed,
    complain,
    print_json,
    say,
    settings_for,
    shown_problem,
    wall_clock,
    with_json,
    with_segments,
)


def with_by(command: Command) -> Command:
    """The option --by: who the log says it was."""
    return click.option("--by", metavar="WHO", help="Who asks for it (default: your user name).")(command)


@click.command()
@click.argument("name")
@with_by
@with_segments
@with_json
def delete(name: str, by: str | None, segments: Path | None, as_json: bool) -> None:
    """Delete a segment, which `reopen` takes back.

    Its file moves to `deleted/`, and its members leave with the next run. Refused while a message that is not sent yet
    uses it, or a segment that is not paused reads it.
    """
    from orchestration import changes, lifecycle

    settings = settings_for(segments)
    try:
        change, usage = lifecycle.delete(settings, name, by or changes.whoever_runs_this(), wall_clock())
    except lifecycle.InUse as error:
        if as_json:
            print_json({"segment": name, "deleted": False, **asdict(error.usage)})
        for sentence in str(error).splitlines():
            complain(sentence)
        raise Failed from None
    if as_json:
        print_json({"deleted": True, **asdict(usage), **asdict(change)})
        return
    say(f"{name} is deleted: its file is now {change.file}, and its members leave with the next run")
    if usage.paused_readers:
        readers = count(len(usage.paused_readers), "paused segment")
        say(f"{readers} cannot be calculated again before it is back: {', '.join(usage.paused_readers)}")


@click.command()
@click.argument("name")
@with_by
@with_segments
@with_json
def reopen(name: str, by: str | None, segments: Path | None, as_json: bool) -> None:
    """Bring a deleted segment back; the next run calculates it."""
    from orchestration import changes, lifecycle

    settings = settings_for(segments)
    try:
        change = lifecycle.reopen(settings, name, by or changes.whoever_runs_this(), wall_clock())
    except ValueError as error:
        for sentence in str(error).splitlines():
            complain(shown_problem(sentence))
        raise Failed from None
    if as_json:
        print_json(asdict(change))
    else:
        say(f"{name} is back: its file is {change.file} again, and the next run calculates it")


COMMANDS = {"delete": delete, "reopen": reopen}
