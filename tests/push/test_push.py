"""Push messages to a segment: to whom they go, how often, what is shown of them, and what if things go wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from orchestration.gates.results import Override
from orchestration.lifecycle import delete
from orchestration.lifecycle.moving import InUse
from orchestration.push.asked import cancel
from orchestration.sensors.push import run_key
from tests.push.place import MEMBERS, SALE, Place, devices


def test_a_dry_run_asks_nothing_of_netmera_and_leaves_nothing_behind(place: Place) -> None:
    unasked, unnamed = "as nobody asked for more than a dry run", "as SEGMENTS_SEND does not name netmera_push"
    for environ, wish, why in (
        ("netmera_push", {"send": False}, unasked), ("", {}, unnamed), ("netmera_tag", {}, unnamed)
    ):  # fmt: skip
        place.world.environ["SEGMENTS_SEND"] = environ
        outcome = place.push(**wish)
        assert outcome.ending == "dry_run"
        assert outcome.said == (
            "gold: “Winter sale” would go to the tag gold, which 3 would have (3 added, 0 removed); nothing was sent,"
            f" {why}"
        )
    assert (place.tagged, place.sent, place.states(), place.shown()) == ({}, [], [], [])


def test_a_message_goes_to_the_members_and_is_shown_as_one_of_their_segment(place: Place) -> None:
    outcome = place.push()
    assert outcome.ending == "sent"
    assert outcome.said.endswith("; “Winter sale” went out to the tag gold, as message 1001")
    assert outcome.details["message"] == "1001"
    assert place.tagged == {"gold": MEMBERS}
    (message,) = place.world.netmera.written.messages
    assert message["asked"]["target"] == {"tag": "gold"}
    assert [one["extId"] for one in message["results"]] == ["A-1", "B-2"]
    assert place.shown() == [("1001", "Winter sale", "sent", ["gold"])]
    assert place.states() == ["done"]


def test_a_wish_that_comes_twice_sends_one_message(place: Place) -> None:
    wish = place.wish()
    first, second = (place.push(at=wish.at) for _ in range(2))
    assert (first.ending, second.ending) == ("sent", "nothing")
    assert second.said == "“Winter sale” has gone out already, as message 1001"
    assert place.sent == ["Winter sale"]


def test_a_draft_gives_the_tag_and_goes_to_nobody(place: Place) -> None:
    outcome = place.push(draft=True)
    assert outcome.said.endswith("a draft of “Winter sale” was made, as message 1001")
    assert (place.tagged, place.sent) == ({"gold": MEMBERS}, [])
    assert place.shown() == [("1001", "Winter sale", "draft", ["gold"])]
    with pytest.raises(InUse, match=r"message 1001 \(Winter sale\), draft, uses it"):
        delete(place.settings, "gold", "ece", place.now)
    cancel(place.settings, str(outcome.details["push"]), "ece", place.now)
    assert place.shown() == []
    delete(place.settings, "gold", "ece", place.now)


def test_a_campaign_sends_one_message_for_each_of_its_moments(place: Place) -> None:
    for at in (place.now, place.now, place.now + timedelta(hours=3)):
        place.campaign(at)
    assert place.sent == ["Weekly", "Weekly"]
    assert place.world.netmera.written.messages[0]["asked"]["message"]["platforms"] == ["ANDROID"]
    assert [segments for _, _, _, segments in place.shown()] == [["gold"]] * 2


def test_who_has_the_tag_by_other_means_is_told_where_the_panel_has_a_segment_of_its_name(place: Place) -> None:
    place.tagged["gold"] = {"E-5"}
    assert "read_back" not in place.push().details
    place.tagged["gold"].remove("C-3")
    place.world.netmera.panel_segments = {7: "gold"}
    assert "read_back" not in place.push(at=place.now + timedelta(minutes=1)).details  # nobody was tagged or untagged
    place.activate_tag(withdraw=True)
    place.tagged["gold"] = {"E-5"}
    details = place.push(at=place.now + timedelta(minutes=2)).details
    assert details["read_back"] == {"there": 4, "missing": 0, "others": 1}
    assert details["remarks"] == [
        "netmera shows 4 people at netmera_tag gold: 0 of those who were sent are not among them, and 1 are there by"
        " other means"
    ]


def test_no_message_goes_to_a_tag_of_which_nobody_knows_any_more_who_has_it(place: Place) -> None:
    place.push()
    (place.settings.home / "sent" / "gold.netmera_tag_gold.duckdb").unlink()
    outcome = place.push(at=place.now + timedelta(minutes=1))
    assert outcome.ending == "closed"
    assert "ledger: of 3 people who are there it is not known any more who they are" in outcome.said
    assert place.sent == ["Winter sale"]


def test_a_tag_that_another_segment_gives_to_its_members_gets_no_message(place: Place) -> None:
    told = place.told(lambda: place.push(tag="shared"))
    assert told == (
        "gold: members of others get the tag shared, too, and a message to it would reach them;"
        " expected a tag of its own"
    )
    assert (place.tagged, place.sent) == ({}, [])


@pytest.mark.parametrize(
    ("tag", "mode", "is_refused"),
    [("gold", "add_only", True), ("gold", "mirror", False), ("another", "add_only", False)],
)
def test_a_tag_that_stays_with_whoever_has_left_gets_no_message(
    place: Place, tag: str, mode: str, is_refused: bool
) -> None:
    place.workspace.define(
        gold=f"activate: [{{to: netmera_tag, tag: {tag}, mode: {mode}, when: daily}}]\n"
        "who: [{attribute: group, equals: gold}]\n"
    )
    if not is_refused:
        assert place.push().ending == "sent"
        return
    assert place.told(place.push) == (
        "gold leaves the tag gold with whoever is out of it (add_only), and a message to it takes it from them;"
        " expected another tag for the message"
    )
    assert (place.tagged, place.sent, place.states()) == ({}, [], [])


def test_nobody_gets_no_message(place: Place) -> None:
    assert place.told(lambda: place.push("nobody")) == (
        "nobody has the tag nobody, so the message “Winter sale” was not sent"
    )
    assert (place.sent, place.states(), place.shown()) == ([], [], [])


def test_people_whom_netmera_does_not_know_are_nobody_to_send_a_message_to(place: Place) -> None:
    place.world.netmera.users = {"E-5": devices()["E-5"]}
    assert place.told(place.push) == (
        "nobody has the tag gold, so the message “Winter sale” was not sent: Netmera does not know the 3 who were to"
        " get it"
    )
    assert (place.sent, place.states(), place.shown()) == ([], [], [])


def test_one_whom_netmera_knows_is_somebody_and_the_others_are_not_said_to_have_the_tag(place: Place) -> None:
    place.world.netmera.users = {"A-1": devices()["A-1"]}
    assert place.push().said == (
        "gold: 3 added to netmera_tag gold and 0 removed, 0 were there already; Netmera does not know 2 of them;"
        " “Winter sale” went out to the tag gold, as message 1001"
    )
    assert place.push(at=place.now + timedelta(minutes=1)).said == (
        "gold: 3 were sent to the tag gold before; “Winter sale” went out to the tag gold, as message 1002"
    )


def test_a_message_that_netmera_refuses_is_not_one_of_the_segment(place: Place) -> None:
    place.world.environ["NETMERA_API_KEY"] = "wrong"
    assert "the REST API key is refused" in place.told(place.push)
    assert (place.sent, place.states(), place.shown()) == ([], [], [])


# ---------------------------------------------------------------- at a moment


def test_a_scheduled_message_waits_for_its_moment_and_goes_to_who_is_in_then(place: Place) -> None:
    waiting = place.later(hours=2)
    assert (place.tagged, place.sent) == ({}, [])
    assert place.shown() == [(f"push-{waiting.id}", "Winter sale", "scheduled", ["gold"])]
    with pytest.raises(InUse, match=r"\(Winter sale\), scheduled, uses it"):
        delete(place.settings, "gold", "ece", place.now)
    assert place.outbox.due(place.now) == []
    place.world.clock.sleep(2 * 3600)
    assert [one.id for one in place.outbox.due(place.now)] == [waiting.id]
    assert place.serve(waiting.id).ending == "sent"
    assert place.outbox.due(place.now) == []
    assert place.serve(waiting.id).ending == "nothing"
    assert (place.tagged, place.sent) == ({"gold": MEMBERS}, ["Winter sale"])
    assert place.shown() == [("1001", "Winter sale", "sent", ["gold"])]


def test_a_message_that_is_taken_back_does_not_go_out(place: Place) -> None:
    waiting = place.later()
    cancel(place.settings, waiting.id, "bob", place.now)
    place.world.clock.sleep(3600)
    assert (place.outbox.due(place.now), place.states(), place.shown()) == ([], ["failed"], [])
    assert place.told(lambda: place.serve(waiting.id)) == "taken back by bob"
    assert place.told(lambda: cancel(place.settings, waiting.id, "bob", place.now)) == (
        f"the message {waiting.id} cannot be taken back: it is failed"
    )


@pytest.mark.parametrize(
    ("hours", "segment", "allowed", "says"),
    [
        (
            -1,
            "gold",
            "all",
            "found 2026-01-15T11:00:00Z as the moment of a message, expected one that is still",
        ),
        (1, "gold", "meta", "SEGMENTS_SEND does not name netmera_push, so nobody could send the message at its moment"),
        (1, "golf", "all", "did you mean 'gold'?"),
    ],
)
def test_a_message_that_could_never_go_out_is_not_scheduled(
    place: Place, hours: float, segment: str, allowed: str, says: str
) -> None:
    place.world.environ["SEGMENTS_SEND"] = allowed
    assert says in place.told(lambda: place.later(hours, segment))
    assert (place.states(), place.shown()) == ([], [])


def test_where_netmera_is_busy_a_scheduled_message_is_tried_again_and_goes_out_once(place: Place) -> None:
    waiting = place.later(hours=0.5)
    place.world.clock.sleep(1800)
    keys = set()
    for _ in range(2):
        place.world.netmera.faults.busy.times = 20
        (due,) = place.outbox.due(place.now)
        keys.add(run_key(due, place.now))
        assert "too many calls" in place.told(lambda: place.serve(waiting.id))
        assert place.outbox.due(place.now) == []  # not at once
        place.world.clock.sleep(15 * 60)
    place.world.netmera.faults.busy.times = 0
    (due,) = place.outbox.due(place.now)
    keys.add(run_key(due, place.now))
    assert place.serve(waiting.id).ending == "sent"
    assert len(keys) == 3  # each attempt is a run of its own
    assert place.sent == ["Winter sale"]


def test_a_process_that_has_the_number_of_one_that_died_gets_a_run_of_its_own(place: Place) -> None:
    died = replace(place.later(hours=1), taken_by="57@box", taken_at=place.now)
    assert run_key(replace(died, taken_at=place.now + timedelta(minutes=5)), place.now) != run_key(died, place.now)


def test_a_message_whose_moment_is_long_over_is_not_sent(place: Place) -> None:
    waiting = place.later(hours=1)
    place.world.clock.sleep(3600 * 2 + 60)
    assert run_key(waiting, place.now).endswith("/too_late")
    assert place.told(lambda: place.serve(waiting.id)) == (
        "gold: the message “Winter sale” was to go out at 2026-01-15T13:00:00Z, and nobody could send it then"
    )
    assert (place.sent, place.states(), place.shown()) == ([], ["failed"], [])


@pytest.mark.parametrize("override", [None, Override("bob", "the news are of last week")])
def test_a_closed_gate_stops_a_scheduled_message_unless_somebody_opened_it_before(
    place: Place, override: Override | None
) -> None:
    waiting = place.later(hours=100, override=override)
    place.world.clock.sleep(100 * 3600)
    outcome = place.serve(waiting.id)
    if override:
        assert (outcome.ending, place.sent, place.states()) == ("sent", ["Winter sale"], ["done"])
        return
    assert outcome.ending == "closed"
    assert outcome.said.startswith("gold stays where it is, with what was sent before: freshness: ")
    assert (place.tagged, place.sent, place.states(), place.shown()) == ({}, [], ["failed"], [])
    assert place.told(lambda: place.serve(waiting.id)) == outcome.said


def test_a_message_that_nobody_may_send_any_more_has_failed(place: Place) -> None:
    waiting = place.later()
    place.world.clock.sleep(3600)
    place.world.environ["SEGMENTS_SEND"] = ""
    assert "SEGMENTS_SEND does not name netmera_push any more" in place.told(lambda: place.serve(waiting.id))
    assert (place.sent, place.states(), place.shown()) == ([], ["failed"], [])


# ---------------------------------------------------------------- the answer is lost


def test_what_is_kept_of_messages_names_nobody(place: Place) -> None:
    place.later()
    outcome = place.push()
    files = "".join(file.read_text("utf-8") for file in (place.settings.home / "pushes").rglob("*.json"))
    kept = f"{outcome}{files}{place.workspace.rows('select * from raw.activations')}"
    assert SALE.title in kept
    assert not [one for one in MEMBERS if one in kept]
