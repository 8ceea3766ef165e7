"""`segments export`: the members of a segment as a file, and whether a file is still what was exported.

Not here: how files are written and checked (`orchestration/exports`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestration.cli.tables import count, duration
from orchestration.cli.words import (
    Failed,
    complain,
    print_json,
    progress,
    say,
    settings_for,
    shown_place,
    wall_clock,
    with_json,
)
from orchestration.exports.words import DELIMITERS
from orchestration.exports.words import FOLDER as DEFAULT_FOLDER
from segmentation.language.words import CHANNELS, FORMATS

if TYPE_CHECKING:
    from orchestration.exports.write import Export
    from segmentation.language.export_places import Place


@click.command()
@click.argument("name", required=False)
@click.option("--format", "format_", type=click.Choice(FORMATS), default="csv", show_default=True, help="Of the file.")
@click.option("--fields", metavar="A,B", help="Columns in their order (default: external_id).")
@click.option(
    "--into", metavar="DIR", help="Folder, s3://bucket/prefix or sftp://host/path (default: exports in SEGMENTS_HOME)."
)
@click.option("--channel", type=click.Choice(CHANNELS), help="Leave out who is blacklisted there (default: anywhere).")
@click.option("--delta", is_flag=True, help="Only what changed since the last export of these fields to this place.")
@click.option(
    "--as",
    "shape",
    type=click.Choice(("rows", "list")),
    default="rows",
    help="list: one identifier, as the file of a list segment.",
)
@click.option("--delimiter", type=click.Choice(tuple(DELIMITERS)), default="comma", show_default=True, help="Of CSV.")
@click.option("--bom", is_flag=True, help="Begin a CSV with a byte order mark, for Excel.")
@click.option("--override", "why", metavar="REASON", help="Let members out although a gate is closed.")
@click.option("--by", metavar="NAME", help="Who does so (default: whoever runs this).")
@click.option("--verify", "checked", metavar="FILE", help="Check a file or manifest, also by its URL, instead.")
@with_json
def export(
    name: str | None,
    format_: str,
    fields: str | None,
    into: str | None,
    channel: str | None,
    delta: bool,
    shape: str,
    delimiter: str,
    bom: bool,
    why: str | None,
    by: str | None,
    checked: str | None,
    as_json: bool,
) -> None:
    """Write the members of a segment to a file, with a manifest beside it, and print their paths.

    Fields are those of users (external_id, email, msisdn, city, ...), attributes.NAME, tags, device_count,
    device_type, operating_system, device_model, and since. Blacklisted users are left out and counted. Nothing is
    written if a gate is closed (`segments gates NAME`).
    """
    if (name is None) == (checked is None):
        raise click.UsageError("expected either the NAME of a segment, or --verify FILE")
    if checked is not None:
        url = _place(checked, "--verify")
        _verify(Path(checked) if isinstance(url, Path) else url, as_json)
        return
    assert name is not None
    from orchestration.changes import whoever_runs_this
    from orchestration.exports.request import Request
    from orchestration.gates.results import Override
    from segmentation.language.export_fields import fields_of, parse_fields

    if by is not None and why is None:
        raise click.UsageError("--by says who overrides, and there is no --override")
    settings = settings_for()
    try:
        request = Request(
            name,
            _place(into, "--into") if into is not None else settings.home / DEFAULT_FOLDER,
            parse_fields(fields) if fields is not None else fields_of(["external_id"]),
            format_,  # type: ignore[arg-type]
            channel,
            delta,
            shape == "list",
            DELIMITERS[delimiter],
            bom,
            whoever_runs_this(),
        )
        override = None if why is None else Override(whoever_runs_this() if by is None else by, why)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    with progress("starting") as shown:
        from orchestration.exports.write import write_export

        done = write_export(
            settings, request, wall_clock(), doing=shown.doing, waiting=shown.waiting, override=override
        )
    for note in done.notes:
        complain(note)
    if as_json:
        print_json({"path": str(done.files[0]), "manifest": str(done.manifest), **done.told})
        return
    complain(f"{_summary(done)}, {duration(shown.seconds)}")
    for file in (*done.files, done.manifest):
        say(shown_place(file))


def _summary(done: Export) -> str:
    """`1,450 rows of win_back as of 2026-11-26T00:00:00Z, 3 blacklisted left out`."""
    told = done.told
    rows = count(told["rows"], "row")
    if told["changes"]:
        rows += f" ({told['changes']['added']:,} added, {told['changes']['removed']:,} removed)"
    left_out = ", ".join(f"{number:,} {why.replace('_', ' ')}" for why, number in told["dropped"].items() if number)
    return f"{rows} of {told['segment']} as of {told['as_of']}" + (f", left out: {left_out}" if left_out else "")


def _place(text: str, option: str) -> Place:
    from segmentation.language.export_places import place_of

    try:
        return place_of(text, Path.cwd())
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def _verify(place: Place, as_json: bool) -> None:
    from orchestration.exports.verify import verify

    settings = settings_for()
    with progress("reading the files"):
        found = verify(settings, place)
    if as_json:
        print_json(
            {
                "manifest": str(found.manifest),
                "agrees": not found.differences,
                "recorded": found.is_recorded,
                "differences": list(found.differences),
                "files": found.told["files"],
            }
        )
    elif not found.differences:
        files, rows = count(len(found.told["files"]), "file"), count(found.told["rows"], "row")
        where = "as its manifest and the warehouse say" if found.is_recorded else "as its manifest says"
        say(f"{shown_place(found.manifest)}: {files}, {rows}, {where}")
        if found.is_recorded is None:
            complain(f"not compared with a warehouse: there is none in {settings.home}")
    for difference in found.differences:
        complain(difference)
    if found.differences:
        raise Failed


COMMANDS = {"export": export}
