"""An activation from the segment's file to the audience: who is there, who is not and why, and what is kept of it."""

from __future__ import annotations

import json

import pytest

from tests.activation.place import Place, a_user

CROWD = [f"m{number:02}" for number in range(30)]  # enough for gates that do not judge a few


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
