"""Whether files are what their manifest says, and whether the warehouse recorded them so.

Not here: how it is told (`orchestration/cli/export.py`).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.exports import csv_file, ledger, parquet_file, xlsx_file
from orchestration.exports.manifest import ENDING, VERSION, Written, parsed
from orchestration.exports.naming import fits, manifest_beside
from orchestration.exports.stores import Store, opened
from orchestration.exports.workplace import one_at_a_time
from orchestration.settings import Settings
from orchestration.warehouse import connect
from segmentation.language.export_places import Place


@dataclass(frozen=True)
class Verified:
    """`differences` are one sentence each; none means equal. `is_recorded` is None where there is no warehouse."""

    manifest: Place
    told: dict[str, Any]
    differences: tuple[str, ...]
    is_recorded: bool | None


def verify(settings: Settings, place: Place, environ: Mapping[str, str] = os.environ) -> Verified:
    """Counts and hashes the files of an export anew, which a file of it or its manifest names; those of a store are
    fetched first.

    Raises ValueError and ConnectorError in one sentence if there is no manifest or the store cannot be asked, OSError
    if a file cannot be read, and WarehouseBusy.
    """
    with _room(settings, place) as room, opened(place.parent, room, environ) as store:
        named, told = _manifest_of(store, place)
        file = place.parent / named
        differences = _by_name(place, file, told)
        for part in told["files"]:
            differences += _compare(store, part["name"], part, told, room)
    listed = sum(part["rows"] for part in told["files"])
    if listed != told["rows"]:
        differences.append(f"{file}: its files have {listed:,} rows, and it says {told['rows']:,}")
    if len(told["files"]) == 1 and told["sha256"] != told["files"][0]["sha256"]:
        differences.append(f"{file}: it says another sha256 for the export than for its only file")
    if told["mode"] == "full" and told["rows"] != told["members"] - sum(told["dropped"].values()):
        differences.append(f"{file}: rows are not the members less those who were left out")
    if not settings.warehouse.exists():
        return Verified(file, told, tuple(differences), None)
    against = _against_warehouse(settings, told)
    return Verified(file, told, (*differences, *against), not against)


@contextmanager
def _room(settings: Settings, place: Place) -> Iterator[Path]:
    """Where files of a store are looked at; the workplace of exports, as it is emptied whatever happens, if there is a
    workspace."""
    if isinstance(place, Path) or not settings.warehouse.exists():
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
    else:
        with one_at_a_time(settings.home) as workplace:
            yield workplace


def _manifest_of(store: Store, place: Place) -> tuple[str, dict[str, Any]]:
    name = place.name
    if not name.endswith(ENDING):
        name = manifest_beside(name)
    content = store.read(name)
    if content is None and name == place.name:
        raise ValueError(f"there is no file {place}")
    if content is None:
        what = "is not the file of an export" if isinstance(place, Path) and place.exists() else "is not there"
        raise ValueError(f"{place} {what}: found no manifest {name} beside it")
    told = parsed(content)
    if told is None:
        raise ValueError(
            f"{place.parent / name}: found something else than the manifest of an export, version {VERSION}"
        )
    return name, told


def _by_name(place: Place, manifest: Place, told: dict[str, Any]) -> list[str]:
    """Whether a manifest, its files and what was asked for belong together."""
    names = [part["name"] for part in told["files"]]
    differences = []
    if not names:
        differences.append(f"{manifest} names no files")
    elif not fits(manifest.name, told["format"], names):
        differences.append(f"{manifest} is not what an export to {', '.join(names)} is told by, as {told['format']}")
    if place.name not in (manifest.name, *names):
        differences.append(f"{place} is not a file of this export: {manifest.name} does not name it")
    return differences


def _compare(store: Store, name: str, said: dict[str, Any], told: dict[str, Any], room: Path) -> list[str]:
    place = store.place / name
    if isinstance(place, Path):
        file, is_there = place, place.exists()
    else:
        file = room / name
        is_there = store.fetch(name, file)
    if not is_there:
        return [f"{place} is not there"]
    found = Written(file, 0).told()
    if found["sha256"] != said["sha256"]:
        size = "" if found["bytes"] == said["bytes"] else f", and {found['bytes']:,} bytes for {said['bytes']:,}"
        return [f"{place} has the sha256 {found['sha256']}, and its manifest says {said['sha256']}{size}"]
    if found["bytes"] != said["bytes"]:
        return [f"{place} has {found['bytes']:,} bytes, and its manifest says {said['bytes']:,}"]
    try:
        rows = _count(file, told)
    except Exception as error:  # it was read just now, so what is wrong is its format, and libraries differ in that
        return [f"{place} cannot be read as {told['format']}, as its manifest says ({type(error).__name__})"]
    if rows != said["rows"]:
        return [f"{place} has {rows:,} rows, and its manifest says {said['rows']:,}"]
    if file != place:
        file.unlink()  # one at a time is enough room
    return []


def _count(file: Path, told: dict[str, Any]) -> int:
    if told["format"] == "csv":
        return csv_file.count_rows(file, told["delimiter"])
    return xlsx_file.count_rows(file) if told["format"] == "xlsx" else parquet_file.count_rows(file)


def _against_warehouse(settings: Settings, told: dict[str, Any]) -> list[str]:
    export_no = told["export_no"]
    with connect(settings.warehouse) as connection:
        known = ledger.recorded(connection, export_no)
    said = dict(zip((part["name"] for part in told["files"]), ledger.rows_of(told), strict=True))
    differences = [
        f"{settings.warehouse} recorded {name} with export {export_no} as well, and its manifest does not name it"
        for name in known
        if name not in said
    ]
    for name, row in said.items():
        if name not in known:
            differences.append(f"{settings.warehouse} has no record of an export {export_no} with {name}")
            continue
        recorded = f"{settings.warehouse} recorded {name} with"
        if known[name]["sha256"] != row["sha256"]:
            differences.append(f"{recorded} the sha256 {known[name]['sha256']}")
            continue
        for what in ledger.unlike(known[name], row):
            if what in (*ledger.JSON, "fields"):  # too long to be shown
                differences.append(f"{recorded} other {what} than its manifest says")
            else:
                differences.append(f"{recorded} {what} {known[name][what]}, its manifest says {row[what]}")
    return differences
