"""XLSX: text stays text, never a formula or a link, numbers are numbers as far as a spreadsheet keeps their digits.

Rows are streamed, and the same rows give the same bytes. Not here: how rows are cut into several files.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

import xlsxwriter

from orchestration.exports.cells import Column
from orchestration.files import emptied

MOST_ROWS = 1_048_575  # of data, below the header
MOST_DIGITS = 15  # a longer number would be rounded
MOST_LETTERS = 32_767  # of one cell, in units of UTF-16, of which an emoji has two
WIDTH = 22


def write_xlsx(
    file: Path, columns: Iterable[Column], rows: Iterable[tuple[str | None, ...]], as_of: datetime, room: Path
) -> None:
    """Writes one workbook of at most `MOST_ROWS` rows. Raises ValueError for a cell that no spreadsheet can hold.

    The parts that a workbook is made of hold personal data in plain text, so they lie in `room` and not where the file
    does, and none are left.
    """
    with emptied(room / "parts") as parts:
        _write(file, parts, list(columns), rows, as_of)


def _write(
    file: Path, parts: Path, columns: list[Column], rows: Iterable[tuple[str | None, ...]], as_of: datetime
) -> None:
    workbook = xlsxwriter.Workbook(str(file), {"constant_memory": True, "tmpdir": str(parts)})
    workbook.use_zip64()
    workbook.set_properties({"created": as_of.replace(tzinfo=None)})
    sheet = workbook.add_worksheet("members")
    sheet.set_column(0, len(columns) - 1, WIDTH)
    sheet.freeze_panes(1, 0)
    bold, plain = workbook.add_format({"bold": True}), workbook.add_format()
    for place, column in enumerate(columns):
        sheet.write_string(0, place, column.name, bold)
    put: list[Callable[[int, int, str], object]] = [
        _number(sheet) if column.kind in ("integer", "number") else sheet.write_string for column in columns
    ]
    for number, row in enumerate(rows, start=1):
        if not any(row):  # else there would be no such row
            sheet.write_blank(number, 0, None, plain)
        for place, value in enumerate(row):
            if value is None:
                continue
            if (letters := _letters(value)) > MOST_LETTERS:
                raise ValueError(
                    f"found {letters:,} letters in {columns[place].name} of row {number}, and a spreadsheet takes"
                    f" {MOST_LETTERS:,} in a cell: export as csv or parquet"
                )
            put[place](number, place, value)
    workbook.close()


def _letters(text: str) -> int:
    return len(text) if len(text) <= MOST_LETTERS // 2 else len(text.encode("utf-16-le")) // 2


def _number(sheet: xlsxwriter.worksheet.Worksheet) -> Callable[[int, int, str], object]:
    def put(row: int, place: int, value: str) -> object:
        if sum(letter.isdigit() for letter in value.partition("e")[0]) > MOST_DIGITS:
            return sheet.write_string(row, place, value)
        return sheet.write_number(row, place, float(value))

    return put


def count_rows(file: Path) -> int:
    """How many rows a workbook holds below its header."""
    rows, before = 0, b""
    with zipfile.ZipFile(file) as book, book.open("xl/worksheets/sheet1.xml") as sheet:
        while piece := sheet.read(1 << 20):
            text = before + piece
            rows += text.count(b"<row ")
            before = text[-4:]  # too short to be counted twice
    return max(rows - 1, 0)
