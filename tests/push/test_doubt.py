"""Messages of which the answer was lost or whose process died: what is known not to have gone out goes out once, and of
what may be out a person is asked."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.accounts import netmera_account
from connectors.netmera_messages import NetmeraMessages
from orchestration.activation import to_push
from orchestration.push import asked, outbox
from orchestration.push.asked import cancel, settle_by_hand
from orchestration.push.outbox import FOLDER, Push
from orchestration.push.sending import InDoubt, fail, finish
from orchestration.push.words import message_no
from orchestration.sensors.push import run_key
from tests.push.place import SALE, Place

GONE = "999999999@"  # a process that is no more, on this machine


def lost(place: Place, *, went_out: bool) -> None:
    """Netmera's answer to a message is an error, whether or not it sent it."""
    faults = place.world.netmera.faults
    faults.fail_at, faults.fail_verb, faults.after_applying = 1, "sendBulkNotification", went_out


def test_a_message_of_which_the_answer_was_lost_is_found_and_not_sent_again(place: Place) -> None:
    lost(place, went_out=True)
    outcome = place.push()
    assert outcome.ending == "sent"
    assert place.sent == ["Winter sale"]
    assert [status for _, _, status, _ in place.shown()] == ["sent"]


def test_a_message_that_is_not_found_is_in_doubt_and_not_sent_again(place: Place) -> None:
    lost(place, went_out=False)
    wish = place.wish()
    told = place.told(lambda: place.push(at=wish.at))
    assert "it is not known whether the message “Winter sale” went out" in told
    assert "segments pushes --settle" in told
    place.world.netmera.faults.fail_at = None
    assert place.told(lambda: place.push(at=wish.at)) == told
    (doubtful,) = [push for state, push in place.outbox.all() if state == "in_doubt"]
    assert [(status, segments) for _, _, status, segments in place.shown()] == [("scheduled", ["gold"])]
    assert place.sent == []
    environ, clock = place.world.environ, place.world.clock
    with pytest.raises(InDoubt):
        settle_by_hand(place.settings, doubtful.id, "ece", environ=environ, clock=clock)
    settle_by_hand(place.settings, doubtful.id, "ece", went_out=False, clock=clock)
    assert place.shown() == []
    assert place.told(lambda: place.push(at=wish.at)) == "it did not go out, says ece"


def test_somebody_who_sees_it_in_the_panel_says_that_it_went_out(place: Place) -> None:
    lost(place, went_out=False)
    place.told(place.push)
    (doubtful,) = [push for state, push in place.outbox.all() if state == "in_doubt"]
    settle_by_hand(place.settings, doubtful.id, "ece", key="4711", went_out=True, clock=place.world.clock)
    assert ("4711", "Winter sale", "sent", ["gold"]) in place.shown()


# ---------------------------------------------------------------- the process dies


def died(place: Place, push: Push, **known: Any) -> Push:
    """A process took a message, and is gone."""
    taken = place.outbox.take(push, f"{GONE}{socket.gethostname()}", place.now)
    assert taken is not None
    return place.outbox.write(replace(taken, **known))


class Dead(BaseException):
    """A process ends here, and tidies nothing up."""


@contextmanager
def dying(after: int) -> Iterator[None]:
    """A process that is gone by the end, which comes after so many changes in the outbox if there are as many."""
    made = 0
    write, rename = outbox.write_if_changed, Path.rename

    def made_one() -> None:
        nonlocal made
        made += 1
        if made == after:
            raise Dead

    def writing(file: Path, content: bytes) -> None:
        write(file, content)
        made_one()

    def renaming(path: Path, target: Path) -> Path:
        moved = rename(path, target)
        if FOLDER in path.parts:
            made_one()
        return moved

    with pytest.MonkeyPatch.context() as patch, suppress(Dead):
        for module in (asked, to_push):
            patch.setattr(module, "this_process", lambda: f"{GONE}{socket.gethostname()}")
        patch.setattr(outbox, "write_if_changed", writing)
        patch.setattr(Path, "rename", renaming)
        yield


@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_a_message_whose_process_died_between_two_steps_waits_for_the_next_and_goes_out_once(
    place: Place, after: int
) -> None:
    waiting = place.later(hours=0.5)
    place.world.clock.sleep(1800)
    place.world.netmera.faults.busy.times = 20
    keys = {run_key(waiting, place.now)}
    with dying(after):
        place.told(lambda: place.serve(waiting.id))  # it is taken, and brought back for later
    place.world.netmera.faults.busy.times = 0
    place.world.clock.sleep(15 * 60)
    (due,) = place.outbox.due(place.now)
    assert run_key(due, place.now) not in keys
    assert place.serve(due.id).ending == "sent"
    assert (place.sent, place.states()) == (["Winter sale"], ["done"])


