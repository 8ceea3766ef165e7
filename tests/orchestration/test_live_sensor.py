"""The sensor of live segments: one run at a time, a few attempts, and a cursor that waits for success."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from orchestration.definitions import build_defs
from orchestration.names import AS_OF_TAG, LIVE_TAG, SEGMENTS_JOB, segment_key
from orchestration.sensors.landing_watch import Cursor, digest_of, look, step
from orchestration.sensors.live import SECONDS_BETWEEN_LOOKS, live_sensor, spans_of, watched
from orchestration.sensors.records import MOST_ATTEMPTS, Attempts
from segmentation.language.folder import load_folder, load_texts
from tests.orchestration.workspace import Workspace, a_user, an_event

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TEN, HOUR = timedelta(minutes=10), timedelta(hours=1)
CART = "live: {did: add_to_cart, then_not: purchase, within: 10 minutes}\n"


# ---------------------------------------------------------------- decisions


def test_new_files_ask_for_one_run_and_are_left_alone_once_it_succeeded():
    cursor, stage = look(Cursor(), "a", NOON, [])
    asked = step(cursor, stage, Attempts())
    assert (asked.request, asked.cursor.judged) == ("a/0", -1)
    waiting = step(cursor, stage, Attempts(under_way=True))
    assert (waiting.request, waiting.cursor.judged) == (None, -1)
    done = step(cursor, stage, Attempts(succeeded=True))
    assert (done.request, done.cursor.judged) == (None, 0)
    cursor, stage = look(done.cursor, "a", NOON + HOUR, [])
    assert step(cursor, stage, Attempts()).reason == "no new files"


def test_other_files_start_anew_and_wait_for_the_run_that_is_on_its_way():
    cursor, stage = look(Cursor("a", NOON.isoformat(), 0), "b", NOON + HOUR, [])
    assert cursor == Cursor("b", (NOON + HOUR).isoformat(), -1)
    assert step(cursor, stage, Attempts(under_way=True)).request is None
    assert step(cursor, stage, Attempts()).request == "b/0"


def test_a_run_that_failed_is_tried_again_a_few_times():
    cursor, stage = look(Cursor(), "a", NOON, [])
    assert [step(cursor, stage, Attempts(failed=n)).request for n in range(MOST_ATTEMPTS + 1)] == [
        *["a/0"] * MOST_ATTEMPTS, None,
    ]  # fmt: skip
    given_up = step(cursor, stage, Attempts(failed=MOST_ATTEMPTS))
    assert given_up.cursor.judged == -1
    assert "failed" in given_up.reason


def test_files_that_rest_are_judged_once_more_when_each_wait_is_over():
    cursor = Cursor("a", NOON.isoformat(), 0)
    times = [TEN - timedelta(seconds=1), TEN, HOUR, 5 * HOUR]
    stages = [look(cursor, "a", NOON + rested, [TEN, HOUR])[1] for rested in times]
    assert stages == [0, 1, 2, 2]
    assert [step(cursor, stage, Attempts()).request for stage in stages] == [None, "a/1", "a/2", "a/2"]


@pytest.mark.parametrize("text", [None, "", "[]", "later", '{"seen": 1}'])
def test_a_cursor_of_another_form_is_as_good_as_none(text: str | None):
    assert Cursor.read(text) == Cursor()
    assert Cursor.read(Cursor("a", NOON.isoformat(), 2).text()) == Cursor("a", NOON.isoformat(), 2)


def test_only_live_segments_with_a_clock_are_watched_and_waits_are_those_of_a_day_at_most():
    folder = load_texts({
        "cart.yml": f"name: cart\n{CART}",
        "days.yml": "name: days\nlive: {did: a, then_not: b, within: 3 days}\n",
        "resting.yml": "name: resting\npaused: true\nlive: {did: a, then_not: b, within: 5 minutes}\n",
        "asked.yml": "name: asked\nrefresh: manual\nlive: {did: a}\n",
        "kept.yml": "name: kept\nrefresh: once\nlive: {did: a}\n",
        "rule.yml": "name: rule\nwho: {did: a}\n",
    })  # fmt: skip
    assert not folder.problems
    assert watched(folder.definitions) == ["cart", "days"]
    assert spans_of(folder.definitions.values()) == [timedelta(minutes=5), TEN]


# ---------------------------------------------------------------- with Dagster's own records


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path, "Europe/Istanbul")
    workspace.define(cart=CART, reader="[{segment: cart}]", other="[{did: purchase}]")
    workspace.land("users", a_user("ada"))
    workspace.land("events", an_event("ada", "add_to_cart", "2026-03-02T09:00:00Z"))
    return workspace


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def tick(workspace: Workspace, instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    settings = workspace.settings
    sensor = live_sensor(settings, load_folder(settings.segments))
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == SECONDS_BETWEEN_LOOKS <= 30
    result = sensor(dg.build_sensor_context(instance=instance, cursor=cursor))
    assert isinstance(result, dg.SensorResult)
    return result


@dg.job(name=SEGMENTS_JOB)
def JOB() -> None:
    """A job of that name, for records of runs."""


def record(instance: dg.DagsterInstance, tags: dict[str, str], status: dg.DagsterRunStatus) -> None:
    instance.create_run_for_job(JOB, tags=tags, status=status)


def test_a_look_asks_for_live_segments_and_what_reads_them_as_of_now(
    workspace: Workspace, instance: dg.DagsterInstance
):
    before = datetime.now(UTC)
    (request,) = tick(workspace, instance).run_requests or []
    assert request.asset_selection == [segment_key("cart"), segment_key("reader")]
    assert before <= datetime.fromisoformat(request.tags[AS_OF_TAG]) <= datetime.now(UTC)
    assert request.partition_key in {
        f"{at.astimezone(workspace.settings.zone):%Y-%m-%d}" for at in (before, datetime.now(UTC))
    }
    assert int(request.tags["dagster/max_runtime"]) > 0


def test_the_cursor_moves_on_when_the_run_has_succeeded(workspace: Workspace, instance: dg.DagsterInstance):
    first = tick(workspace, instance)
    (request,) = first.run_requests or []
    tags = {LIVE_TAG: request.tags[LIVE_TAG]}
    record(instance, tags, dg.DagsterRunStatus.STARTED)
    second = tick(workspace, instance, first.cursor)
    assert (second.run_requests or [], json.loads(str(second.cursor))["judged"]) == ([], -1)
    instance.report_run_canceled(instance.get_runs()[0])
    record(instance, tags, dg.DagsterRunStatus.SUCCESS)
    third = tick(workspace, instance, second.cursor)
    assert (third.run_requests or [], json.loads(str(third.cursor))["judged"]) == ([], 0)
    assert tick(workspace, instance, third.cursor).skip_reason is not None
    workspace.land("events", an_event("ada", "purchase", "2026-03-02T09:05:00Z"))
    (again,) = tick(workspace, instance, third.cursor).run_requests or []
    assert again.tags[LIVE_TAG] != request.tags[LIVE_TAG]


def test_failed_runs_are_counted_from_the_records_and_each_attempt_is_made_once(
    workspace: Workspace, instance: dg.DagsterInstance
):
    cursor, keys = None, []
    for _ in range(MOST_ATTEMPTS):
        result = tick(workspace, instance, cursor)
        (request,) = result.run_requests or []
        keys.append(request.run_key)
        cursor = result.cursor
        record(instance, {LIVE_TAG: request.tags[LIVE_TAG]}, dg.DagsterRunStatus.FAILURE)
    assert len(set(keys)) == MOST_ATTEMPTS
    result = tick(workspace, instance, cursor)
    assert not result.run_requests
    assert "failed" in str(result.skip_reason)


def test_other_runs_neither_count_nor_hold_up(workspace: Workspace, instance: dg.DagsterInstance):
    record(instance, {}, dg.DagsterRunStatus.STARTED)
    record(instance, {}, dg.DagsterRunStatus.FAILURE)
    assert len(tick(workspace, instance).run_requests or []) == 1


def test_nothing_is_asked_for_without_live_segments_or_without_data(workspace: Workspace, instance: dg.DagsterInstance):
    workspace.unland("users")
    settings = workspace.settings
    sensor = live_sensor(settings, load_folder(settings.segments))
    skipped = sensor(dg.build_sensor_context(instance=instance))
    assert isinstance(skipped, dg.SkipReason)
    assert "no files of the table users" in str(skipped.skip_message)
    workspace.undefine("cart")
    workspace.undefine("reader")
    sensor = live_sensor(settings, load_folder(settings.segments))
    skipped = sensor(dg.build_sensor_context(instance=instance))
    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == "there are no live segments"


def test_the_digest_of_files_follows_their_content_and_not_their_order(workspace: Workspace):
    from connectors.landing_files import list_landing

    files = list_landing(workspace.settings.landing)
    assert digest_of(files) == digest_of(list_landing(workspace.settings.landing))
    workspace.land("events/more", an_event("ada", "visit", "2026-03-02T09:00:00Z"))
    assert digest_of(files) != digest_of(list_landing(workspace.settings.landing))


@pytest.mark.long
def test_a_file_that_lands_makes_somebody_a_member_by_the_run_that_the_look_asks_for(
    workspace: Workspace, instance: dg.DagsterInstance
):
    workspace.define(visitors="live: {did: visit}\n")
    seconds_ago = datetime.now(UTC) - timedelta(seconds=5)
    workspace.land("events", an_event("ada", "visit", seconds_ago.isoformat()))
    (request,) = tick(workspace, instance).run_requests or []
    result = (
        build_defs(workspace.settings)
        .resolve_job_def(SEGMENTS_JOB)
        .execute_in_process(
            partition_key=request.partition_key,
            instance=instance,
            asset_selection=list(request.asset_selection or []),
            tags=dict(request.tags),
        )
    )
    assert result.success
    assert workspace.members() == {"visitors": "ada"}
    again = tick(workspace, instance)
    assert not again.run_requests
    assert "these files are judged" in str(again.skip_reason)
