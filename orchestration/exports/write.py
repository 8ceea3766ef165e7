"""Writing an export: one function for whoever exports, by hand or by a schedule.

The warehouse is held while the rows are collected, and once more to note what was written; the gates are asked and
formats are made between the two. Not here: what gates judge by (`orchestration/gates`).
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from orchestration.exports import ledger, manifest
from orchestration.exports.cells import Rows
from orchestration.exports.collect import Collected, Standing, collect, standing_of
from orchestration.exports.csv_file import write_csv
from orchestration.exports.manifest import Written
from orchestration.exports.naming import beginning_of, manifest_of, names_of, stem_of
from orchestration.exports.parquet_file import write_parquet
from orchestration.exports.places import Place
from orchestration.exports.request import Request
from orchestration.exports.sent import difference, forget_others, leaving_of, sent_file
from orchestration.exports.stores import Store, opened
from orchestration.exports.words import IDENTIFIERS
from orchestration.exports.workplace import one_at_a_time
from orchestration.exports.xlsx_file import MOST_ROWS, write_xlsx
from orchestration.gates.facts import Leaving, read_facts
from orchestration.gates.judge import judge, require_open
from orchestration.gates.results import Override, Result
from orchestration.published import NothingPublished
from orchestration.settings import Settings
from orchestration.warehouse import connect, exclusively, has_table
from segmentation.clock import utc_text

OTHERS = {"fields": "other fields", "channel": "another channel", "delimiter": "another delimiter"}
Ask = Callable[[Leaving | None], tuple[Result, ...]]


@dataclass(frozen=True)
class Export:
    """What was written, and what the manifest tells of it; `notes` are sentences for whoever asked."""

    files: tuple[Place, ...]
    manifest: Place
    told: dict[str, Any]
    notes: tuple[str, ...]


def write_export(
    settings: Settings,
    request: Request,
    at: datetime,
    *,
    doing: Callable[[str], None] = lambda _: None,
    waiting: Callable[[], None] | None = None,
    rows_per_workbook: int = MOST_ROWS,
    override: Override | None = None,
    ask: Ask | None = None,
    environ: Mapping[str, str] = os.environ,
    pause: Callable[[float], None] = time.sleep,
) -> Export:
    """Writes the members of a segment at its last calculation to files in `request.into`, if its gates are open.

    `at` is when it is exported. Waits for a recalculation that is under way, and for another export. `ask` is for
    whoever asks the gates otherwise than at the moment of the last run, and then `override` is theirs to know.
    `environ` says who we are at a store, and `pause` waits until a broken connection is tried again.
    Raises GateClosed and other ValueErrors in one sentence, ConnectorError, NothingPublished and WarehouseBusy; then
    nothing has the name of an export, and what was exported before stays.
    """
    if not settings.warehouse.exists():  # opening would create it
        raise NothingPublished(settings)
    with (
        one_at_a_time(settings.home) as workplace,
        opened(request.into, workplace, environ, pause) as store,
    ):
        doing("reading members")
        with exclusively(settings.home, waiting), connect(settings.warehouse) as connection:
            if not has_table(connection, "segments", "segments"):
                raise NothingPublished(settings)
            standing = standing_of(connection, request.segment, settings.segments)
            collected = collect(connection, request, workplace / "rows.parquet")
            export_no = ledger.next_number(connection)
            last = ledger.last_of(connection, request.stream)
            facts = read_facts(connection, settings, request.segment)
        doing("asking the gates")
        before = sent_file(settings.home, request.stream, last.export_no) if last else None
        leaving = leaving_of(before, collected)
        results = ask(leaving) if ask else judge(facts, settings.gates, None, leaving, override)
        require_open(request.segment, results)
        rows, since, changes = _what_to_write(settings, request, collected, last, workplace)
        rows.on_rows = lambda done: doing(f"writing {done:,} of {rows.count:,} rows")
        beginning = beginning_of(standing.number, standing.segment)
        store.clear(beginning)
        stem = stem_of(standing.number, standing.segment, standing.as_of)
        if request.delta:  # two deltas of one moment must not take each other's place
            stem += f"_delta{export_no}"
        named = manifest_of(stem, request.format)
        try:
            files, guarded = _write(request, standing, rows, stem, store, rows_per_workbook)
            told = manifest.tell(
                request,
                standing,
                collected,
                rows,
                export_no=export_no,
                at=at,
                since=since,
                changes=changes,
                guarded=guarded,
                gates=results,
                files=[{"name": name, **Written(store.draft(name), count).told()} for name, count in files.items()],
            )
            store.bring(list(files), doing)
            notes = (*_opened(results), *_notes(request, standing, told, store.told(named)))
            kept = sent_file(settings.home, request.stream, export_no)
            kept.parent.mkdir(exist_ok=True)
            shutil.move(collected.file, kept)
            # The warehouse first: what cannot be recorded must not get a name.
            with exclusively(settings.home, waiting), connect(settings.warehouse) as connection:
                store.put(list(files), named, manifest.as_bytes(told))
                paths = [str(request.into / name) for name in files]
                ledger.record(connection, told, paths, str(request.into / named), request.stream)
        except BaseException:
            store.abandon(beginning)
            raise
        forget_others(settings.home, request.stream, export_no)
    return Export(tuple(request.into / name for name in files), request.into / named, told, notes)


def _what_to_write(
    settings: Settings, request: Request, collected: Collected, last: ledger.Last | None, workplace: Path
) -> tuple[Rows, dict[str, Any] | None, dict[str, int] | None]:
    """The rows, and for a delta since which export, and how many rows of each change."""
    if not request.delta:
        return Rows(collected.file, collected.columns, collected.rows), None, None
    file = workplace / "changes.parquet"
    before = sent_file(settings.home, request.stream, last.export_no) if last else None
    columns, changes = difference(before, collected, last.kinds if last else {}, file, workplace)
    since = {"export_no": last.export_no, "as_of": utc_text(last.as_of)} if last else None
    return Rows(file, columns, sum(changes.values())), since, changes


def _write(
    request: Request, standing: Standing, rows: Rows, stem: str, store: Store, rows_per_workbook: int
) -> tuple[dict[str, int], list[int]]:
    """Writes all rows to drafts, and says how many each file has, and how many cells of each column were guarded."""
    guarded = [0] * len(rows.columns)
    if request.format == "xlsx":
        return _workbooks(standing, rows, stem, store, rows_per_workbook), guarded
    name = names_of(stem, request.format, 1)[0]
    if request.format == "csv":
        guarded = write_csv(store.draft(name), rows, request.delimiter, bom=request.bom, guard=not request.as_list)
    else:
        write_parquet(store.draft(name), rows)
    return {name: rows.count}, guarded


def _workbooks(standing: Standing, rows: Rows, stem: str, store: Store, limit: int) -> dict[str, int]:
    """Workbooks of so many rows each, one at least."""
    names = names_of(stem, "xlsx", max(-(-rows.count // limit), 1))
    batches = ([column.to_pylist() for column in cells] for cells in rows.batches())
    one_by_one = (row for cells in batches for row in zip(*cells, strict=True))
    files = {}
    for part, name in enumerate(names):
        write_xlsx(store.draft(name), rows.columns, islice(one_by_one, limit), standing.as_of)
        files[name] = min(limit, rows.count - part * limit)
    for _ in one_by_one:
        raise RuntimeError("more rows than were counted")
    return files


def _opened(results: Iterable[Result]) -> tuple[str, ...]:
    """Gates that somebody opened."""
    return tuple(
        f"{one.gate}: {one.said}; opened by {one.override.by}: {one.override.reason}" for one in results if one.override
    )


def _notes(
    request: Request, standing: Standing, told: dict[str, Any], before: dict[str, Any] | None
) -> tuple[str, ...]:
    """What is not as somebody may think."""
    notes = []
    if request.delta and told["since"] is None:
        notes.append(f"these fields were never exported to {request.into} before, so all rows are new")
    if standing.status != "ready":
        why = f" ({standing.reason})" if standing.reason else ""
        notes.append(f"{standing.segment} is {standing.status}{why}: these are its members as of {told['as_of']}")
    identifiers = {field.name for field in request.fields if field.key in IDENTIFIERS}
    for column in told["columns"]:
        if told["rows"] and column["empty"] == told["rows"]:
            notes.append(f"{column['name']} is empty in all rows")
        elif column["empty"] and column["name"] in identifiers:
            notes.append(f"{column['name']} is empty in {column['empty']:,} of {told['rows']:,} rows")
        if column["guarded"]:
            notes.append(
                f"{column['name']}: a ' stands before {column['guarded']:,} of {told['rows']:,} values, as they begin"
                " like a formula; XLSX and Parquet have them as they are"
            )
    if before is not None:
        others = [word for what, word in OTHERS.items() if before.get(what) != told[what]]
        if others:
            notes.append(f"an export with {' and '.join(others)} had this name, and is replaced")
    return tuple(notes)
