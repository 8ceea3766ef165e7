"""`segments activate` and `segments activations`: members to where a file says they go, and what came of it so far.

Not here: sending (`orchestration/activation`), and what sends by itself (`orchestration/sensors/activations.py`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestration.cli.activation_tables import activation_table, listed, outcome_table, quiet_gates
from orchestration.cli.named import folder_with
from orchestration.cli.tables import count, duration, moment_text, show
from orchestration.cli.words import (
    Failed,
    complain,
    print_json,
    progress,
    say,
    settings_for,
    wall_clock,
    with_json,
    with_segments,
)
from segmentation.language.words import ALSO

if TYPE_CHECKING:
    from orchestration.activation.named import Activation
    from orchestration.activation.wish import Outcome, Wish
    from orchestration.settings import Settings


@click.command()
@click.argument("name")
@click.option("--to", metavar="ACTIVATION", help="Only this one, by its name in `segments activations NAME`.")
@click.option("--send", is_flag=True, help="Send. Without it, it is only said what would be sent.")
@click.option("--override", "why", metavar="REASON", help="Let members leave although a gate is closed.")
@click.option("--by", metavar="WHO", help="Who asks for it (default: your user name).")
@click.option("--also", multiple=True, type=click.Choice(ALSO), help="Send also what came by this cause.")
@click.option("--withdraw", is_flag=True, help="Take back all that was sent.")
@click.option("--replace", is_flag=True, help="Start anew, at a destination that can.")
@with_segments
@with_json
def activate(
    name: str,
    to: str | None,
    send: bool,
    why: str | None,
    by: str | None,
    also: tuple[str, ...],
    withdraw: bool,
    replace: bool,
    segments: Path | None,
    as_json: bool,
) -> None:
    """Send the members of a segment to where its file says they go (`activate`); a dry run unless --send.

    Whether anything may leave is the environment's word: SEGMENTS_SEND lists the destinations that may be sent to. A
    closed gate sends nothing and leaves there what was sent before.
    """
    if withdraw and replace:
        raise click.UsageError("expected either --withdraw or --replace")
    from orchestration.activation.chosen import require_allowed
    from orchestration.activation.wish import Wish
    from orchestration.changes import whoever_runs_this
    from orchestration.gates.results import Override

    settings, who = settings_for(segments), by or whoever_runs_this()
    try:
        override = Override(who, why) if why is not None else None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    activations = _wanted(settings, name, to, withdraw=withdraw)
    if send:
        require_allowed(activations, os.environ)
    outcomes: list[tuple[Activation, Outcome]] = []
    with progress("starting") as shown:
        for one in activations:
            wish = Wish(
                at=wall_clock(),
                by=who,
                send=send,
                override=override,
                causes=also,  # type: ignore[arg-type]  # click lets no other word in
                withdraw=withdraw,
                replace=replace,
                doing=lambda what, stream=one.stream: shown.doing(f"{stream}: {what}"),  # type: ignore[misc]
            )
            outcomes.append((one, _performed(settings, one, wish)))
    _tell(outcomes, shown.seconds, as_json)


def _wanted(settings: Settings, name: str, to: str | None, *, withdraw: bool) -> Sequence[Activation]:
    """The activations of a segment; of those that are in no file any more what is left can be taken back."""
    from orchestration.activation.chosen import chosen
    from orchestration.activation.recorded import as_it_was, calls, in_files, left_behind
    from orchestration.segment_folder import segments_of

    if withdraw:
        folder = segments_of(settings)
        present, _ = in_files(folder)
        found = [as_it_was(one) for one in left_behind(present, calls(settings), folder.broken)]
        found = [one for one in found if one.segment == name and to in (None, one.name)]
        if found and (to is not None or name not in folder.definitions):
            return found
        if found:
            return [*found, *(one for one in present if one.segment == name)]
    return chosen(folder_with([name], settings).definitions[name], to)


def _performed(settings: Settings, activation: Activation, wish: Wish) -> Outcome:
    """What became of one, so that another one of the segment has its turn; what nobody foresaw ends the command."""
    from connectors.errors import ConnectorError
    from orchestration.activation.run import activate
    from orchestration.activation.wish import Outcome
    from orchestration.warehouse import WarehouseBusy

    try:
        return activate(settings, activation, wish)
    except (ConnectorError, WarehouseBusy, ValueError) as error:
        return Outcome("failed", " ".join(str(error).split()), {})


def _tell(outcomes: Sequence[tuple[Activation, Outcome]], seconds: float, as_json: bool) -> None:
    if as_json:
        print_json([_plain(activation, outcome) for activation, outcome in outcomes])
    else:
        show(outcome_table(outcomes))
        for activation, outcome in outcomes:
            if outcome.ending not in ("closed", "failed"):
                say(f"\n{activation.stream}: {_short(activation, outcome)}")
            for sentence in (*quiet_gates(outcome.gates), *outcome.details.get("remarks", ())):
                say(f"  {sentence}")
        say(f"\n{count(len(outcomes), 'activation')}, {duration(seconds)}")
    bad = [(activation, outcome) for activation, outcome in outcomes if outcome.ending in ("closed", "failed")]
    for activation, outcome in bad:
        complain(f"{activation.stream}: {_short(activation, outcome)}")
    if bad:
        raise Failed


def _short(activation: Activation, outcome: Outcome) -> str:
    """The sentence without the segment's name, which stands before it."""
    return outcome.said.removeprefix(f"{activation.segment}: ")


