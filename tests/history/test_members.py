"""Who was in a segment on a day is what everybody could see on that day, whatever was edited or landed since."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest

from tests.cli.conftest import Segments, call, data, write_definitions
from tests.history.conftest import Told
from tests.orchestration.story import DEFINITIONS, MIDNIGHTS

pytestmark = pytest.mark.long


@pytest.fixture
def segments(told: Told, monkeypatch: pytest.MonkeyPatch) -> Segments:
    settings = told.workspace.settings
    for name, value in {
        "HOME": str(settings.home), "LANDING": settings.landing, "TIMEZONE": settings.zone.key,
    }.items():  # fmt: skip
        monkeypatch.setenv(f"SEGMENTS_{name}", value)
    return call


def members(segments: Segments, *arguments: object) -> str:
    return " ".join(one["user_id"] for one in data(segments("members", *arguments, "--json"))["members"])


def test_members_of_each_day_are_those_that_everybody_saw_on_it(told: Told, segments: Segments):
    for midnight in MIDNIGHTS:
        for segment in DEFINITIONS:
            assert members(segments, segment, "--as-of", midnight) == told.seen[midnight][segment]
    assert members(segments, "buyers") == told.seen["2026-03-06"]["buyers"] == "ada bea cem dan"


def test_between_two_runs_the_earlier_one_stands(told: Told, segments: Segments):
    """Midnight in Istanbul is 21:00 UTC."""
    moments = {
        "2026-03-02T20:59:59.999999Z": MIDNIGHTS[0],
        "2026-03-02T21:00:00Z": MIDNIGHTS[1],
        "2026-03-03T12:00:00Z": MIDNIGHTS[1],
        "2030-01-01": "2026-03-06",
    }
    for moment, day in moments.items():
        assert members(segments, "buyers", "--as-of", moment) == told.seen[day]["buyers"]


def test_a_day_is_what_an_evaluation_of_that_day_finds(told: Told, segments: Segments, tmp_path: Path):
    """By the rules of that day, on files that were complete then."""
    folder = write_definitions(tmp_path / "segments", {name: f"who: {rule}\n" for name, rule in DEFINITIONS.items()})
    out = tmp_path / "members.csv"
    landing = told.workspace.settings.landing
    done = segments("evaluate", "--segments", folder, "--data", landing, "--as-of", MIDNIGHTS[3], "--out", out)
    assert done.exit_code == 0
    found: dict[str, list[str]] = {}
    for row in csv.DictReader(out.open()):
        found.setdefault(row["segment"], []).append(row["user_id"])
    for name in DEFINITIONS:
        assert members(segments, name, "--as-of", MIDNIGHTS[3]) == " ".join(found[name])


def test_a_line_has_the_user_and_since_when(segments: Segments):
    """Ada bought on 1 March, was out on 4 March, and is in again."""
    result = segments("members", "buyers", "--as-of", "2026-03-05")
    assert result.stdout == "ada\t2026-03-04T21:00:00Z\ncem\t2026-03-03T21:00:00Z\n"
    assert result.stderr == "2 users as of 5 Mar 2026 00:00 Europe/Istanbul\n"
    again = segments("members", "buyers", "--as-of", "2026-03-03")
    assert again.stdout == "ada\t2026-03-01T21:00:00Z\nbea\t2026-03-02T21:00:00Z\n"


def test_a_deleted_segment_has_its_past_and_a_broken_one_its_last_good_members(segments: Segments):
    gone = segments("members", "gold_buyers")
    assert (gone.exit_code, gone.stdout) == (0, "")
    assert gone.stderr == "0 users as of 6 Mar 2026 00:00 Europe/Istanbul, deleted by then\n"
    assert members(segments, "gold_buyers", "--as-of", "2026-03-05T23:00:00Z") == ""
    assert members(segments, "gold_buyers", "--as-of", "2026-03-05") == "ada cem"
    kept = segments("members", "quiet")
    assert kept.stdout.split()[::2] == ["bea", "dan", "eve"]
    assert kept.stderr == (
        "3 users as of 6 Mar 2026 00:00 Europe/Istanbul, calculated 5 Mar 2026 00:00 Europe/Istanbul\n"
    )


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_has_the_same(told: Told, segments: Segments, tmp_path: Path, ending: str):
    out = tmp_path / f"there/members.{ending}"
    result = segments("members", "buyers", "--as-of", "2026-03-05", "--out", out)
    assert (result.exit_code, result.stdout) == (0, "")
    rows = duckdb.sql(f"select segment, user_id, since::timestamp::varchar from '{out}'").fetchall()
    assert rows == [("buyers", "ada", "2026-03-04 21:00:00"), ("buyers", "cem", "2026-03-03 21:00:00")]
    assert [file.name for file in out.parent.iterdir()] == [out.name]


REFUSED = {
    ("buyers", "--as-of", "2026-03-01"): (
        1, "buyers was calculated for the first time as of 2026-03-01T21:00:00Z: nothing is recorded before",
    ),
    ("buyer",): (1, "no run has seen a segment 'buyer'; did you mean 'buyers'?"),
    ("buyers", "--out", "members.xlsx"): (2, "expected an ending .csv or .parquet"),
    ("buyers", "--as-of", "yesterday"): (2, "yesterday"),
}  # fmt: skip


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_what_nobody_recorded_is_said_in_a_sentence(segments: Segments, words: tuple[str, ...]):
    code, sentence = REFUSED[words]
    result = segments("members", *words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert sentence in result.stderr
