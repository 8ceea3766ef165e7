"""`segments clone`, `pause`, `resume`, `pin`, `unpin`, `delete` and `reopen`.

Not here: what they do (`orchestration/lifecycle`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

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

if TYPE_CHECKING:
    from orchestration.lifecycle import Done


def with_by(command: Command) -> Command:
    """The option --by: who the log says it was."""
    return click.option("--by", metavar="WHO", help="Who asks for it (default: your user name).")(command)


@click.command()
@click.argument("name")
@click.argument("new")
@click.option("--title", help="Title of the copy (default: `Copy of ...`, if there is one to copy).")
@with_by
@with_segments
@with_json
def clone(name: str, new: str, title: str | None, by: str | None, segments: Path | None, as_json: bool) -> None:
    """Write the file of a segment NEW with the rule of NAME.

    Its text is that of NAME, comments and order included. Whoever asks is its owner, today its first day; it is not
    pinned, and what NAME sends (`activate`) is left out.
    """
    from orchestration import lifecycle

    settings = settings_for(segments)
    _do(lambda: lifecycle.clone(settings, name, new, _who(by), wall_clock(), title), as_json)


def _on_one(action: str, summary: str) -> click.Command:
    """The command of an action that needs no more than a name."""

    @click.command(action, help=summary)
    @click.argument("name")
    @with_by
    @with_segments
    @with_json
    def command(name: str, by: str | None, segments: Path | None, as_json: bool) -> None:
        from orchestration import lifecycle

        settings = settings_for(segments)
        act: Callable[..., Done] = getattr(lifecycle, action)
        _do(lambda: act(settings, name, _who(by), wall_clock()), as_json)

    return command


def _who(by: str | None) -> str:
    from orchestration.changes import whoever_runs_this

    return by or whoever_runs_this()


def _do(act: Callable[[], Done], as_json: bool) -> None:
    """Shows what came of it, or says why it was not done."""
    from orchestration.lifecycle import InUse

    try:
        done = act()
    except ValueError as error:
        if as_json and isinstance(error, InUse):
            print_json({"segment": error.segment, "deleted": False, **asdict(error.usage)})
        for sentence in str(error).splitlines():
            complain(shown_problem(sentence))
        raise Failed from None
    if as_json:
        print_json(done.as_json())
    else:
        for sentence in done.told:
            say(sentence)


COMMANDS = {
    "clone": clone,
    "pause": _on_one(
        "pause",
        "Take a segment out of all schedules.\n\nIt keeps its members as they are, and whoever reads it goes on with"
        " them. Writes `paused: true` into its file.",
    ),
    "resume": _on_one("resume", "Take a pause back; the next run that the segment is due for calculates it."),
    "pin": _on_one(
        "pin",
        "Mark a segment as ready to use.\n\nIt is shown to marketers from the first local midnight after the next run."
        " Writes `ready_to_use: true` into its file.",
    ),
    "unpin": _on_one("unpin", "Take the mark off; shown until the first local midnight after the next run."),
    "delete": _on_one(
        "delete",
        "Delete a segment, which `reopen` takes back.\n\nIts file moves to `deleted/`, and its members leave with the"
        " next run. Refused while a message that is not sent yet uses it, or a segment that is not paused reads it.",
    ),
    "reopen": _on_one("reopen", "Bring a deleted segment back; the next run calculates it."),
}
