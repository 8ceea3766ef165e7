"""Files without some of their rows: Parquet, CSV and JSON lines, packed or not, and lists of identifiers.

What stays is the same to the byte in text files, and the same rows with the same types in Parquet. A file is written
anew beside its place and takes it in one step; one that holds nobody is not touched.
Not here: whose rows they are.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.lists.read import ListRefused, Shape, shape_of

DRAFT = ".erasing.tmp"
Owns = Callable[[Mapping[str, str | None]], bool]
Replace = Callable[[Path, Path], None]


def without(file: Path, format_: str, columns: tuple[str, ...], owns: Owns, named: Callable[[str], bool],
            replace: Replace | None) -> int:  # fmt: skip
    """Removes rows from a landing file and says how many; only counts them if there is no `replace`, which is given
    the draft and the file. A line that cannot be read is theirs if it is `named` in it."""
    if format_ == "parquet":
        return _parquet(file, columns, owns, replace)
    split = _csv_records if format_ == "csv" else _json_lines
    return _text(file, lambda lines: split(lines, owns, named), replace)


def list_without(
    file: Path, is_listed: Callable[[str | None, str], bool], named: Callable[[str], bool], replace: Replace | None
) -> int:
    """The same for a list of identifiers; a file that is no list is looked through by the word."""
    try:
        shape = shape_of(file)
    except ListRefused:
        shape = None

    def split(lines: Iterator[str]) -> Iterator[tuple[str, bool]]:
        for number, line in enumerate(lines, start=1):
            if shape is None:
                yield line, named(line)
            else:
                yield line, number > shape.header_line and _names(line, shape, is_listed)

    return _text(file, split, replace)


def _names(line: str, shape: Shape, is_listed: Callable[[str | None, str], bool]) -> bool:
    text = line.strip("\r\n\ufeff")
    if shape.delimiter is None:
        return is_listed("i", _unquoted(text))
    cells = next(csv.reader([text], delimiter=shape.delimiter), [])
    if len(cells) <= max(shape.type_at, shape.identity_at):
        return any(is_listed(kind, cell) for cell in cells for kind in ("g", "i"))
    return is_listed(cells[shape.type_at].strip().lower(), cells[shape.identity_at])


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1].replace('""', '"') if len(text) > 1 and text[0] == text[-1] == '"' else text


def _parquet(file: Path, columns: tuple[str, ...], owns: Owns, replace: Replace | None) -> int:
    with pq.ParquetFile(file) as found:
        there = [name for name in columns if name in found.schema_arrow.names]
        keep = [_mask(found.read_row_group(number, columns=there), owns) for number in range(found.num_row_groups)]
        removed = sum(len(mask) - sum(mask) for mask in keep)
        if not removed or replace is None:
            return removed
        compression = found.metadata.row_group(0).column(0).compression.lower()
        with _draft(file) as draft:
            with pq.ParquetWriter(
                draft, found.schema_arrow, compression="none" if compression == "uncompressed" else compression
            ) as writer:
                for number, mask in enumerate(keep):
                    writer.write_table(found.read_row_group(number).filter(pa.array(mask, pa.bool_())))
            replace(draft, file)
    return removed


def _mask(table: pa.Table, owns: Owns) -> list[bool]:
    """Which rows stay."""
    if not table.column_names:
        return [True] * table.num_rows
    values = [map(_as_text, column.to_pylist()) for column in table.columns]
    return [not owns(dict(zip(table.column_names, row, strict=True))) for row in zip(*values, strict=True)]


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _csv_records(lines: Iterator[str], owns: Owns, named: Callable[[str], bool]) -> Iterator[tuple[str, bool]]:
    read: list[str] = []

    def noted() -> Iterator[str]:
        for line in lines:
            read.append(line)
            yield line

    header: list[str] | None = None
    for cells in csv.reader(noted()):
        raw, read[:] = "".join(read), []
        if header is None:
            header = [name.lstrip("\ufeff") for name in cells]
            yield raw, False
        elif len(cells) == len(header):
            yield raw, owns({name: value or None for name, value in zip(header, cells, strict=True)})
        else:
            yield raw, named(raw)


def _json_lines(lines: Iterator[str], owns: Owns, named: Callable[[str], bool]) -> Iterator[tuple[str, bool]]:
    for line in lines:
        try:
            row = json.loads(line.lstrip("\ufeff"), parse_int=str, parse_float=str)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            yield line, named(line)
        else:
            yield line, owns({key: value for key, value in row.items() if value is None or isinstance(value, str)})


def _text(file: Path, split: Callable[[Iterator[str]], Iterator[tuple[str, bool]]], replace: Replace | None) -> int:
    """Bytes that are no UTF-8 survive as they are."""
    with _opened(file) as lines:
        removed = sum(theirs for _, theirs in split(iter(lines)))
    if not removed or replace is None:
        return removed
    with _draft(file) as draft:
        with draft.open("wb") as raw, _packed(file, raw) as out, _opened(file) as lines:
            for line, theirs in split(iter(lines)):
                if not theirs:
                    out.write(line.encode("utf-8", "surrogateescape"))
        replace(draft, file)
    return removed


@contextmanager
def _opened(file: Path) -> Iterator[io.TextIOBase]:
    opened = gzip.open if file.name.endswith(".gz") else open
    with opened(file, "rt", encoding="utf-8", errors="surrogateescape", newline="") as text:
        yield text


@contextmanager
def _packed(file: Path, raw: BinaryIO) -> Iterator[Any]:
    if not file.name.endswith(".gz"):
        yield raw
        return
    with gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as packed:
        yield packed


@contextmanager
def _draft(file: Path) -> Iterator[Path]:
    draft = file.with_name(f".{file.name}.{os.getpid()}{DRAFT}")
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def put_in_place(draft: Path, file: Path) -> None:
    """The draft takes the place of the file, with its permissions; on disk when this returns."""
    os.chmod(draft, file.stat().st_mode & 0o777)
    with draft.open("rb") as written:
        os.fsync(written.fileno())
    draft.replace(file)
