"""Landing files as pulls write them: Parquet, as they come, and in place whole or not at all.

Parquet, because a row group is all that has to be held, times and texts keep their types, and a file that was not
finished has no footer, so nobody can take it for a whole one. Each file is written under a name that landing ignores,
and renamed when it is complete. Not here: what is pulled, what is noted (notes.py), and how landing files are read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from connectors.drafts import Gate, open_gate
from connectors.errors import ConnectorError
from connectors.notes import Note, Notes
from connectors.seen import Versions

_ROWS_HELD = 10_000
_TIME = pa.timestamp("us", tz="UTC")


def _schema(text: str = "", time: str = "", number: str = "", flag: str = "") -> pa.Schema:
    kinds = ((text, pa.string()), (time, _TIME), (number, pa.float64()), (flag, pa.bool_()))
    return pa.schema([(name, kind) for names, kind in kinds for name in names.split()])


SCHEMAS = {
    "users": _schema("user_id external_id email msisdn attributes", time="updated_at"),
    "devices": _schema("device_id user_id platform device_model", flag="has_token push_permission"),
    "events": _schema(
        "source source_user_id event event_id platform session_id city region country properties",
        time="ts ingested_at",
        number="lat lon",
    ),
    "messages": _schema("message_id title channel status segments", time="created_at sent_at"),
    "message_events": _schema("message_id user_id kind", time="ts"),
    "audiences": _schema("connector audience_id name description", time="fetched_at source_updated_at").append(
        pa.field("reported_users", pa.int64())
    ),
    "audience_members": _schema("connector audience_id connector_user_id email msisdn properties", time="fetched_at"),
}


class PullUnderWay(ConnectorError):
    """Another process pulls the same into the same folder."""


class TableFile:
    """One landing file that is being written; rows are dicts with the columns of its table."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.rows = 0
        self._schema = schema
        self._held: list[Mapping[str, Any]] = []
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")

    def write(self, row: Mapping[str, Any]) -> None:
        """Adds a row; columns that it leaves out are null."""
        self._held.append(row)
        self.rows += 1
        if len(self._held) >= _ROWS_HELD:
            self._flush()

    def _flush(self) -> None:
        if self._held:
            columns = [
                pa.array([_clean(row.get(field.name)) for row in self._held], field.type) for field in self._schema
            ]
            self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))
            self._held = []

    def close(self) -> None:
        """Writes what is held, and the footer."""
        self._flush()
        self._writer.close()

    def drop(self) -> None:
        """Lets go without a footer's worth of care: the file is about to be removed."""
        self._held = []
        self._writer.close()


class NewestOnly:
    """A landing file of which, per key, only the row with the largest version stays; of equal ones, the first."""

    def __init__(self, draft: Path, schema: pa.Schema) -> None:
        self._draft, self._schema = draft, schema
        self._file = TableFile(draft, schema)
        self._versions = Versions()
        self._outdated: int | None = None
        self.rows = 0

    def write(self, row: Mapping[str, Any], key: str | None, version: int) -> None:
        """Adds a row; without a key it is no other's version."""
        if key is not None:
            self._versions.add(key, version, self._file.rows)
        self._file.write(row)

    def count(self) -> int:
        """How many rows stay, once all have come."""
        if self._outdated is None:
            self._outdated = self._versions.count_outdated()
        return self._file.rows - self._outdated

    def finish(self, target: Path) -> None:
        """The rows that stay, in the order in which they came."""
        self._file.close()
        self.rows = self.count()
        outdated = self._file.rows - self.rows
        if outdated:
            self._copy_without_outdated(target)
        else:
            self._draft.replace(target)
        self._versions.close()

    def _copy_without_outdated(self, target: Path) -> None:
        begin = 0
        with pq.ParquetWriter(target, self._schema, compression="zstd") as kept, pq.ParquetFile(self._draft) as draft:
            for batch in draft.iter_batches(_ROWS_HELD):
                rows = range(begin, begin + batch.num_rows)
                begin = rows.stop
                old = self._versions.outdated(rows)
                kept.write_batch(batch.filter(pa.array([row not in old for row in rows])))

    def drop(self) -> None:
        """Lets go; the draft is about to be removed."""
        self._file.drop()
        self._versions.close()


