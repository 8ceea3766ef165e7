"""What lies beside the warehouse in a workspace: exports, what connectors hold, requests, logs.

An export is a file as somebody got it, so one that holds the person is removed with its manifest rather than changed.
Not here: landing files and lists (`files.py`).
"""

from __future__ import annotations

import gzip
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO
from xml.sax.saxutils import unescape

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from filelock import FileLock

from orchestration.activation.locks import SENT as ACTIVATIONS
from orchestration.erasure.person import Person
from orchestration.erasure.rows import put_in_place, without
from orchestration.files import write_if_changed
from orchestration.inbox import FOLDER as REQUESTS
from orchestration.settings import Settings
from orchestration.warehouse import has_table

EXPORTS = "exports"
SENT = "exports_sent"  # the rows that were last sent of an export, kept for the next one
WEBHOOKS = "webhooks.sqlite3"
MANIFEST = ".manifest.json"
GONE = "erased"  # in the place of somebody who asked for something
CHUNK, OVERLAP = 16 << 20, 1 << 10  # bytes of a file that are looked through at once, and again with those that follow


def exports_with(home: Path, person: Person) -> Iterator[Path]:
    """Exported files of the workspace that hold the person, or may: they can be made again."""
    person = person.in_any_sense()
    for file in sorted((home / EXPORTS).rglob("*")):
        if file.is_file() and not file.name.endswith(MANIFEST) and holds(file, person):
            yield file


def remove_exports(home: Path, files: list[Path]) -> None:
    """With the manifests that name them; other parts of the same export stay."""
    names = {file.name for file in files}
    for manifest in (home / EXPORTS).rglob(f"*{MANIFEST}"):
        if any(json.dumps(name) in manifest.read_text(encoding="utf-8", errors="replace") for name in names):
            manifest.unlink()
    for file in files:
        Path(f"{file}{MANIFEST}").unlink(missing_ok=True)
        file.unlink(missing_ok=True)


def exports_elsewhere(connection: duckdb.DuckDBPyConnection, home: Path, person: Person) -> list[Path]:
    """Files that were exported to other places of this machine and hold the person, or may."""
    if not has_table(connection, "raw", "exports"):
        return []
    person = person.in_any_sense()
    paths = [Path(path) for (path,) in connection.execute("select distinct path from raw.exports").fetchall()]
    away = [path for path in paths if path.is_file() and not path.is_relative_to(home / EXPORTS)]
    return sorted(path for path in away if holds(path, person))


def exports_at_stores(connection: duckdb.DuckDBPyConnection, person: Person) -> list[str]:
    """URLs of files that were exported to stores and hold the person, or may.

    They are not looked into: who was a member when a full export stood for, or has ever been one for a delta, is in it
    unless they were left out. To be asked before the person is taken out of the stays.
    """
    if not has_table(connection, "raw", "exports") or not has_table(connection, "segments", "segment_membership"):
        return []
    found = connection.execute(
        """
        select distinct e.path
        from raw.exports as e
        join segments.segment_membership as m on e.segment = m.segment
        where contains(e.path, '://') and list_contains(?, m.user_id) and m.valid_from <= e.as_of
            and (e.mode = 'delta' or m.valid_to is null or m.valid_to > e.as_of)
        order by e.path
        """,
        [sorted(person.user_ids)],
    ).fetchall()
    return [path for (path,) in found]


def sent_rows(home: Path, person: Person, *, really: bool) -> dict[Path, int]:
    """Rows of the person among those that exports have sent, by file."""
    found = {}
    for file in sorted((home / SENT).glob("*.parquet")):
        rows = without(
            file, "parquet", tuple(pq.read_schema(file).names),
            lambda row: row.get("user_id") in person.user_ids, person.named_in, put_in_place if really else None,
        )  # fmt: skip
        if rows:
            found[file] = rows
    return found


def held_by_webhooks(home: Path, person: Person, *, really: bool) -> int:
    """Members that vendors have pushed, in pages and messages as well; the file is written anew."""
    file = home / WEBHOOKS
    if not file.exists():
        return 0
    with closing(sqlite3.connect(file, timeout=60, isolation_level=None)) as con:
        con.execute("begin immediate")
        removed = _members(con, person, really)
        for table, connector in (("pages", "mixpanel"), ("messages", "amplitude")):
            removed += _in_json(con, table, connector, person, really)
        con.execute("commit")
        if removed and really:
            con.execute("vacuum")
            con.execute("pragma wal_checkpoint(truncate)")
    return removed


def _members(con: sqlite3.Connection, person: Person, really: bool) -> int:
    rows = con.execute("select connector, audience_id, user_id, email, msisdn from members").fetchall()
    theirs = [(one, key, id_) for one, key, id_, *said in rows if _is_theirs(person, one, [id_, *said])]
    if really:
        con.executemany("delete from members where connector = ? and audience_id = ? and user_id = ?", theirs)
    return len(theirs)


