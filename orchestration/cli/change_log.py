"""`segments changes`: what people did to segments, oldest first. The last of it is also part of `segments show`.

Not here: writing the log (`orchestration/changes.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from orchestration.changes import Change, read
from orchestration.cli.tables import change_table, count, show
from orchestration.cli.words import print_json, say, settings_for, with_json, with_segments
from orchestration.settings import Settings
from segmentation.language.problems import unknown_segment

SHOWN = 5  # of one segment; `segments changes NAME` has all


def changes_of(settings: Settings, name: str) -> tuple[Change, ...]:
    """All that was done to a segment, oldest first; making a copy of it is done to the copy."""
    return tuple(one for one in read(settings.home) if one.segment == name)


def show_last(changes: Sequence[Change], name: str, settings: Settings) -> None:
    """The last changes of a segment, for people."""
    if not changes:
        return
    say("\nLast changes\n")
    show(change_table(changes[-SHOWN:], settings.zone, with_segment=False))
    if len(changes) > SHOWN:
        say(f"{count(len(changes) - SHOWN, 'earlier change')}: `segments changes {name}`")


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@with_segments
@with_json
def changes(names: tuple[str, ...], segments: Path | None, as_json: bool) -> None:
    """Tell what people did to segments by command or in Dagster: who, when, and what, oldest first.

    Files that were edited, moved or removed by hand leave no line here; version control knows of those.
    """
    settings = settings_for(segments)
    found = read(settings.home)
    _refuse_unknown(names, found, settings)
    chosen = [one for one in found if not names or one.segment in names]
    if as_json:
        print_json([asdict(one) for one in chosen])
        return
    if chosen:
        show(change_table(chosen, settings.zone))
        say()
    say(count(len(chosen), "change"))


def _refuse_unknown(names: Sequence[str], found: Sequence[Change], settings: Settings) -> None:
    """Raises ValueError for a name that neither the log nor the folder has."""
    logged = {one.segment for one in found}
    if set(names) <= logged:
        return
    from orchestration.segment_folder import segments_of

    folder = segments_of(settings)
    known = {*logged, *folder.definitions, *folder.broken}
    for name in names:
        if name not in known:
            raise ValueError(unknown_segment(name, known))


COMMANDS = {"changes": changes}