class LandingFolder:
    """A landing area in a local folder; `gate` decides whether a file may take the place of the last good one."""

    def __init__(self, root: Path, gate: Gate = open_gate) -> None:
        self.root, self.gate = root, gate

    def path(self, table: str, name: str) -> Path:
        """Where the file of this name lies; ids that no file system would take are spelled out."""
        return self.root / table / f"{quote(name, safe=' ')}.parquet"

    def shown(self, table: str, name: str) -> str:
        """The same from the root on."""
        return self.path(table, name).relative_to(self.root).as_posix()

    @contextmanager
    def replacing(self, table: str, name: str) -> Iterator[TableFile]:
        """A file that takes the place of the one of this name if the block ends well, and vanishes otherwise."""
        final = self.path(table, name)
        with self._unfinished(final) as temporary:
            file = TableFile(temporary, SCHEMAS[table])
            try:
                yield file
                file.close()
            except BaseException:
                file.drop()
                raise

    @contextmanager
    def replacing_newest(self, table: str, name: str) -> Iterator[NewestOnly]:
        """As `replacing`, for rows of which some are older versions of others."""
        final = self.path(table, name)
        with ExitStack() as stack:
            target = stack.enter_context(self._unfinished(final))
            draft = target.with_name(f"{target.name}.draft.tmp")
            stack.callback(draft.unlink, missing_ok=True)
            file = NewestOnly(draft, SCHEMAS[table])
            try:
                yield file
                file.finish(target)
            except BaseException:
                file.drop()
                raise

    @contextmanager
    def _unfinished(self, final: Path) -> Iterator[Path]:
        final.parent.mkdir(parents=True, exist_ok=True)
        for old in final.parent.glob(f".{final.name}.*.tmp"):
            _remove_if_abandoned(old)
        temporary = final.with_name(f".{final.name}.{os.getpid()}.tmp")
        try:
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.replace(final)
        finally:
            temporary.unlink(missing_ok=True)

    def rows(self, table: str, name: str) -> int | None:
        """Rows of a file that is there; None if it is not, or is none of ours."""
        try:
            return int(pq.read_metadata(self.path(table, name)).num_rows)
        except (OSError, pa.ArrowInvalid):
            return None

    def first_row(self, table: str, name: str) -> dict[str, Any] | None:
        """The only row of a small file; None if there is no such file, or no row."""
        try:
            found: list[dict[str, Any]] = pq.ParquetFile(self.path(table, name)).read().slice(0, 1).to_pylist()
        except (OSError, pa.ArrowInvalid):
            return None
        return found[0] if found else None

    def names(self, table: str, prefix: str) -> list[str]:
        """Names of the files that are there and begin so, without the prefix, sorted."""
        found = (unquote(path.stem) for path in (self.root / table).glob("*.parquet") if path.name[0] != ".")
        return sorted(name.removeprefix(prefix) for name in found if name.startswith(prefix))

    def note(self, note: Note) -> None:
        """Adds a line to `_pulls.jsonl`, which landing ignores and people read."""
        Notes(self.root).add(note)

    def notes(self) -> list[dict[str, Any]]:
        """All lines of `_pulls.jsonl`, oldest first."""
        return Notes(self.root).read()

    @contextmanager
    def alone(self, connector: str, what: str) -> Iterator[None]:
        """Keeps a second pull of the same out. Raises PullUnderWay if this one is the second."""
        self.root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.root / f"_{connector}.{what}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise PullUnderWay(connector, what, "another pull into the same folder is under way") from None
        try:
            yield
        finally:
            lock.release()


def _remove_if_abandoned(unfinished: Path) -> None:
    """If the process that its name tells is gone, so that a pull that was killed leaves no people behind."""
    found = re.search(r"\.(\d+)\.tmp", unfinished.name)
    try:
        os.kill(int(found[1]) if found else os.getpid(), 0)
    except ProcessLookupError:
        unfinished.unlink(missing_ok=True)
    except PermissionError:
        pass  # somebody else's, and alive


def _clean(value: Any) -> Any:
    """Text that is UTF-8: half of a pair of surrogates, which JSON can spell, is no letter."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value
