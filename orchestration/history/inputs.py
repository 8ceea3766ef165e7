"""What a run is made from, except its moment: settings, code, landing files, lists, and segment files.

Not here: where that is kept (`manifests.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import fsspec

from connectors.landing_files import LandingFile
from orchestration.history.code import code_of_this_process
from orchestration.landing.copies import FOLDER as COPIES
from orchestration.landing.copies import copy_path, is_local
from orchestration.settings import Settings
from segmentation.language.folder import Folder

LISTS = "lists"  # stands for the table of a file that is a list


@dataclass(frozen=True)
class FileRead:
    """A file that a run read: of a landing table, or of `lists`. `size` in bytes."""

    table: str
    url: str
    format: str
    fingerprint: str
    size: int
    sha256: str
    is_erased: bool = False


@dataclass(frozen=True)
class DefinitionRead:
    """A segment file that a run read; `definition_hash` is None if it had an error."""

    segment: str
    file: str
    definition_hash: str | None
    text: str

    @property
    def sha256(self) -> str:
        """Of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Inputs:
    """All that a run is made from, except its moment."""

    settings: Mapping[str, Any]
    code: Mapping[str, str | None]
    files: tuple[FileRead, ...]
    definitions: tuple[DefinitionRead, ...]


def look_at_inputs(connection: duckdb.DuckDBPyConnection, settings: Settings, folder: Folder) -> Inputs:
    """What a run that has loaded landing files and lists is made from; only files that no run knew are hashed.

    Raises OSError for a file that vanished meanwhile.
    """
    accepted = connection.execute(
        "select connector, audience_id, fetched_at::varchar from raw.accepted_pulls order by all"
    ).fetchall()
    return Inputs(
        settings={
            "zone": settings.zone.key,
            "events": dict(settings.events),
            "strategies": {name: list(one.strategies) for name, one in sorted(settings.matching.items())},
            "late_arrival_days": settings.late_arrival_days,
            "idle_days": settings.idle_days,
            "accepted_pulls": [list(row) for row in accepted],
        },
        code=code_of_this_process().as_json(),
        files=(*_landing_files(connection, settings), *_list_files(connection, folder)),
        definitions=tuple(
            DefinitionRead(name, source.file, _hash_of(folder, name), source.text)
            for name, source in sorted(folder.sources.items())
        ),
    )


def _hash_of(folder: Folder, name: str) -> str | None:
    """Of the definition in the file; one that takes the name of a system segment defines nothing."""
    definition = folder.definitions.get(name)
    return None if definition is None or definition.is_system else definition.hash


def _landing_files(connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[FileRead]:
    """The files that the views cover, in the order of their urls."""
    rows = connection.execute(
        """
        select l.table_name, l.url, l.format, l.fingerprint, any_value(f.size), any_value(f.sha256)
        from raw.landing_files as l left join raw.run_files as f using (url, fingerprint)
        where l.state <> 'gone' group by all order by l.url
        """
    ).fetchall()
    copies = settings.home / COPIES
    found = []
    for table, url, format_, fingerprint, size, sha256 in rows:
        if sha256 is None:
            size, sha256 = hash_file(LandingFile(table, url, format_, 0, fingerprint), copies)
        found.append(FileRead(table, url, format_, fingerprint, size, sha256))
    return found


def hash_file(file: LandingFile, copies: Path | None = None) -> tuple[int, str]:
    """Size and SHA-256 of a landing file; of a remote one, that of its copy if there is one in this folder."""
    copy = copy_path(file, copies) if copies else None
    where = file.url if is_local(file) or copy is None or not copy.exists() else str(copy)
    with fsspec.open(where, "rb") as content:
        digest = hashlib.file_digest(content, "sha256")
        return content.tell(), digest.hexdigest()


def _list_files(connection: duckdb.DuckDBPyConnection, folder: Folder) -> list[FileRead]:
    """The last good upload of each list; its file may be another by now, and earlier ones are gone."""
    rows = connection.execute(
        "select segment, file, stamp, content from raw.list_uploads where state = 'good'"
        " qualify row_number() over (partition by segment order by upload_no desc) = 1 order by segment"
    ).fetchall()
    return [
        FileRead(
            LISTS,
            str(Path(folder.definitions[segment].file).parent / file),
            "list",
            stamp,
            int(stamp.split("-")[0]),
            content,
        )
        for segment, file, stamp, content in rows
        if segment in folder.definitions and folder.definitions[segment].kind == "list"
    ]
