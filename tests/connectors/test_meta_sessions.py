"""Sessions of batches at Meta: 90 minutes each, counted, and closed by their last batch; and replacements."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from connectors.errors import ConnectorError, SessionExpired, ShortRead, VendorBusy
from connectors.standin.meta_refusals import conflict
from connectors.standin.server import Busy
from tests.connectors.meta_world import Here, known, meta_world, one
from tests.connectors.world import NOON


@pytest.fixture
def here() -> Iterator[Here]:
    with meta_world() as made:
        yield made


def place(batch: int, total: int, *, last: bool = False) -> dict[str, object]:
    """What a batch says of itself."""
    return {"batch_seq": batch, "last_batch_flag": last, "estimated_num_total": total}


def test_batches_are_counted_from_one_and_the_last_closes_the_session(here: Here) -> None:
    with here.audience().sending("add", 5, 3) as adding:
        for some in ([one(1), one(2)], [one(3), one(4)], [one(5)]):
            adding.send(some)
    assert here.sessions == [place(1, 5), place(2, 5), place(3, 5, last=True)]
    (session,) = here.meta.sessions.values()
    assert (session.closed, session.received) == (True, 5)
    here.send("add", one(6))
    assert len({*here.meta.sessions}) == 2


def test_a_session_that_nears_its_end_is_closed_and_another_takes_the_rest(here: Here) -> None:
    with here.audience().sending("add", 7, 7) as adding:
        for number in range(7):
            adding.send([one(number)])
            here.clock.sleep(25 * 60)
    # After 75 minutes it is closed, as nobody knows how long the next batch will take.
    assert here.sessions == [
        place(1, 7), place(2, 7), place(3, 7), place(4, 7, last=True), place(1, 3), place(2, 3), place(3, 3, last=True),
    ]  # fmt: skip
    assert [session.closed for session in here.meta.sessions.values()] == [True, True]
    assert here.there.people == known(*map(one, range(7)))


def test_a_session_that_has_passed_is_not_continued(here: Here) -> None:
    with here.audience().sending("add", 3, 3) as adding:
        adding.send([one(1)])
        here.clock.sleep(85 * 60)
        adding.send([one(2)])
        adding.send([one(3)])
    assert here.sessions == [place(1, 3), place(1, 2), place(2, 2, last=True)]
    assert here.there.people == known(one(1), one(2), one(3))


def test_a_batch_that_waits_for_the_end_of_its_session_goes_into_the_next(here: Here) -> None:
    with here.audience().sending("add", 2, 2) as adding:
        adding.send([one(1)])
        here.clock.sleep(55 * 60)
        here.meta.faults.busy = Busy(times=1, retry_after="3000")
        adding.send([one(2)])
    assert here.sessions == [place(1, 2), place(2, 2, last=True), place(1, 1, last=True)]
    assert here.there.people == known(one(1), one(2))


def test_a_batch_that_is_refused_comes_again_in_its_place(here: Here) -> None:
    with here.audience().sending("add", 2, 2) as adding:
        adding.send([one(1)])
        here.meta.faults.busy = Busy(times=2)
        adding.send([one(2)])
    assert here.sessions == [place(1, 2), *[place(2, 2, last=True)] * 3]
    assert len(here.meta.sessions) == 1


@pytest.mark.parametrize("after_applying", [False, True])
def test_a_batch_of_which_nobody_knows_whether_it_came_goes_into_a_session_of_its_own(
    here: Here, after_applying: bool
) -> None:
    with here.audience().sending("add", 3, 3) as adding:
        adding.send([one(1)])
        here.meta.faults.fail_at, here.meta.faults.after_applying = 2, after_applying
        with pytest.raises(VendorBusy):
            adding.send([one(2)])
        here.meta.faults.fail_at = None
        adding.send([one(2)])
        adding.send([one(3)])
    first, *lost, again, last = here.sessions
    assert (first, again, last) == (place(1, 3), place(1, 2), place(2, 2, last=True))
    assert lost == [place(2, 3), *[place(1, 2)] * 5]
    assert here.there.people == known(one(1), one(2), one(3))


def test_a_web_page_says_nothing_of_the_batch_either(here: Here) -> None:
    with here.audience().sending("add", 2, 2) as adding:
        adding.send([one(1)])
        here.meta.faults.pages = 1
        adding.send([one(2)])
    assert here.sessions == [place(1, 2), place(2, 2, last=True), place(1, 1, last=True)]
    assert here.there.people == known(one(1), one(2))


def test_more_batches_than_were_announced_open_another_session(here: Here) -> None:
    with here.audience().sending("add", 2, 1) as adding:
        adding.send([one(1)])
        adding.send([one(2)])
    assert here.sessions == [place(1, 2, last=True), place(1, 1, last=True)]
    assert here.there.people == known(one(1), one(2))


def test_what_is_lost_on_the_way_is_noticed_in_a_later_batch_too(here: Here) -> None:
    with here.audience().sending("add", 4, 2) as adding:
        adding.send([one(1), one(2)])
        here.meta.faults.lost_rows = 1
        with pytest.raises(ShortRead, match="adding members to audience 120331: 3 of the 4 members of a session came"):
            adding.send([one(3), one(4)])
        here.meta.faults.lost_rows = 0
        adding.send([one(3), one(4)])
    assert here.there.people == known(*map(one, range(1, 5)))


# ---- replacements


def replace(here: Here, *batches: list[int], pause: float = 0, announced: int | None = None) -> None:
    with here.audience().replacing(sum(map(len, batches)), announced or len(batches)) as replacing:
        for some in batches:
            replacing.send([one(number) for number in some])
            here.clock.sleep(pause)


def test_a_replacement_takes_the_place_of_everybody_once_it_is_whole(here: Here) -> None:
    here.send("add", one(1), one(2))
    seen = []
    with here.audience().replacing(3, 2) as replacing:
        for some in ([one(2), one(3)], [one(4)]):
            replacing.send(some)
            seen.append({*here.there.people})
    assert seen == [known(one(1), one(2)), known(one(2), one(3), one(4))]
    assert [request.path for request in here.listener.requests][1:] == ["/v25.0/120331/usersreplace"] * 2
    assert here.sessions[1:] == [place(1, 3), place(2, 3, last=True)]


def test_nobody_can_change_an_audience_that_is_being_replaced(here: Here) -> None:
    here.send("add", one(1))
    with here.audience().replacing(2, 2) as replacing:
        replacing.send([one(2)])
        for change in (lambda: here.send("add", one(9)), lambda: here.send("remove", one(1)), here.audience().check,
                       lambda: replace(here, [8])):  # fmt: skip
            with pytest.raises(VendorBusy, match="being replaced, and cannot be changed meanwhile"):
                change()
        replacing.send([one(3)])
    here.meta.faults.replacing_for = timedelta(minutes=2)
    replace(here, [4])
    here.send("add", one(5))  # which waits
    assert here.there.people == known(one(4), one(5))
    assert sum(here.clock.slept[-4:]) == 15 + 30 + 60 + 120


def test_a_replacement_that_takes_too_long_changes_nothing_and_can_be_begun_anew(here: Here) -> None:
    here.send("add", one(1))
    with pytest.raises(SessionExpired, match="it takes longer than the 90 minutes that Meta gives a replacement; the"):
        replace(here, [2], [3], pause=85 * 60)
    assert here.there.people == known(one(1))
    with pytest.raises(VendorBusy):
        here.audience().check()
    here.clock.sleep(10 * 60)
    here.audience().check()
    replace(here, [2], [3])
    assert here.there.people == known(one(2), one(3))


def test_a_batch_of_a_replacement_comes_again_in_its_place(here: Here) -> None:
    here.send("add", one(1))
    with here.audience().replacing(2, 2) as replacing:
        replacing.send([one(2)])
        here.meta.faults.pages = 1
        replacing.send([one(3)])
    assert here.sessions[1:] == [place(1, 2), *[place(2, 2, last=True)] * 2]
    assert here.there.people == known(one(2), one(3))


def test_a_replacement_that_fails_leaves_everybody_as_they_were(here: Here) -> None:
    here.send("add", one(1))
    here.meta.faults.fail_at = 3
    with pytest.raises(VendorBusy):
        replace(here, [2], [3])
    assert here.there.people == known(one(1))


@pytest.mark.parametrize(
    ("announced", "says", "left"),
    [
        (3, "found 2 batches of a replacement, expected 3", [1]),
        (1, "the replacement is finished already; begin it anew", [2]),
    ],
)
def test_a_replacement_has_all_the_batches_that_were_announced(
    here: Here, announced: int, says: str, left: list[int]
) -> None:
    here.send("add", one(1))
    with pytest.raises((ValueError, SessionExpired), match=says):
        replace(here, [2], [3], announced=announced)
    assert here.there.people == known(*map(one, left))


def test_nobody_replaces_nobody(here: Here) -> None:
    with pytest.raises(ValueError, match="nobody is to replace an audience"), here.audience().replacing(0, 0):
        pass
    assert here.meta.calls == []


@pytest.mark.parametrize(
    ("word", "kind", "says"),
    [
        (
            1870144,
            ConnectorError,
            "an audience of 100 million people or more cannot be replaced, saying .Failed to upd",
        ),
        (
            1870147,
            SessionExpired,
            r"the first batch of the replacement is missing; begin it anew \(code 2650/1870147\)",
        ),
        (1870148, SessionExpired, r"the replacement is incomplete; begin it anew \(code 2650/1870148\)"),
        (1870158, SessionExpired, r"the replacement took longer than Meta waits; begin it anew \(code 2650/1870158\)"),
        (1870159, SessionExpired, r"the replacement is finished already; begin it anew \(code 2650/1870159\)"),
    ],
)
def test_what_is_wrong_with_a_replacement_is_told(here: Here, word: int, kind: type[ConnectorError], says: str) -> None:
    here.listener.says = conflict(word)
    with pytest.raises(kind, match=rf"meta, replacing members of audience 120331 \(HTTP 400\): {says}"):
        replace(here, [1])
    assert here.clock.now() == NOON
