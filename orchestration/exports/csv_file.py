"""CSV by RFC 4180: quoted where needed, CRLF, UTF-8, a header always.

A spreadsheet takes a cell that begins like a formula for one, so such text gets a `'` in front; numbers are left alone,
and so is the plus sign of a telephone number. Not here: which cells there are.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from orchestration.exports.cells import Rows

FORMULA = r"^[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}\t\r\n]"  # wide forms as well, which some read alike
PHONE = r"^\+[0-9 ()\-]+$"


def write_csv(file: Path, rows: Rows, delimiter: str = ",", *, bom: bool = False, guard: bool = True) -> list[int]:
    """Writes all rows, and says by column how many cells were guarded."""
    guarded = [0] * len(rows.columns)
    with file.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as text:
        writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
        writer.writerow([column.name for column in rows.columns])
        for cells in rows.batches():
            shown = []
            for place, (column, values) in enumerate(zip(rows.columns, cells, strict=True)):
                if guard and column.kind in ("text", "json"):
                    values, number = guard_formulas(values, is_phone=column.key == "msisdn")
                    guarded[place] += number
                shown.append(values.to_pylist())
            writer.writerows(zip(*shown, strict=True))
    return guarded


def guard_formulas(values: pa.Array, *, is_phone: bool) -> tuple[pa.Array, int]:
    """The same texts with a `'` before what begins like a formula, and how many these are."""
    risky = pc.match_substring_regex(values, FORMULA)
    if is_phone:
        risky = pc.and_(risky, pc.invert(pc.match_substring_regex(values, PHONE)))
    number = pc.sum(risky).as_py() or 0
    if not number:
        return values, 0
    return pc.if_else(risky, pc.binary_join_element_wise("'", values, ""), values), number


def count_rows(file: Path, delimiter: str) -> int:
    """How many rows a file holds below its header."""
    csv.field_size_limit(2**31 - 1)  # a cell may hold a whole JSON document
    with file.open(encoding="utf-8-sig", newline="") as text:
        return max(sum(1 for _ in csv.reader(text, delimiter=delimiter)) - 1, 0)
