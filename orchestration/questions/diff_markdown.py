"""Differences as Markdown, for a comment on a branch or the summary of a job.

Whatever people wrote stands in code spans, where it can neither format anything nor call anybody. Ids of people are
left out unless they were asked for. Not here: the terminal (`cli/diff.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from orchestration.questions.difference import Destination, Difference, Edit, Reason, Why
from orchestration.questions.moves import Flow

Quote = Callable[[str], str]  # how text of people stands in a sentence

CHANGES = {
    "new": "new", "deleted": "deleted", "rule": "who is in", "beside": "beside the rule", "same": "nothing that counts",
}  # fmt: skip
ALL_SEGMENTS = "| segment | change | before | after | entering | leaving | staying |"
READERS = "| segment | before | after | entering | leaving | |"
MOST_REASONS = 10
NO_PEOPLE = (
    "No ids of people stand here, since this is no place for them; `segments diff NAME` names some on your own screen."
)


def as_markdown(found: Sequence[Difference], against: str, moment: str | None, problems: Sequence[str] = ()) -> str:
    """A heading, one table of all segments, and a part for each. `problems` are errors of files, one line each."""
    return "\n".join(_lines(found, against, moment, problems)) + "\n"


def _lines(found: Sequence[Difference], against: str, moment: str | None, problems: Sequence[str]) -> Iterator[str]:
    yield from ("## Segments that change", "")
    data = f"on the same data as of {moment}" if moment else "in words alone: nothing is calculated here"
    yield f"Compared with {code(against)}, {data}."
    if problems:
        yield from ("", "Files with errors:", "", *(f"- {code(problem)}" for problem in problems))
    if not found:
        yield from ("", "No segment differs." if not problems else "No other segment differs.")
        return
    yield from (
        "",
        "| segment | change | before | after | entering | leaving | staying |",
        f"|{' --- |' * 2}{' ---: |' * 5}",
    )
    for one in found:
        yield f"| {code(one.segment)} | {CHANGES[one.change]} | {' | '.join(_numbers(one.flow))} |"
    for one in found:
        yield from ("", *_one(one))
    if any(one.flow is not None for one in found) and not any(one.people for one in found):
        yield from ("", NO_PEOPLE)


def _one(one: Difference) -> Iterator[str]:
    yield from (f"### {code(one.segment)}", "")
    if one.old is not None and (one.new is None or one.old.words != one.new.words):
        yield f"- was: {code(one.old.words)}"
    if one.new is not None:
        yield f"- is: {code(one.new.words)}"
    yield from (f"- {edit_in_words(edit, code)}" for edit in one.edits)
    yield from (f"- beside the rule, {code(phrase)}" for phrase in one.beside)
    if one.uncounted:
        yield f"- not counted: {code(one.uncounted)}"
    yield from (f"- {note}" for note in one.notes)
    if one.data is not None and any(one.data):
        yield f"- {data_in_words(*one.data)}"
    if one.why:
        yield from ("", "Why:", "", *(f"- {line}" for line in whys_in_words(one.why, code)))
    if one.readers:
        yield from (
            "",
            "Read by:",
            "",
            "| segment | before | after | entering | leaving | |",
            f"| --- |{' ---: |' * 4} --- |",
        )
        for reader in one.readers:
            note = ", ".join(filter(None, ("" if reader.is_direct else "through others", reader.note)))
            yield f"| {code(reader.segment)} | {' | '.join(_numbers(reader.flow)[:4])} | {_in_table(note)} |"
    used = [f"- {message.status} message {code(message.title or message.message_id)} uses {code(segment)}"
            for segment, message in one.messages]  # fmt: skip
    if used:
        yield from ("", "Messages to be sent:", "", *used)
    goes = [*((one.segment, where) for where in one.destinations),
            *((reader.segment, where) for reader in one.readers for where in reader.destinations)]  # fmt: skip
    if goes:
        yield from ("", "Members leave the house (`activate`):", "")
        yield from (f"- {code(segment)} to {code(destination_in_words(where))}" for segment, where in goes)
    if one.people:
        yield from ("", "Some of them:", "")
        for person in one.people:
            told = f": {because(person.because, code)}" if person.because else ""
            yield f"- {code(person.user_id)} {'enters' if person.enters else 'leaves'}{told}"


# ---------------------------------------------------------------- words that the terminal has, too


def edit_in_words(edit: Edit, quoted: Quote) -> str:
    """`changed: A → B`, and how those who move stand to it."""
    old, new = (quoted(text) if text else "" for text in (edit.old, edit.new))
    if edit.change == "means_others":
        told = f"means other people now: {new}"
    elif edit.change == "joined":
        told = f"joined otherwise: {old} → {new}"
    else:
        told = f"{edit.change}: {f'{old} → {new}' if old and new else old or new}"
    for word, shift in (("entering", edit.entering), ("leaving", edit.leaving)):
        if shift is not None and shift.because:
            told += f"; a reason for {shift.because:,} {word}"
    return told


def whys_in_words(whys: Sequence[Why], quoted: Quote) -> Iterator[str]:
    """`312 leave: fails ...`, the largest groups first, and how many are left."""
    for why in whys[:MOST_REASONS]:
        verb = ("enters" if why.enters else "leaves") if why.users == 1 else "enter" if why.enters else "leave"
        yield f"{why.users:,} {verb}: {because(why.because, quoted)}"
    rest = whys[MOST_REASONS:]
    if rest:
        users = sum(why.users for why in rest)
        yield f"{users:,} for {len(rest):,} other combinations of these reasons (all with --json)"


def because(reasons: Iterable[Reason], quoted: Quote) -> str:
    """Reasons in one sentence."""
    return "; and ".join(_reason(reason, quoted) for reason in reasons)


def _reason(one: Reason, quoted: Quote) -> str:
    old, new = (quoted(text) if text else "" for text in (one.old, one.new))
    if one.change == "means_others":
        return f"{'holds' if one.holds_new else 'fails'} {new}, which means other people now"
    if one.new is None:
        return f"{'held' if one.held_old else 'failed'} {old}, which is gone"
    now = f"{'holds' if one.holds_new else 'fails'} {new}"
    return f"{now}, which is new" if one.old is None else f"{now}, {'held' if one.held_old else 'failed'} {old}"


def data_in_words(only_recorded: int, only_named: int) -> str:
    """What came of data since the members were recorded, and not of the edit."""
    return (
        f"data, not the rule: {only_recorded:,} recorded members are no longer in by the old rule, and"
        f" {only_named:,} who are in by it were not recorded"
    )


def destination_in_words(one: Destination) -> str:
    """`meta 120331, weekly mon (added)`."""
    told = f"{one.to}{f' {one.what}' if one.what else ''}, {one.when}"
    return told if one.change == "same" else f"{told} ({one.change})"


def code(text: str) -> str:
    """Text as a code span, whatever is in it; a pipe would end a cell of a table."""
    plain = " ".join(text.split()).replace("|", "¦")
    fence = "`" * (max(map(len, re.findall("`+", plain)), default=0) + 1)
    space = " " if plain.startswith("`") or plain.endswith("`") or not plain else ""
    return f"{fence}{space}{plain}{space}{fence}"


def _in_table(note: str) -> str:
    return code(note) if note else ""


def _numbers(flow: Flow | None) -> list[str]:
    if flow is None:
        return ["–"] * 5
    return [f"{number:,}" for number in (flow.before, flow.after, flow.entering, flow.leaving, flow.staying)]
