"""The sensor of activations: what is due becomes one run, is handled once that run has an answer, and is tried again if
it failed. The clock stands still, and news are written as published runs write them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from connectors.clock import ManualClock
from orchestration.activation.due import PATIENCE, Due, Handled, Look
from orchestration.activation.news import FILE
from orchestration.activation.workplace import ledger_of
from orchestration.ingest.runs import Around
from orchestration.names import (
    ACTIVATION_JOB,
    ACTIVATION_SENSOR,
    ACTIVATION_TAG,
    AS_OF_TAG,
    DUE_TAG,
    ENDED_TAG,
    UNSETTLED_TAG,
    activation_key,
)
from orchestration.sensors.activations import PAUSE, SETTLING, Cursor, Tried, activation_sensor, decide
from orchestration.sensors.records import MOST_ATTEMPTS
from segmentation.clock import utc_text
from segmentation.language.folder import load_folder
from tests.orchestration.workspace import Workspace

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
NOON = MIDNIGHT - timedelta(hours=12)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
META, TAG, HOOK = activation_key("gold", "meta_1"), activation_key("gold", "netmera_tag_gold"), "webhook_HOOK_URL"
GOLD = """who: [{tag: gold}]
activate:
  - {to: meta, audience: "1", when: daily}
  - {to: netmera_tag, when: on_enter}
