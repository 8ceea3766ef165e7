"""Statuses and what is shown follow from what happened: a segment's life, edge by edge, in whole runs.

The tests of a story build on each other's workspace in the order of the file.
"""

from __future__ import annotations

from typing import Any

import pytest

from orchestration import state
from orchestration.recalculation import recalculate
from tests.orchestration.workspace import Workspace, a_user, an_event

pytestmark = pytest.mark.long

USERS = (a_user("ada", tier="gold"), a_user("bea", tier="gold"), {**a_user("tom", tier="gold"), "is_test": True})
GOLD = "who:\n  - {attribute: tier, equals: gold}\n"
BASIC = GOLD.replace("gold", "basic")


def a_message(name: str, *segments: str, spares: str | None = None) -> dict[str, Any]:
    return {
        "message_id": name, "title": name, "channel": "push", "status": "sent", "created_at": "2026-01-01T00:00:00Z",
        "segments": list(segments), "excluded_segments": [spares] if spares else [],
    }  # fmt: skip


def a_send(message: str, ts: str, kind: str = "sent") -> dict[str, Any]:
    return {"message_id": message, "user_id": "ada", "kind": kind, "ts": ts}


# ---------------------------------------------------------------- ninety days


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Calculated on 1 January, while messages name half of the segments."""
    shop = Workspace(tmp_path_factory.mktemp("shop"), "Europe/Istanbul")
    shop.land("users", *USERS)
    shop.land("events", an_event("ada", "purchase", "2025-12-31T09:00:00Z"))
    shop.land(
        "messages",
        a_message("spring", "mailed", spares="spared"),
        a_message("ghost", "forgotten"),  # active, and sends nothing
        a_message("early", "mailed_early"),
    )
    shop.land(
        "message_events",
        a_send("spring", "2026-02-20T10:00:00Z"),
        a_send("early", "2026-01-02T10:00:00Z"),
        a_send("ghost", "2026-02-20T10:00:00Z", kind="targeted"),
    )
    shop.define(
        mailed=GOLD,
        mailed_early=GOLD,
        spared=GOLD,
        forgotten=GOLD,
        base=GOLD,
        shown="ready_to_use: true\nwho:\n  - {segment: base}\n",
    )
    shop.run("2026-01-01")
    assert set(shop.statuses().values()) == {"ready"}
    return shop


def test_what_nothing_was_sent_to_for_ninety_days_is_not_active_and_keeps_its_members(shop: Workspace):
    shop.land("users", *USERS[:2], a_user("eve", tier="gold"))
    prepared = shop.run("2026-04-15")
    assert shop.statuses() == {
        "base": "ready", "forgotten": "not_active", "mailed": "ready", "mailed_early": "not_active",
        "shown": "ready", "spared": "ready",
    }  # fmt: skip
    assert not prepared.failures
    assert shop.members() == {
        **dict.fromkeys(("base", "mailed", "shown", "spared"), "ada bea eve"),
        **dict.fromkeys(("forgotten", "mailed_early"), "ada bea tom"),
    }
    assert "(last on 2026-01-01)" in shop.reason("forgotten")
    assert "(last on 2026-01-02)" in shop.reason("mailed_early")


def test_a_schedule_leaves_it_and_a_past_day_does_not(shop: Workspace):
    recalculate(shop.settings, shop.moment("2026-04-15T03:00:00Z"), only=["forgotten"], automatic=True)
    assert shop.statuses()["forgotten"] == "not_active"
    assert shop.members()["forgotten"] == "ada bea tom"
    before = shop.public("segments", "segment_members")
    shop.reconstruct("2026-04-14")
    assert shop.days("forgotten")["2026-04-14"] == (3, 0, 0)
    assert shop.public("segments", "segment_members") == before


def test_a_refresh_by_name_a_send_and_an_edit_each_bring_it_back(shop: Workspace):
    shop.run("2026-04-16T09:00:00Z", only=["forgotten"])
    assert (shop.statuses()["forgotten"], shop.members()["forgotten"]) == ("ready", "ada bea eve")
    shop.land("message_events", a_send("spring", "2026-02-20T10:00:00Z"), a_send("early", "2026-04-16T10:00:00Z"))
    shop.run("2026-04-16T11:00:00Z", only=["base"])
    assert shop.statuses()["mailed_early"] == "calculating"  # a run that is about others leaves it to the next
    assert shop.members()["mailed_early"] == "ada bea tom"
    shop.run("2026-04-17")
    assert (shop.statuses()["mailed_early"], shop.members()["mailed_early"]) == ("ready", "ada bea eve")
    shop.run("2026-08-01")
    assert {name for name, status in shop.statuses().items() if status == "ready"} == {"base", "shown"}
    shop.define(mailed=BASIC)
    shop.run("2026-08-02")
    assert {name for name, status in shop.statuses().items() if status == "ready"} == {"base", "mailed", "shown"}
    assert "mailed" not in shop.members()


def test_without_any_message_in_the_landing_area_nothing_is_idle(shop: Workspace):
    shop.unland("messages")
    shop.run("2026-08-03")
    assert set(shop.statuses().values()) == {"ready"}


# ---------------------------------------------------------------- the other edges


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    life = Workspace(tmp_path_factory.mktemp("life"))
    life.land("users", *USERS)
    life.land("events", an_event("ada", "app_open", "2026-02-28T09:00:00Z"))
    life.define(gold=GOLD, reader="[{segment: gold}]", asked_for="refresh: manual\n" + GOLD)
    life.run("2026-03-01")
    return life


def test_system_segments_are_in_the_catalogue_with_members_sizes_and_test_users_that_count(life: Workspace):
    told = life.rows(
        "select segment, status, users, test_users from segments.segments where kind = 'system' order by 1"
    )
    assert told == [
        ("all_users", "ready", 3, 1),
        ("engaged_users", "ready", 0, 0),
        ("first_time_users", "ready", 1, 0),
        ("test_users", "ready", 1, 1),
    ]
    assert life.members("all_users", "first_time_users") == {"all_users": "ada bea tom", "first_time_users": "ada"}
    assert life.rows("select user_id, is_test from segments.segment_members where segment = 'gold' order by 1") == [
        ("ada", False), ("bea", False), ("tom", True),
    ]  # fmt: skip
    assert life.days("all_users") == {"2026-02-28": (3, 3, 0)}


def test_new_is_calculating_until_it_is_calculated(life: Workspace):
    assert life.statuses() == {"asked_for": "calculating", "gold": "ready", "reader": "ready"}
    life.run("2026-03-01T12:00:00Z", only=["asked_for"])
    assert life.statuses()["asked_for"] == "ready"


def test_an_edit_waits_for_its_calculation_and_shows_the_old_members_meanwhile(
    life: Workspace, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object) -> None:
        raise RuntimeError("the power went off")

    life.define(gold="who:\n  - {did: app_open}\n")
    life.run("2026-03-01T13:00:00Z", only=["asked_for"])
    assert life.statuses() == {"asked_for": "ready", "gold": "calculating", "reader": "calculating"}
    monkeypatch.setattr(state, "publish", fail)
    with pytest.raises(RuntimeError, match="the power went off"):
        life.run("2026-03-02")
    monkeypatch.undo()
    assert life.members()["gold"] == life.members()["reader"] == "ada bea tom"
    life.run("2026-03-02")
    assert set(life.statuses().values()) == {"ready"}
    assert life.members()["gold"] == life.members()["reader"] == "ada"


def test_a_broken_file_and_its_repair_move_nobody_by_definition(life: Workspace):
    life.define(gold="who:\n  - {dit: app_open}\n")
    life.run("2026-03-03")
    assert life.statuses() == {"asked_for": "ready", "gold": "failed", "reader": "stale"}
    assert life.members()["gold"] == life.members()["reader"] == "ada"
    life.define(gold="who:\n  - {did: app_open}\n")
    life.land("events", an_event("ada", "app_open", "2026-02-28T09:00:00Z"), an_event("bea", "app_open", "2026-03-03"))
    life.run("2026-03-04")
    assert set(life.statuses().values()) == {"ready"}
    assert life.changes("2026-03-04") == [("gold", "entered", "data", "bea"), ("reader", "entered", "data", "bea")]


def test_only_what_people_did_sets_something_off(life: Workspace):
    told = life.rows("select segment, user_id, change from segments.segment_triggers order by all")
    assert told == [
        ("first_time_users", "ada", "left"), ("first_time_users", "bea", "entered"), ("gold", "bea", "entered"),
        ("reader", "bea", "entered"),
    ]  # fmt: skip


def test_paused_is_not_active_until_somebody_asks_for_it_by_name_or_resumes_it(life: Workspace):
    life.define(gold="paused: true\nwho:\n  - {did: app_open}\n")
    life.land("events", an_event("tom", "app_open", "2026-03-04T09:00:00Z"))
    life.run("2026-03-05")
    assert (life.statuses()["gold"], life.members()["gold"]) == ("not_active", "ada bea")
    life.run("2026-03-05T09:00:00Z", only=["gold"])
    assert (life.statuses()["gold"], life.members()["gold"]) == ("ready", "tom")
    life.run("2026-03-06")
    assert life.statuses()["gold"] == "not_active"
    life.define(gold="who:\n  - {did: app_open}\n")
    life.run("2026-03-07")
    assert life.statuses()["gold"] == "ready"


def test_a_file_with_the_name_of_a_system_segment_is_an_error_and_the_segment_stays(life: Workspace):
    life.define(test_users=GOLD)
    prepared = life.run("2026-03-08")
    assert len(prepared.problems) == 1
    assert "another name: this segment exists without a file" in prepared.problems[0]
    assert life.members("test_users") == {"test_users": "tom"}
    assert life.rows("select status from segments.segments where segment = 'test_users'") == [("ready",)]
    life.undefine("test_users")


def test_deleted_loses_its_members_and_a_file_that_is_back_gets_them_back(life: Workspace):
    life.undefine("asked_for")
    life.run("2026-03-09")
    assert life.statuses()["asked_for"] == "deleted"
    assert "asked_for" not in life.members()
    life.define(asked_for="refresh: manual\n" + GOLD)
    life.run("2026-03-09T09:00:00Z", only=["asked_for"])
    assert life.statuses()["asked_for"] == "ready"
    assert {cause for _, _, cause, _ in life.changes("2026-03-09T09:00:00Z")} == {"definition"}


# ---------------------------------------------------------------- ready to use


def test_ready_to_use_is_shown_from_midnight_to_midnight(tmp_path_factory: pytest.TempPathFactory):
    """Golden 27, both ways, over the night in which the clocks of New York go forward."""
    place = Workspace(tmp_path_factory.mktemp("shown"), "America/New_York")
    place.land("users", *USERS)
    place.land("events", an_event("ada", "app_open", "2026-03-01T09:00:00Z"))
    place.define(gold="title: Gold tier\n" + GOLD, pinned="[{segment: gold}]")
    place.run("2026-03-07")

    def listed(as_of: str, only: list[str] | None = None) -> list[tuple[Any, ...]]:
        place.run(as_of, only=only)
        return place.rows("select segment, title, users, summary, status from segments.ready_to_use_segments")

    place.define(gold="title: Gold tier\nready_to_use: true\n" + GOLD)
    assert listed("2026-03-07T10:00:00-05:00", ["pinned"]) == []
    assert place.rows("select ready_to_use, is_visible from segments.segments where segment = 'gold'") == [
        (True, False)
    ]
    assert listed("2026-03-07T23:59:00-05:00", ["gold"]) == []
    gold = ("gold", "Gold tier", 3, "Users whose tier is gold.", "ready")
    assert listed("2026-03-08") == [gold]
    place.define(gold="title: Gold tier\n" + GOLD)
    assert listed("2026-03-08T23:59:00-04:00", ["pinned"]) == [gold]
    assert listed("2026-03-09") == []
    window = "select visible_from::varchar, visible_until::varchar from segments.segments where segment = 'gold'"
    assert place.rows(window) == [("2026-03-08 05:00:00", "2026-03-09 04:00:00")]