@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_a_message_that_was_taken_back_does_not_go_out_though_the_process_died_before_it_put_it_away(
    place: Place, after: int
) -> None:
    waiting = place.later()
    with dying(after):
        cancel(place.settings, waiting.id, "bob", place.now)
    place.world.clock.sleep(3600)
    if after < 3:  # it was not noted yet that somebody takes it back
        assert place.serve(waiting.id).ending == "sent"
        return
    assert (place.states(), place.shown()) == (["failed"], [])
    assert place.told(lambda: cancel(place.settings, waiting.id, "bob", place.now)).endswith("it is failed")
    for _ in place.outbox.due(place.now):
        assert place.told(lambda: place.serve(waiting.id)) == "taken back by bob"
    assert (place.sent, place.outbox.due(place.now)) == ([], [])


def test_a_message_that_went_out_has_done_so_though_the_process_died_before_it_put_it_away(place: Place) -> None:
    waiting = place.later()
    place.world.clock.sleep(3600)
    with dying(5):  # taken in two steps; then it is noted that it is asked for, its key, and that it has ended
        place.serve(waiting.id)
    (due,) = place.outbox.due(place.now)
    assert place.serve(due.id).said == "“Winter sale” has gone out already, as message 1001"
    assert (place.sent, place.states(), place.outbox.due(place.now)) == (["Winter sale"], ["done"], [])


def test_a_message_of_which_nobody_knows_who_took_it_is_left_to_them_for_as_long_as_to_others(place: Place) -> None:
    waiting = place.later()
    (waiting_file,) = (place.settings.home / FOLDER / "new").iterdir()
    (place.settings.home / FOLDER / "sending").mkdir()
    waiting_file.rename(waiting_file.parents[1] / "sending" / waiting_file.name)
    place.world.clock.sleep(6 * 3600)
    assert place.outbox.due(place.now) == []
    place.world.clock.sleep(2 * 3600)
    assert [one.id for one in place.outbox.due(place.now)] == [waiting.id]
    assert "nobody could send it then" in place.told(lambda: place.serve(waiting.id))
    assert (place.states(), place.shown()) == (["failed"], [])


def test_a_message_that_two_settle_at_once_is_settled_by_one(place: Place) -> None:
    lost(place, went_out=False)
    place.told(place.push)
    (doubtful,) = [push for state, push in place.outbox.all() if state == "in_doubt"]
    assert place.outbox.take(doubtful, "1@another-machine", place.now, "in_doubt")
    assert place.outbox.take(doubtful, "2@another-machine", place.now, "in_doubt") is None
    assert place.states() == ["sending"]


def test_a_message_whose_process_died_before_it_asked_is_sent(place: Place) -> None:
    waiting = place.later()
    place.world.clock.sleep(3600)
    died(place, waiting)
    (due,) = place.outbox.due(place.now)
    assert run_key(due, place.now) != run_key(waiting, place.now)
    assert place.serve(waiting.id).ending == "sent"
    assert place.sent == ["Winter sale"]


def test_a_message_that_another_machine_took_is_left_to_it_until_nobody_can_be_at_it_any_more(place: Place) -> None:
    waiting = place.later()
    place.world.clock.sleep(3600)
    assert place.outbox.take(waiting, "1@another-machine", place.now)
    assert place.outbox.due(place.now) == []
    assert place.told(lambda: place.serve(waiting.id)) == f"another process is sending the message {waiting.id}"
    place.world.clock.sleep(8 * 3600)
    assert [one.id for one in place.outbox.due(place.now)] == [waiting.id]
    assert "nobody could send it then" in place.told(lambda: place.serve(waiting.id))


def test_a_message_that_went_out_and_cannot_be_shown_is_shown_later(place: Place) -> None:
    messages = Path(place.settings.landing) / "messages"
    messages.write_text("in the way")
    assert "“Winter sale” went out as message 1001, and cannot be written" in place.told(place.push)
    (pushed,) = (push for _, push in place.outbox.all("sending"))
    messages.unlink()
    place.outbox.write(replace(pushed, taken_by=f"{GONE}{socket.gethostname()}"))
    assert place.serve(pushed.id).ending == "sent"
    assert place.sent == ["Winter sale"]
    assert place.shown() == [("1001", "Winter sale", "sent", ["gold"])]


