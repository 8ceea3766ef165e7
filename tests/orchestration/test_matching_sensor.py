"""The sensor of connector segments: whose files count, one run for a burst, none during a pull, a few attempts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from connectors.landing_files import LandingFile
from connectors.landing_writer import LandingFolder
from connectors.notes import ALL, Note
from orchestration.definitions import build_defs
from orchestration.ingest.attempts import Failure
from orchestration.names import AS_OF_TAG, MATCHING_TAG, SEGMENTS_JOB, matching_tag, pull_job, segment_key
from orchestration.sensors.landing_watch import Cursor
from orchestration.sensors.matching import (
    LONGEST_BURST,
    SETTLED_AFTER,
    Side,
    connector_of,
    decide,
    matching_sensor,
    read_sides,
    seen,
    sides_text,
    state_by_connector,
    watched,
)
from orchestration.sensors.records import MOST_ATTEMPTS, Attempts
from segmentation.language.folder import load_folder, load_texts
from tests.orchestration.workspace import Workspace, a_user, an_event

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
AT_NOON = Side(Cursor("a", NOON.isoformat()), NOON.isoformat())
NAMES = [
    ("audiences", "mixpanel-41001.parquet", "mixpanel"),
    ("audience_members", "amplitude-k3vq81m.parquet", "amplitude"),
    ("audience_members", "netmera-5883.parquet", "netmera"),
    ("audience_members", "mixpanel-41001.csv", None),
    ("audience_members", "cohorts.parquet", None),
    ("audiences", "mixpaneled-1.parquet", None),
    ("users", "netmera-users.parquet", None),
]


def a_file(table: str, name: str, fingerprint: str = "1") -> LandingFile:
    return LandingFile(table, f"/landing/{table}/{name}", "csv" if name.endswith("csv") else "parquet", 1, fingerprint)


# ---------------------------------------------------------------- decisions


@pytest.mark.parametrize(("table", "name", "whose"), NAMES)
def test_names_of_pulled_files_tell_whose_audience_it_is_and_others_do_not(table: str, name: str, whose: str | None):
    assert connector_of(a_file(table, name)) == whose


@pytest.mark.parametrize(
    ("table", "name", "concerned"),
    [
        ("audiences", "mixpanel-41001.parquet", {"mixpanel"}),
        ("audience_members", "amplitude-k3vq81m.parquet", {"amplitude"}),
        ("audience_members", "netmera-5883.parquet", set()),
        ("audience_members", "cohorts.parquet", {"mixpanel", "amplitude"}),
        ("users", "users.parquet", {"mixpanel", "amplitude"}),
        ("events", "2026-03-01.parquet", set()),
        ("devices", "devices.parquet", set()),
    ],
)
def test_a_change_concerns_the_connector_that_the_file_tells_or_all(table: str, name: str, concerned: set[str]):
    others = [a_file(one, called) for one, called, _ in NAMES if called != name]
    before = state_by_connector([*others, a_file(table, name)], {}, ["mixpanel", "amplitude"])
    after = state_by_connector([*others, a_file(table, name, "2")], {}, ["mixpanel", "amplitude"])
    assert {one for one in before if before[one] != after[one]} == concerned


def test_a_pull_that_failed_is_a_change_once_for_each_reason():
    def state(**reasons: str) -> dict[str, str]:
        failed = {("mixpanel", key): Failure(NOON, reason) for key, reason in reasons.items()}
        return state_by_connector([a_file("users", "users.csv")], failed, ["mixpanel", "amplitude"])

    states = [state(), state(a="refused"), state(a="refused", b="cut"), state(a="cut", b="cut")]
    assert len({one["mixpanel"] for one in states}) == len(states)
    assert len({one["amplitude"] for one in states}) == 1
    assert state(b="cut", a="refused") == states[2]


@pytest.mark.parametrize(
    ("case", "rested", "attempts", "around", "request_", "reason"),
    [
        ("a burst", SETTLED_AFTER - SECOND, Attempts(), {}, None, "more may follow"),
        ("it is over", SETTLED_AFTER, Attempts(), {}, "a/0", ""),
        ("a pull goes on", SETTLED_AFTER, Attempts(), {"pulling": True}, None, "a pull is under way"),
        ("a run goes on", SETTLED_AFTER, Attempts(under_way=True), {}, None, "on its way"),
        ("one failed", SETTLED_AFTER, Attempts(failed=1), {}, "a/0", ""),
        ("one said why", SETTLED_AFTER, Attempts(failed=1), {"said_why": True}, None, "could not calculate"),
        ("all failed", SETTLED_AFTER, Attempts(failed=MOST_ATTEMPTS), {}, None, "failed"),
        ("it succeeded", SETTLED_AFTER, Attempts(succeeded=True), {}, None, "judged"),
    ],
)
def test_a_run_is_asked_for_when_files_have_settled_and_nothing_else_is_under_way(
    case: str, rested: timedelta, attempts: Attempts, around: dict[str, bool], request_: str | None, reason: str
):
    taken = decide(AT_NOON, NOON + rested, attempts, **around)
    assert (taken.request, taken.cursor.judged) == (request_, 0 if attempts.succeeded else -1), case
    assert reason in taken.reason, case


def test_files_that_never_rest_are_matched_now_and_then():
    side, asked = Side(), []
    for seconds in range(0, 1300, 20):
        now = NOON + timedelta(seconds=seconds)
        side = seen(side, f"files {seconds}", now)
        if decide(side, now, Attempts()).request:
            asked.append(seconds)
            side = Side(side.cursor, now.isoformat())
    assert asked == [LONGEST_BURST.seconds, 2 * LONGEST_BURST.seconds]


def test_a_change_after_some_rest_begins_another_burst():
    long_ago = Side(Cursor("a", NOON.isoformat(), 0), NOON.isoformat())
    later = NOON + timedelta(days=1)
    assert seen(long_ago, "b", later) == Side(Cursor("b", later.isoformat()), later.isoformat())
    assert seen(AT_NOON, "b", NOON + SECOND).burst == AT_NOON.burst
    assert seen(AT_NOON, "a", later) == AT_NOON


@pytest.mark.parametrize("text", [None, "", "[]", "later", '{"mixpanel": 1}', '{"mixpanel": {"cursor": {"x": 1}}}'])
def test_a_cursor_of_another_form_is_as_good_as_none(text: str | None):
    assert read_sides(text) == {}
    assert read_sides(sides_text({"mixpanel": AT_NOON})) == {"mixpanel": AT_NOON}


def test_only_connector_segments_with_a_clock_are_watched():
    folder = load_texts({
        "lapsed.yml": "name: lapsed\nconnector: {mixpanel: {cohort: PN_lapsed}}\n",
        "intent.yml": "name: intent\nconnector: {amplitude: {cohort: k3vq81m}}\n",
        "resting.yml": "name: resting\npaused: true\nconnector: {mixpanel: {cohort: PN_a}}\n",
        "asked.yml": "name: asked\nrefresh: manual\nconnector: {mixpanel: {cohort: PN_b}}\n",
        "kept.yml": "name: kept\nrefresh: once\nconnector: {mixpanel: {cohort: PN_c}}\n",
        "rule.yml": "name: rule\nwho: {did: a}\n",
    })  # fmt: skip
    assert not folder.problems
    assert watched(folder.definitions) == {"amplitude": ["intent"], "mixpanel": ["lapsed"]}


# ---------------------------------------------------------------- with Dagster's own records


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path, "Europe/Istanbul")
    workspace.define(
        lapsed="connector: {mixpanel: {cohort: PN_lapsed}}\n",
        intent="connector: {amplitude: {cohort: k3vq81m}}\n",
        reader="[{segment: lapsed}]",
        resting="paused: true\nwho: [{segment: lapsed}]\n",
        other="[{did: purchase}]",
    )
    workspace.land("users", *map(known_there, ["ada", "bea"]))
    workspace.land("events", an_event("ada", "purchase", "2026-03-02T09:00:00Z"))
    pulled(workspace, "mixpanel", "41001", "PN_lapsed", "ada", "nobody")
    pulled(workspace, "amplitude", "k3vq81m", "High intent", "bea")
    return workspace


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def known_there(name: str) -> dict[str, Any]:
    return {**a_user(name), "external_id": f"cust-{name}"}


def pulled(workspace: Workspace, connector: str, audience: str, name: str, *ids: str) -> None:
    """What a pull leaves."""
    folder, at = LandingFolder(Path(workspace.settings.landing)), datetime.now(UTC)
    common = {"connector": connector, "audience_id": audience, "fetched_at": at}
    with folder.replacing("audience_members", f"{connector}-{audience}") as members:
        for one in ids:
            members.write({**common, "connector_user_id": f"cust-{one}"})
    with folder.replacing("audiences", f"{connector}-{audience}") as audiences:
        audiences.write({**common, "name": name, "reported_users": len(ids)})


class Looks:
    """Ticks in turn; before each, what landed has had time to settle unless it is said that it had not."""

    def __init__(self, workspace: Workspace, instance: dg.DagsterInstance) -> None:
        self.workspace, self.instance, self.cursor = workspace, instance, ""

    def look(self, *, settled: bool = True) -> dg.SensorResult:
        if settled:
            self._tick()
            sides = read_sides(self.cursor).items()
            ago = (datetime.now(UTC) - SETTLED_AFTER).isoformat()
            self.cursor = sides_text({
                name: Side(Cursor(one.cursor.files, ago, one.cursor.judged), ago) for name, one in sides
            })  # fmt: skip
        return self._tick()

    def _tick(self) -> dg.SensorResult:
        settings = self.workspace.settings
        sensor = matching_sensor(settings, load_folder(settings.segments))
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
        result = sensor(dg.build_sensor_context(instance=self.instance, cursor=self.cursor))
        assert isinstance(result, dg.SensorResult)
        self.cursor = str(result.cursor)
        return result

    def asked(self) -> dg.RunRequest:
        (request,) = self.look().run_requests or []
        return request

    def record(self, request: dg.RunRequest, status: dg.DagsterRunStatus) -> None:
        self.instance.create_run_for_job(JOB, tags=dict(request.tags), status=status)


@dg.job(name=SEGMENTS_JOB)
def JOB() -> None:
    """A job of that name, for records of runs."""


@dg.job(name=pull_job("mixpanel"))
def PULL() -> None:
    """A job of that name, for records of runs."""


@pytest.fixture
def looks(workspace: Workspace, instance: dg.DagsterInstance) -> Looks:
    return Looks(workspace, instance)


def test_a_burst_is_one_run_over_connector_segments_and_their_readers_as_of_now(looks: Looks):
    assert "more may follow" in str(looks.look(settled=False).skip_reason)
    before = datetime.now(UTC)
    request = looks.asked()
    assert request.asset_selection == [segment_key(name) for name in ("intent", "lapsed", "reader")]
    assert before <= datetime.fromisoformat(request.tags[AS_OF_TAG]) <= datetime.now(UTC)
    assert request.tags[MATCHING_TAG] == "amplitude mixpanel"


def test_after_a_success_only_what_changed_is_matched_again(looks: Looks):
    first = looks.asked()
    looks.record(first, dg.DagsterRunStatus.SUCCESS)
    assert not looks.look().run_requests
    assert "no new files" in str(looks.look().skip_reason)
    pulled(looks.workspace, "amplitude", "k3vq81m", "High intent", "bea", "ada")
    looks.workspace.land("events", an_event("bea", "purchase", "2026-03-02T10:00:00Z"))
    second = looks.asked()
    assert second.asset_selection == [segment_key("intent")]
    assert matching_tag("mixpanel") not in second.tags
    looks.record(second, dg.DagsterRunStatus.SUCCESS)
    looks.workspace.land("users", *map(known_there, ["ada", "bea", "cem"]))
    assert looks.asked().tags[MATCHING_TAG] == "amplitude mixpanel"


def test_nothing_is_asked_for_while_the_vendor_is_being_pulled_or_a_run_goes_on(looks: Looks):
    pull = looks.instance.create_run_for_job(PULL, status=dg.DagsterRunStatus.STARTED)
    request = looks.asked()
    assert request.tags[MATCHING_TAG] == "amplitude"
    looks.record(request, dg.DagsterRunStatus.STARTED)
    looks.instance.report_run_canceled(pull)
    assert "on its way" in str(looks.look().skip_reason)
    looks.instance.report_run_canceled(looks.instance.get_runs(dg.RunsFilter(job_name=SEGMENTS_JOB))[0])
    assert looks.asked().tags[MATCHING_TAG] == "amplitude mixpanel"


def test_failed_runs_are_counted_from_the_records_and_other_files_start_anew(looks: Looks):
    keys = []
    for _ in range(MOST_ATTEMPTS):
        request = looks.asked()
        keys.append(request.run_key)
        looks.record(request, dg.DagsterRunStatus.FAILURE)
    assert len(set(keys)) == MOST_ATTEMPTS
    assert "3 runs for these files failed" in str(looks.look().skip_reason)
    assert all(one["cursor"]["judged"] == -1 for one in json.loads(looks.cursor).values())
    pulled(looks.workspace, "mixpanel", "41001", "PN_lapsed", "ada")
    assert looks.asked().tags[MATCHING_TAG] == "mixpanel"


def test_a_run_that_said_why_it_failed_is_not_asked_for_again(looks: Looks):
    @dg.op
    def segments() -> None:
        raise dg.Failure("not recalculated, last good members kept: intent", allow_retries=False)

    @dg.job(name=SEGMENTS_JOB)
    def failing() -> None:
        segments()

    failing.execute_in_process(instance=looks.instance, tags=dict(looks.asked().tags), raise_on_error=False)
    assert "says what it could not calculate" in str(looks.look().skip_reason)
    pulled(looks.workspace, "amplitude", "k3vq81m", "High intent", "ada")
    assert looks.asked().tags[MATCHING_TAG] == "amplitude"


def test_a_pull_that_failed_leads_to_a_run_that_shows_it(looks: Looks):
    looks.record(looks.asked(), dg.DagsterRunStatus.SUCCESS)
    folder, at = LandingFolder(Path(looks.workspace.settings.landing)), datetime.now(UTC)
    folder.note(Note("mixpanel", "audiences", ALL, "failed", at, reason="the service account is refused"))
    assert looks.asked().tags[MATCHING_TAG] == "mixpanel"


def test_without_connector_segments_or_data_a_look_says_so(workspace: Workspace, instance: dg.DagsterInstance):
    workspace.unland("users")
    sensor = matching_sensor(workspace.settings, load_folder(workspace.settings.segments))
    skipped = sensor(dg.build_sensor_context(instance=instance))
    assert isinstance(skipped, dg.SkipReason)
    assert "no files of the table users" in str(skipped.skip_message)
    for name in ("lapsed", "intent", "reader", "resting"):
        workspace.undefine(name)
    sensor = matching_sensor(workspace.settings, load_folder(workspace.settings.segments))
    skipped = sensor(dg.build_sensor_context(instance=instance))
    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == "there are no connector segments"


@pytest.mark.long
def test_what_lands_or_fails_to_is_seen_by_the_run_that_the_look_asks_for(looks: Looks):
    workspace = looks.workspace
    assert run(looks, looks.asked())
    assert workspace.members() == {"intent": "bea", "lapsed": "ada", "reader": "ada"}
    assert not looks.look().run_requests
    assert "no new files" in str(looks.look().skip_reason)
    folder, at = LandingFolder(Path(workspace.settings.landing)), datetime.now(UTC)
    folder.note(Note("mixpanel", "audiences", ALL, "failed", at, reason="the service account is refused"))
    assert run(looks, looks.asked())
    assert workspace.members() == {"intent": "bea", "lapsed": "ada", "reader": "ada"}
    assert workspace.statuses()["lapsed"] == "stale"
    assert "the service account is refused" in workspace.reason("lapsed")
    workspace.define(missing="connector: {amplitude: {cohort: nobody knows it}}\n")
    pulled(workspace, "amplitude", "k3vq81m", "High intent", "ada")
    assert not run(looks, looks.asked())
    assert workspace.members("intent") == {"intent": "ada"}
    assert "says what it could not calculate" in str(looks.look().skip_reason)


def run(looks: Looks, request: dg.RunRequest) -> bool:
    """Does what was asked for."""
    job = build_defs(looks.workspace.settings).resolve_job_def(SEGMENTS_JOB)
    return job.execute_in_process(
        partition_key=request.partition_key,
        instance=looks.instance,
        asset_selection=list(request.asset_selection or []),
        tags=dict(request.tags),
        raise_on_error=False,
    ).success
