"""Exports of a workspace after one run: who is in them, what each cell says, what is recorded, and what is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import duckdb
import pytest

from orchestration.exports.request import Request
from orchestration.exports.verify import verify
from orchestration.exports.write import write_export
from orchestration.warehouse import connect
from segmentation.language.export_fields import fields_of
from tests.exports.files import read
from tests.exports.shop import AT, CASES, IN_ORDER, Do
from tests.orchestration.workspace import Workspace

FIELDS = list(dict.fromkeys(case["field"] for case in CASES))
LISTED = ("push", "email")  # on which channel of them somebody is blacklisted


@pytest.mark.parametrize("form", ["csv", "xlsx", "parquet"])
def test_every_cell_says_what_is_known_of_the_user(export: Do, form: str):
    done = export("cells", *FIELDS, "user_id", format=form)
    header, *rows = read(done.files[0])
    assert header == [*FIELDS, "user_id"]
    found = {row[-1]: dict(zip(header, row, strict=True)) for row in rows}
    assert sorted(found) == [f"case{number:02}" for number in range(len(CASES))]
    for number, case in enumerate(CASES):
        cell, expected = found[f"case{number:02}"][case["field"]], case.get(form, case["csv"])
        assert (type(cell), cell) == (type(expected), expected) or form == "xlsx" and cell == expected, case["why"]


def test_all_formats_have_the_same_rows_in_the_same_order(export: Do):
    asked = ("user_id", "external_id", "email", "attributes.zip")
    tables = [read(export("cells", *asked, format=form).files[0])[1:] for form in ("csv", "xlsx", "parquet")]
    users = [[row[0] for row in table] for table in tables]
    assert users[0] == users[1] == users[2]
    assert [row[2:] for row in tables[0]] == [row[2:] for row in tables[1]] == [row[2:] for row in tables[2]]


def test_rows_go_by_external_id_and_then_by_the_internal_one(export: Do):
    rows = read(export("sorted", "external_id", "user_id").files[0])[1:]
    assert [row[0] for row in rows] == IN_ORDER
    assert [row[1] for row in rows] == ["sorted9", "sorted8", "sorted7", "sorted6", "sorted4", "sorted5"]


@pytest.mark.parametrize(
    ("channel", "left"),
    [(None, "ada dan"), ("push", "ada cem dan"), ("email", "ada bea dan"), ("sms", "ada bea cem dan")],
)
def test_whoever_is_blacklisted_on_the_channel_is_left_out_and_counted(export: Do, channel: str | None, left: str):
    done = export("sends", "user_id", channel=channel)
    assert " ".join(row[0] for row in read(done.files[0])[1:]) == left
    told = done.told
    assert (told["members"], told["rows"], told["channel"]) == (4, len(left.split()), channel)
    assert told["dropped"] == {"blacklisted": 4 - told["rows"], "no_longer_a_user": 0}


def test_a_segment_without_anybody_is_a_file_with_a_header(export: Do):
    done = export("nobody", "external_id", "attributes.tier")
    assert done.files[0].read_bytes() == b"external_id,attributes.tier\r\n"
    assert (done.told["rows"], done.notes) == (0, ())


def test_the_name_and_the_manifest_say_what_the_file_is(export: Do, shop: Workspace, tmp_path: Path):
    done = export("sends", "user_id", by="ada@example.com")
    number, hash_, run_no = shop.rows(
        "select segment_no, definition_hash, run_no from raw.segment_definitions where segment = 'sends'"
    )[0]
    name = f"{number}_sends_20260115T000000Z.csv"
    assert sorted(file.name for file in tmp_path.iterdir()) == [name, f"{name}.manifest.json"]
    told = json.loads(done.manifest.read_text(encoding="utf-8"))
    assert told == done.told
    expected = {
        "segment": "sends",
        "segment_id": number,
        "definition_hash": hash_,
        "run_no": run_no,
        "as_of": "2026-01-15T00:00:00Z",
        "exported_at": "2026-01-15T09:30:00Z",
        "exported_by": "ada@example.com",
        "status": "ready",
        "mode": "full",
        "sha256": hashlib.sha256(done.files[0].read_bytes()).hexdigest(),
        "fields": ["user_id"],
    }
    assert {key: told[key] for key in expected} == expected
    assert {one["gate"]: one["state"] for one in told["gate_results"]} == {
        "freshness": "open",
        "size_band": "unknown",
        "removals": "unknown",
        "match_rate": "unknown",
        "universe": "unknown",
        "upstream": "open",
    }


@pytest.mark.parametrize("form", ["csv", "xlsx", "parquet"])
def test_the_same_members_are_the_same_bytes(export: Do, tmp_path: Path, form: str):
    one, two = (export("cells", "email", "tags", format=form, into=tmp_path / where) for where in "ab")
    assert one.files[0].read_bytes() == two.files[0].read_bytes()


def test_parts_of_a_workbook_make_up_the_whole(shop: Workspace, tmp_path: Path):
    request = Request("sorted", tmp_path, fields_of(["external_id"]), "xlsx")
    done = write_export(shop.settings, request, AT, rows_per_workbook=4)
    stem = done.manifest.name.removesuffix(".xlsx.manifest.json")
    assert [file.name for file in done.files] == [f"{stem}_part1of2.xlsx", f"{stem}_part2of2.xlsx"]
    one, two = map(read, done.files)
    assert (one[0], two[0]) == (["external_id"], ["external_id"])
    assert [row[0] for row in one[1:] + two[1:]] == IN_ORDER
    assert [file["rows"] for file in done.told["files"]] == [4, 2]
    assert verify(shop.settings, done.files[1]).differences == ()
    whole = write_export(shop.settings, request, AT)  # takes the place of the parts
    assert sorted(tmp_path.iterdir()) == sorted([*whole.files, whole.manifest])


def test_a_manifest_that_cannot_be_read_is_replaced(export: Do, shop: Workspace):
    first = export("sends", "user_id")
    (file,) = first.told["files"]
    whole = {name: value for name, value in first.told.items() if name != "channel"}
    damaged = [
        "{", "[]", json.dumps(whole), json.dumps({**first.told, "version": 2}),
        *(json.dumps({**first.told, "files": files}) for files in (None, [None], [{}], [{**file, "rows": "3"}])),
        *(json.dumps({**first.told, "files": [{**file, "name": name}]}) for name in ("", "..", f"../{file['name']}")),
        *(json.dumps({**first.told, "as_of": as_of}) for as_of in ("x", "2026-01-15", "0001-01-01T00:00:00+09:00")),
        json.dumps({**first.told, "members": None}), json.dumps({**first.told, "dropped": {"blacklisted": None}}),
        '{"version": 1}',
    ]  # fmt: skip
    for content in damaged:
        first.manifest.write_text(content)
        with pytest.raises(ValueError, match=r"found something else than the manifest of an export, version 1$"):
            verify(shop.settings, first.files[0])
    again = export("sends", "user_id")
    assert verify(shop.settings, again.files[0]).differences == ()


def test_what_is_not_as_somebody_may_think_is_said(export: Do):
    assert export("sends", "email").notes == ("email is empty in all rows",)
    assert export("sorted", "external_id").notes == ("external_id is empty in 2 of 6 rows",)
    assert export("sends", "user_id").notes == ("an export with other fields had this name, and is replaced",)
    (guarded,) = [note for note in export("cells", "external_id").notes if "formula" in note]
    assert guarded.startswith(f"external_id: a ' stands before 1 of {len(CASES)} values")


@pytest.mark.parametrize(
    ("segment", "field", "sentence"),
    [
        ("sends", "attributes.teir", "no user has the attribute 'teir'; did you mean 'attributes.tier'?"),
        (
            "sends",
            "attributes.home.ctiy",
            "no user has the attribute 'home.ctiy'; did you mean 'attributes.home.city'?",
        ),
        ("sends", "attributes.wishes", "no user has the attribute 'wishes'"),
        ("sends", "attributes.br[.x", "no user has the attribute 'br[.x'"),
        ("sends", "attributes..", "no user has the attribute '.'"),
        ("send", "user_id", "there is no segment 'send'; did you mean 'sends'?"),
        ("new", "user_id", "segment new was never calculated: refresh it first"),
    ],
)
def test_what_is_not_there_is_one_sentence_and_no_file(
    export: Do, tmp_path: Path, segment: str, field: str, sentence: str
):
    with pytest.raises(ValueError, match=r"^(no user|there is|segment)") as error:
        export(segment, field)
    assert (str(error.value), list(tmp_path.iterdir())) == (sentence, [])


def test_every_file_is_a_row_of_the_table(export: Do, shop: Workspace, tmp_path: Path):
    first, second = export("sends", "user_id"), export("sends", "user_id", "city", channel="push")
    rows = shop.rows(
        "select path, rows, sha256, definition_hash, as_of::varchar, gate_results, segment, format, fields, dropped,"
        " manifest, is_replaced from segments.exports"
        f" where parse_dirpath(path) = '{tmp_path}' order by export_no"
    )
    for done, row, is_replaced in ((first, rows[0], True), (second, rows[1], False)):
        told, file = done.told, done.told["files"][0]
        assert row == (
            str(done.files[0]), file["rows"], file["sha256"], told["definition_hash"], "2026-01-15 00:00:00",
            json.dumps(told["gate_results"]),
            "sends", "csv", told["fields"], json.dumps(told["dropped"]), str(done.manifest), is_replaced,
        )  # fmt: skip


def test_what_cannot_be_recorded_gets_no_name_and_what_gets_no_name_is_not_recorded(
    export: Do, shop: Workspace, tmp_path: Path
):
    into = tmp_path / "out"
    with connect(shop.settings.warehouse) as connection:
        connection.execute("alter table raw.exports rename column members to others")
    try:
        with pytest.raises(duckdb.Error, match="members"):
            export("sends", "user_id", into=into)
        assert list(into.iterdir()) == []
    finally:
        with connect(shop.settings.warehouse) as connection:
            connection.execute("alter table raw.exports rename column others to members")
    done = export("sends", "user_id", into=into)
    before = done.manifest.read_bytes()
    done.files[0].unlink()
    done.files[0].mkdir()  # nothing can take its place
    with pytest.raises(IsADirectoryError):
        export("sends", "user_id", "email", into=into)
    assert shop.rows(f"select export_no from raw.exports where parse_dirpath(path) = '{into}'") == [
        (done.told["export_no"],)
    ]
    assert done.manifest.read_bytes() == before


def test_a_list_has_one_identifier_and_nobody_without_it(export: Do):
    done = export("sorted", "external_id", as_list=True)
    assert read(done.files[0]) == [["Type", "Identity"], ["i", "10"], ["i", "9"], ["i", "a"], ["i", "b"]]
    assert done.told["dropped"]["without_identity"] == 2
    assert read(export("sends", "user_id", as_list=True).files[0])[1] == ["g", "ada"]
