"""`segments export`: what it prints, and what it refuses."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import call, data
from tests.exports.files import read
from tests.exports.shop import IN_ORDER


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
