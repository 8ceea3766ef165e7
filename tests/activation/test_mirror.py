"""An activation from the segment's file to the audience: who is there, who is not and why, and what is kept of it."""

from __future__ import annotations

import json

import pytest

from tests.activation.place import GO_ON, Place, a_user

pytestmark = pytest.mark.long

CROWD = [f"m{number:02}" for number in range(60)]  # enough for gates that do not judge a few


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Two runs. In the first ada, bea and cem are gold; then ada leaves, dan comes, and eve and fay by a new rule."""
    place = Place.at(tmp_path_factory.mktemp("mirror"))
    place.segment("ads", "{to: meta, audience: '1', when: daily}")
    place.segment("news", "{to: netmera_tag, when: on_enter}")
    place.segment("calm", "{to: meta, audience: '2', when: on_change, also: [initial]}")
    place.segment("kept", "{to: meta, audience: '3', when: daily, mode: add_only}")
    place.segment("crowd", "{to: meta, audience: '4', when: daily}", tier="crowd")
    place.segment("one", "{to: meta, audience: '5', when: daily}")
    place.segment("two", "{to: meta, audience: '5', when: daily}")
    place.segment("file", "{to: meta, audience: '6', when: daily}")
    users = [
        a_user("ada"), a_user("bea", msisdn="1"), a_user("cem", ad_consent=False),
        a_user("kim", email=None), a_user("gone"), a_user("ned", ad_consent=None),
    ]  # fmt: skip
    crowd = [a_user(name, "crowd") for name in CROWD]
    place.workspace.land("users", *users, a_user("dan", "silver"), a_user("eve", "vip"), *crowd)
    place.workspace.land("events", {"user_id": "ada", "event": "visit", "ts": "2026-03-07T00:00:00Z"})
    place.workspace.run("2026-03-08")
    return place


def test_members_go_there_but_for_those_who_may_not_or_cannot(place: Place):
    dry = place.go("ads", send=False)
    assert (dry.ending, place.people("1"), place.audience("1").checks) == ("dry_run", "", 0)
    done = place.go("ads")
    assert (done.ending, place.people("1")) == ("sent", "ada bea gone")
    counts = {"members": 6, "added": 3, "removed": 0, "unchanged": 0, "without_consent": 2, "without_identifier": 1}
    for outcome in (dry, done):
        assert {name: outcome.counts[name] for name in counts} == counts
    assert done.said == "ads: 3 added to meta 1 and 0 removed, 0 were there already"
    again = place.go("ads")
    assert (again.ending, again.said) == ("nothing", "ads: nothing to send, 3 are at meta 1 already")
    assert max(place.audience("1").received.values()) == 1


def test_every_call_is_a_row_that_names_nobody(place: Place):
    place.go("file", send=False)
    place.go("file")
    place.go("file", environ={})
    asked = "ending, dry_run, members, added, removed, unchanged, asked_by, place, activation, run_no"
    assert place.rows(asked, "file") == [
        ("dry_run", True, 6, 3, 0, 0, "ada", "6", "meta_6", 1), ("sent", False, 6, 3, 0, 0, "ada", "6", "meta_6", 1),
        ("dry_run", True, 6, 0, 0, 3, "ada", "6", "meta_6", 1),
    ]  # fmt: skip
    told = place.workspace.rows("select said, gate_results, details from segments.activations where segment = 'file'")
    assert "SEGMENTS_SEND does not name meta" in str(told)
    assert not any(name in str(told) for name in ("@x.test", "bea", "cem"))
    assert "removals" in {one["gate"] for one in json.loads(told[1][1])}


def test_two_segments_at_one_place_would_undo_each_other(place: Place):
    with pytest.raises(ValueError, match="two: one goes to meta 5 as well, and each would take back"):
        place.go("two")
    place.segment("two", "{to: meta, audience: '7', when: daily}")
    place.go("one")
    place.segment("two", "{to: meta, audience: '5', when: daily}")
    with pytest.raises(ValueError, match="two: members of one are at meta 5: take those back first"):
        place.go("two")
    assert place.go("one").ending == "nothing"
    place.go("one", withdraw=True, override=GO_ON)
    place.segment("one", "{to: meta, audience: '8', when: daily}")
    place.go("two")
    assert place.people("5") == "ada bea gone"


def test_too_many_at_once_are_not_sent_unless_somebody_says_so(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(place, "most_per_run", 59)
    closed = place.go("crowd")
    assert (closed.ending, place.people("4")) == ("closed", "")
    assert "60 people would be sent, and at most 59 are in one run" in closed.said
    opened = place.go("crowd", override=GO_ON)
    assert (opened.ending, len(place.people("4").split())) == ("sent", 60)
    assert [one.state for one in opened.gates if one.gate == "most_per_run"] == ["overridden"]


def test_a_ledger_that_is_gone_is_told_before_anything_is_sent(place: Place):
    file = place.workspace.settings.home / "sent/file.meta_6.duckdb"
    kept = file.read_bytes()
    file.unlink()
    closed = place.go("file")
    assert closed.ending == "closed"
    assert "of 3 people who are there it is not known any more who they are" in closed.said
    assert place.go("file", override=GO_ON).ending == "sent"
    file.write_bytes(kept)
    assert place.go("file").ending == "closed", "an older copy does not know either"
    assert place.go("file", override=GO_ON).ending == "nothing"


@pytest.fixture(scope="module")
def later(place: Place) -> Place:
    """What is there, and then another run: ada leaves, bea withdraws consent, gone is no user any more, dan comes, fay
    has another address; eve and whoever is very important are gold by a new rule."""
    for name in ("ads", "news", "calm", "kept", "crowd"):
        place.go(name, causes=("initial",) if name == "news" else (), override=GO_ON)
    users = [
        a_user("ada", "silver"), a_user("bea", msisdn="1", ad_consent=False), a_user("dan"), a_user("ned"),
        a_user("eve", "vip"), a_user("kim", email="kim2@x.test"), a_user("cem", ad_consent=False),
    ]  # fmt: skip
    place.workspace.land("users", *users, *(a_user(name, "crowd") for name in CROWD[:30]))
    place.workspace.run("2026-03-09")
    for name in ("news", "calm"):
        file = place.workspace.settings.segments / f"{name}.yml"
        file.write_text(file.read_text().replace("equals: gold", "in: [gold, vip]"))
    place.workspace.run("2026-03-10")
    return place


def test_whoever_left_or_withdrew_consent_is_taken_back_and_nobody_else(later: Place):
    done = later.go("ads", override=GO_ON)
    assert later.people("1") == "dan kim2 ned"
    assert {name: done.counts[name] for name in ("members", "added", "removed", "unchanged", "without_consent")} == {
        "members": 5, "added": 3, "removed": 3, "unchanged": 0, "without_consent": 2,
    }  # fmt: skip


def test_where_nobody_is_removed_only_those_stay_who_still_may_be_there(later: Place):
    """Ada left the segment and stays; bea withdrew consent, and gone is no user any more."""
    later.go("kept", override=GO_ON)
    assert later.people("3") == "ada dan kim2 ned"


def test_whoever_came_by_a_new_rule_is_held_back_until_somebody_asks_for_it(later: Place):
    done = later.go("news", override=GO_ON)
    assert (later.people("news"), done.counts["held_back"]) == ("bea cem dan ned", 2)
    later.go("news", causes=("definition",))
    assert later.people("news") == "bea cem dan eve ned", "kim was there from the beginning, and has an address now"
    assert later.go("news").ending == "nothing", "whoever is there stays"
    assert later.go("calm", override=GO_ON).counts["held_back"] == 1
    assert later.people("2") == "dan kim2 ned"


def test_a_closed_gate_keeps_everybody_where_they_are(later: Place):
    dry = later.go("crowd", send=False)
    assert (dry.ending, dry.counts["removed"]) == ("dry_run", 30)
    assert "it would not be sent, as gates are closed: removals" in dry.said
    closed = later.go("crowd")
    assert (closed.ending, len(later.people("4").split())) == ("closed", 60)
    assert later.go("crowd", override=GO_ON).counts["removed"] == 30
    assert later.people("4").split() == CROWD[:30]


def test_a_withdrawal_takes_back_everybody_who_was_sent(later: Place):
    later.audience("1").people.add(("somebody of another tool", ""))
    later.go("ads", withdraw=True, override=GO_ON)
    assert later.audience("1").people == {("somebody of another tool", "")}