def _in_json(con: sqlite3.Connection, table: str, connector: str, person: Person, really: bool) -> int:
    removed = 0
    for row, text in con.execute(f"select rowid, members from {table}").fetchall():
        members = json.loads(text or "[]")
        kept = [one for one in members if not _is_theirs(person, connector, one)]
        removed += len(members) - len(kept)
        if really and len(kept) < len(members):
            con.execute(f"update {table} set members = ? where rowid = ?", [json.dumps(kept), row])
    return removed


def _is_theirs(person: Person, connector: str, said: list[Any]) -> bool:
    id_, email, msisdn = (*said, None, None)[:3]
    row = {"connector": connector, "connector_user_id": id_, "email": email, "msisdn": msisdn}
    return person.owns("audience_members", row)


def named_in_notes(home: Path, person: Person, *, really: bool) -> list[Path]:
    """Requests and logs in which the person asked for something; the name there becomes `erased`."""
    found = []
    with FileLock(home / "changes.lock"):
        for file in [*sorted((home / REQUESTS).rglob("*.json")), *sorted(home.glob("*.jsonl"))]:
            text = file.read_text(encoding="utf-8", errors="surrogateescape")
            parts = text.splitlines(keepends=True) if file.suffix == ".jsonl" else [text]
            new = "".join(_renamed(part, person) for part in parts)
            if new != text:
                found.append(file)
                if really:
                    write_if_changed(file, new.encode("utf-8", "surrogateescape"))
    return found


def _renamed(text: str, person: Person) -> str:
    if not person.named_in(text):
        return text
    try:
        said = json.loads(text)
    except ValueError:
        return text
    ending = "\n" if text.endswith("\n") else ""
    return json.dumps(_without(said, person), ensure_ascii=False) + ending


def _without(said: Any, person: Person) -> Any:
    if isinstance(said, dict):
        return {key: _without(value, person) for key, value in said.items()}
    if isinstance(said, list):
        return [_without(value, person) for value in said]
    return GONE if isinstance(said, str) and (person.is_listed("g", said) or person.is_listed("i", said)) else said


def left(settings: Settings, person: Person) -> list[Path]:
    """Files of the workspace that still name the person: rules that do, what nobody here knows, logs of other tools."""
    home, found = settings.home, []
    known = {settings.warehouse, home / WEBHOOKS, *(home / ACTIVATIONS).glob("*.duckdb")}  # those are told apart
    landing = Path(settings.landing)
    for root in (home, landing, settings.segments):
        for file in sorted(root.rglob("*")) if root.is_dir() else ():
            in_landing = file.is_relative_to(landing) and root != landing
            if not file.is_file() or file in known or in_landing or _is_ours(file, home):
                continue
            if holds(file, person):
                found.append(file)
    return sorted(set(found))


def _is_ours(file: Path, home: Path) -> bool:
    """What an erasure keeps until it is done, and caches of code."""
    return file.parent == home and file.name.startswith(".erasure") or file.suffix == ".pyc"


def holds(file: Path, person: Person) -> bool:
    """Whether a file of any format names the person; one that is packed is looked into."""
    try:
        if file.suffix == ".parquet":
            return _in_parquet(file, person)
        if file.suffix == ".xlsx":
            return _in_workbook(file, person)
        if file.suffix == ".gz":
            with gzip.open(file) as content:
                return _in_text(content, person)
    except (OSError, EOFError, zipfile.BadZipFile, ValueError):
        pass  # not what its name says: the bytes tell
    with file.open("rb") as content:
        return _in_text(content, person)


def _in_text(content: BinaryIO | gzip.GzipFile, person: Person) -> bool:
    """Piece by piece; a word that is cut in two is whole in the next piece."""
    words = [word.lower().encode() for word in person.words]
    kept = b""
    while chunk := content.read(CHUNK):
        kept += chunk
        lower = kept.lower()
        escaped = b"\\u" in kept  # JSON may spell a letter so
        if (escaped or any(word in lower for word in words)) and person.named_in(kept.decode("utf-8", "replace")):
            return True
        kept = kept[-OVERLAP:]
    return False


def _in_parquet(file: Path, person: Person) -> bool:
    has_numbers = any(word.isdigit() for word in person.words)
    with pq.ParquetFile(file) as found:
        for batch in found.iter_batches():
            for column in batch.columns:
                if pa.types.is_integer(column.type) and not has_numbers or _says_no_names(column.type):
                    continue
                if any(map(person.named_in, _candidates(column, person))):
                    return True
    return False


def _says_no_names(kind: pa.DataType) -> bool:
    return bool(pa.types.is_temporal(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _candidates(column: pa.Array, person: Person) -> list[str]:
    """Values in which one of the words is, as a word of its own or not."""
    try:
        texts = column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # lists, structs, bytes that are no text
        return [str(value) for value in column.to_pylist() if value is not None]
    found: list[str] = []
    for word in person.words:
        found += texts.filter(pc.match_substring(texts, word, ignore_case=True)).to_pylist()
    return found


def _in_workbook(file: Path, person: Person) -> bool:
    with zipfile.ZipFile(file) as book:
        return any(
            person.named_in(unescape(book.read(name).decode("utf-8", "replace"), {"&quot;": '"'}))
            for name in book.namelist()
            if name.endswith(".xml")
        )