"""
TWICE = GOLD + '  - {to: meta, audience: "1", when: daily, mode: add_only}\n'
SILVER = "who: [{tag: silver}]\nactivate:\n  - {to: webhook, url_env: HOOK_URL, when: on_leave}\n"


@dg.job(name=ACTIVATION_JOB)
def JOB() -> None:
    """A job of that name, for records of runs."""


class Place:
    """A workspace whose sensor looks in turn, and records of the runs that it asks for."""

    def __init__(self, root: Path, instance: dg.DagsterInstance) -> None:
        self.workspace, self.instance = Workspace(root), instance
        self.workspace.define(gold=GOLD, silver=SILVER)
        self.clock, self.cursor, self.reason = ManualClock(NOON), "", ""
        self.asked: list[dg.RunRequest] = []

    def publish(self, run_no: int, as_of: datetime, **changes: int) -> None:
        """News of a run in which both segments were calculated; `changes` are users by way, all of gold."""
        told = {
            way: {"data": {"run_no": run_no, "as_of": utc_text(as_of), "users": users}}
            for way, users in changes.items()
        }
        segments = {
            "gold": {"as_of": utc_text(as_of), "changes": told},
            "silver": {"as_of": utc_text(as_of), "changes": {}},
        }
        said = {"run_no": run_no, "as_of": utc_text(as_of), "segments": segments}
        home = self.workspace.settings.home
        home.mkdir(exist_ok=True)
        (home / FILE).write_text(json.dumps(said))

    def begin(self) -> None:
        """As the first delivery of a webhook does."""
        ledger = ledger_of(self.workspace.settings.home, f"silver.{HOOK}")
        ledger.parent.mkdir(parents=True, exist_ok=True)
        ledger.touch()

    def look(self, at: datetime | None = None) -> list[dg.RunRequest]:
        if at is not None:
            self.clock.sleep((at - self.clock.now()).total_seconds())
        settings = self.workspace.settings
        sensor = activation_sensor(settings, load_folder(settings.segments), Around({}, self.clock))
        assert (sensor.name, sensor.default_status) == (ACTIVATION_SENSOR, dg.DefaultSensorStatus.RUNNING)
        result = sensor(dg.build_sensor_context(instance=self.instance, cursor=self.cursor))
        self.reason = ""
        if isinstance(result, dg.SkipReason):
            self.reason = str(result.skip_message)
            return []
        assert isinstance(result, dg.SensorResult)
        self.cursor, found = str(result.cursor), list(result.run_requests or [])
        self.reason = str(result.skip_reason.skip_message) if result.skip_reason else ""
        self.asked += found
        return found

    def record(self, request: dg.RunRequest, status: dg.DagsterRunStatus, **tags: str) -> dg.DagsterRun:
        return self.instance.create_run_for_job(JOB, status=status, tags={**request.tags, **tags})


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with dg.DagsterInstance.ephemeral() as instance:
        made = Place(tmp_path, instance)
        made.publish(1, NOON - HOUR, entered=10)
        made.begin()
        assert made.look() == []  # all that has happened before is left alone
        yield made


def test_the_night_makes_what_is_daily_due_once(place: Place):
    assert place.look(MIDNIGHT + HOUR) == []
    assert "the night's calculation for 2026-03-02T00:00:00Z is not published yet" in place.reason
    place.publish(2, MIDNIGHT)
    (asked,) = place.look(MIDNIGHT + 2 * HOUR)
    assert asked.asset_selection == [META]
    assert asked.tags[AS_OF_TAG] == MIDNIGHT.isoformat()
    config = {"send": True, "also": ["initial", "definition"]}  # a tick sends the whole segment
    assert asked.run_config == {"ops": {"activation_meta": {"config": config}}}
    assert [one.run_key for one in place.look()] == [asked.run_key]  # a daemon that died asks for the same again
    run = place.record(asked, dg.DagsterRunStatus.STARTED)
    assert place.look() == []
    assert "on its way" in place.reason
    place.instance.report_run_canceled(run)
    assert place.look() == []
    assert place.look(MIDNIGHT + 23 * HOUR) == []


def test_who_enters_sets_off_what_waits_for_it_and_nothing_else(place: Place):
    place.publish(2, NOON, entered=3)
    (asked,) = place.look(NOON + HOUR)
    assert asked.run_config == {"ops": {"activation_netmera_tag": {"config": {"send": True, "also": []}}}}
    assert (asked.asset_selection, asked.tags[DUE_TAG]) == ([TAG], "run 2 2026-03-01T12:00:00Z")
    place.record(asked, dg.DagsterRunStatus.SUCCESS)
    assert place.look() == []
    place.publish(3, NOON + HOUR, left=3)
    assert place.look(NOON + 2 * HOUR) == []
    place.publish(4, NOON + 2 * HOUR, entered=1, left=1)
    (again,) = place.look(NOON + 3 * HOUR)
    assert again.run_key != asked.run_key


def test_a_webhook_begins_before_anything_happens_as_it_will_not_tell_of_that(place: Place):
    ledger_of(place.workspace.settings.home, f"silver.{HOOK}").unlink()
    (asked,) = place.look()
    assert asked.tags[ACTIVATION_TAG] == f"silver.{HOOK}"
    assert asked.tags[DUE_TAG] == "its beginning after run 1"
    place.record(asked, dg.DagsterRunStatus.SUCCESS)  # which was a dry run, as sending is not allowed yet
    assert place.look() == []
    place.publish(2, NOON)
    (again,) = place.look(NOON + HOUR)
    assert again.tags[DUE_TAG] == "its beginning after run 2"
    place.begin()
    assert place.look() == []


def test_a_tick_of_a_webhook_tells_changes_of_no_other_cause(place: Place):
    place.workspace.define(silver=SILVER.replace("on_leave", "daily"))
    assert place.look() == []
    place.publish(2, MIDNIGHT)
    asked = {one.tags[ACTIVATION_TAG]: one.run_config for one in place.look(MIDNIGHT + HOUR)}
    assert asked[f"silver.{HOOK}"] == {"ops": {"activation_webhook": {"config": {"send": True, "also": []}}}}


def test_members_that_change_while_a_run_is_on_its_way_are_the_next_one(place: Place):
    place.publish(2, NOON, entered=3)
    (first,) = place.look(NOON + HOUR)
    run = place.record(first, dg.DagsterRunStatus.STARTED)
    place.publish(3, NOON + HOUR, entered=1)
    assert place.look(NOON + 2 * HOUR) == []
    place.instance.delete_run(run.run_id)
    place.record(first, dg.DagsterRunStatus.SUCCESS)
    (second,) = place.look()
    assert second.tags[DUE_TAG] == "run 3 2026-03-01T13:00:00Z"


def test_what_failed_is_tried_again_after_a_pause_and_then_waits_for_the_next_change(place: Place):
    def of_tag(found: list[dg.RunRequest]) -> list[dg.RunRequest]:
        return [one for one in found if one.asset_selection == [TAG]]

    place.publish(2, NOON, entered=3)
    keys = set()
    for attempt in range(1, MOST_ATTEMPTS + 1):
        (asked,) = of_tag(place.look())
        keys.add(asked.run_key)
        place.record(asked, dg.DagsterRunStatus.FAILURE, **{ENDED_TAG: "failed"})
        place.clock.sleep((datetime.now(UTC) - place.clock.now()).total_seconds() + attempt * PAUSE.total_seconds())
    assert len(keys) == MOST_ATTEMPTS
    assert of_tag(place.look()) == []
    place.publish(3, NOON + HOUR, entered=1)
    assert len(of_tag(place.look())) == 1


def test_what_failed_is_tried_again_for_the_same_moment_though_the_night_has_come_since(place: Place):
    midnight = (datetime.now(UTC) + 2 * DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    assert place.look(midnight) == []
    (first,) = place.look(midnight + PATIENCE)
    place.record(first, dg.DagsterRunStatus.FAILURE, **{ENDED_TAG: "failed"})
    place.publish(2, midnight)
    (second,) = place.look(midnight + PATIENCE + HOUR)
    assert second.run_key != first.run_key
    assert second.tags[AS_OF_TAG] == first.tags[AS_OF_TAG] == (midnight + PATIENCE).isoformat()
    place.publish(3, midnight + DAY)
    (following,) = place.look(midnight + DAY + HOUR)
    assert following.tags[AS_OF_TAG] == (midnight + DAY).isoformat()


def test_a_tick_of_a_webhook_tells_no_more_causes_than_its_file(place: Place):
    place.workspace.define(silver=SILVER.replace("on_leave", "daily"))
    place.look()
    place.publish(2, MIDNIGHT)
    (hook,) = [one for one in place.look(MIDNIGHT + HOUR) if one.asset_selection == [activation_key("silver", HOOK)]]
    assert hook.run_config == {"ops": {"activation_webhook": {"config": {"send": True, "also": []}}}}


def test_a_closed_gate_is_an_answer_until_the_next_change(place: Place):
    place.publish(2, NOON, entered=3)
    (asked,) = place.look(NOON + HOUR)
    place.record(asked, dg.DagsterRunStatus.FAILURE, **{ENDED_TAG: "closed"})
    assert place.look(NOON + 2 * HOUR) == []
    assert place.reason == "nothing is due"
    place.publish(3, NOON + 2 * HOUR, entered=3)
    assert len(place.look(NOON + 3 * HOUR)) == 1


def test_a_vendor_that_works_batches_off_later_is_asked_again_after_an_hour_until_it_has_or_has_not(place: Place):
    def later(pause: timedelta) -> list[dg.RunRequest]:
        place.clock.sleep((datetime.now(UTC) - place.clock.now() + pause).total_seconds())
        return [one for one in place.look() if one.asset_selection == [TAG]]

    def record(asked: dg.RunRequest, **tags: str) -> None:
        place.record(asked, dg.DagsterRunStatus.SUCCESS, **{ENDED_TAG: "sent"}, **tags)

    place.publish(2, NOON, entered=3)
    (first,) = place.look(NOON + HOUR)
    record(first, **{UNSETTLED_TAG: "3"})
    assert later(SETTLING / 2) == []
    (second,) = later(SETTLING)
    assert second.run_key != first.run_key
    record(second)
    assert later(SETTLING) == []

    place.publish(3, NOON + HOUR, entered=1)
    (asked,) = later(timedelta())
    for _ in range(1, MOST_ATTEMPTS):
        record(asked, **{UNSETTLED_TAG: "1"})
        (asked,) = later(SETTLING)
    record(asked, **{UNSETTLED_TAG: "1"})
    assert later(SETTLING) == []  # the next tick or change asks once more


def test_nobody_else_sends_the_same_meanwhile(place: Place):
    place.publish(2, NOON, entered=3)
    run = place.record(dg.RunRequest(), dg.DagsterRunStatus.STARTED)
    assert place.look(NOON + HOUR) == []
    place.instance.report_run_canceled(run)
    assert len(place.look()) == 1


@pytest.mark.parametrize("silver", [SILVER, "who: [{tag: silver}]\n"], ids=["beside others", "on its own"])
def test_what_is_paused_rests_and_what_happens_meanwhile_is_not_sent_later(place: Place, silver: str):
    place.workspace.define(silver=silver)
    place.workspace.define(gold=f"paused: true\n{GOLD}")
    place.publish(2, NOON, entered=3)
    assert place.look(NOON + HOUR) == []
    place.workspace.define(gold=GOLD)
    assert place.look(NOON + 2 * HOUR) == []


MISSPELT = GOLD.replace("tag: gold", "tga: gold")


@pytest.mark.parametrize("bent", [MISSPELT, TWICE], ids=["an error", "two ways to one place"])
def test_what_cannot_be_read_rests_and_is_sent_once_it_is_mended(place: Place, bent: str):
    place.workspace.define(gold=bent)
    place.publish(2, MIDNIGHT, entered=3)
    assert place.look(MIDNIGHT + HOUR) == []
    place.workspace.define(gold=GOLD)
    asked = place.look(MIDNIGHT + 2 * HOUR)
    assert [one.tags[ACTIVATION_TAG] for one in asked] == ["gold.meta_1", "gold.netmera_tag_gold"]


def test_a_warehouse_of_a_version_without_news_is_waited_for(tmp_path: Path):
    with dg.DagsterInstance.ephemeral() as instance:
        place = Place(tmp_path, instance)
        place.workspace.settings.home.mkdir()
        place.workspace.settings.warehouse.touch()
        place.begin()
        assert place.look() == []
        assert place.cursor == ""
        place.publish(47, NOON, entered=3)
        assert place.look() == []
        place.publish(48, NOON, entered=3)
        assert len(place.look()) == 1


def test_a_new_workspace_sends_its_first_members_only_where_somebody_asks_for_it(tmp_path: Path):
    with dg.DagsterInstance.ephemeral() as instance:
        place = Place(tmp_path, instance)
        place.workspace.define(silver=SILVER.replace("on_leave", "on_enter, also: [initial]"))
        assert place.look() == []
        place.publish(1, NOON)
        home = place.workspace.settings.home
        said = json.loads((home / FILE).read_text())
        first = {"run_no": 1, "as_of": utc_text(NOON), "users": 3}
        for one in said["segments"].values():
            one["changes"] = {"entered": {"initial": first}}
        (home / FILE).write_text(json.dumps(said))
        (asked,) = place.look()
        assert asked.asset_selection == [activation_key("silver", HOOK)]


DUE = Due("daily", MIDNIGHT, Handled(2, {}))
OPEN = Look(Handled(1, {}), DUE)


@pytest.mark.parametrize(
    ("case", "tried", "minutes", "is_asked", "is_handled"),
    [
        ("not tried", Tried(), 0, True, False),
        ("answered", Tried(True, 1, MIDNIGHT), 0, False, True),
        ("failed just now", Tried(False, 1, MIDNIGHT), 9, False, False),
        ("failed a while ago", Tried(False, 1, MIDNIGHT), 10, True, False),
        ("failed twice", Tried(False, 2, MIDNIGHT), 19, False, False),
        ("failed twice a while ago", Tried(False, 2, MIDNIGHT), 20, True, False),
        ("failed three times", Tried(False, 3, MIDNIGHT), 600, False, False),
        ("the vendor is at work", Tried(False, 0, MIDNIGHT, 1), 59, False, False),
        ("the vendor was at work an hour ago", Tried(False, 0, MIDNIGHT, 1), 60, True, False),
    ],
)
def test_what_becomes_of_something_due(case: str, tried: Tried, minutes: int, is_asked: bool, is_handled: bool):
    taken = decide(OPEN, tried, MIDNIGHT + timedelta(minutes=minutes))
    assert (taken.due is not None, taken.handled == DUE.handled) == (is_asked, is_handled), case
    assert decide(OPEN, tried, MIDNIGHT + HOUR, under_way=True).due is None


@pytest.mark.parametrize("text", [None, "", "[]", "later", '{"a": 2}', '{"a": {"run_no": 1, "ticks": {"daily": "x"}}}'])
def test_a_cursor_of_another_form_is_as_good_as_none(text: str | None):
    assert Cursor.read(text) == Cursor()


def test_a_cursor_of_a_version_that_told_of_nothing_that_waits_is_read():
    handled = Handled(1, {"daily": MIDNIGHT})
    assert Cursor.read('{"a": {"run_no": 1, "ticks": {"daily": "2026-03-02T00:00:00Z"}}}') == Cursor({"a": handled})
    waiting = Cursor({"a": replace(handled, waiting={"daily": NOON})})
    assert Cursor.read(waiting.text()) == waiting
