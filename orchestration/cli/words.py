"""What the commands share: their common options, and how they speak on stdout and stderr.

Stdout carries the result, or with --json that and nothing else; everything said along the way goes to stderr.
Not here: tables (`tables.py`).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orchestration.settings import Settings, read_settings
from segmentation.clock import parse_as_of, parse_zone, utc_text

if TYPE_CHECKING:
    from segmentation.language.export_places import Url

Command = TypeVar("Command", bound=Callable[..., Any])
TESTS = ("accepted_values_", "assert_", "not_null_", "relationships_", "unique_")  # how names of dbt tests begin
FOLDER = click.Path(path_type=Path)


class Failed(click.ClickException):
    """Ends a command with exit code 1 after everything has been said."""

    def __init__(self) -> None:
        super().__init__("")

    def show(self, file: Any = None) -> None:
        """Nothing: the sentences are on stderr already."""


def complain(sentence: str) -> None:
    """One sentence on stderr."""
    click.echo(sentence, err=True)


def say(sentence: str = "") -> None:
    """One line of the result."""
    click.echo(sentence)


def print_json(value: object) -> None:
    """The result for machines: ISO dates, UTC instants that end in Z."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def with_debug(command: Command) -> Command:
    """The option --debug, which people add at the end of what they just typed."""

    def remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            ctx.meta["debug"] = True

    option = click.option(
        "--debug", is_flag=True, expose_value=False, callback=remember, help="Show where an error comes from."
    )
    return option(command)


def with_json(command: Command) -> Command:
    """The options --json and --debug, last in the list."""
    option = click.option("--json", "as_json", is_flag=True, help="The result as JSON on stdout, and nothing else.")
    return option(with_debug(command))


def with_segments(command: Command) -> Command:
    """The option --segments: the folder of definitions."""
    option = click.option(
        "--segments", type=FOLDER, metavar="DIR", help="Folder of definitions (default: segments/ here)."
    )
    return option(command)


def shown_path(path: Path) -> Path:
    """A path as short as it can be said from here."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


def shown_place(place: Path | Url) -> str:
    """The same for what may be the URL of something elsewhere."""
    return str(shown_path(place) if isinstance(place, Path) else place)


def shown_problem(problem: str) -> str:
    """A problem `FILE:LINE: ...` with the path as short as it can be said from here."""
    return problem.removeprefix(f"{Path.cwd()}/")


def settings_for(segments: Path | None = None, timezone: str | None = None) -> Settings:
    """Settings of the environment, with a folder or a zone named on the command line in their place."""
    if timezone is None:
        return read_settings(segments)
    try:
        zone = parse_zone(timezone)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--timezone") from None
    return replace(read_settings(segments, {**os.environ, "SEGMENTS_TIMEZONE": ""}), zone=zone)


def moment_of(text: str, settings: Settings) -> datetime:
    """The moment behind --as-of; anything else is wrong usage."""
    try:
        return parse_as_of(text, settings.zone)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--as-of") from None


def wall_clock() -> datetime:
    """Now, read once by a command that was given no moment; everything after it counts from that."""
    return datetime.now(UTC)


class Day(click.ParamType):
    """A date such as 2026-01-15."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The date of a text."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"found {value!r}, expected a day such as 2026-01-15", param, ctx)


class Progress:
    """A line on stderr that says what is going on: alive on a terminal, silent elsewhere."""

    def __init__(self, status: Any = None) -> None:
        self._status = status
        self._began = time.monotonic()
        self._steps = 0
        self._what = self._last = ""

    def doing(self, what: str) -> None:
        """Begins something else."""
        self._what, self._steps = what, 0
        self._show(what)

    def node(self, built: Any) -> None:
        """One model or test is finished; tests are counted, their long names are not shown."""
        self._steps += 1
        if not built.name.startswith(TESTS):
            self._last = built.name
        self._show(f"{self._what} [dim]{self._steps} steps, last {self._last}[/]")

    def days(self, done: int, total: int) -> None:
        """Some of many days are finished."""
        self._show(f"{self._what} [dim]day {done} of {total}[/]")

    def waiting(self) -> None:
        """Somebody else is recalculating; this is said on a terminal or not."""
        complain("another recalculation is under way; waiting for it")

    def _show(self, text: str) -> None:
        if self._status is not None:
            self._status.update(text)

    @property
    def seconds(self) -> float:
        """Since the command began."""
        return time.monotonic() - self._began


@contextmanager
def progress(first: str) -> Iterator[Progress]:
    """Shows a Progress while a command works."""
    if not sys.stderr.isatty():
        yield Progress()
        return
    from rich.console import Console

    with Console(stderr=True).status(first) as status:
        shown = Progress(status)
        shown.doing(first)
        yield shown
