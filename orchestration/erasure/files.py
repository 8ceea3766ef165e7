"""The landing files and lists that hold a person, and each of them without.

What a rewritten file is like before and after is noted before it takes its place, so that the warehouse can take it
for the file it has read already, also when the erasure died in between.
Not here: formats (`rows.py`), and the warehouse (`warehouse.py`).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from connectors.landing_files import TABLES, LandingFile, look_into
from orchestration.erasure.person import Person
from orchestration.erasure.rows import DRAFT, Replace, list_without, put_in_place, without
from orchestration.files import sha256_of, stamp_of
from orchestration.segment_folder import segments_of
from orchestration.settings import Settings
from segmentation.language.folder import DELETED, ENDINGS
from segmentation.language.model import StaticList

COLUMNS = {
    "events": ("user_id", "source", "source_user_id"),
    "audience_members": ("connector", "connector_user_id", "email", "msisdn"),
}
NOBODY = ("messages", "audiences")  # tables that are about no person
WITH_ADDRESSES = ("users", "audience_members")
LISTS = "lists"
CHUNK = 1 << 20


@dataclass(frozen=True)
class Rewritten:
    """A file before and after; fingerprints are as the ledgers have them."""

    table: str
    url: str
    fingerprint_before: str
    sha256_before: str
    fingerprint: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Held:
    """So many rows of a person are in a file."""

    table: str
    file: Path
    rows: int


def held_in_landing(settings: Settings, person: Person, note: Callable[[Rewritten], None] | None) -> Iterator[Held]:
    """Landing files that hold the person, each rewritten before it is told if there is a `note` to take it down."""
    root = Path(settings.landing)
    if not root.exists():
        return
    for file in look_into(settings.landing).files:
        if file.table not in NOBODY and (rows := _rows_in(file, person, note)):
            yield Held(file.table, Path(file.url), rows)


def _rows_in(file: LandingFile, person: Person, note: Callable[[Rewritten], None] | None) -> int:
    path = Path(file.url)
    if file.format != "parquet" and file.table not in WITH_ADDRESSES and not _may_hold(path, person):
        return 0
    return without(
        path,
        file.format,
        COLUMNS.get(file.table, ("user_id",)),
        lambda row: person.owns(file.table, row),
        person.named_in,
        _replacing(file.table, note),
    )


def held_in_lists(settings: Settings, person: Person, note: Callable[[Rewritten], None] | None) -> Iterator[Held]:
    """The same for files of lists: those that a definition names, and what lies in the same folders."""
    for path in list_files(settings):
        if rows := list_without(path, person.is_listed, person.named_in, _replacing(LISTS, note)):
            yield Held(LISTS, path, rows)


def list_files(settings: Settings) -> list[Path]:
    """Files of lists, sorted: of definitions that are there or deleted, and others beside them in folders of lists."""
    if not settings.segments.is_dir():
        return []
    named = {
        Path(one.file).parent / one.body.file
        for one in segments_of(settings).definitions.values()
        if isinstance(one.body, StaticList)
    }
    folders = {one.parent for one in named} | {
        settings.segments,
        settings.segments / DELETED,
        settings.segments / "lists",
    }
    beside = {
        file
        for folder in folders
        if folder.is_dir()
        for file in folder.iterdir()
        if file.suffix in (".csv", ".txt", ".tsv") and file.suffix not in ENDINGS
    }
    return sorted(file for file in named | beside if file.is_file())


def drop_drafts(settings: Settings) -> None:
    """Removes what an erasure that died has left unfinished."""
    folders = [Path(settings.landing), *(Path(settings.landing) / table for table in TABLES)]
    for folder in {*folders, *(file.parent for file in list_files(settings))}:
        if folder.is_dir():
            for draft in folder.glob(f".*{DRAFT}"):
                draft.unlink()


def _replacing(table: str, note: Callable[[Rewritten], None] | None) -> Replace | None:
    if note is None:
        return None

    def replace(draft: Path, file: Path) -> None:
        before = stamp_of(file)
        told = Rewritten(
            table, str(file), before, sha256_of(file), stamp_of(draft), sha256_of(draft), draft.stat().st_size
        )
        note(told)
        if stamp_of(file) != before:
            raise ValueError(f"{file} was replaced by somebody else meanwhile: start the erasure again")
        put_in_place(draft, file)

    return replace


def _may_hold(path: Path, person: Person) -> bool:
    """Whether one of the words is among the bytes of a text file, so that most files need no parsing."""
    spelled = (form for word in person.words | person.user_ids for form in _spellings(word))
    words = [form.encode() for form in spelled]
    longest = max(map(len, words), default=1)
    kept = b""
    with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as content:
        while chunk := content.read(CHUNK):
            kept += chunk
            if any(word in kept for word in words):
                return True
            kept = kept[-longest:]
    return False


def _spellings(word: str) -> tuple[str, ...]:
    """As it is, in JSON, and in CSV."""
    return word, json.dumps(word)[1:-1], word.replace('"', '""')
