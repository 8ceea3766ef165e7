"""Requests to refresh segments: files that move from one folder to the next, and nobody gets lost on the way."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.gates.results import Override
from orchestration.inbox import A_PROGRAM, KEPT, SENSOR, Activate, Inbox, is_gone, this_process

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = datetime.now(UTC) + timedelta(hours=1)  # long after the files of any test were written


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path)


@pytest.fixture
def move_in(tmp_path: Path) -> Callable[[str, str], None]:
    def move_in(name: str, text: str) -> None:
        folder = tmp_path / "requests" / "new"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")

    return move_in


def test_a_request_moves_from_new_to_taken_to_done(inbox: Inbox):
    first = inbox.drop(["gold"], "ada", NOON)
    second = inbox.drop(["gold", "silver"], "bea", NOON + timedelta(seconds=1), as_of=NOON)
    assert inbox.waiting(LATER) == [first, second]
    assert inbox.take(second, SENSOR)
    assert [one.id for one in inbox.taken()] == [second.id]
    inbox.end(inbox.taken()[0], NOON, run="run-1")
    state, done = inbox.look_up(second.id) or (None, None)
    assert (state, done and done.run, done and done.as_of, done and done.ended_at) == ("done", "run-1", NOON, NOON)
    assert inbox.waiting(LATER) == [first]


def test_one_that_failed_says_why(inbox: Inbox):
    request = inbox.drop(["gold"], "ada", NOON)
    inbox.take(request, SENSOR)
    inbox.end(request, NOON, reason="the attribute is gone")
    state, failed = inbox.look_up(request.id) or (None, None)
    assert (state, failed and failed.reason) == ("failed", "the attribute is gone")
    assert inbox.look_up("never-there") is None


def test_of_many_who_want_to_serve_a_request_one_gets_it(inbox: Inbox):
    request = inbox.drop(["gold"], "ada", NOON)
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda n: inbox.take(request, f"{n}@here"), range(8)))
    assert got.count(True) == 1
    assert inbox.taken()[0].taken_by == f"{got.index(True)}@here"


def test_what_a_process_left_undone_is_given_back(inbox: Inbox):
    request = inbox.drop(["gold"], "ada", NOON)
    inbox.take(request, this_process())
    assert not is_gone(inbox.taken()[0].taken_by)
    assert is_gone(this_process().replace(str(os.getpid()), "4194305"))  # beyond the largest number of a process
    assert not is_gone("4194305@another-machine")
    assert not is_gone(SENSOR)
    inbox.give_back(inbox.taken()[0])
    assert (inbox.taken(), inbox.waiting(LATER)) == ([], [request])


def test_what_was_taken_by_a_process_that_died_before_it_said_so_is_left_after_a_moment(inbox: Inbox):
    inbox.take(inbox.drop(["gold"], "ada", NOON), this_process())
    mine = inbox.taken()[0]
    assert not inbox.is_left(mine, datetime.now(UTC) + timedelta(days=1))
    nobodys = replace(mine, taken_by=None)
    assert not inbox.is_left(nobodys, datetime.now(UTC)), "its taker is about to write"
    assert inbox.is_left(nobodys, datetime.now(UTC) + timedelta(minutes=1))
    inbox.end(mine, NOON, run="run-1")
    assert not inbox.is_left(nobodys, datetime.now(UTC) + timedelta(minutes=1)), "it has ended since"


def test_a_program_needs_to_say_no_more_than_which_segments(inbox: Inbox, move_in: Callable[[str, str], None]):
    move_in("nightly-7.json", '{"segments": ["gold", "gold", "silver"]}')
    (request,) = inbox.waiting(LATER)
    assert (request.id, request.segments, request.by) == ("nightly-7", ("gold", "silver"), A_PROGRAM)
    assert request.as_of is None
    move_in("other.json", '{"segments": ["gold"], "by": "crm", "as_of": "2026-03-02T12:00:00Z"}')
    assert inbox.waiting(LATER)[1].as_of == NOON


def test_a_request_to_send_members_says_to_where_and_who_opened_a_gate(
    inbox: Inbox, move_in: Callable[[str, str], None]
):
    asked = Activate("meta_120331", True, Override("ada", "as planned"), ("initial",))
    dropped = inbox.drop(["gold"], "ada", NOON, activate=asked)
    assert inbox.waiting(LATER) == [dropped]
    move_in("other.json", '{"segments": ["gold"], "activate": {"to": null}}')
    assert inbox.waiting(LATER)[1].activate == Activate()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "found no JSON"),
        ("segments: [gold]", "found no JSON"),
        ("[]", "found None as segments, expected a list of names"),
        ('{"segment": "gold"}', "found None as segments, expected a list of names"),
        ('{"segments": "gold"}', "found gold as segments, expected a list of names"),
        ('{"segments": []}', "found [] as segments, expected a list of names"),
        ('{"segments": ["gold", 7]}', "expected a list of names"),
        ('{"segments": ["gold"], "as_of": "noon"}', "as_of: found 'noon'"),
        ('{"segments": ["gold"], "activate": true}', "found 'True' under activate, expected an object"),
        ('{"segments": ["gold"], "activate": {"sned": true}}', "found 'sned' under activate, expected to, send,"),
        ('{"segments": ["gold"], "activate": {"send": "yes"}}', "found 'yes' under send, expected true or false"),
        ('{"segments": ["gold"], "activate": {"to": 7}}', "found '7' under to, expected the name of an activation"),
        ('{"segments": ["gold"], "activate": {"also": ["data"]}}', "expected a list of initial and definition"),
        ('{"segments": ["gold"], "activate": {"override": "go"}}', "expected override as an object"),
        ('{"segments": ["gold"], "activate": {"override": {"by": "ada"}}}', "expected override as an object"),
        ('{"segments": ["gold"], "activate": {"override": {"by": "", "reason": "x"}}}', "needs a name and a reason"),
        ('{"segments": ["gold"], "activate": {}, "as_of": "2026-03-02"}', "found as_of beside activate"),
    ],
)
def test_a_file_that_is_no_request_is_kept_beside_the_reason(
    inbox: Inbox, move_in: Callable[[str, str], None], tmp_path: Path, text: str, said: str
):
    move_in("odd.json", text)
    move_in("good.json", '{"segments": ["gold"]}')
    assert [one.id for one in inbox.waiting(LATER)] == ["good"]
    state, refused = inbox.look_up("odd") or (None, None)
    assert state == "failed"
    assert refused is not None
    assert said in str(refused.reason)
    assert (tmp_path / "requests/failed/odd.refused").read_text(encoding="utf-8") == text


def test_a_file_that_somebody_is_still_writing_is_left_for_the_next_look(
    inbox: Inbox, move_in: Callable[[str, str], None]
):
    move_in("slow.json", '{"segm')
    assert inbox.waiting(datetime.now(UTC)) == []
    move_in("slow.json", '{"segments": ["gold"]}')
    assert [one.id for one in inbox.waiting(datetime.now(UTC))] == ["slow"]


def test_an_inbox_is_served_by_whoever_looked_lately_and_knows_the_segments(inbox: Inbox, tmp_path: Path):
    minute = timedelta(minutes=1)
    assert not inbox.is_served(tmp_path, ["gold"], NOON, minute)
    inbox.say_served(tmp_path, ["gold", "silver"], NOON)
    assert inbox.is_served(tmp_path, ["gold"], NOON + minute, minute)
    assert not inbox.is_served(tmp_path, ["gold"], NOON + 2 * minute, minute)
    assert not inbox.is_served(tmp_path, ["gold", "new_one"], NOON, minute)
    assert not inbox.is_served(tmp_path / "another", ["gold"], NOON, minute)


def test_requests_that_ended_long_ago_are_forgotten_and_no_others(inbox: Inbox, tmp_path: Path):
    old, new, waiting = (inbox.drop(["gold"], "ada", NOON + timedelta(seconds=n)) for n in range(3))
    now = datetime.now(UTC)
    for one in (old, new):
        inbox.take(one, SENSOR)
        inbox.end(one, now)
    long_ago = (now - KEPT - timedelta(days=1)).timestamp()
    os.utime(tmp_path / f"requests/done/{old.id}.json", (long_ago, long_ago))
    last = inbox.drop(["gold"], "ada", NOON)
    inbox.take(last, SENSOR)
    inbox.end(last, now)
    assert inbox.look_up(old.id) is None
    assert inbox.look_up(new.id) is not None
    assert [one.id for one in inbox.waiting(LATER)] == [waiting.id]


def test_a_request_on_disk_holds_what_is_known_and_nothing_else(inbox: Inbox, tmp_path: Path):
    request = inbox.drop(["gold"], "ada", NOON)
    said = json.loads((tmp_path / f"requests/new/{request.id}.json").read_text())
    assert said == {"id": request.id, "segments": ["gold"], "by": "ada", "at": "2026-03-02T12:00:00Z"}
