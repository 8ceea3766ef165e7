"""Whole runs from the command line, on three people: what is calculated, what is shown, and what a failure leaves.

The tests build on each other's workspace in the order of the file, as a person's days do.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import duckdb
import pytest

from orchestration.instance import open_instance
from orchestration.names import segment_key
from orchestration.settings import read_settings
from tests.cli.conftest import DEFINITIONS, Segments, data, write_definitions, write_landing

pytestmark = pytest.mark.long

SIZES = {"asked_for": 0, "buyers_3d": 2, "gold": 2, "gold_buyers": 2}
SYSTEM = {"all_users": 3, "engaged_users": 0, "first_time_users": 0, "test_users": 0}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    write_definitions(folder / "segments")
    write_landing(folder / "home" / "landing")
    return folder


@pytest.fixture(autouse=True)
def _in_the_workspace(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("SEGMENTS_HOME", str(place / "home"))
    monkeypatch.setenv("SEGMENTS_TIMEZONE", "UTC")
    for name in ("SEGMENTS_LANDING", "SEGMENTS_TARGET"):
        monkeypatch.delenv(name, raising=False)


def sizes(rows: object) -> dict[str, int]:
    assert isinstance(rows, list)
    return {row["segment"]: row["users"] for row in rows}


def test_a_run_says_what_became_of_every_segment(segments: Segments):
    result = segments("run", "--as-of", "2026-01-13", "--json")
    told = data(result)
    assert (result.exit_code, result.stderr) == (0, "")
    assert sizes(told["segments"]) == {**SIZES, **SYSTEM, "buyers_3d": 1, "gold_buyers": 1}
    assert told["computed"] == sorted(["buyers_3d", "gold", "gold_buyers", *SYSTEM])
    assert (told["as_of"], told["day"], told["failed"]) == ("2026-01-13T00:00:00Z", "2026-01-12", {})


def test_the_next_run_shows_who_came_and_left(segments: Segments):
    result = segments("run", "--as-of", "2026-01-15")
    assert result.exit_code == 0
    rows = {line.split()[0]: line.split() for line in result.stdout.splitlines() if line.strip()}
    assert rows["As"][:5] == ["As", "of", "15", "Jan", "2026"]
    assert rows["gold"][1:] == ["who,", "daily", "ready", "2", "–", "1", "1", "1"]
    assert rows["buyers_3d"][1:] == ["who,", "daily", "ready", "1", "+1", "-1", "0", "1", "1"]
    assert rows["asked_for"][3:] == ["calculating", "–", "–", "–", "–", "–"]
    assert rows["8"][:5] == ["8", "segments", "(7", "ready,", "1"]
    assert "make dev" in result.stdout


def test_history_does_not_go_back(segments: Segments):
    result = segments("run", "--as-of", "2026-01-14")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("the last run stands for 15 Jan 2026 00:00 UTC, after 14 Jan 2026 00:00 UTC")


def test_a_day_that_is_still_to_come_is_one_sentence(segments: Segments):
    result = segments("run", "--as-of", "2999-01-02")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "a run belongs to a day from 2024-01-01 (`first_day` of settings.toml) to today, and 2999-01-01 is none of them"
    )


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        (["--kind", "who"], ["gold", "buyers_3d", "gold_buyers", "asked_for"]),
        (["--kind", "who", "--sort", "name"], ["asked_for", "buyers_3d", "gold", "gold_buyers"]),
        (["--kind", "who", "--sort", "name", "--reverse"], ["gold_buyers", "gold", "buyers_3d", "asked_for"]),
        (["--kind", "system"], ["all_users", "engaged_users", "first_time_users", "test_users"]),
        (["--search", "users"], ["all_users", "engaged_users", "first_time_users", "test_users"]),
        (["--status", "calculating"], ["asked_for"]),
        (["--label", "value"], ["gold"]),
        (["--ready-to-use"], ["gold"]),
        (["--ready-to-use", "--status", "calculating"], []),
        (["--label", "value", "--label", "other"], []),
        (["--owner", "CRM@"], ["gold"]),
        (["--search", "bought"], ["buyers_3d"]),
        (["--created-after", "2026-01-05"], ["buyers_3d"]),
        (["--created-before", "2026-01-10"], ["gold"]),
        (["--created-after", "2026-01-04", "--created-before", "2026-01-11"], ["gold", "buyers_3d"]),
        (["--created-after", "2026-01-05", "--created-before", "2026-01-10"], []),
        (["--kind", "who", "--sort", "created"], ["buyers_3d", "gold", "asked_for", "gold_buyers"]),
        (["--kind", "who", "--sort", "created", "--reverse"], ["gold", "buyers_3d", "asked_for", "gold_buyers"]),
        (["--kind", "who", "--sort", "owner", "--reverse"], ["gold", "asked_for", "buyers_3d", "gold_buyers"]),
        (["--kind", "who", "--sort", "users", "--reverse"], ["buyers_3d", "gold_buyers", "gold", "asked_for"]),
        (["--kind", "who", "--sort", "messages"], ["asked_for", "buyers_3d", "gold", "gold_buyers"]),
        (["--kind", "list"], []),
    ],
    ids=lambda flags: " ".join(flags) if flags and flags[0].startswith("-") else "",
)
def test_the_list_is_filtered_and_ordered(segments: Segments, flags: list[str], names: list[str]):
    result = segments("list", "--json", *flags)
    assert result.exit_code == 0
    assert [row["segment"] for row in data(result)] == names


def test_one_segment_tells_its_rule_its_size_and_its_readers(segments: Segments):
    told = data(segments("show", "buyers_3d", "--json"))
    assert told["criteria"] == "Users who did purchase at least once in the last 3 days."
    assert (told["users"], told["entered"], told["left"], told["dependants"]) == (1, 1, 1, ["gold_buyers"])
    assert [(day["day"], day["users"]) for day in told["history"]] == [("2026-01-12", 1), ("2026-01-14", 1)]
    read = segments("show", "buyers_3d").stdout
    assert "buyers_3d · Bought lately · ready" in read
    assert "Last 2 days" in read
    assert "Wed 14 Jan 2026" in read


def test_refresh_calculates_what_is_named_and_what_reads_it(segments: Segments):
    told = data(segments("refresh", "buyers_3d", "asked_for", "--as-of", "2026-01-15T12:00:00Z", "--json"))
    assert told["computed"] == ["asked_for", "buyers_3d", "gold_buyers"]
    assert sizes(told["segments"]) == {"asked_for": 1, "buyers_3d": 1, "gold_buyers": 1}


def test_a_broken_file_keeps_its_last_good_members_and_fails_the_run(segments: Segments, place: Path):
    write_definitions(place / "segments", {"gold": "who:\n  - {atribute: tier, equals: gold}\n"})
    result = segments("run", "--as-of", "2026-01-16", "--json")
    told = data(result)
    assert result.exit_code == 1
    assert result.stderr.startswith("segments/gold.yml:3: found unknown word 'atribute'")
    assert len(result.stderr.splitlines()) == 1
    status = {row["segment"]: (row["status"], row["users"]) for row in told["segments"]}
    assert (status["gold"], status["buyers_3d"], status["gold_buyers"]) == (("failed", 2), ("ready", 1), ("stale", 1))
    assert segments("refresh", "gold").exit_code == 1
    write_definitions(place / "segments", DEFINITIONS)


def test_backfill_adds_days_that_are_marked_and_leaves_those_that_are_recorded(segments: Segments):
    result = segments("backfill", "--from", "2026-01-11", "--to", "2026-01-12")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].startswith("2 days of 8 segments up to Mon 12 Jan 2026")
    assert result.stdout.splitlines()[1].startswith("7 sizes that runs recorded on these days stay as they were")
    history = data(segments("show", "buyers_3d", "--json"))["history"]
    assert [(day["day"], day["users"], day["reconstructed"]) for day in history[:2]] == [
        ("2026-01-11", 1, True),
        ("2026-01-12", 1, False),
    ]


def test_a_new_segment_gets_a_past_of_its_own_which_dagster_knows_of(segments: Segments, place: Path):
    write_definitions(place / "segments", {"browsers": "who:\n  - {did: visit, within: 1 day}\n"})
    before = data(segments("list", "--json"))
    told = data(segments("backfill", "browsers", "--from", "2026-01-13", "--to", "2026-01-15", "--json"))
    assert (told["segments"], told["recorded"], told["failed"]) == (["browsers"], {}, {})
    assert told["days"] == ["2026-01-13", "2026-01-14", "2026-01-15"]
    assert data(segments("list", "--json")) == before
    shown = data(segments("show", "browsers", "--json"))
    assert shown["status"] == "calculating"
    assert [(day["users"], day["entered"], day["left"]) for day in shown["history"]] == [
        (0, 0, 0),
        (1, 1, 0),
        (0, 0, 1),
    ]
    with open_instance(read_settings(place / "segments")) as instance:
        assert instance.get_materialized_partitions(segment_key("browsers")) == set(told["days"])
    (place / "segments" / "browsers.yml").unlink()


def test_backfill_of_what_is_not_there_is_one_sentence(segments: Segments):
    result = segments("backfill", "buyers", "--from", "2026-01-11", "--to", "2026-01-11")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("there is no segment 'buyers'")
    assert "did you mean" in result.stderr
    early = segments("backfill", "--from", "2023-12-31", "--to", "2026-01-11")
    assert (early.exit_code, len(early.stderr.splitlines())) == (1, 1)
    assert early.stderr.startswith("2023-12-31 lies before 2024-01-01, where history begins")


def test_evaluate_writes_members_and_timings_and_leaves_the_workspace_alone(
    segments: Segments, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SEGMENTS_HOME", str(tmp_path / "untouched"))
    words = ["evaluate", "--segments", place / "segments", "--data", place / "home/landing", "--as-of"]
    words += ["2026-01-15T00:00:00Z", "--timings", tmp_path / "t.json"]
    result = segments(*words, "--out", tmp_path / "out/members.csv", "--json")
    assert (result.exit_code, data(result)["members"]) == (
        0,
        {"asked_for": 1, "buyers_3d": 1, "gold": 2, "gold_buyers": 1},
    )
    rows = list(csv.reader((tmp_path / "out/members.csv").open()))
    assert rows == [["segment", "user_id"], ["asked_for", "cem"], ["buyers_3d", "bea"], ["gold", "ada"],
                    ["gold", "bea"], ["gold_buyers", "bea"]]  # fmt: skip
    timings = json.loads((tmp_path / "t.json").read_text())
    assert {"load", "tiles", "conditions", "membership", "total", "rows_in", "members_out"} <= set(timings)
    assert (timings["rows_in"]["events"], timings["members_out"]) == (3, 5)
    assert not (tmp_path / "untouched").exists()


def test_one_bad_definition_refuses_the_folder(segments: Segments, place: Path, tmp_path: Path):
    folder = write_definitions(tmp_path / "rules", {**DEFINITIONS, "odd": "who: []\n", "bad": "when: []\n"})
    out = tmp_path / "members.csv"
    result = segments(
        "evaluate", "--segments", folder, "--data", place / "home/landing", "--as-of", "2026-01-15", "--out", out
    )
    assert result.exit_code == 1
    assert {line.split(":")[0] for line in result.stderr.splitlines()} == {f"{folder}/bad.yml", f"{folder}/odd.yml"}
    assert not out.exists()


def test_a_warehouse_that_somebody_holds_is_one_sentence(
    segments: Segments, place: Path, monkeypatch: pytest.MonkeyPatch
):
    def held(*_: object, **__: object) -> None:
        raise duckdb.IOException("Could not set lock on file")

    monkeypatch.setattr("orchestration.warehouse.OPEN_ATTEMPTS", 1)
    monkeypatch.setattr("orchestration.warehouse.duckdb.connect", held)
    result = segments("list")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"{place}/home/warehouse.duckdb is open in another process; close it there and try again\n"


def test_a_landing_area_that_is_not_there_is_one_sentence(
    segments: Segments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SEGMENTS_HOME", str(tmp_path))
    result = segments("run", "--as-of", "2026-01-15")
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"there is no landing area at {tmp_path}/landing, expected a folder" in result.stderr
    assert len(result.stderr.splitlines()) == 1
