"""What every command has in common: exit codes, one sentence per failure, and no traceback unless asked for."""

from __future__ import annotations

import socket
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from orchestration.cli.sample_data import last_day_before
from orchestration.cli.tables import change, count, duration, moment_text, sparkline
from tests.cli.conftest import Segments, data, write_definitions

EVALUATE = ("evaluate", "--segments", ".", "--data", ".", "--out", "members.csv")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["valdate"], "there is no command 'valdate'; did you mean 'validate'?"),
        (["validate", "--nope"], "No such option"),
        (["refresh"], "Missing argument 'NAME...'"),
        ([*EVALUATE], "Missing option '--as-of'"),
        ([*EVALUATE, "--as-of", "soon"], "--as-of: found 'soon', expected a date"),
        ([*EVALUATE, "--as-of", "2026-02-30"], "--as-of: found '2026-02-30'"),
        ([*EVALUATE, "--as-of", "2026-02-03", "--timezone", "Europe/Istambul"], "did you mean Europe/Istanbul?"),
        (["list", "--status", "fine"], "'fine' is not one of"),
        (["sample", "--until", "yesterday"], "found 'yesterday', expected a day such as 2026-01-15"),
        (["backfill", "--from", "2026-01-02", "--to", "2026-01-01"], "2026-01-01 lies before 2026-01-02"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_wrong_usage_ends_with_2_and_says_what_was_wrong(
    segments: Segments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
):
    monkeypatch.chdir(tmp_path)
    result = segments(*words)
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["list"], "nothing calculated yet in {home}: run `make run`"),
        (["list", "--json"], "nothing calculated yet in {home}: run `make run`"),
        (["show", "golds"], "there is no segment 'golds'; did you mean 'gold'?"),
        (["refresh", "golds"], "there is no segment 'golds' in {here}/segments; did you mean 'gold'?"),
        (["run", "--segments", "nowhere"], "found no folder at {here}/nowhere"),
        (["backfill", "--from", "2026-01-01", "--to", "9999-01-01"], "9999-01-01 is not over in UTC"),
        ([*EVALUATE, "--as-of", "2026-01-15"], "there is no landing area"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_what_fails_ends_with_1_and_is_one_sentence(
    segments: Segments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGMENTS_HOME", str(tmp_path / "home"))
    write_definitions(tmp_path / "segments")
    (tmp_path / "empty").mkdir()
    words = ["nowhere" if before == "--data" else word for before, word in zip(["", *words], words, strict=False)]
    result = segments(*words)
    assert result.exit_code == 1
    assert told.format(home=tmp_path / "home", here=tmp_path) in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_web_page_is_not_started_where_another_is_served(
    segments: Segments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
):
    monkeypatch.setenv("SEGMENTS_HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = segments("dev", "--host", host, "--port", port)
    assert (result.exit_code, result.stdout) == (1, "")
    told = f"port {port} of {host} is in use, perhaps by another Dagster: end it, or name another by --port"
    assert result.stderr == f"{told}\n"
    elsewhere = segments("dev", "--host", "192.0.2.1", "--port", port)
    assert elsewhere.stderr.startswith(f"nothing can be served on port {port} of 192.0.2.1: ")


def test_a_segment_that_was_never_calculated_still_shows_its_criteria(
    segments: Segments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGMENTS_HOME", str(tmp_path / "home"))
    write_definitions(tmp_path / "segments")
    result = segments("show", "gold")
    assert result.exit_code == 0
    assert "gold · Gold tier · not calculated yet" in result.stdout
    assert "Users whose tier is gold." in result.stdout
    assert "gold_buyers" in result.stdout
    assert "run `make run`" in result.stdout


def test_an_error_in_the_settings_is_one_sentence(segments: Segments, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SEGMENTS_TIMEZONE", "Europe/Istambul")
    result = segments("list")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("found time zone 'Europe/Istambul'")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("words", [["--debug", "list"], ["list", "--debug"]])
def test_what_nobody_foresaw_is_one_sentence_and_more_on_request(
    segments: Segments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
):
    def broken(*_: object) -> None:
        raise LookupError("no such thing")

    monkeypatch.setenv("SEGMENTS_HOME", str(tmp_path))
    monkeypatch.setattr("orchestration.published.published", broken)
    short = segments("list")
    assert short.exit_code == 1
    assert short.stderr == "unexpected error LookupError: no such thing (add --debug to see where)\n"
    long = segments(*words)
    assert long.exit_code == 1
    assert "Traceback" in long.stderr
    assert long.stderr.endswith(short.stderr)


def test_help_and_validate_load_no_engine():
    looked_for = ("duckdb", "dbt", "dagster", "pandas", "numpy", "pyarrow")
    code = (
        "import sys; from orchestration.cli import main\n"
        "for words in (['--help'], ['validate']):\n"
        "    try: main(words, standalone_mode=False)\n"
        "    except SystemExit: pass\n"
        f"found = [name for name in {looked_for} if name in sys.modules]\n"
        "sys.exit(f'loaded {found}' if found else 0)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=Path(__file__).parents[2])


def test_numbers_and_moments_read_like_words():
    assert [count(1, "user"), count(1234, "user")] == ["1 user", "1,234 users"]
    assert [duration(s) for s in (0.42, 12.3, 59.7, 200, 3900)] == [
        "0.4 s",
        "12 s",
        "1 min 0 s",
        "3 min 20 s",
        "1 h 5 min",
    ]
    assert [change(0, 0), change(12, 0), change(1200, 3)] == ["–", "+12", "+1,200 -3"]
    assert [sparkline([]), sparkline([5, 5]), sparkline([0, 50, 100])] == ["", "▄▄", "▁▅█"]
    midnight = datetime(2026, 1, 14, 21, tzinfo=UTC)
    assert moment_text(midnight, ZoneInfo("Europe/Istanbul")) == "15 Jan 2026 00:00 Europe/Istanbul"


def test_a_sample_reaches_the_day_that_holds_the_last_instant_before_a_run():
    assert last_day_before(datetime(2026, 1, 15, tzinfo=UTC)) == date(2026, 1, 14)
    assert last_day_before(datetime(2026, 1, 14, 21, tzinfo=UTC)) == date(2026, 1, 14)
    assert last_day_before(datetime(2026, 1, 15, 5, tzinfo=ZoneInfo("America/New_York"))) == date(2026, 1, 15)


def test_a_sample_is_extended_with_the_settings_it_was_made_with(
    segments: Segments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    landing = tmp_path / "landing"
    made = segments("sample", "--until", "2026-01-14", "--users", "60", "--into", landing, "--json")
    assert len(data(made)["days_written"]) == 120
    more = segments("sample", "--until", "2026-01-15", "--into", landing)
    assert "121 days up to Thu 15 Jan 2026" in more.stdout
    assert "1 day written now" in more.stdout
    other = segments("sample", "--until", "2026-01-15", "--users", "70", "--into", landing)
    assert (other.exit_code, other.stderr) == (1, f"{landing} holds a sample of 60 users; remove it to make another\n")


def test_files_that_are_no_sample_are_left_alone(segments: Segments, tmp_path: Path):
    (tmp_path / "users.csv").write_text("user_id\nada\n")
    result = segments("sample", "--until", "2026-01-14", "--into", tmp_path)
    assert result.exit_code == 1
    assert "holds files that are no sample" in result.stderr
