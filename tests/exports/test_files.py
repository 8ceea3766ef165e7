"""What the formats make of rows, and what is asked of an export: no warehouse is needed for either."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.exports.cells import BATCH
from orchestration.exports.collect import Collected
from orchestration.exports.csv_file import count_rows, write_csv
from orchestration.exports.parquet_file import write_parquet
from orchestration.exports.request import Request
from orchestration.exports.sent import difference
from orchestration.exports.words import DELIMITERS
from orchestration.exports.xlsx_file import MOST_LETTERS, write_xlsx
from segmentation.language.export_fields import fields_of
from tests.exports.files import as_rows, read, records

AS_OF = datetime(2026, 1, 15, tzinfo=UTC)
RISKY = tuple("=+-@\uff1d\uff0b\uff0d\uff20\t\r\n")
TEXTS = st.text(st.sampled_from("abİğ01=+-@\uff1d\uff20'\" ,;|~¦^\t\r\n"), max_size=6)
CELLS = st.one_of(st.none(), TEXTS)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=8), st.sampled_from(sorted(DELIMITERS.values())), st.booleans())
def test_a_csv_reads_back_as_it_was_but_for_the_guard(rows: list[tuple[Any, ...]], delimiter: str, bom: bool):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.csv"
        made = as_rows(Path(folder) / "rows", [("note", "text"), ("msisdn", "text")], rows)
        guarded = write_csv(file, made, delimiter, bom=bom)
        content = file.read_bytes()
        assert content.startswith(b"\xef\xbb\xbf") == bom
        _, *found = records(content.decode("utf-8-sig"), delimiter)
        assert [[cell.lstrip("'") for cell in row] for row in found] == [
            [(cell or "").lstrip("'") for cell in row] for row in rows
        ]
        assert not any(cell[:1] in RISKY for row in found for cell in row if cell and cell != row[1])
        assert guarded[0] == sum((row[0] or "")[:1] in RISKY for row in rows if row[0])
        assert count_rows(file, delimiter) == len(rows)


def test_a_row_of_one_empty_cell_is_a_row_and_no_blank_line(tmp_path: Path):
    rows = as_rows(tmp_path / "rows", [("email", "text")], [(None,), ("a",), (None,)])
    write_csv(tmp_path / "a.csv", rows)
    assert (tmp_path / "a.csv").read_bytes() == b'email\r\n""\r\na\r\n""\r\n'
    write_xlsx(tmp_path / "a.xlsx", rows.columns, [(None,), ("a",), (None,)], AS_OF, tmp_path)
    assert read(tmp_path / "a.xlsx") == [["email"], [None], ["a"], [None]]
    assert rows.empty == [2]


def test_bytes_do_not_depend_on_how_rows_were_cut(tmp_path: Path):
    import pyarrow.parquet as pq

    number = BATCH + 7
    rows = as_rows(tmp_path / "one", [("n", "integer")], [(str(one),) for one in range(number)])
    table = pq.read_table(tmp_path / "one")
    pq.write_table(table, tmp_path / "two", row_group_size=1_001)
    for name in ("one", "two"):
        rows.file = tmp_path / name
        write_parquet(tmp_path / f"{name}.parquet", rows)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    assert pq.ParquetFile(tmp_path / "one.parquet").metadata.row_group(0).num_rows == BATCH


def test_text_in_a_workbook_is_never_a_formula_a_link_or_a_number(tmp_path: Path):
    import openpyxl

    texts = ("=1+1", "http://example.com", "007", "1e3", "mailto:a@b.c", "_x0041_")
    write_xlsx(
        tmp_path / "a.xlsx",
        as_rows(tmp_path / "rows", [("t", "text")], []).columns,
        [(t,) for t in texts],
        AS_OF,
        tmp_path,
    )
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    cells = [row[0] for row in sheet.iter_rows(min_row=2)]
    assert [(cell.data_type, cell.hyperlink) for cell in cells] == [("s", None)] * len(texts)
    assert [cell.value for cell in cells[:-1]] == list(texts[:-1])
    assert cells[-1].value == "_x005F_x0041_"  # which a spreadsheet shows as it was written


def test_a_text_that_no_spreadsheet_can_hold_is_refused_rather_than_cut(tmp_path: Path):
    columns = as_rows(tmp_path / "rows", [("note", "text")], []).columns
    longest = "😀" * (MOST_LETTERS // 2)  # an emoji counts as two letters
    write_xlsx(tmp_path / "a.xlsx", columns, [("a" * MOST_LETTERS,), (f"{longest}a",)], AS_OF, tmp_path)
    assert read(tmp_path / "a.xlsx")[1:] == [["a" * MOST_LETTERS], [f"{longest}a"]]
    for text in ("a" * (MOST_LETTERS + 1), f"{longest}ab"):
        with pytest.raises(ValueError, match=r"^found 32,768 letters in note of row 2, and a spreadsheet takes 32,767"):
            write_xlsx(tmp_path / "a.xlsx", columns, [("a",), (text,)], AS_OF, tmp_path)


def test_a_workbook_that_is_refused_leaves_no_parts_of_it(tmp_path: Path):
    columns = as_rows(tmp_path / "rows", [("email", "text")], []).columns
    with pytest.raises(ValueError, match=r"^found 32,768 letters"):
        write_xlsx(tmp_path / ".a.xlsx.tmp", columns, [("ada@x.test",), ("a" * (MOST_LETTERS + 1),)], AS_OF, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["rows"]
    write_xlsx(tmp_path / ".a.xlsx.tmp", columns, [("ada@x.test",)], AS_OF, tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [".a.xlsx.tmp", "rows"]


PEOPLE = st.dictionaries(st.sampled_from("abcdef"), st.tuples(CELLS, CELLS), max_size=6)


@given(PEOPLE, PEOPLE)
def test_a_delta_takes_the_last_rows_to_the_present_ones(before: dict[str, Any], now: dict[str, Any]):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {}
        for word, people in (("before", before), ("now", now)):
            files[word] = folder / word
            _store(files[word], people)
        columns = as_rows(folder / "x", [("one", "text"), ("two", "text")], []).columns
        collected = Collected(files["now"], columns, len(now), {})
        named, counts = difference(files["before"], collected, {}, folder / "changes", folder)
        assert [column.name for column in named] == ["change", "one", "two"]
        changes = _load(folder / "changes")
    rows = [*before.values()]
    for word, *row in changes:
        (rows.remove if word == "removed" else rows.append)(tuple(row))
    assert sorted(map(str, rows)) == sorted(map(str, now.values()))
    assert [word for word, *_ in changes] == ["removed"] * counts["removed"] + ["added"] * counts["added"]
    assert counts["added"] == sum(before.get(who, ()) != row for who, row in now.items())


def _store(file: Path, people: dict[str, Any]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = pa.string()
    cells = {f"c{place}": pa.array([row[place] for row in people.values()], text) for place in range(2)}
    ids = pa.array(list(people), text)
    pq.write_table(pa.table({"user_id": ids, "external_id": ids, **cells}), file)


def _load(file: Path) -> list[tuple[Any, ...]]:
    import pyarrow.parquet as pq

    return [tuple(row[name] for name in ("c0", "c1", "c2")) for row in pq.read_table(file).to_pylist()]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"format": "pdf"}, "found the format 'pdf', expected one of csv, xlsx, parquet"),
        ({"channel": "fax"}, "found the channel 'fax', expected one of push, web_push, email, sms, whatsapp"),
        ({"delimiter": "\t"}, "found the delimiter"),
        ({"format": "xlsx", "bom": True}, "a delimiter and a byte order mark are for csv, and the format is xlsx"),
        ({"format": "parquet", "delimiter": ";"}, "a delimiter and a byte order mark are for csv"),
        ({"as_list": True, "fields": fields_of(["city"])}, "a list has one identifier"),
        ({"as_list": True, "fields": fields_of(["email", "msisdn"])}, "a list has one identifier"),
        ({"as_list": True, "delta": True}, "a list is a whole CSV file"),
    ],
)
def test_what_does_not_go_together_is_refused(asked: dict[str, Any], sentence: str, tmp_path: Path):
    with pytest.raises(ValueError, match=r"^(found|a) ") as error:
        Request("gold", tmp_path, **asked)
    assert str(error.value).startswith(sentence)
