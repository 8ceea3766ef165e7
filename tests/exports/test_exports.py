"""Exports of a workspace after one run: who is in them, what each cell says, what is recorded, and what is refused."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from connectors.errors import CredentialsRefused
from orchestration.exports.request import Request
from orchestration.exports.stores import opened
from orchestration.exports.verify import verify
from orchestration.exports.write import Export, write_export
from orchestration.warehouse import connect
from segmentation.language.export_fields import fields_of
from segmentation.language.export_places import place_of
from tests.cli.conftest import call, data
from tests.exports.files import read
from tests.exports.servers import s3_server, sftp_server
from tests.orchestration.workspace import Workspace, a_user

CASES = yaml.safe_load((Path(__file__).parent / "cells.yml").read_text(encoding="utf-8"))
FIELDS = list(dict.fromkeys(case["field"] for case in CASES))
AT = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
LISTED = ("push", "email")  # on which channel of them somebody is blacklisted
IN_ORDER = ["10", "9", "a", "b", None, None]
LANDED = ["10", "9", "a", "b", None, ""]  # which are as many without one
Do = Callable[..., Export]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("exports"))
    people, devices = [], []
    for number, case in enumerate(CASES):
        user_id, told = f"case{number:02}", case.get("user", {})
        given = told.get("attributes", {})
        attributes = given if isinstance(given, str) else {"group": "cells", **given}
        people.append({"user_id": user_id, **told, "attributes": attributes})
        for place, device in enumerate(case.get("devices", ())):
            devices.append({"device_id": f"{user_id}-{place}", "user_id": user_id, **device})
    people += [a_user(name, group="sends", wishes=[]) for name in ("ada", "bea", "cem", "dan")]
    people += [
        {"user_id": f"sorted{9 - number}", "external_id": external_id, "attributes": {"group": "sorted"}}
        for number, external_id in enumerate(LANDED)
    ]
    workspace.land("users", *people)
    workspace.land("devices", *devices)
    workspace.land("events", {"user_id": "ada", "event": "visit", "ts": "2026-01-10T00:00:00Z"})
    at = "2026-01-02T00:00:00Z"
    workspace.land(
        "blacklist",
        {"user_id": "bea", "channel": "push", "listed": True, "at": at},
        {"user_id": "cem", "channel": "email", "listed": True, "at": at},
        {"user_id": "dan", "channel": "push", "listed": True, "at": at},
        {"user_id": "dan", "channel": "push", "listed": False, "at": "2026-01-03T00:00:00Z"},
    )
    groups = ("cells", "sends", "sorted", "nobody")
    workspace.define(**{name: f"[{{attribute: group, equals: {name}}}]" for name in groups})
    workspace.run("2026-01-15")
    workspace.define(new="[{did: visit}]")
    return workspace


@pytest.fixture
def export(shop: Workspace, tmp_path: Path) -> Do:
    def do(segment: str, *fields: str, **asked: Any) -> Export:
        into = asked.pop("into", tmp_path)
        return write_export(shop.settings, Request(segment, into, fields_of(fields), **asked), AT)

    return do


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


@pytest.mark.parametrize("form", ["csv", "xlsx", "parquet"])
def test_one_flipped_bit_is_found(export: Do, shop: Workspace, form: str):
    done = export("cells", "external_id", "email", format=form)
    file = done.files[0]
    assert verify(shop.settings, file).differences == verify(shop.settings, done.manifest).differences == ()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    (told,) = verify(shop.settings, file).differences
    assert told.startswith(f"{file} has the sha256 ")


def test_a_manifest_that_was_made_to_fit_is_found_by_the_warehouse(export: Do, shop: Workspace, tmp_path: Path):
    done = export("sends", "user_id")
    file = done.files[0]
    other = export("sorted", "user_id", into=tmp_path / "other")
    file.write_bytes(other.files[0].read_bytes())
    forged = {
        **done.told,
        "rows": 6,
        "members": 8,
        "sha256": other.told["sha256"],
        "files": [{**other.told["files"][0], "name": file.name}],
    }
    done.manifest.write_text(json.dumps(forged), encoding="utf-8")
    found = verify(shop.settings, file)
    assert found.is_recorded is False
    assert found.differences == (
        f"{shop.settings.warehouse} recorded {file.name} with the sha256 {done.told['files'][0]['sha256']}",
    )
    elsewhere = replace(shop.settings, home=tmp_path / "elsewhere")
    assert verify(elsewhere, file).is_recorded is None  # nobody to ask


def test_whatever_the_warehouse_recorded_is_compared_with_the_manifest(export: Do, shop: Workspace):
    done = export("sends", "user_id", channel="push", by="ada")
    told, file, home = done.told, done.files[0], shop.settings.warehouse
    other = export("sorted", "user_id").told["export_no"]

    def found(**changed: Any) -> tuple[str, ...]:
        done.manifest.write_text(json.dumps({**told, **changed}, sort_keys=True), encoding="utf-8")
        return verify(shop.settings, file).differences

    assert found() == found(as_of="2026-01-15T03:00:00+03:00") == ()
    for changed, said in (
        ({"export_no": 9999}, f"has no record of an export 9999 with {file.name}"),
        ({"export_no": other}, f"has no record of an export {other} with {file.name}"),
        ({"segment": "gold"}, "with segment sends, its manifest says gold"),
        ({"segment_id": 77}, f"with segment_no {told['segment_id']}, its manifest says 77"),
        ({"fields": ["email"]}, "with other fields than its manifest says"),
        ({"mode": "delta"}, "with mode full, its manifest says delta"),
        ({"since": {"export_no": 1}}, "with since_export None, its manifest says 1"),
        ({"channel": None}, "with channel push, its manifest says None"),
        ({"members": 5, "dropped": {**told["dropped"], "blacklisted": 2}}, "with members 4, its manifest says 5"),
        ({"members": 5, "dropped": {**told["dropped"], "blacklisted": 2}}, "with other dropped than its manifest says"),
        ({"definition_hash": "0"}, f"with definition_hash {told['definition_hash']}, its manifest says 0"),
        ({"as_of": "2026-01-15T00:00:00+09:00"}, "2026-01-15 00:00:00, its manifest says 2026-01-14 15:00:00"),
        ({"run_no": 77}, f"with run_no {told['run_no']}, its manifest says 77"),
        ({"gate_results": told["gate_results"][1:]}, "with other gate_results than its manifest says"),
        ({"exported_at": "2020-01-01T00:00:00Z"}, "2026-01-15 09:30:00, its manifest says 2020-01-01 00:00:00"),
        ({"exported_by": "eve"}, "with exported_by ada, its manifest says eve"),
        ({"columns": []}, "with other columns than its manifest says"),
    ):
        assert any(one.startswith(str(home)) and one.endswith(said) for one in found(**changed)), changed
    assert found(files=[{**told["files"][0], "bytes": 1}])[0] == f"{file} has 24 bytes, and its manifest says 1"


def test_a_part_that_was_cut_out_is_known_to_the_warehouse(shop: Workspace, tmp_path: Path):
    request = Request("sorted", tmp_path, fields_of(["external_id"]), "xlsx")
    done = write_export(shop.settings, request, AT, rows_per_workbook=2)
    first, second, third = done.told["files"]
    cut = {**done.told, "files": [first, second], "rows": 4, "members": 4}
    done.manifest.write_text(json.dumps(cut), encoding="utf-8")
    found = verify(shop.settings, done.files[0])
    assert found.is_recorded is False
    told = f"recorded {third['name']} with export {cut['export_no']} as well, and its manifest does not name it"
    assert f"{shop.settings.warehouse} {told}" in found.differences


def test_what_the_manifest_does_not_name_is_no_file_of_the_export(export: Do, shop: Workspace):
    done = export("sends", "user_id")
    file, manifest, content = done.files[0], done.manifest, done.manifest.read_bytes()
    part = file.with_stem(f"{file.stem}_part1of2")
    copy = file.with_name("copy.csv")
    for path in (part, copy):
        path.write_text("user_id\r\neve\r\n")
    copied = copy.with_name("copy.csv.manifest.json")
    copied.write_bytes(content)
    missing = file.with_stem(f"{file.stem}_part7of9")
    unnamed = "is not a file of this export: {} does not name it"
    for place, said in (
        (file, None),
        (manifest, None),
        (part, f"{part} {unnamed.format(manifest.name)}"),
        (missing, f"{missing} {unnamed.format(manifest.name)}"),
        (copy, f"{copy} {unnamed.format(copied.name)}"),
        (copied, f"{copied} is not what an export to {file.name} is told by, as csv"),
    ):
        found = verify(shop.settings, place).differences
        assert found == () if said is None else said in found, place
    for changed, said in (
        ({"files": [], "rows": 0, "members": 0, "dropped": {}}, f"{manifest} names no files"),
        ({"format": "parquet"}, f"{manifest} is not what an export to {file.name} is told by, as parquet"),
        ({"format": "parquet"}, f"{file} cannot be read as parquet, as its manifest says (ArrowInvalid)"),
        ({"delimiter": None}, f"{file} cannot be read as csv, as its manifest says (TypeError)"),
    ):
        manifest.write_text(json.dumps({**done.told, **changed}))
        assert said in verify(shop.settings, manifest).differences


def test_a_list_has_one_identifier_and_nobody_without_it(export: Do):
    done = export("sorted", "external_id", as_list=True)
    assert read(done.files[0]) == [["Type", "Identity"], ["i", "10"], ["i", "9"], ["i", "a"], ["i", "b"]]
    assert done.told["dropped"]["without_identity"] == 2
    assert read(export("sends", "user_id", as_list=True).files[0])[1] == ["g", "ada"]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[str, dict[str, str]]]]:
    """URLs of stores, and the variables that open them."""
    with s3_server() as s3, sftp_server(tmp_path_factory.mktemp("sftp")) as sftp:
        yield {"s3": ("s3://exports/out", s3.environ), "sftp": (sftp.url, sftp.environ)}


@pytest.mark.parametrize("at", ["s3", "sftp"])
def test_an_export_to_a_store_is_what_a_folder_gets(
    here: Path, elsewhere: dict[str, Any], monkeypatch: pytest.MonkeyPatch, at: str
):
    url, environ = elsewhere[at]
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    call("export", "cells", "--fields", "user_id,email", "--format", "xlsx", "--into", "here")
    written = call("export", "cells", "--fields", "user_id,email", "--format", "xlsx", "--into", url)
    file, manifest = written.stdout.splitlines()
    assert (written.exit_code, manifest, file.rpartition("/")[0]) == (0, f"{file}.manifest.json", url)
    told = data(call("export", "--verify", file, "--json"))
    (same,) = (here / "here").glob("*.xlsx")
    assert (told["agrees"], told["recorded"], told["manifest"]) == (True, True, manifest)
    assert told["files"][0]["sha256"] == hashlib.sha256(same.read_bytes()).hexdigest()
    assert call("export", "--verify", manifest).stdout.startswith(f"{manifest}: 1 file, {len(CASES)} rows, as its")
    again = call("export", "cells", "--fields", "user_id", "--format", "xlsx", "--into", url)
    assert "an export with other fields had this name, and is replaced" in again.stderr
    missing = call("export", "--verify", f"{url}/another.csv")
    assert (missing.exit_code, missing.stderr) == (
        1,
        f"{url}/another.csv is not there: found no manifest another.csv.manifest.json beside it\n",
    )
    assert not (here / "home/exporting").exists()


def test_a_file_that_was_changed_at_a_store_is_found(shop: Workspace, elsewhere: dict[str, Any]):
    url, environ = elsewhere["sftp"]
    request = Request("sorted", place_of(f"{url}/changed", Path()), fields_of(["external_id"]))
    done = write_export(shop.settings, request, AT, environ=environ)
    assert verify(shop.settings, done.files[0], environ).differences == ()
    with opened(place_of(f"{url}/changed", Path()), shop.root, environ) as store:
        store.draft("other.csv").write_bytes(b"external_id\r\n1\r\n")
        store.bring(["other.csv"], lambda _: None)
        store.put(["other.csv"], "other.csv.manifest.json", b"{}")
        told = json.dumps({**done.told, "files": [{**done.told["files"][0], "name": "other.csv"}]}).encode()
        store.put([], "other.csv.manifest.json", told)
    found = verify(shop.settings, done.files[0].parent / "other.csv", environ)
    assert found.differences[0].startswith(f"{url}/changed/other.csv has the sha256 ")
    assert found.is_recorded is False


def test_a_delta_to_a_store_goes_on_where_it_was_sent_and_a_failed_export_is_none(
    shop: Workspace, elsewhere: dict[str, Any]
):
    url, environ = elsewhere["sftp"]

    def export(**changed: str) -> Export:
        request = Request("sends", place_of(f"{url}/delta", Path()), fields_of(["user_id"]), delta=True)
        return write_export(shop.settings, request, AT, environ={**environ, **changed}, pause=lambda _: None)

    with pytest.raises(CredentialsRefused):
        export(SEGMENTS_SFTP_PASSWORD="wrong")
    first = export()
    assert first.told["changes"] == {"added": 2, "removed": 0}
    assert first.notes == (f"these fields were never exported to {url}/delta before, so all rows are new",)
    assert export().told["changes"] == {"added": 0, "removed": 0}
    rows = shop.rows(f"select path, mode from segments.exports where path like '{url}/delta/%' order by export_no")
    assert [mode for _, mode in rows] == ["delta", "delta"]
    assert rows[0][0] == str(first.files[0])


def test_what_somebody_took_away_or_altered_is_not_there_already(
    shop: Workspace, elsewhere: dict[str, Any], tmp_path: Path
):
    url, environ = elsewhere["s3"]

    def once(into: str) -> Export:
        request = Request("sends", place_of(into, tmp_path), fields_of(["user_id"]))
        return write_export(shop.settings, request, AT, once=True, environ=environ)

    assert [once("local").is_new, once("local").is_new] == [True, False]
    (file,) = once("local").files
    assert isinstance(file, Path)
    content = file.read_bytes()
    for damage in (file.unlink, lambda: file.write_bytes(content.replace(b"ada", b"eve"))):
        damage()
        assert [once("local").is_new, once("local").is_new] == [True, False]
        assert file.read_bytes() == content
    remote = f"{url}/once"
    assert [once(remote).is_new, once(remote).is_new] == [True, False]
    with opened(place_of(remote, tmp_path), tmp_path, environ) as store:
        store._remove(once(remote).files[0].name)
    assert [once(remote).is_new, once(remote).is_new] == [True, False]


@pytest.fixture
def here(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEGMENTS_HOME", str(shop.settings.home))
    monkeypatch.chdir(shop.root)
    return shop.root


def test_the_command_prints_the_paths_and_verifies_them(here: Path):
    result = call("export", "sends", "--fields", "user_id,attributes.group", "--into", "out", "--channel", "push")
    file, manifest = result.stdout.splitlines()
    assert (result.exit_code, manifest, Path(file).parent) == (0, f"{file}.manifest.json", Path("out"))
    assert result.stderr.startswith("3 rows of sends as of 2026-01-15T00:00:00Z, left out: 1 blacklisted, ")
    assert read(here / file)[:2] == [["user_id", "attributes.group"], ["ada", "sends"]]
    checked = call("export", "--verify", file)
    assert (checked.exit_code, checked.stdout) == (
        0,
        f"{manifest}: 1 file, 3 rows, as its manifest and the warehouse say\n",
    )
    (here / file).write_text("user_id\r\nada\r\n")
    checked = call("export", "--verify", manifest, "--json")
    assert (checked.exit_code, data(checked)["agrees"]) == (1, False)
    (here / file).unlink()
    checked = call("export", "--verify", file)
    assert (checked.exit_code, checked.stderr) == (1, f"{file} is not there\n")


def test_without_options_it_is_external_ids_in_the_home_of_the_workspace(here: Path):
    told = data(call("export", "sorted", "--json"))
    assert (told["format"], told["fields"], told["rows"]) == ("csv", ["external_id"], len(IN_ORDER))
    assert Path(told["path"]).parent == here / "home/exports"
    assert Path(told["manifest"]).exists()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("", 2, "expected either the NAME of a segment, or --verify FILE"),
        ("sends --verify x.csv", 2, "expected either the NAME of a segment, or --verify FILE"),
        ("sends --fields emial", 2, "did you mean 'email'?"),
        ("sends --format pdf", 2, "'pdf' is not one of"),
        ("sends --into ''", 2, "found '', expected a folder, s3://bucket/prefix or sftp://host/path"),
        ("sends --into ftp://host/out", 2, "expected a folder, s3://bucket/prefix or sftp://host/path"),
        ("sends --into sftp://me:geheim@host/out", 2, "found a URL with @, ? or # in it"),
        ("sends --bom --format xlsx", 2, "a delimiter and a byte order mark are for csv"),
        ("sends --fields attributes.grop", 1, "did you mean 'attributes.group'?"),
        ("sent", 1, "there is no segment 'sent'; did you mean 'sends'?"),
        ("--verify nothing.csv", 1, "nothing.csv is not there: found no manifest nothing.csv.manifest.json beside it"),
    ],
)
def test_what_cannot_be_is_said_with_its_exit_code(here: Path, words: str, code: int, sentence: str):
    result = call("export", *shlex.split(words))
    assert (result.exit_code, result.stdout) == (code, "")
    assert sentence in result.stderr


def test_a_workspace_without_a_run_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SEGMENTS_HOME", str(tmp_path / "empty"))
    result = call("export", "sends")
    assert (result.exit_code, result.stderr.startswith("nothing calculated yet")) == (1, True)
