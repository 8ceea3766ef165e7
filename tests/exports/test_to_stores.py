"""Exports of a workspace to stores: they get what a folder gets, go on where they were, and miss what is gone."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import CredentialsRefused
from orchestration.exports.request import Request
from orchestration.exports.stores import opened
from orchestration.exports.write import Export, write_export
from segmentation.language.export_fields import fields_of
from segmentation.language.export_places import place_of
from tests.cli.conftest import call, data
from tests.exports.shop import AT, CASES
from tests.orchestration.workspace import Workspace


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
