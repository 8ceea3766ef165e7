"""Everything about one segment, from its file and from what is published about it.

Either may be missing: a file that was never calculated, or a segment whose file is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from orchestration.changes import Change
from orchestration.cli.activation_tables import in_a_line, listed
from orchestration.cli.change_log import changes_of, show_last
from orchestration.cli.numbers import Numbers, as_plain, numbers_of, show_numbers
from orchestration.cli.tables import (
    STATUS_STYLE,
    change,
    count,
    day_table,
    day_text,
    moment_text,
    show,
    sparkline,
)
from orchestration.cli.words import say, shown_problem
from orchestration.matching import matching_of
from orchestration.settings import Settings
from segmentation.language.describe import as_tree, in_words
from segmentation.language.folder import Folder, load_folder
from segmentation.language.model import Connector, Definition, Live, Predict, Rule, StaticList, leaves
from segmentation.language.problems import unknown_segment
from segmentation.plan.system import with_system

if TYPE_CHECKING:
    from orchestration.activation.named import Activation
    from orchestration.activation.recorded import Call
    from orchestration.published import DayRow, ListUpload, PredictionRow, SegmentRow
    from orchestration.waterfall import Waterfall

TREND_DAYS = 14
NEVER = "calculating"  # the status of a segment that was never calculated


@dataclass(frozen=True)
class OneSegment:
    """`row` is None if no run has seen the segment, `definition` if its file is gone or broken.

    `way` is how a connector segment came by its members, `upload` the last one of a list, `changes` what people did to
    it as a whole, oldest first; `numbers` are its statistics; `nothing` is the sentence of a workspace without any run.
    """

    name: str
    row: SegmentRow | None
    definition: Definition | None
    problems: tuple[str, ...]
    dependants: tuple[str, ...]
    history: tuple[DayRow, ...]
    way: Waterfall | None
    prediction: PredictionRow | None
    upload: ListUpload | None
    changes: tuple[Change, ...]
    numbers: Numbers | None
    goes: tuple[tuple[Activation, Call | None], ...]
    nothing: str | None


def look_up(settings: Settings, name: str, *, with_events: bool = False) -> OneSegment:
    """What is known of a segment. Raises ValueError naming the nearest if there is none, and WarehouseBusy."""
    from orchestration.published import NothingPublished, last_upload, prediction, published, size_history
    from orchestration.waterfall import waterfalls

    files = load_folder(settings.segments) if settings.segments.is_dir() else Folder({}, [], [], set(), [])
    folder = with_system(files, settings.events)
    nothing, rows = None, {}
    try:
        rows = {row.segment: row for row in published(settings)}
    except NothingPublished as error:
        nothing = str(error)
    known = {*rows, *folder.definitions, *folder.broken}
    if name not in known:
        raise ValueError(unknown_segment(name, known))
    return OneSegment(
        name,
        rows.get(name),
        folder.definitions.get(name),
        tuple(shown_problem(str(one)) for one in folder.problems if one.file.rpartition("/")[2].startswith(f"{name}.")),
        tuple(folder.readers_of(name)),
        tuple(size_history(settings, name, TREND_DAYS)) if nothing is None else (),
        waterfalls(settings, [name]).get(name) if name in rows else None,
        prediction(settings, name) if name in rows and rows[name].kind == "predict" else None,
        last_upload(settings, name) if name in rows else None,
        changes_of(settings, name),
        numbers_of(settings, name, with_events=with_events) if name in rows else None,
        _goes(settings, folder, name),
        nothing,
    )


def _goes(settings: Settings, folder: Folder, name: str) -> tuple[tuple[Activation, Call | None], ...]:
    """Activations that cannot be read are left to `segments validate`."""
    from orchestration.activation.recorded import calls, in_files

    found = [one for one in in_files(folder)[0] if one.segment == name]
    last = calls(settings).last if found else {}
    return tuple((one, last.get(one.stream)) for one in found)


def as_json(one: OneSegment) -> dict[str, object]:
    """The columns of the catalogue, and what the definition says."""
    definition = one.definition
    published = vars(one.row) if one.row else {"segment": one.name, "status": NEVER}
    return {
        **published,
        "criteria": in_words(definition) if definition else None,
        "criteria_tree": _tree(definition) if definition else None,
        "current_definition_hash": definition.hash if definition else None,
        "references": list(definition.references) if definition else [],
        "dependants": list(one.dependants),
        "problems": list(one.problems),
        "prediction": vars(one.prediction) if one.prediction else None,
        "last_upload": vars(one.upload) if one.upload else None,
        "history": [vars(day) for day in one.history],
        "matching": vars(one.way) if one.way else None,
        "activations": [listed(one, call) for one, call in one.goes],
        "changes": [vars(change) for change in one.changes],
        **as_plain(one.numbers),
    }


def show_one(one: OneSegment, settings: Settings) -> None:
    """The same for people."""
    definition, row = one.definition, one.row
    title = (row.title if row else None) or (definition.title if definition else None)
    status = row.status if row else "not calculated yet"
    style = STATUS_STYLE.get(status, "bold")
    show(f"[bold]{one.name}[/]{f' · {_plain(title)}' if title else ''} · [{style}]{status}[/]")
    description = (definition.description if definition else None) or (row.description if row else None)
    for text in (description, in_words(definition) if definition else None):
        if text:
            say(f"\n{click.wrap_text(text, width=110)}")
    tree = _tree(definition) if definition else None
    if tree:
        say(f"\n{tree}")
    say()
    _details(one, settings)
    if one.way:
        _way(one.way, settings)
    if one.history:
        say(f"\nLast {count(len(one.history), 'day')}  {sparkline([day.users for day in one.history])}\n")
        show(day_table(one.history))
    if one.numbers:
        show_numbers(one.numbers)
    show_last(one.changes, one.name, settings)
    if one.nothing:
        say(f"\n{one.nothing}")
    for problem in one.problems:
        say(f"\n{problem}")


def _way(way: Waterfall, settings: Settings) -> None:
    """From the vendor's count to people a push reaches, and where the others were lost."""
    from orchestration.waterfall import worries

    pulled = f", pulled {moment_text(way.updated_at, settings.zone)}" if way.updated_at else ", no pull is complete"
    say(f"\n{way.connector.title()} cohort {way.segment_name or ''} ({way.audience_id}){pulled}\n")
    width = max(len(label) for label, _ in way.steps)
    whole = way.connector_users
    for label, number in way.steps:
        share = f"{number / whole:>8.1%}" if number is not None and whole else ""
        say(f"{label:<{width}}  {'–' if number is None else f'{number:,}':>11}{share}")
    lost = [f"{number:,} {label}" for label, number in way.losses if number]
    if lost:
        say(f"\nRows that led to nobody: {', '.join(lost)}")
    for worry in worries(way, matching_of(settings.matching, way.connector)):
        say(f"To look at: {worry}")


