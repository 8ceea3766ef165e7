"""`segments test`: are the people in and out whom the tests of a segment file expect?

Not here: running the tests (`orchestration/segment_tests`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestration.cli.tables import count
from orchestration.cli.words import (
    Failed,
    complain,
    print_json,
    progress,
    say,
    settings_for,
    shown_path,
    with_json,
    with_segments,
)
from segmentation.clock import utc_text

if TYPE_CHECKING:
    from orchestration.segment_tests.run import Failure


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@with_segments
@with_json
def test(names: tuple[str, ...], segments: Path | None, as_json: bool) -> None:
    """Run the tests that stand in segment files: of the named segments, or of all.

    Each expectation that does not hold is one line on stderr: FILE:LINE: who is in or out, and what was expected.
    """
    from orchestration.settings import default_segments
    from segmentation.language.folder import load_folder
    from segmentation.language.problems import unknown_segment

    settings = settings_for(segments)
    folder = load_folder(segments or shown_path(default_segments()))
    known = {*folder.definitions, *folder.broken}
    for name in names:
        if name not in known:
            raise click.BadParameter(unknown_segment(name, known), param_hint="NAME")
    for warning in folder.warnings:
        if not names or Path(warning.file).stem in names:
            complain(f"{warning.file}:{warning.line}: warning: {warning.message}")
    for problem in folder.problems:
        complain(str(problem))

    from orchestration.segment_tests.run import run_tests

    with progress("testing") as shown:
        outcome = run_tests(
            folder, settings.zone, settings.events, names or None, lambda name: shown.doing(f"testing {name}")
        )
    for failure in outcome.failures:
        complain(_sentence(failure))
    if as_json:
        print_json(
            {
                "tests": outcome.tests,
                "segments": outcome.segments,
                "failed": outcome.failed,
                "failures": [{**vars(one), "message": _sentence(one)} for one in outcome.failures],
                "errors": [problem._asdict() for problem in folder.problems],
            }
        )
    elif outcome.tests:
        say(f"{count(outcome.tests, 'test')} of {count(outcome.segments, 'segment')}, {outcome.failed} failed")
    else:
        say(f"no tests in {count(len(names or known), 'segment')}")
    if folder.problems or outcome.failures:
        raise Failed


def _sentence(failure: Failure) -> str:
    where, moment = f"{failure.file}:{failure.line}", utc_text(failure.as_of)
    if failure.user is None:
        return f"{where}: {failure.segment} cannot be tested at {moment}: {failure.reason}"
    is_in = "is not in" if failure.expected == "in" else "is in"
    told = f"{where}: {failure.user} {is_in} {failure.segment} at {moment}, expected {failure.expected}"
    for word, conditions in (("true", failure.holds), ("not true", failure.fails)):
        if conditions:
            told += f"; {word}: {' | '.join(conditions)}"
    return told


COMMANDS = {"test": test}
