"""Writing an export: one function for whoever exports, by hand or by a schedule.

The warehouse is held while the rows are collected, and once more to note what was written; the gates are asked and
formats are made between the two. Not here: what is written (`prepare.py`), and what becomes of files at the place that
they go to (`stores.py`).
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from orchestration.exports import ledger, manifest
from orchestration.exports.cells import Rows
from orchestration.exports.collect import Standing
from orchestration.exports.csv_file import write_csv
from orchestration.exports.manifest import Written
from orchestration.exports.naming import beginning_of, manifest_of, names_of, stem_of
from orchestration.exports.parquet_file import write_parquet
from orchestration.exports.prepare import Ask, Reading, asking, prepare
from orchestration.exports.request import Request
from orchestration.exports.sent import forget_others, sent_file
from orchestration.exports.stores import Store, opened
from orchestration.exports.words import IDENTIFIERS
from orchestration.exports.workplace import one_at_a_time
from orchestration.exports.xlsx_file import MOST_ROWS, write_xlsx
from orchestration.gates.judge import require_open
from orchestration.gates.results import Override, Result
from orchestration.published import NothingPublished, held
from orchestration.settings import Settings
from segmentation.language.export_places import Place

OTHERS = {"fields": "other fields", "channel": "another channel", "delimiter": "another delimiter"}


@dataclass(frozen=True)
class Export:
    """What was written, and what the manifest tells of it; `notes` are sentences for whoever asked. If it is not new,
    the same was there already, and nothing was written."""

    files: tuple[Place, ...]
    manifest: Place
    told: dict[str, Any]
    notes: tuple[str, ...]
    is_new: bool = True


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
    reading: Reading | None = None,
    once: bool = False,
    environ: Mapping[str, str] = os.environ,
    pause: Callable[[float], None] = time.sleep,
) -> Export:
    """Writes the members of a segment at its last calculation to files in `request.into`, if its gates are open.

    `at` is when it is exported. Waits for a recalculation that is under way, and for another export. `ask` is for
    whoever asks the gates otherwise than at the moment of the last run, and then `override` is theirs to know; so is
    `reading`, which holds the warehouse. With `once` nothing is written if it would say nothing new.
    `environ` says who we are at a store, and `pause` waits until a broken connection is tried again.
    Raises GateClosed and other ValueErrors in one sentence, ConnectorError, NothingPublished and WarehouseBusy; then
    nothing has the name of an export, and what was exported before stays.
    """
    if not settings.warehouse.exists():  # opening would create it
        raise NothingPublished(settings)
    holding = partial(held, settings, waiting)
    with (
        one_at_a_time(settings.home) as workplace,
        opened(request.into, workplace, environ, pause) as store,
    ):
        ready = prepare(settings, request, workplace, reading or holding, ask or asking(settings, override), doing)
        require_open(request.segment, ready.gates)
        standing, rows, export_no = ready.standing, ready.rows, ready.export_no
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
                ready.collected,
                rows,
                export_no=export_no,
                at=at,
                since=ready.since,
                changes=ready.changes,
                guarded=guarded,
                gates=ready.gates,
                files=[{"name": name, **Written(store.draft(name), count).told()} for name, count in files.items()],
            )
            before = store.told(named)
            if once and _says_nothing_new(told, before, store):
                store.abandon(beginning)
                return _export(request, list(files), named, told, (), is_new=False)
            store.bring(list(files), doing)
            notes = (*_opened(ready.gates), *_notes(request, standing, told, before))
            kept = sent_file(settings.home, request.stream, export_no)
            kept.parent.mkdir(exist_ok=True)
            shutil.move(ready.collected.file, kept)
            paths = [str(request.into / name) for name in files]
            # The warehouse first: what cannot be recorded must not get a name.
            with (
                holding() as connection,
                ledger.recording(connection, told, paths, str(request.into / named), request.stream),
            ):
                store.put(list(files), named, manifest.as_bytes(told))
        except BaseException:
            store.abandon(beginning)
            raise
        forget_others(settings.home, request.stream, export_no)
    return _export(request, list(files), named, told, notes)


def _export(
    request: Request, files: list[str], named: str, told: dict[str, Any], notes: tuple[str, ...], is_new: bool = True
) -> Export:
    return Export(tuple(request.into / name for name in files), request.into / named, told, notes, is_new)


def _says_nothing_new(told: dict[str, Any], before: dict[str, Any] | None, store: Store) -> bool:
    """Whether there is nothing in a delta, or the same files are there, from an export that was recorded."""
    if told["mode"] == "delta":
        return told["rows"] == 0 and told["since"] is not None
    return (
        before is not None
        and before["export_no"] < told["export_no"]
        and [file["sha256"] for file in before["files"]] == [file["sha256"] for file in told["files"]]
        and all(store.has(file["name"], file["bytes"], file["sha256"]) for file in told["files"])
    )


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
        write_xlsx(store.draft(name), rows.columns, islice(one_by_one, limit), standing.as_of, rows.file.parent)
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