def _details(one: OneSegment, settings: Settings) -> None:
    definition, row = one.definition, one.row
    facts: list[tuple[str, str | None]] = []
    if row is not None:
        told = change(row.entered, row.left)
        facts += [
            ("reason", row.reason),
            ("users", f"{row.users:,} (iOS {row.ios:,}, Android {row.android:,}, Web {row.web:,})"),
            ("test users", f"{row.test_users:,} among them" if row.test_users else None),
            ("change", f"{told} on {day_text(row.day)}" if row.day else None),
            ("calculated", f"as of {moment_text(row.updated_at, settings.zone)}" if row.updated_at else "never"),
            ("messages sent", f"{row.message_sent:,}"),
        ]
    if one.prediction is not None:
        facts += _forecast(one.prediction)
    if one.upload is not None:
        facts += [("last upload", _upload(one.upload, settings)), ("its rows", _rows(one.upload))]
    if definition is not None:
        created = " on ".join(str(part) for part in (definition.created_by, definition.created_on) if part)
        facts += [
            ("kind, refresh", f"{'system' if definition.is_system else definition.kind}, {definition.refresh.text}"),
            ("created", created),
            ("labels", ", ".join(definition.labels)),
            ("refers to", ", ".join(definition.references)),
        ]
    elif row is not None:
        facts += [("kind, refresh", ", ".join(part for part in (row.kind, row.refresh) if part))]
    facts += [("read by", ", ".join(one.dependants))]
    facts += [("goes to" if number == 0 else "", in_a_line(*way, settings.zone)) for number, way in enumerate(one.goes)]
    if definition is not None:
        facts += [("definition", f"{definition.hash[:12]} in {shown_problem(definition.file) or 'no file'}")]
        if row is not None and row.definition_hash and row.definition_hash != definition.hash:
            facts += [("", f"changed since the last calculation ({row.definition_hash[:12]})")]
    width = max(len(label) for label, _ in facts)
    for label, text in facts:
        if text:
            say(f"{label:<{width}}  {text}")


def _forecast(row: PredictionRow) -> list[tuple[str, str | None]]:
    """What was learnt from, and how often the forecast was right about users it had not seen."""
    learnt = f"{row.trained_on:,} users, {row.positives:,} did it; {row.held_out:,} held out to judge"
    quality = None
    if row.held_out_precision is not None and row.held_out_recall is not None:
        line = f"from a score of {row.threshold:g} on, " if row.threshold is not None else ""
        quality = f"{line}{row.held_out_precision:.1%} right, finds {row.held_out_recall:.1%} of those who do it"
    return [("learnt from", learnt), ("held out", quality)]


def _upload(upload: ListUpload, settings: Settings) -> str:
    did = "refused" if upload.state == "refused" else "replaced" if upload.on_upload == "replace" else "added"
    return f"{upload.file} as of {moment_text(upload.as_of, settings.zone)}, {did}"


def _rows(upload: ListUpload) -> str:
    return (
        f"{count(upload.rows, 'row')}: {upload.matched:,} matched, {count(upload.duplicates, 'duplicate')},"
        f" {upload.not_found:,} unknown, {upload.ambiguous:,} ambiguous, {upload.bad:,} bad"
    )


def _tree(definition: Definition) -> str | None:
    """The rule as bullets if it has so many conditions that one sentence is hard to read."""
    rule: Rule | Connector | StaticList | Live | Predict | None = definition.body
    if isinstance(rule, Live):
        rule = rule.who
    if rule is None or isinstance(rule, Connector | StaticList | Predict):
        return None
    return as_tree(rule) if sum(1 for _ in leaves(rule)) > 2 else None


def _plain(text: str) -> str:
    """Text of people's own with nothing in it that rich takes for its markup."""
    from rich.markup import escape

    return escape(text)
