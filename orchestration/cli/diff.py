"""`segments diff`: what an edit does before it lands.

Not here: computing it (`orchestration/questions/diff.py`), and Markdown (`orchestration/questions/diff_markdown.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestration.cli.tables import moment_text, show
from orchestration.cli.words import (
    Failed,
    complain,
    moment_of,
    print_json,
    progress,
    say,
    settings_for,
    shown_problem,
    with_json,
    with_segments,
)
from orchestration.settings import Settings
from segmentation.language.folder import Folder
from segmentation.language.problems import did_you_mean

if TYPE_CHECKING:
    from orchestration.questions.difference import Difference
    from orchestration.questions.moves import Flow
    from orchestration.questions.revisions import Revision

PEOPLE = 10
PUBLISHED = "what the last run calculated"


@click.command()
@click.argument("name", required=False)
@click.option("--changed", is_flag=True, help="All segments that differ from where the branch left --against.")
@click.option("--against", metavar="REF", help="A branch, tag or commit (default: what the last run calculated).")
@click.option("--as-of", metavar="MOMENT", help="Compare at this moment (default: that of the last run).")
@click.option(
    "--users", type=click.IntRange(min=0), metavar="N",
    help=f"Name N of those who move, with reasons (default: {PEOPLE}; none with --changed or --markdown).",
)  # fmt: skip
@click.option("--markdown", "as_markdown", is_flag=True, help="Write Markdown, for a comment or a summary.")
@with_segments
@with_json
def diff(
    name: str | None,
    changed: bool,
    against: str | None,
    as_of: str | None,
    users: int | None,
    as_markdown: bool,
    segments: Path | None,
    as_json: bool,
) -> None:
    """Show what an edit does before it lands: who enters, leaves and stays, and why.

    The old and the new rule are computed on the same data at the same moment. Segments that read it, messages that are
    to be sent and destinations of `activate` are listed with it. Nothing is changed by asking.
    """
    if (name is None) is not changed:
        raise click.UsageError("expected the name of a segment, or --changed")
    if changed and against is None:
        raise click.UsageError("--changed needs --against: the branch that this one is to land on")
    if as_json and as_markdown:
        raise click.UsageError("expected --json or --markdown, found both")
    from orchestration.published import NothingPublished
    from orchestration.questions import changed as edited
    from orchestration.questions.diff import differences
    from orchestration.questions.revisions import base_of, revision_of
    from segmentation.language.folder import load_folder

    settings = settings_for(segments)
    moment = moment_of(as_of, settings) if as_of else None
    new = load_folder(settings.segments)
    revision = None
    if against is not None:
        revision = (base_of if changed else revision_of)(settings.segments, against)
    old = revision.folder() if revision else None
    if name is not None:
        names = [name]
    else:
        assert revision is not None
        names = edited.changed_segments(settings.segments, revision, new)
    problems = _problems(new, names)
    for problem in problems:
        complain(problem)
    if name is not None and problems:
        raise Failed
    asked = [one for one in names if one not in new.broken]
    people = users if users is not None else 0 if changed or as_markdown else PEOPLE
    try:
        with progress("comparing"):
            at, found = differences(settings, asked, old, new, as_of=moment, people=people)
    except NothingPublished as error:
        complain(f"{error}, or compare with a commit by --against")
        raise Failed from None
    lists = edited.changed_lists(settings.segments, revision, new) if revision else {}
    found = [replace(one, notes=(*one.notes, lists[one.segment])) if one.segment in lists else one for one in found]
    if name is not None and found[0].old is None and found[0].new is None:
        known = sorted({*new.definitions, *(old.definitions if old else ())})
        complain(f"there is no segment {name!r}, neither in {settings.segments} nor in {_told(revision)}"
                 f"{did_you_mean(name, known)}")  # fmt: skip
        raise Failed
    if as_json:
        print_json(_as_json(found, revision, at, problems, only=name is not None))
    elif as_markdown:
        from orchestration.questions import diff_markdown

        shown = moment_text(at, settings.zone) if at else None
        say(diff_markdown.as_markdown(found, _told(revision), shown, problems).rstrip("\n"))
    else:
        _show(found, revision, at, settings)
    if problems:
        raise Failed


def _problems(folder: Folder, names: Sequence[str]) -> list[str]:
    return [shown_problem(str(one)) for one in folder.problems if Path(one.file).stem in names]


def _told(revision: Revision | None) -> str:
    return f"{revision.ref} ({revision.commit[:7]})" if revision else PUBLISHED


# ---------------------------------------------------------------- for machines


def _as_json(
    found: Sequence[Difference], revision: Revision | None, at: datetime | None, problems: Sequence[str], *, only: bool
) -> dict[str, Any]:
    head = {
        "against": {"ref": revision.ref, "commit": revision.commit} if revision else None,
        "as_of": at,
    }
    if only:
        return {**head, **_one_as_json(found[0])}
    return {**head, "problems": list(problems), "segments": [_one_as_json(one) for one in found]}


def _one_as_json(one: Difference) -> dict[str, Any]:
    told = asdict(one)
    flow, data, people, readers = (told.pop(word) for word in ("flow", "data", "people", "readers"))
    return {
        **told,
        "dependants": readers,
        "users": people,
        **(flow or dict.fromkeys(("before", "after", "entering", "leaving", "staying"))),
        "data": {"only_recorded": data[0], "only_by_old_rule": data[1]} if data else None,
        "messages": [{"segment": segment, **asdict(message)} for segment, message in one.messages],
    }


# ---------------------------------------------------------------- for people


def _show(found: Sequence[Difference], revision: Revision | None, at: datetime | None, settings: Settings) -> None:
    when = f"as of {moment_text(at, settings.zone)}" if at else "nothing is calculated here, so in words alone"
    say(f"Compared with {_told(revision)}, {when}")
    for one in found:
        _show_one(one)
    if not found:
        say("\nNo segment differs.")


def _show_one(one: Difference) -> None:
    from rich.markup import escape

    from orchestration.questions.diff_markdown import (
        CHANGES,
        because,
        data_in_words,
        destination_in_words,
        edit_in_words,
        whys_in_words,
    )

    show(f"\n[bold]{one.segment}[/] · {escape(CHANGES[one.change])}")
    for word, side in (("was", one.old), ("is", one.new)):
        if side is not None and not (word == "was" and one.new is not None and one.new.words == side.words):
            say(click.wrap_text(f"{word:<4}{side.words}", width=110, subsequent_indent="    "))
    if one.flow is not None:
        say()
        show(_flows([("users", one.flow, None)]))
    elif one.uncounted:
        say(f"\nnot counted: {one.uncounted}")
    _part("Conditions", [edit_in_words(edit, _quoted) for edit in one.edits])
    _part("Beside the rule", one.beside)
    _part("Why", list(whys_in_words(one.why, _quoted)))
    if one.data is not None and any(one.data):
        _part("Beside the edit", [data_in_words(*one.data)])
    if one.readers:
        say("\nRead by\n")
        show(_flows([(reader.segment, reader.flow, _reading(reader.is_direct, reader.note)) for reader in one.readers]))
    _part("Messages to be sent", [
        f"{message.title or message.message_id} ({message.status}) uses {segment}" for segment, message in one.messages
    ])  # fmt: skip
    goes = [*((one.segment, where) for where in one.destinations),
            *((reader.segment, where) for reader in one.readers for where in reader.destinations)]  # fmt: skip
    _part("Leaves the house", [f"{segment} to {destination_in_words(where)}" for segment, where in goes])
    _part("Some of them", [
        f"{person.user_id} {'enters' if person.enters else 'leaves'}"
        + (f": {because(person.because, _quoted)}" if person.because else "")
        for person in one.people
    ])  # fmt: skip
    _part("To know", one.notes)


def _reading(is_direct: bool, note: str | None) -> str:
    return ", ".join(filter(None, ("" if is_direct else "through others", note)))


def _part(title: str, lines: Sequence[str]) -> None:
    if lines:
        say(f"\n{title}")
        for line in lines:
            say(click.wrap_text(line, width=110, initial_indent="  ", subsequent_indent="    "))


def _flows(rows: Sequence[tuple[str, Flow | None, str | None]]) -> Any:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("")
    for column in ("before", "after", "entering", "leaving", "staying"):
        table.add_column(column, justify="right")
    if any(note for *_, note in rows):
        table.add_column("")
    for name, flow, note in rows:
        numbers = asdict(flow).values() if flow is not None else ()
        table.add_row(name, *([f"{n:,}" for n in numbers] or ["–"] * 5), *([escape(note)] if note else []))
    return table


def _quoted(text: str) -> str:
    return f'"{text}"'


COMMANDS = {"diff": diff}
