"""What somebody who uploads a list is told: by `validate`, by `evaluate`, and by `show` after a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Segments, data, write_definitions, write_landing

LISTS = {
    "vip": "title: Guests of honour\nlist:\n  on_upload: add\n  file: lists/vip.csv\n",
    "not_vip": "who:\n  - not: {segment: vip}\n",
    "gone": "list: {file: lists/vp.csv}\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = write_definitions(tmp_path / "rules", LISTS)
    (folder / "lists").mkdir()
    (folder / "lists/vip.csv").write_text("Type,Identity\ng,ada\ng,ada\ni,nobody\nx,bea\n")
    return folder


def test_a_list_without_its_file_is_an_error_at_the_line_that_names_it(segments: Segments, folder: Path):
    (folder / "lists/vip.csv").rename(folder / "lists/vip_2.csv")
    result = segments("validate", folder)
    assert result.stderr.splitlines() == [
        f"{folder}/gone.yml:2: found no file 'lists/vp.csv', expected a path relative to the segment file;"
        " did you mean 'vip_2.csv'?",
        f"{folder}/vip.yml:5: found no file 'lists/vip.csv', expected a path relative to the segment file;"
        " did you mean 'vip_2.csv'?",
    ]
    assert (result.exit_code, result.stdout) == (1, "2 errors in 2 files; 1 segment is valid\n")
    assert [set(one) for one in data(segments("validate", folder, "--json"))] == [{"file", "line", "message"}] * 2


def test_evaluate_reads_lists_beside_the_segments_and_fails_one_alone(segments: Segments, folder: Path, tmp_path: Path):
    write_definitions(folder, {"reads_gone": "who:\n  - {segment: gone}\n"})
    landing, out = write_landing(tmp_path / "landing"), tmp_path / "members.csv"
    result = segments("evaluate", "--segments", folder, "--data", landing, "--as-of", "2026-01-15", "--out", out)
    assert out.read_text() == "segment,user_id\nnot_vip,bea\nnot_vip,cem\nvip,ada\n"
    assert result.stderr.splitlines()[-2:] == [
        "gone: found no file 'lists/vp.csv', expected a path relative to the segment file; did you mean 'vip.csv'?",
        "reads_gone: refers to segment gone, which cannot be read: it has no members yet",
    ]
    assert result.exit_code == 1


def test_show_tells_what_came_of_the_last_upload(
    segments: Segments, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SEGMENTS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    folder.rename(tmp_path / "segments")
    write_landing(tmp_path / "home/landing")
    assert segments("run", "--as-of", "2026-01-15").exit_code == 1  # for the list without a file
    shown = " ".join(segments("show", "vip").stdout.split())
    assert "last upload lists/vip.csv as of 15 Jan 2026 00:00 UTC, added" in shown
    assert "its rows 4 rows: 1 matched, 1 duplicate, 1 unknown, 0 ambiguous, 1 bad" in shown
    (tmp_path / "segments/lists/vip.csv").write_text("Type,Identity\nx,ada\n")
    assert segments("refresh", "vip", "--as-of", "2026-01-16").exit_code == 1
    told = data(segments("show", "vip", "--json"))
    assert (told["status"], told["users"], told["last_upload"]["state"]) == ("failed", 1, "refused")
    assert told["reason"] == told["last_upload"]["reason"]
    assert told["reason"].startswith("lists/vip.csv:2: found 1 bad rows of 1")
    assert data(segments("show", "not_vip", "--json"))["last_upload"] is None
