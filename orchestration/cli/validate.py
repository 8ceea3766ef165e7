"""`segments validate`: are the definitions of a folder right?

Not here: what is right (`segmentation/language`).
"""

from __future__ import annotations

from pathlib import Path

import click

from orchestration.cli.tables import count
from orchestration.cli.words import FOLDER, Failed, complain, print_json, say, shown_path, with_json


@click.command()
@click.argument("folder", type=FOLDER, required=False, metavar="[DIR]")
@with_json
def validate(folder: Path | None, as_json: bool) -> None:
    """Check the definitions in DIR (default: segments/).

    Each error is one line on stderr: FILE:LINE: what was found, what was expected.
    """
    from orchestration.activation.places import shared, two_ways
    from orchestration.lists.paths import missing_lists
    from orchestration.settings import default_segments
    from segmentation.language.folder import load_folder

    folder = folder or shown_path(default_segments())
    checked = load_folder(folder)
    for warning in sorted([*checked.warnings, *shared(checked)]):
        complain(f"{warning.file}:{warning.line}: warning: {warning.message}")
    missing = missing_lists(checked)
    problems = sorted([*checked.problems, *missing, *two_ways(checked)])
    for problem in problems:
        complain(str(problem))
    if as_json:
        print_json([one._asdict() for one in problems])
    elif problems:
        files = len({one.file for one in problems})
        bad = {one.file for one in problems}
        good = sum(one.file not in bad for one in checked.definitions.values())
        say(f"{count(len(problems), 'error')} in {count(files, 'file')}; {_valid(good)}")
    elif not checked.definitions:
        say(f"no segment files (*.yml) in {folder}")
    else:
        say(_valid(len(checked.definitions)))
    if problems:
        raise Failed


def _valid(number: int) -> str:
    return f"{count(number, 'segment')} {'is' if number == 1 else 'are'} valid"


COMMANDS = {"validate": validate}
