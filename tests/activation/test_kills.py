"""Whatever stops a run, and wherever: after the next one the audience has exactly the people who are wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.destinations import Contact, Identity, Verdict
from orchestration.activation.ledger import open_ledger
from tests.activation.audience import Audience, Fuse, Killed, bring, wanted_of


def a_person(number: int, email: str | None = None, msisdn: str | None = None) -> Contact:
    return Contact(f"u{number:03}", email=email if email is not None else f"e{number}", msisdn=msisdn)


def killed(file: Path, people: list[Contact], audience: Audience, at: int | None) -> bool:
    """Runs until the k-th point; whether it was stopped there."""
    audience.fuse = Fuse(at)
    try:
        bring(file, people, audience)
    except Killed:
        # A batch whose receipt was lost is worked off by the vendor before anybody comes again.
        known = names_in(file)
        for name in [name for name in audience.waiting if name not in known]:
            audience.work_off(*audience.waiting.pop(name))
        return True
    return False


def names_in(file: Path) -> set[str]:
    """Batches that the ledger knows to be pending."""
    if not file.exists():
        return set()
    with duckdb.connect(str(file)) as connection:
        if not connection.execute("select 1 from duckdb_tables() where table_name = 'sent'").fetchall():
            return set()
        return {name for (name,) in connection.execute("select distinct pending from sent").fetchall()}


def known(file: Path) -> set[str]:
    """Whom the ledger takes for people who are there, or will be: they are not asked again why they came."""
    place = file.parent / "place"
    place.mkdir(exist_ok=True)
    with open_ledger(file, place, writing=False) as ledger:
        ledger.write_people(place / "there.parquet")
    return {one["user_id"] for one in pq.read_table(place / "there.parquet").to_pylist()}


FAMILY = [a_person(1, "ada", "1"), a_person(2, "bea", "1"), a_person(3, "cem", "2"), a_person(4, "dan", "3")]
# Ada leaves, who shares a telephone with Bea; Cem has another address, and the same telephone; Eve has Dan's.
LATER = [a_person(2, "bea", "1"), a_person(3, "cem2", "2"), a_person(4, "dan", "3"), a_person(5, "eve", "3")]


@pytest.mark.parametrize(
    ("slow", "step"),
    [(False, 7), pytest.param(False, 3, marks=pytest.mark.long), pytest.param(True, 3, marks=pytest.mark.long)],
)
def test_a_run_that_is_stopped_at_any_point_is_completed_by_the_next(tmp_path: Path, slow: bool, step: int):
    """At points of a run that removes, adds, and adds again, after which the same or other people are wanted."""
    at, was_stopped = 1, True
    while was_stopped:
        home = tmp_path / str(at)
        home.mkdir()
        audience = Audience(most=1, slow=slow)
        bring(home / "ledger.duckdb", FAMILY, audience)
        was_stopped = killed(home / "ledger.duckdb", LATER, audience, at)
        assert known(home / "ledger.duckdb") >= {"u002", "u003", "u004"}, at
        now = LATER if at % 2 else FAMILY[:3]  # between the two, people may have come and gone
        audience.fuse = Fuse()
        bring(home / "ledger.duckdb", now, audience)
        assert audience.people == wanted_of(now, audience), at
        audience.received.clear()
        bring(home / "ledger.duckdb", now, audience)
        assert not audience.received, at
        at += step
    assert at > 20


@dataclass
class Undecided(Audience):
    """Does not say what became of a batch that begins with somebody in `held`."""

    held: set[Identity] = field(default_factory=set)

    def verdict(self, pending: str) -> Verdict:
        if pending in self.waiting and self.waiting[pending][1][0] in self.held:
            return Verdict("processing")
        return super().verdict(pending)


def test_whoever_is_wanted_again_while_their_removal_is_pending_takes_nobody_along(tmp_path: Path):
    """Ada goes and comes back before the vendor has worked off her removal, and so does Zoe, who has her address."""
    ada, bea, zoe = a_person(1, "ada", "1"), a_person(2, "bea", "1"), a_person(3, "ada", "2")
    audience = Undecided(most=3, slow=True)
    bring(tmp_path / "ledger.duckdb", [ada, bea], audience)
    audience.held = wanted_of([ada], audience)
    bring(tmp_path / "ledger.duckdb", [bea], audience)
    bring(tmp_path / "ledger.duckdb", [ada, zoe], audience)
    assert not audience.received["add", ("ada", "2")]
    audience.held = set()
    for _ in range(2):
        bring(tmp_path / "ledger.duckdb", [ada, zoe], audience)
    assert audience.people == wanted_of([ada, zoe], audience)


@pytest.mark.long
def test_of_fifty_batches_nobody_who_was_acknowledged_is_sent_twice(tmp_path: Path):
    """Stopped at every 31st point, which in turn is before and after a call, and before and after each commit."""
    people = [a_person(number) for number in range(100)]
    stayed = [one for one in people if int(one.user_id[1:]) % 10]
    at = 1
    while True:
        home = tmp_path / str(at)
        home.mkdir()
        audience = Audience(most=2)
        if not killed(home / "ledger.duckdb", people, audience, at):
            break
        acknowledged = {identity for (_, identity) in audience.received}
        audience.fuse = Fuse()
        bring(home / "ledger.duckdb", stayed, audience)
        assert audience.people == wanted_of(stayed, audience)
        twice = [one for (action, one), times in audience.received.items() if action == "add" and times > 1]
        assert len(twice) <= 2, at  # the batch that was under way
        assert set(twice) <= acknowledged
        assert {one for action, one in audience.received if action == "remove"} <= wanted_of(people, audience)
        at += 31
    assert at > 290


contacts = st.builds(
    Contact,
    st.sampled_from("abcdef"),
    email=st.sampled_from([None, "e1", "e2", "e3", "e4"]),
    msisdn=st.sampled_from([None, "p1", "p2"]),
)
crowds = st.lists(contacts, max_size=6, unique_by=lambda one: one.user_id)
steps = st.tuples(crowds, st.one_of(st.none(), st.integers(1, 30)), st.lists(st.booleans(), max_size=6))


@pytest.mark.long
@settings(max_examples=60)
@given(history=st.lists(steps, min_size=1, max_size=4), slow=st.booleans(), most=st.integers(1, 3))
def test_after_any_history_the_audience_is_whoever_is_wanted(
    tmp_path_factory: pytest.TempPathFactory, history, slow, most
):
    """Members and addresses change, runs are stopped, batches are worked off late and in another order; and whoever is
    there and stays is known all the time, under whichever address."""
    file = tmp_path_factory.mktemp("history") / "ledger.duckdb"
    audience = Audience(most=most, slow=slow)
    for people, at, moods in history:
        audience.moods = list(moods)
        before, now = known(file), {one.user_id for one in people if audience.identity(one) is not None}
        stopped = killed(file, people, audience, at)
        assert known(file) >= (before & now if stopped else now)
    audience.moods, audience.fuse = [], Fuse()
    people, _, _ = history[-1]
    for _ in range(3):
        bring(file, people, audience)
    assert not audience.waiting
    assert audience.people == wanted_of(people, audience)
