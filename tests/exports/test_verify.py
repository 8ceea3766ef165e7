"""What is verified of an export: its bytes, its manifest, and what the warehouse recorded, whoever altered which."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestration.exports.request import Request
from orchestration.exports.stores import opened
from orchestration.exports.verify import verify
from orchestration.exports.write import write_export
from segmentation.language.export_fields import fields_of
from segmentation.language.export_places import place_of
from tests.exports.shop import AT, Do
from tests.orchestration.workspace import Workspace


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
