"""The group of all commands, and how whatever goes wrong is said.

Exit codes: 0 done, 1 something failed (one sentence each on stderr), 2 wrong usage. Not here: any command.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from typing import Any

import click

from orchestration.cli.words import Failed, complain

# Where a command lives; its module is imported when it is asked for.
COMMANDS = {
    "validate": "validate",
    "evaluate": "evaluate",
    "test": "test",
    "run": "runs",
    "refresh": "runs",
    "list": "catalogue",
    "show": "catalogue",
    "members": "history",
    "health": "health",
    "explain": "explain",
    "diff": "diff",
    "what-if": "what_if",
    "clone": "lifecycle",
    "pause": "lifecycle",
    "resume": "lifecycle",
    "pin": "lifecycle",
    "unpin": "lifecycle",
    "delete": "lifecycle",
    "reopen": "lifecycle",
    "changes": "change_log",
    "export": "export",
    "gates": "gates",
    "activate": "activate",
    "activations": "activate",
    "push": "push",
    "pushes": "push",
    "verify": "history",
    "erase": "erase",
    "pull": "pull",
    "webhooks": "webhooks",
    "sample": "workspace",
    "backfill": "past",
    "dev": "workspace",
}


# Errors whose message is one sentence for people.
EXPECTED = (
    ("connectors.errors", "ConnectorError"),
    ("orchestration.dbt_runner", "DbtFailed"),
    ("orchestration.launch", "RunFailed"),
    ("orchestration.published", "NothingPublished"),
    ("orchestration.warehouse", "WarehouseBusy"),
)


class Commands(click.Group):
    """Loads commands late, and turns errors into sentences."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of use, as `--help` shows them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of a name; None makes click say that there is none."""
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"orchestration.cli.{COMMANDS[name]}")
        commands: dict[str, click.Command] = module.COMMANDS
        return commands[name]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, with the nearest name in the message."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from segmentation.language.problems import did_you_mean

            told = f"there is no command {args[0]!r}{did_you_mean(args[0], COMMANDS)}"
            raise click.UsageError(told, ctx) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; an error becomes one sentence on stderr and exit code 1."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:
            raise  # somebody's `head` has seen enough; click knows what to do
        except Exception as error:
            if ctx.meta.get("debug"):
                traceback.print_exc()
            complain(_sentence(error))
            raise Failed from error


def _sentence(error: Exception) -> str:
    """What people read of an error; those that nobody foresaw say how to see more."""
    if _is_expected(error):
        return " ".join(str(error).split())
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror[0].lower()}{error.strerror[1:]}"
    told = " ".join(str(error).split())
    kind = type(error).__name__
    return f"unexpected error {kind}{f': {told}' if told else ''} (add --debug to see where)"


def _is_expected(error: Exception) -> bool:
    if isinstance(error, ValueError):  # settings, clock, landing area and folders say what is wrong with one
        return True
    # An error of a module that is not loaded cannot have happened, and loading some of them takes seconds.
    loaded = ((sys.modules[module], name) for module, name in EXPECTED if module in sys.modules)
    return any(isinstance(error, getattr(module, name)) for module, name in loaded)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--debug", is_flag=True, help="Show where an error comes from.")
@click.pass_context
def main(ctx: click.Context, debug: bool) -> None:
    """Customer segments: rules in YAML, members you can trust.

    Definitions are read from segments/, data from the landing area, and results go to the warehouse in SEGMENTS_HOME
    (default ./data of the checkout).
    """
    ctx.meta["debug"] = debug
