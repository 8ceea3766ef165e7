"""Whether files are what their manifest says, and whether the warehouse recorded them so.

Not here: how it is told (`orchestration/cli/export.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration.exports import csv_file, ledger, parquet_file, xlsx_file
from orchestration.exports.manifest import ENDING, Written, read_manifest
from orchestration.settings import Settings
from orchestration.warehouse import connect

PART = re.compile(r"_part\d+of\d+(?=\.\w+\Z)")


@dataclass(frozen=True)
class Verified:
    """`differences` are one sentence each; none means equal. `is_recorded` is None where there is no warehouse."""

    manifest: Path
    told: dict[str, Any]
    differences: tuple[str, ...]
    is_recorded: bool | None


def verify(settings: Settings, path: Path) -> Verified:
    """Counts and hashes the files of an export anew, which a file of it or its manifest names.

    Raises ValueError in one sentence if there is no manifest, OSError if a file cannot be read, and WarehouseBusy.
    """
    file = _manifest_of(path)
    told = read_manifest(file)
    differences = []
    for part in told["files"]:
        differences += _compare(file.parent / Path(part["name"]).name, part, told)
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


def _manifest_of(path: Path) -> Path:
    if path.name.endswith(ENDING):
        if not path.exists():
            raise ValueError(f"there is no file {path}")
        return path
    file = path.with_name(PART.sub("", path.name) + ENDING)
    if not file.exists():
        what = "is not the file of an export" if path.exists() else "is not there"
        raise ValueError(f"{path} {what}: found no manifest {file.name} beside it")
    return file


def _compare(file: Path, said: dict[str, Any], told: dict[str, Any]) -> list[str]:
    if not file.exists():
        return [f"{file} is not there"]
    found = Written(file, 0).told()
    if found["sha256"] != said["sha256"]:
        size = "" if found["bytes"] == said["bytes"] else f", and {found['bytes']:,} bytes for {said['bytes']:,}"
        return [f"{file} has the sha256 {found['sha256']}, and its manifest says {said['sha256']}{size}"]
    rows = _count(file, told)
    if rows != said["rows"]:
        return [f"{file} has {rows:,} rows, and its manifest says {said['rows']:,}"]
    return []


def _count(file: Path, told: dict[str, Any]) -> int:
    if told["format"] == "csv":
        return csv_file.count_rows(file, told["delimiter"])
    return xlsx_file.count_rows(file) if told["format"] == "xlsx" else parquet_file.count_rows(file)


def _against_warehouse(settings: Settings, told: dict[str, Any]) -> list[str]:
    differences = []
    as_of = datetime.fromisoformat(told["as_of"]).replace(tzinfo=None)
    with connect(settings.warehouse) as connection:
        for part in told["files"]:
            name = Path(part["name"]).name
            known = ledger.recorded(connection, name)
            same = [row for row in known if row["sha256"] == part["sha256"]]
            if not known:
                differences.append(f"{settings.warehouse} has no record of an export {name}")
            elif not same:
                differences.append(f"{settings.warehouse} recorded {name} with the sha256 {known[0]['sha256']}")
            else:
                said = {**part, "segment": told["segment"], "definition_hash": told["definition_hash"], "as_of": as_of}
                differences += [
                    f"{settings.warehouse} recorded {name} with {what} {same[0][what]}, its manifest says {said[what]}"
                    for what in ("segment", "definition_hash", "as_of", "rows")
                    if same[0][what] != said[what]
                ]
    return differences
