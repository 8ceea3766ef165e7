"""What notes say of pulls that were tried: whose last attempt failed, and what a shortened file still tells."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.notes import ALL, FILE, Note, Notes
from orchestration.audiences import Audience, which
from orchestration.ingest.attempts import Attempts, Failure, read_attempts
from segmentation.language.folder import load_texts

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)


def note(hour: int, key: str, outcome: str, table: str = "audience_members", **more: str) -> Note:
    reason = f"broken at {hour}" if outcome == "failed" else None
    return Note("mixpanel", table, key, outcome, NOON + timedelta(hours=hour), reason=reason, **more)  # type: ignore[arg-type]


CASES = {
    "nothing was tried": ((), {}),
    "it failed": ((note(0, "1", "done"), note(1, "1", "failed")), {"1": 1}),
    "it failed twice": ((note(1, "1", "failed"), note(2, "1", "failed")), {"1": 2}),
    "it was mended": ((note(1, "1", "failed"), note(2, "1", "done")), {}),
    "it had not changed since the last good one": ((note(1, "1", "failed"), note(2, "1", "skipped")), {}),
    "another failed": ((note(1, "2", "failed"),), {"2": 1}),
    "the list failed": ((note(0, "1", "done"), note(1, ALL, "failed", "audiences")), {ALL: 1}),
    "the list was mended": (
        (note(1, ALL, "failed", "audiences"), note(1, "1", "failed"), note(2, ALL, "done", "audiences")),
        {"1": 1},
    ),
    "other kinds of data failed": ((note(1, ALL, "failed", "events"), note(1, "2026-01-14", "failed", "events")), {}),
    "it failed after the moment of the run": ((note(0, "1", "done"), note(6, "1", "failed")), {}),
    "lines came in another order than their moments": ((note(2, "1", "done"), note(1, "1", "failed")), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_an_audience_is_failed_if_its_last_attempt_was(tmp_path: Path, case: str):
    notes, failed = CASES[case]
    for one in notes:
        Notes(tmp_path).add(one)
    found = read_attempts(str(tmp_path), NOON + timedelta(hours=5)).failed
    assert {key: one.reason for (_, key), one in found.items()} == {
        key: f"broken at {hour}" for key, hour in failed.items()
    }


def test_a_landing_area_elsewhere_has_no_notes():
    assert read_attempts("s3://bucket/landing", NOON) == Attempts()


def test_accepted_pulls_are_known_by_their_moment(tmp_path: Path):
    Notes(tmp_path).add(note(0, "1", "done", accepted="ayse: it is right"))
    Notes(tmp_path).add(note(1, "1", "done"))
    assert read_attempts(str(tmp_path), NOON + timedelta(hours=5)).accepted == {("mixpanel", "1", NOON)}


def test_a_cohort_that_never_landed_says_why():
    failed = {("mixpanel", "7"): Failure(NOON, "mixpanel, audience 7: broken")}
    definitions = load_texts({"a.yml": 'name: a\nconnector: {mixpanel: {cohort: "7"}}\n'}).definitions
    assert (
        which(definitions, [], Attempts(failed))
        .failed["a"]
        .endswith("; the pull at 2026-01-15 12:00 UTC failed (mixpanel, audience 7: broken)")
    )


def test_the_last_failure_is_told_whether_it_was_its_own_or_of_the_list():
    own, of_list = Failure(NOON, "own"), Failure(NOON + timedelta(hours=1), "list")
    attempts = Attempts({("mixpanel", "1"): own, ("mixpanel", ALL): of_list})
    assert (attempts.failure("mixpanel", "1"), attempts.failure("mixpanel", "2")) == (of_list, of_list)
    assert attempts.failure("amplitude", "1") is None
    one = Audience("mixpanel", "1", "a", NOON, 3, 3, NOON, 3, of_list)
    assert str(one.older).startswith("the last pull of cohort a (1) at 2026-01-15 13:00 UTC failed (list): the 3 users")


def test_a_long_file_keeps_the_last_lines_and_what_is_known_of_each_thing(tmp_path: Path):
    notes = Notes(tmp_path)
    for one in (note(0, "old", "done"), note(1, "old", "failed"), note(2, "older", "done")):
        notes.add(one)
    for hour in range(20):
        notes.add(note(hour, "1", "done"))
    before = read_attempts(str(tmp_path), NOON + timedelta(days=2))
    notes.tidy(large=10_000_000, lines_kept=3)
    assert len(notes.read()) == 23
    notes.tidy(large=100, lines_kept=3)
    kept = [(one["key"], one["at"][11:13]) for one in notes.read()]
    assert kept == [("old", "12"), ("old", "13"), ("older", "14"), ("1", "05"), ("1", "06"), ("1", "07")]
    assert read_attempts(str(tmp_path), NOON + timedelta(days=2)) == before


def test_notes_are_neither_lost_nor_torn_while_the_file_is_shortened(tmp_path: Path):
    def write(worker: int) -> None:
        for number in range(40):
            Notes(tmp_path).add(note(0, f"{worker}-{number}", "done"))
            if number % 10 == 0:
                Notes(tmp_path).tidy(large=1, lines_kept=1)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len({one["key"] for one in Notes(tmp_path).read()}) == 160


def test_half_a_line_that_a_killed_process_left_does_not_swallow_the_next(tmp_path: Path):
    (tmp_path / FILE).write_text('{"connector": "mixpanel", "tab')
    Notes(tmp_path).add(note(0, "1", "done"))
    assert [one["key"] for one in Notes(tmp_path).read()] == ["1"]
