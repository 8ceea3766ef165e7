"""What a receiver hears of the people of a segment, whatever happens between runs, deliveries and kills."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import Gone, VendorBusy
from orchestration.activation.deliveries import BATCH
from orchestration.warehouse import connect
from tests.activation.hook_feed import SECRET, Feed, Killed, feed


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Feed]:
    with feed(tmp_path) as made:
        yield made


def begun(here: Feed, *members: str) -> None:
    """Somebody listens since the first run."""
    here.run(members, "initial")
    here.deliver()
    assert here.heard == []


def test_who_was_in_before_is_not_told_of_and_who_comes_and_leaves_after_is(here: Feed):
    begun(here, "ada", "bea")
    here.run({"bea", "cem"})
    found = here.deliver()
    assert (found.entered, found.left, found.held_back, found.members) == (1, 1, 0, 2)
    assert here.heard == ["16 entered cem data", "16 left ada data"]
    assert [(one["user_id"], one["external_id"]) for one in here.receiver.events] == [("cem", None), ("ada", "crm-1")]
    (batch,) = here.receiver.taken.values()
    assert (batch["segment"], batch["as_of"]) == ("gold", "2026-01-16T00:00:00Z")
    assert [batch["id"]] == here.receiver.posts


def test_a_change_is_told_once(here: Feed):
    begun(here, "ada", "bea")
    here.run({"ada"})
    for _ in range(2):
        here.deliver()
    here.run({"ada"})
    here.deliver()
    assert here.heard == ["16 left bea data"]
    assert len(here.receiver.posts) == 1


def test_whoever_came_and_left_between_two_deliveries_did_all_of_it_in_order(here: Feed):
    begun(here, "ada")
    here.run({"ada", "bea"})
    here.run({"ada"})
    here.run({"bea", "cem"})
    here.deliver()
    assert here.heard == [
        "16 entered bea data", "17 left bea data", "18 entered bea data", "18 entered cem data", "18 left ada data",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "heard"), [(("entered",), ["16 entered cem data"]), (("left",), ["16 left ada data"])]
)
def test_whoever_asks_for_one_direction_hears_of_that_one(here: Feed, changes: tuple[str, ...], heard: list[str]):
    here.changes = changes
    begun(here, "ada", "bea")
    here.run({"bea", "cem"})
    assert here.deliver().held_back == 0
    assert here.heard == heard


@pytest.mark.parametrize(
    ("causes", "wished", "heard", "held_back"),
    [
        (("data",), (), ["18 entered eve data"], 3),
        (("data", "definition"), (), ["17 left ada definition", "18 entered eve data"], 2),
        (("data",), ("initial",), ["16 entered dan initial", "16 left bea initial", "18 entered eve data"], 1),
    ],
    ids=["data alone", "definition by the file", "initial by wish"],
)
def test_causes_that_nobody_asked_for_are_passed_over_for_good(
    here: Feed, causes: tuple[str, ...], wished: tuple[str, ...], heard: list[str], held_back: int
):
    here.causes = causes
    begun(here, "ada", "bea")
    here.run({"ada", "dan"}, "initial")
    here.run({"dan"}, "definition")
    here.run({"dan", "eve"})
    found = here.deliver(causes=wished)
    assert (here.heard, found.held_back) == (heard, held_back)
    here.deliver(causes=("initial", "definition"))
    assert here.heard == heard


def test_members_of_the_beginning_are_told_of_where_somebody_asks(here: Feed):
    here.run({"ada", "zoe"}, "initial")
    here.run({"ada", "bea"})
    found = here.deliver(causes=("initial",))
    assert here.heard == ["15 entered ada initial", "16 entered bea initial"]
    assert (found.entered, found.leaving) == (2, None)
    here.run({"bea"})
    here.deliver()
    assert here.receiver.people == {"bea"}


def test_who_hears_only_of_leaving_is_not_told_of_members_at_the_beginning(here: Feed):
    here.changes = ("left",)
    here.run({"ada"}, "initial")
    here.deliver(causes=("initial",))
    assert here.heard == []


def test_a_past_day_and_a_run_that_died_are_no_news(here: Feed):
    begun(here, "ada")
    here.run({"bea"}, mode="past")
    here.run({"cem"}, published=False)
    here.deliver()
    here.run({"ada", "dan"})
    here.deliver()
    assert here.heard == ["18 entered dan data"]


@pytest.mark.parametrize(
    ("then", "before", "removed"),
    [
        ([{"bea", "cem"}], 3, 1),
        ([{"bea"}, {"bea", "cem"}], 3, 1),
        ([{"ada", "bea", "cem", "dan"}, {"ada", "bea", "cem"}], 3, 0),
        ([set(), {"ada", "bea", "cem"}], 3, 0),
        ([set(), {"ada"}, set()], 3, 3),
    ],
    ids=["one leaves", "one comes back", "one comes and goes", "all come back", "one comes back and goes"],
)
def test_who_would_be_taken_out_are_those_who_were_in_and_leave_for_now(
    here: Feed, then: list[set[str]], before: int, removed: int
):
    begun(here, "ada", "bea", "cem")
    for members in then:
        here.run(members)
    leaving = here.deliver().leaving
    assert leaving is not None
    assert (leaving.before, leaving.removed) == (before, removed)


@pytest.mark.parametrize("after", [False, True], ids=["before it arrived", "after it arrived"])
def test_a_batch_that_failed_goes_first_and_as_it_was(here: Feed, after: bool):
    begun(here, "ada")
    here.run({"ada", "bea"})
    here.receiver.faults.fail_at, here.receiver.faults.after_applying = 1, after
    with pytest.raises(VendorBusy, match="delivery to JOURNEY_HOOK_URL: no connection"):
        here.deliver()
    here.run({"ada", "cem"})
    here.receiver.faults.fail_at = None
    here.deliver()
    assert here.heard == ["16 entered bea data", "17 entered cem data", "17 left bea data"]
    assert set(here.receiver.seen.values()) == {1}
    assert len(set(here.receiver.posts[:-1])) == len(set(here.receiver.bodies[:-1])) == 1


def test_an_address_that_is_gone_is_noted_with_what_waits(here: Feed):
    begun(here, "ada")
    here.run({"bea"})
    here.receiver.faults.status = 410
    with pytest.raises(Gone):
        here.deliver()
    assert here.told is not None
    assert here.told.gone == here.hook.receiver.mark
    here.receiver.faults.status = None
    here.deliver()
    assert here.told.gone is None
    assert here.receiver.people == {"bea"}


def test_whoever_starts_anew_drops_what_waits_and_may_hear_of_all_members_each_time(here: Feed):
    begun(here, "ada")
    here.run({"bea"})
    assert here.is_killed(0)
    here.deliver(anew=True, causes=("initial",))
    assert here.heard == ["16 entered bea initial"]
    here.receiver.people.clear()
    here.deliver(anew=True, causes=("initial",))
    assert here.receiver.people == {"bea"}


def test_another_warehouse_is_not_taken_for_the_one_before(here: Feed):
    begun(here, "ada")
    with connect(here.warehouse) as connection:
        connection.execute("update raw.runs set as_of = as_of - interval 1 hour")
    told = r"the warehouse has no run 1 of 2026-01-15T00:00:00Z, .* start anew with --replace"
    with pytest.raises(ValueError, match=told):
        here.deliver()
    here.deliver(anew=True)


def test_nobody_stays_in_the_ledger_once_it_is_told(here: Feed):
    begun(here)
    here.run({"ada", "zq17"})
    here.receiver.faults.fail_at = 1
    with pytest.raises(VendorBusy):
        here.deliver()
    assert here.in_ledger("zq17", "crm-1") == ["zq17", "crm-1"]
    here.receiver.faults.fail_at = None
    here.deliver()
    assert here.in_ledger("zq17", "crm-1", SECRET[6:], "127.0.0.1") == []
    assert len(here.in_ledger(*here.receiver.taken)) == 1


def test_somebody_who_is_erased_is_taken_out_of_what_waits(here: Feed):
    begun(here)
    here.run({"ada", "bea", "zq17"})
    here.run({"ada"})
    assert here.is_killed(0)
    here.erase("zq17")
    assert here.in_ledger("zq17", "ada") == ["ada"]
    here.deliver()
    assert here.heard == ["16 entered ada data", "16 entered bea data", "17 left bea data"]


def test_a_batch_of_the_erased_alone_is_not_sent(here: Feed):
    begun(here)
    here.run({"zq17"})
    assert here.is_killed(0)
    here.erase("zq17")
    here.deliver()
    assert here.receiver.posts == []
    here.run({"zq17", "ada"})
    here.deliver()
    assert here.heard == ["17 entered ada data"]


@pytest.mark.long
def test_a_kill_at_any_point_of_fifty_batches_loses_nobody_and_tells_nothing_twice(here: Feed):
    batches = 50
    people = {f"u{number:05}" for number in range(batches * BATCH - 100)}
    begun(here)
    here.run(people)
    assert here.is_killed(-1)  # nothing is written down
    kills, dies_in = 0, 0
    while here.is_killed(dies_in):  # before the next batch goes, and after it is taken, in turn
        kills += 1
        dies_in = 1 if kills == 1 or dies_in == 2 else 2
    assert kills >= 2 * batches
    assert here.receiver.people == people
    assert set(here.receiver.seen.values()) == {1}
    assert len(here.receiver.taken) == batches
    assert_in_order(here)
    assert here.in_ledger("u00001") == []


def assert_in_order(here: Feed) -> None:
    """What was acknowledged never comes again, and nothing overtakes what is in doubt; the same id, the same bytes."""
    order = list(here.receiver.taken)
    assert here.receiver.posts == sorted(here.receiver.posts, key=order.index)
    assert len(set(zip(here.receiver.posts, here.receiver.bodies, strict=True))) == len(order)


PEOPLE = ("ada", "bea", "cem", "dan")
RUN = st.tuples(
    st.sets(st.sampled_from(PEOPLE)),
    st.sampled_from(["data", "data", "initial", "definition"]),
    st.sampled_from(["present", "present", "present", "past"]),
)
STEPS = st.lists(st.one_of(RUN, st.sampled_from([None, -1, 0, 1])), min_size=2, max_size=9)


@pytest.mark.long
@given(steps=STEPS, all_causes=st.booleans())
@settings(max_examples=10)
def test_runs_deliveries_and_kills_in_any_order_come_to_what_happened(steps: list, all_causes: bool):
    with tempfile.TemporaryDirectory() as root, feed(Path(root)) as here:
        here.run({"ada", "bea"}, "initial")
        if all_causes:
            here.causes = ("data", "initial", "definition")
        here.deliver()
        assert here.receiver.people == ({"ada", "bea"} if all_causes else set())
        members, expected = {"ada", "bea"}, []
        for step in [*steps, None]:
            if isinstance(step, tuple):
                now, cause, mode = step
                here.run(now, cause, mode)
                if mode == "past":
                    continue
                if all_causes or cause == "data":
                    day = 14 + here.runs
                    expected += [f"{day} entered {one} {cause}" for one in sorted(now - members)]
                    expected += [f"{day} left {one} {cause}" for one in sorted(members - now)]
                members = now
                continue
            with suppress(Killed):
                here.deliver(dies_in=step)
        assert here.heard[2 if all_causes else 0 :] == expected
        assert set(here.receiver.seen.values()) <= {1}
        assert_in_order(here)
        if all_causes:
            assert here.receiver.people == members
