"""`segments evaluate`: who is a member, for one folder of definitions over one landing folder at one moment.

Not here: the evaluation (`orchestration/evaluation.py`).
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestration.cli.tables import count, duration
from orchestration.cli.words import (
    FOLDER,
    Failed,
    complain,
    moment_of,
    print_json,
    progress,
    say,
    settings_for,
    with_json,
)
from segmentation.clock import utc_text

if TYPE_CHECKING:
    from orchestration.evaluation import Evaluation


@click.command()
@click.option("--segments", type=FOLDER, required=True, metavar="DIR", help="Folder of definitions.")
@click.option("--data", required=True, metavar="DIR", help="Landing folder or URL.")
@click.option("--as-of", required=True, metavar="T", help="The moment: 2026-01-15T00:00:00Z, or a local date.")
@click.option("--out", type=FOLDER, required=True, metavar="FILE", help="Where members go: .csv or .parquet.")
@click.option("--timezone", metavar="ZONE", help="Zone of the workspace (default: SEGMENTS_TIMEZONE, else UTC).")
@click.option("--timings", type=FOLDER, metavar="FILE", help="Where seconds per stage go, as JSON.")
@with_json
def evaluate(
    segments: Path, data: str, as_of: str, out: Path, timezone: str | None, timings: Path | None, as_json: bool
) -> None:
    """Write who is a member of every definition in a folder.

    Calculates in a throw-away warehouse; the workspace is neither read nor changed. One bad definition refuses the
    folder.
    """
    from segmentation.language.folder import load_folder

    settings = replace(settings_for(segments, timezone), landing=data)
    moment = moment_of(as_of, settings)
    if out.is_dir():
        raise click.BadParameter(f"{out} is a folder, expected a file", param_hint="--out")
    folder = load_folder(segments)
    for problem in folder.problems:
        complain(str(problem))
    if folder.problems:
        raise Failed

    from orchestration import evaluation

    with progress(f"evaluating {count(len(folder.definitions), 'segment')}") as shown:
        done = evaluation.evaluate(folder, settings, moment, out, on_node=shown.node)
    if timings:
        _write_timings(timings, done)
    if as_json:
        print_json({"out": str(out), "as_of": utc_text(moment), "members": done.members, **_timings(done),
                    "failed": done.failed, "insufficient_data": done.insufficient})  # fmt: skip
    else:
        rows = sum(done.members.values())
        say(
            f"{count(len(done.members), 'segment')}, {count(rows, 'row')} in {out} "
            f"as of {utc_text(moment)}, {duration(done.seconds['total'])}"
        )
    for name, reason in sorted(done.insufficient.items()):
        complain(f"{name} is empty: {reason}")
    for name, reason in sorted(done.failed.items()):
        complain(f"{name}: {reason}")
    if done.failed:
        raise Failed


def _timings(done: Evaluation) -> dict[str, object]:
    seconds = {stage: round(value, 3) for stage, value in done.seconds.items()}
    return {**seconds, "rows_in": done.rows_in, "members_out": sum(done.members.values())}


def _write_timings(file: Path, done: Evaluation) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(_timings(done), indent=2) + "\n", encoding="utf-8")


COMMANDS = {"evaluate": evaluate}