def _plain(activation: Activation, outcome: Outcome) -> dict[str, object]:
    return {
        "segment": activation.segment,
        "activation": activation.name,
        "to": activation.to,
        "place": activation.place,
        "ending": outcome.ending,
        "said": outcome.said,
        "counts": dict(outcome.counts),
        "gates": [one.told() for one in outcome.gates],
        "details": dict(outcome.details),
    }


@click.command()
@click.argument("name", required=False)
@with_segments
@with_json
def activations(name: str | None, segments: Path | None, as_json: bool) -> None:
    """List where members of segments go, when, and what the last call came to.

    What was sent and is in no file any more is listed as well: it stays there until somebody takes it back.
    """
    settings, now = settings_for(segments), wall_clock()
    with progress("reading the warehouse"):
        from orchestration.activation.due import next_due
        from orchestration.activation.recorded import calls, in_files, left_behind
        from orchestration.segment_folder import segments_of
        from segmentation.clock import Clock

        folder, known = segments_of(settings), calls(settings)
    present, errors = in_files(folder)
    behind = left_behind(present, known, folder.broken)
    if name is not None:
        present = [one for one in present if one.segment == name]
        behind = [one for one in behind if one.segment == name]
        errors = {segment: why for segment, why in errors.items() if segment == name}
        if not present and not behind and not errors:
            folder_with([name], settings)
    clock = Clock(now, settings.zone)
    due = {one.stream: None if folder.definitions[one.segment].paused else next_due(one, clock) for one in present}
    if as_json:
        found = [{**listed(one, known.last.get(one.stream)), "next": due[one.stream]} for one in present]
        print_json({"activations": found, "left_behind": [vars(one) for one in behind], "errors": errors})
    else:
        if present:
            show(activation_table(present, known, due, settings.zone))
            say()
        say(count(len(present), "activation"))
        for one in behind:
            say(
                f"{one.stream} is in no file any more, and what was sent stays at {one.to} {one.place} (last sent"
                f" {moment_text(one.at.replace(microsecond=0), settings.zone)}); `segments activate {one.segment} --to"
                f" {one.activation} --withdraw --send` takes it back"
            )
    for segment, why in errors.items():
        complain(f"{segment}: {why}")
    if errors:
        raise Failed


COMMANDS = {"activate": activate, "activations": activations}
