"""The sensor that serves the inbox: a request becomes a run, is done when one succeeded, and fails after three."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG, WILL_RETRY_TAG

from orchestration.assets.moments import is_automatic
from orchestration.gates.results import Override
from orchestration.inbox import Activate, Inbox, this_process
from orchestration.names import (
    ACTIVATION_JOB,
    AS_OF_TAG,
    REQUEST_TAG,
    REQUESTED_BY_TAG,
    SEGMENTS_JOB,
    activation_key,
    segment_key,
)
from orchestration.sensors.inbox import request_sensor, served
from orchestration.sensors.records import MOST_ATTEMPTS, RETRIED_WITHIN
from segmentation.language.folder import load_folder
from tests.orchestration.workspace import Workspace

NOON = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)  # half past one on the next day in Istanbul


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path, "Europe/Istanbul")
    workspace.define(gold="[{tag: gold}]", silver="[{tag: silver}]")
    return workspace


@pytest.fixture
def inbox(workspace: Workspace) -> Inbox:
    return Inbox(workspace.settings.home)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def tick(workspace: Workspace, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    settings = workspace.settings
    sensor = request_sensor(settings, load_folder(settings.segments))
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    result = sensor(dg.build_sensor_context(instance=instance))
    return list(result.run_requests or []) if isinstance(result, dg.SensorResult) else []


@dg.job(name=SEGMENTS_JOB)
def JOB() -> None:
    """A job of that name, for records of runs."""


def record(instance: dg.DagsterInstance, request: dg.RunRequest, status: dg.DagsterRunStatus, **more: str) -> str:
    tags = {REQUEST_TAG: request.tags[REQUEST_TAG], **more}
    return instance.create_run_for_job(JOB, tags=tags, status=status).run_id


def test_each_request_becomes_a_run_of_its_segments_once(
    workspace: Workspace, inbox: Inbox, instance: dg.DagsterInstance
):
    assert tick(workspace, instance) == []
    first = inbox.drop(["gold"], "ada", NOON)
    second = inbox.drop(["silver", "gold"], "bea", NOON + timedelta(seconds=1), as_of=NOON)
    now, then = tick(workspace, instance)
    assert (now.asset_selection, now.tags[REQUEST_TAG]) == ([segment_key("gold")], first.id)
    assert AS_OF_TAG not in now.tags  # it stands for the moment at which it begins
    assert then.asset_selection == [segment_key("silver"), segment_key("gold")]
    assert (then.tags[AS_OF_TAG], then.partition_key) == (NOON.isoformat(), "2026-03-03")
    assert then.tags[REQUEST_TAG] == second.id
    for one in (now, then):
        record(instance, one, dg.DagsterRunStatus.STARTED)
    assert tick(workspace, instance) == []


def test_a_request_is_done_when_its_run_has_succeeded(workspace: Workspace, inbox: Inbox, instance: dg.DagsterInstance):
    request = inbox.drop(["gold"], "ada", NOON)
    (asked,) = tick(workspace, instance)
    run = record(instance, asked, dg.DagsterRunStatus.SUCCESS)
    assert tick(workspace, instance) == []
    state, done = inbox.look_up(request.id) or (None, None)
    assert (state, done and done.run) == ("done", run)


def test_a_run_that_died_is_tried_three_times(workspace: Workspace, inbox: Inbox, instance: dg.DagsterInstance):
    request = inbox.drop(["gold"], "ada", NOON)
    keys = []
    for _ in range(MOST_ATTEMPTS):
        (asked,) = tick(workspace, instance)
        keys.append(asked.run_key)
        last = record(instance, asked, dg.DagsterRunStatus.FAILURE)
    assert len(set(keys)) == MOST_ATTEMPTS
    assert tick(workspace, instance) == []
    state, failed = inbox.look_up(request.id) or (None, None)
    assert state == "failed"
    assert last in str(failed and failed.reason)


@pytest.mark.parametrize(
    ("case", "tags", "after", "is_under_way"),
    [
        ("Dagster is about to start another", {WILL_RETRY_TAG: "true"}, timedelta(), True),
        ("it should have long ago", {WILL_RETRY_TAG: "true"}, RETRIED_WITHIN, False),
        ("it has", {WILL_RETRY_TAG: "true", AUTO_RETRY_RUN_ID_TAG: "another"}, timedelta(), False),
        ("it will not", {WILL_RETRY_TAG: "false"}, timedelta(), False),
        ("it does not say", {}, timedelta(), False),
    ],
)
def test_a_run_that_died_is_under_way_until_dagster_has_started_another_in_its_place(
    workspace: Workspace,
    inbox: Inbox,
    instance: dg.DagsterInstance,
    case: str,
    tags: dict[str, str],
    after: timedelta,
    is_under_way: bool,
):
    request = inbox.drop(["gold"], "ada", NOON)
    (asked,) = tick(workspace, instance)
    record(instance, asked, dg.DagsterRunStatus.FAILURE, **tags)
    assert served(instance, request, datetime.now(UTC) + after).under_way is is_under_way, case
    if not after:
        assert len(tick(workspace, instance)) == (0 if is_under_way else 1)


@pytest.mark.parametrize("activate", [None, Activate("meta_1", send=True)])
def test_a_run_that_somebody_stopped_is_not_started_again(
    sending: Workspace, inbox: Inbox, instance: dg.DagsterInstance, activate: Activate | None
):
    request = inbox.drop(["gold"], "ada", NOON, activate=activate)
    (asked,) = tick(sending, instance)
    run = record(instance, asked, dg.DagsterRunStatus.CANCELED)
    again = record(instance, asked, dg.DagsterRunStatus.STARTED)  # somebody thought better of it
    assert tick(sending, instance) == []
    assert (inbox.look_up(request.id) or ("",))[0] == "taken"
    instance.delete_run(again)
    assert tick(sending, instance) == []
    state, failed = inbox.look_up(request.id) or (None, None)
    assert (state, failed and failed.reason) == ("failed", f"somebody stopped the run {run}")


def test_a_daemon_that_died_after_taking_a_request_asks_for_the_same_run_again(
    workspace: Workspace, inbox: Inbox, instance: dg.DagsterInstance
):
    inbox.drop(["gold"], "ada", NOON)
    (first,) = tick(workspace, instance)
    (again,) = tick(workspace, instance)
    assert first.run_key == again.run_key


def test_a_name_that_is_nowhere_fails_with_the_nearest_and_a_file_that_is_not_loaded_waits(
    workspace: Workspace, inbox: Inbox, instance: dg.DagsterInstance
):
    settings = workspace.settings
    sensor = request_sensor(settings, load_folder(settings.segments))
    workspace.define(bronze="[{tag: bronze}]")  # after definitions were loaded
    typo, new = inbox.drop(["glod"], "ada", NOON), inbox.drop(["bronze"], "bea", NOON)
    assert isinstance(sensor(dg.build_sensor_context(instance=instance)), dg.SkipReason)
    state, failed = inbox.look_up(typo.id) or (None, None)
    assert (state, failed and failed.reason) == ("failed", "there is no segment 'glod'; did you mean 'gold'?")
    assert [one.id for one in inbox.waiting(NOON)] == [new.id]
    assert [one.tags[REQUEST_TAG] for one in tick(workspace, instance)] == [new.id]


def test_what_a_process_that_is_gone_left_undone_is_served(
    workspace: Workspace, inbox: Inbox, instance: dg.DagsterInstance
):
    mine, orphan = inbox.drop(["gold"], "ada", NOON), inbox.drop(["silver"], "bea", NOON)
    inbox.take(mine, this_process())
    inbox.take(orphan, "4194305@" + this_process().partition("@")[2])
    assert [one.tags[REQUEST_TAG] for one in tick(workspace, instance)] == [orphan.id]


def test_a_look_tells_whoever_wants_to_wait_that_the_inbox_is_served(
    workspace: Workspace, inbox: Inbox, instance: dg.DagsterInstance
):
    tick(workspace, instance)
    folder, now = workspace.settings.segments, datetime.now(UTC)
    assert inbox.is_served(folder, ["gold", "silver"], now, timedelta(seconds=30))
    assert not inbox.is_served(folder, ["bronze"], now, timedelta(seconds=30))


def test_a_run_that_somebody_requested_is_no_automatic_one():
    assert is_automatic({"dagster/sensor_name": "live_segments"})
    assert not is_automatic({"dagster/sensor_name": "refresh_requests", REQUEST_TAG: "one"})
    assert not is_automatic({})


# ---------------------------------------------------------------- members that are to be sent


@pytest.fixture
def sending(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("SEGMENTS_SEND", "meta")
    items = '{to: meta, audience: "1", when: daily}', "{to: netmera_tag, when: on_enter}"
    workspace.define(gold="who: [{tag: gold}]\nactivate:\n" + "".join(f"  - {one}\n" for one in items))
    return workspace


def test_a_request_to_send_becomes_a_run_of_the_activations_it_names(
    sending: Workspace, inbox: Inbox, instance: dg.DagsterInstance
):
    inbox.drop(["gold"], "ada", NOON, activate=Activate())
    dry, *others = tick(sending, instance)
    assert not others
    assert dry.job_name == ACTIVATION_JOB
    assert dry.asset_selection == [activation_key("gold", "meta_1"), activation_key("gold", "netmera_tag_gold")]
    assert {step: one["config"]["send"] for step, one in dry.run_config["ops"].items()} == {
        "activation_meta": False,
        "activation_netmera_tag": False,
    }
    inbox.drop(["gold"], "bea", NOON, activate=Activate("meta_1", True, Override("bea", "planned"), ("initial",)))
    sent = tick(sending, instance)[-1]
    assert sent.asset_selection == [activation_key("gold", "meta_1")]
    config = {"send": True, "also": ["initial"], "override_by": "bea", "override_reason": "planned"}
    assert sent.run_config == {"ops": {"activation_meta": {"config": config}}}
    assert sent.tags[REQUESTED_BY_TAG] == "bea"


def test_whichever_run_sends_what_was_asked_for_it_is_for_the_same_moment_so_that_a_message_goes_out_once(
    sending: Workspace, inbox: Inbox, instance: dg.DagsterInstance
):
    inbox.drop(["gold"], "ada", NOON, activate=Activate("meta_1", send=True))
    for _ in range(MOST_ATTEMPTS):
        (asked,) = tick(sending, instance)
        assert asked.tags[AS_OF_TAG] == NOON.isoformat()
        record(instance, asked, dg.DagsterRunStatus.FAILURE)
    assert tick(sending, instance) == []
    later = NOON + timedelta(microseconds=1)
    inbox.drop(["gold"], "ada", later, activate=Activate("meta_1", send=True))
    assert [one.tags[AS_OF_TAG] for one in tick(sending, instance)] == [later.isoformat()]


@pytest.mark.parametrize(
    ("segment", "asked", "said"),
    [
        ("gold", Activate("meta_2"), "gold has no activation 'meta_2', expected meta_1 or netmera_tag_gold; did you"),
        ("silver", Activate(), "silver goes nowhere: its file has no `activate`"),
        ("gold", Activate("netmera_tag_gold", send=True), "is not sent from here: set SEGMENTS_SEND=netmera_tag"),
        ("gold", Activate(send=True), "is not sent from here: set SEGMENTS_SEND=netmera_tag"),
        ("bent", Activate(), "bent cannot be read: `segments validate` says why"),
    ],
)
def test_what_cannot_or_may_not_be_sent_is_refused_in_one_sentence(
    sending: Workspace, inbox: Inbox, instance: dg.DagsterInstance, segment: str, asked: Activate, said: str
):
    sending.define(bent="whom: [{tag: bent}]\n")
    request = inbox.drop([segment], "ada", NOON, activate=asked)
    assert tick(sending, instance) == []
    state, failed = inbox.look_up(request.id) or (None, None)
    assert state == "failed"
    assert said in str(failed and failed.reason)