def send(place: Place, push: Push) -> str:
    """What a process had sent before it died; ann has the tag."""
    place.tagged[push.tag] = {"A-1"}
    client = NetmeraMessages(netmera_account(place.world.environ), place.world.clock)
    return client.send(push.message, push.tag, push.id)


@pytest.mark.parametrize(
    ("went_out", "other", "is_known"),
    [
        (False, "done", False),
        (False, "sending", False),
        (True, "done", True),
        (True, "sending", False),
        (False, "failed", False),
        (True, "failed", True),
    ],
)
def test_a_lost_message_is_not_taken_for_one_of_the_same_title_to_another_segment(
    place: Place, went_out: bool, other: str, is_known: bool
) -> None:
    mine, theirs = place.later(), place.later(segment="others")
    place.world.clock.sleep(3600)
    died(place, mine, called_at=place.now)
    taken = died(place, theirs, called_at=place.now)
    if other == "failed":
        fail(place.settings, taken, "it did not go out, says ece", place.now)
    else:
        key_of_theirs = send(place, theirs)
        if other == "done":
            finish(place.settings, place.outbox.write(replace(taken, key=key_of_theirs)), place.world.clock)
    key = send(place, mine) if went_out else ""
    place.world.clock.sleep(60)
    if is_known:
        assert place.serve(mine.id).details["message"] == key
        return
    assert "it is not known whether the message “Winter sale” went out" in place.told(lambda: place.serve(mine.id))
    if other == "sending" and not went_out:  # once it is known of one of them, the other is known, too
        settle_by_hand(place.settings, mine.id, "ece", went_out=False, clock=place.world.clock)
        assert place.serve(theirs.id).details["message"] == key_of_theirs


@pytest.mark.parametrize("went_out", [True, False])
def test_a_message_whose_process_died_after_it_asked_is_looked_for(place: Place, went_out: bool) -> None:
    waiting = place.later()
    place.world.clock.sleep(3600)
    died(place, waiting, called_at=place.now)
    if went_out:
        send(place, waiting)
    place.world.clock.sleep(60)
    if went_out:
        outcome = place.serve(waiting.id)
        assert (outcome.ending, outcome.details["message"]) == ("sent", "1001")
    else:
        told = place.told(lambda: place.serve(waiting.id))
        assert "the process that asked died before it noted the answer" in told
        assert place.outbox.due(place.now) == []
        assert "in_doubt" in place.states()
    assert place.sent == ["Winter sale"] * went_out


def test_a_dry_run_says_of_a_message_whose_process_died_that_it_was_asked_for_and_finds_nothing_out(
    place: Place,
) -> None:
    at = place.now
    no = message_no("gold.netmera_push_gold", at)
    for known in ({"called_at": at}, {"key": "1001"}):
        asked_for = Push(no, "gold", "gold", SALE.title, SALE.text, SALE.platforms, "ece", at)
        place.outbox.add(asked_for)
        died(place, asked_for, **known)
        for allowed, send, why in (
            ("netmera_push", False, "as nobody asked for more than a dry run"),
            ("", True, "as SEGMENTS_SEND does not name netmera_push"),
        ):
            place.world.environ["SEGMENTS_SEND"] = allowed
            outcome = place.push(at=at, send=send)
            assert outcome.ending == "dry_run"
            assert outcome.said == (
                "gold: Netmera was asked for “Winter sale” already, and what became of it is not noted yet; nothing was"
                f" sent, {why}"
            )
        assert (place.states(), place.shown(), place.world.netmera.calls) == (["sending"], [], [])
        place.outbox.forget(asked_for)


def test_a_draft_whose_process_died_after_it_was_made_is_not_made_again(place: Place) -> None:
    waiting = replace(place.later(), at=None, draft=True, id="a-draft")
    place.outbox.add(waiting)
    died(place, waiting, key="1001")
    place.world.environ["SEGMENTS_SEND"] = ""  # nothing is sent by finding out
    assert place.serve("a-draft").details["message"] == "1001"
    assert ("1001", "Winter sale", "draft", ["gold"]) in place.shown()
    assert "createNotificationDefinition" not in place.world.netmera.calls


def test_a_message_for_now_whose_process_died_is_not_sent_by_somebody_else(place: Place) -> None:
    waiting = replace(place.later(), at=None, id="at-once")
    place.outbox.add(waiting)
    died(place, waiting)
    told = place.told(lambda: place.serve("at-once"))
    assert told == "the process that was to send “Winter sale” died before it was sent; ask for it again"
    assert place.sent == []
    assert place.outbox.look_up("at-once") is None
