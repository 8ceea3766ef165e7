"""The sensors of vendors' catalogues: what is new, renamed or gone, what is pulled, and what a refusal leads to.

The vendors are on loopback, the clock stands still, and what is asked for is run by the vendor's own job.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from connectors.standin import MixpanelCohort
from connectors.standin.server import Busy
from orchestration.ingest.runs import Around
from orchestration.names import PULL_OP, PULL_TAG, audience_partitions, pull_job, pull_key
from orchestration.sensors.audience_states import (
    Cursor,
    LastPull,
    Refused,
    Remembered,
    State,
    asked_for,
    compare,
)
from orchestration.sensors.catalogue import HOURS, SECONDS_BETWEEN_LOOKS, catalogue_sensor
from orchestration.sensors.records import MOST_ATTEMPTS
from tests.ingest.place import Place, a_place

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
EARLIER = NOON - timedelta(hours=3)
A = State("PN_a", 10)
COMPUTED = State("High intent", 10, EARLIER)


# ---------------------------------------------------------------- decisions


@pytest.mark.parametrize(
    ("case", "listed", "landed", "is_in"),
    [
        ("never pulled", A, None, False),
        ("as pulled", A, A, True),
        ("another size", A, replace(A, users=11), False),
        ("another name", A, replace(A, name="PN_b"), False),
        ("the vendor tells no size", replace(A, users=None), A, True),
        ("computed anew, of the same size", COMPUTED, replace(COMPUTED, computed=EARLIER - timedelta(1)), False),
        ("computed as pulled, whatever size", COMPUTED, replace(COMPUTED, users=12), True),
        ("pulled before the vendor told when it was computed", COMPUTED, replace(COMPUTED, computed=None), False),
    ],
)
def test_a_state_is_pulled_when_the_last_good_file_has_it(case: str, listed: State, landed: State | None, is_in: bool):
    assert listed.is_in(LastPull(landed, EARLIER) if landed else None) is is_in, case


SEEN = Cursor({"1": Remembered("PN_a")})
NEWS = [
    ("new", Cursor(), {"1": A}, {}, ["new: PN_a (1), 10 users"], ["1"]),
    ("new, of unknown size", Cursor(), {"1": State("PN_a")}, {}, ["new: PN_a (1), size unknown"], ["1"]),
    ("known", SEEN, {"1": A}, {"1": A}, [], []),
    ("pulled before the sensor was there", Cursor(), {"1": A}, {"1": A}, [], []),
    ("changed", SEEN, {"1": replace(A, users=11)}, {"1": A}, [], ["1"]),
    ("renamed", SEEN, {"1": State("PN_z", 10)}, {"1": A}, ["renamed: PN_a (1) is PN_z now"], ["1"]),
    ("two that changed names", Cursor({"1": Remembered("PN_a"), "2": Remembered("PN_b")}),
     {"1": State("PN_b", 1), "2": State("PN_a", 2)}, {"1": State("PN_a", 1), "2": State("PN_b", 2)},
     ["renamed: PN_a (1) is PN_b now", "renamed: PN_b (2) is PN_a now"], ["1", "2"]),
    ("gone", SEEN, {}, {"1": A}, ["gone: PN_a (1): its last members stay"], []),
    ("gone, and said before", Cursor({"1": Remembered("PN_a", gone=True)}), {}, {"1": A}, [], []),
    ("gone before it was pulled", Cursor({"7": Remembered("PN_g")}), {}, {}, ["gone: PN_g (7): it is listed no longer"],
     []),
    ("back as it was", Cursor({"1": Remembered("PN_a", gone=True)}), {"1": A}, {"1": A},
     ["back: PN_a (1) is listed again"], []),
    ("back with another name", Cursor({"1": Remembered("PN_a", gone=True)}), {"1": State("PN_z", 10)}, {"1": A},
     ["back: PN_a (1) is listed again", "renamed: PN_a (1) is PN_z now"], ["1"]),
]  # fmt: skip


@pytest.mark.parametrize(("case", "cursor", "listed", "landed", "told", "due"), NEWS, ids=[one[0] for one in NEWS])
def test_what_a_list_says_is_told_once_and_leads_to_pulls(
    case: str, cursor: Cursor, listed: dict[str, State], landed: dict[str, State], told: list[str], due: list[str]
):
    pulled = {key: LastPull(state, EARLIER) for key, state in landed.items()}
    found = compare(cursor, listed, pulled, {"1": "its last members stay"})
    assert (list(found.told), list(found.due)) == (told, due)
    assert not compare(found.cursor, listed, pulled, {}).told


def test_a_state_is_asked_for_a_few_times_and_another_one_starts_anew():
    cursor = Cursor()
    for _ in range(MOST_ATTEMPTS):
        found = compare(cursor, {"1": A, "2": A}, {}, {})
        assert found.due == ("1", "2")
        cursor = asked_for(found.cursor, {"1": A, "2": A}, ["1"])
    found = compare(cursor, {"1": A, "2": A}, {}, {})
    assert (found.due, found.given_up, found.cursor.requests) == (("2",), ("1",), MOST_ATTEMPTS)
    assert compare(found.cursor, {"1": replace(A, users=11)}, {}, {}).due == ("1",)
    pulled = compare(found.cursor, {"1": A}, {"1": LastPull(A, EARLIER)}, {})
    assert (pulled.due, pulled.given_up, pulled.cursor.audiences["1"]) == ((), (), Remembered("PN_a"))


@pytest.mark.parametrize("text", [None, "", "[]", "later", '{"audiences": {"1": 2}}', '{"seen": 1}'])
def test_a_cursor_of_another_form_is_as_good_as_none(text: str | None):
    assert Cursor.read(text) == Cursor()
    kept = Cursor({"1": Remembered("PN_ş", asked="x", times=2)}, 3, "digest", Refused(NOON.isoformat(), "why"))
    assert Cursor.read(kept.text()) == kept


# ---------------------------------------------------------------- against vendors, with Dagster's own records


class Ticks:
    """Looks in turn at one vendor's list, an hour apart, and the runs that they ask for."""

    def __init__(self, place: Place, connector: str) -> None:
        self.place, self.here, self.instance = place, place.world, place.instance
        self.settings, self.connector, self.cursor = place.settings, connector, ""
        self.asked: list[dg.RunRequest] = []

    def tick(self, after: float = 3600) -> dg.SensorResult:
        """One look, and what Dagster does with its answer, except for runs."""
        self.here.clock.sleep(after)
        around = Around(self.here.environ, self.here.clock)
        sensor = catalogue_sensor(self.settings, self.connector, around)
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
        assert sensor.minimum_interval_seconds == SECONDS_BETWEEN_LOOKS
        result = sensor(dg.build_sensor_context(instance=self.instance, cursor=self.cursor))
        if isinstance(result, dg.SkipReason):
            return dg.SensorResult(skip_reason=result)
        assert isinstance(result, dg.SensorResult)
        self.cursor = str(result.cursor)
        for added in result.dynamic_partitions_requests or []:
            self.instance.add_dynamic_partitions(added.partitions_def_name, list(added.partition_keys or []))
        self.asked += result.run_requests or []
        return result

    def skipped(self, after: float = 3600) -> str:
        """The reason of a look that asks for nothing."""
        result = self.tick(after)
        assert not result.run_requests
        assert result.skip_reason is not None
        return str(result.skip_reason.skip_message)

    def ids(self) -> list[str]:
        """The audiences that a look asks for."""
        (request,) = self.tick().run_requests or []
        assert request.tags[PULL_TAG] == self.connector
        config = request.run_config["ops"][PULL_OP]["config"]
        assert config["what"] == ["audiences"]
        return list(config["audiences"])

    def run(self) -> bool:
        """Does what the last look asked for."""
        return self.place.pull(self.connector, **self.asked[-1].run_config["ops"][PULL_OP]["config"]).success

    def partitions(self) -> list[str]:
        return sorted(self.instance.get_dynamic_partitions(audience_partitions(self.connector)))

    def calls(self) -> int:
        return len(getattr(self.here, self.connector).calls)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with a_place(tmp_path) as made:
        made.world.mixpanel.cohorts = [cohort(1, "PN_a", 2), cohort(2, "other", 1)]
        yield made


@pytest.fixture
def mixpanel(place: Place) -> Ticks:
    return Ticks(place, "mixpanel")


@pytest.fixture
def amplitude(place: Place) -> Ticks:
    return Ticks(place, "amplitude")


def cohort(id: int, name: str, size: int) -> MixpanelCohort:
    return MixpanelCohort.of(id, name, [f"cust-{number}" for number in range(size)])


def test_a_new_cohort_becomes_a_partition_and_is_pulled_and_then_left_alone(mixpanel: Ticks):
    assert mixpanel.ids() == ["1"]
    assert mixpanel.partitions() == ["1"]
    assert mixpanel.run()
    assert len(mixpanel.here.rows("audience_members/mixpanel-1")) == 2
    assert mixpanel.skipped() == "1 audiences, none of them new or changed"
    calls = mixpanel.calls()
    assert mixpanel.skipped() == "1 audiences, none of them new or changed"
    assert mixpanel.calls() == calls + 1
    mixpanel.here.mixpanel.cohorts = [cohort(1, "PN_a", 2), cohort(3, "PN_c", 3)]
    assert mixpanel.ids() == ["3"]
    assert mixpanel.partitions() == ["1", "3"]


def test_the_catalogue_is_shown_on_the_asset_when_it_is_another(mixpanel: Ticks):
    (shown,) = mixpanel.tick().asset_events
    assert isinstance(shown, dg.AssetObservation)
    assert shown.asset_key == pull_key("mixpanel", "audiences")
    table = str(shown.metadata["catalogue"].value).splitlines()
    assert table[2:] == ["| 1 | PN_a | 2 |  |  | is asked for now |"]
    mixpanel.run()
    (shown,) = mixpanel.tick().asset_events
    assert "| 2026-01-15 13:00 UTC | is as listed |" in str(shown.metadata["catalogue"].value)
    assert not mixpanel.tick().asset_events


def test_what_amplitude_computed_anew_is_pulled_again(amplitude: Ticks):
    small, large = amplitude.here.amplitude.cohorts
    assert sorted(amplitude.ids()) == ["b1gone", "k3vq81m"]
    assert amplitude.run()
    assert "none of them new or changed" in amplitude.skipped()
    amplitude.here.amplitude.cohorts = [replace(small, computed=small.computed + 60), large]
    assert amplitude.ids() == ["k3vq81m"]
    assert amplitude.run()
    assert "none of them new or changed" in amplitude.skipped()


def test_a_pull_that_fails_is_asked_for_three_times_and_again_when_the_cohort_changes(mixpanel: Ticks):
    mixpanel.here.mixpanel.cohorts = [cohort(1, "PN_a", 2), replace(cohort(3, "PN_c", 3), count=9)]
    mixpanel.here.mixpanel.faults.wrong_total = 3
    assert mixpanel.ids() == ["1", "3"]
    assert not mixpanel.run()
    mixpanel.here.mixpanel.faults.wrong_total = 0
    mixpanel.here.mixpanel.cohorts = [cohort(1, "PN_a", 2), replace(cohort(3, "PN_c", 0), count=9)]
    for expected in (["1", "3"], ["3"]):
        assert mixpanel.ids() == expected
        assert not mixpanel.run()
    assert mixpanel.skipped() == "1 were asked for 3 times in vain: see the errors of the runs"
    assert len({request.run_key for request in mixpanel.asked}) == MOST_ATTEMPTS
    mixpanel.here.mixpanel.cohorts = [cohort(1, "PN_a", 2), cohort(3, "PN_c", 4)]
    assert mixpanel.ids() == ["3"]
    assert mixpanel.run()
    assert "none of them new or changed" in mixpanel.skipped()


def test_a_cohort_that_is_renamed_gone_or_back_is_said_and_keeps_what_it_has(mixpanel: Ticks):
    mixpanel.tick()
    mixpanel.run()
    mixpanel.here.mixpanel.cohorts = [cohort(1, "PN_z", 2)]
    (shown,) = mixpanel.tick().asset_events
    assert shown.description == "renamed: PN_a (1) is PN_z now"
    mixpanel.run()
    assert mixpanel.here.rows("audiences/mixpanel-1")[0]["name"] == "PN_z"
    files = mixpanel.here.files()
    mixpanel.here.mixpanel.cohorts = []
    assert mixpanel.skipped() == "gone: PN_z (1): mixpanel lists it no longer; its last members stay"
    assert mixpanel.skipped() == "0 audiences, none of them new or changed"
    assert (mixpanel.partitions(), mixpanel.here.files()) == (["1"], files)
    mixpanel.here.mixpanel.cohorts = [cohort(1, "PN_z", 2)]
    assert mixpanel.skipped() == "back: PN_z (1) is listed again"
    mixpanel.here.mixpanel.cohorts = [cohort(1, "z", 2)]
    assert mixpanel.skipped() == "gone: PN_z (1): its name does not begin with 'PN_'"


def test_what_does_not_fit_into_an_hour_waits_for_a_later_look(mixpanel: Ticks):
    mixpanel.here.mixpanel.cohorts = [cohort(1, "PN_a", 29_500), cohort(2, "PN_b", 30_500), cohort(3, "PN_c", 70_000)]
    (shown,) = mixpanel.tick().asset_events
    assert [line.split(" | ")[-1] for line in str(shown.metadata["catalogue"].value).splitlines()[2:]] == [
        "is asked for now |", "waits for calls to be free |",
        "too large for an hour: comes with the nightly pull, or by webhook |",
    ]  # fmt: skip
    assert mixpanel.partitions() == ["1", "2", "3"]
    assert mixpanel.run()
    assert mixpanel.ids() == ["2"]
    assert HOURS == 1


def test_credentials_that_are_refused_are_shown_once_an_hour_at_most(mixpanel: Ticks):
    mixpanel.here.environ["MIXPANEL_SECRET"] = "wrong"
    assert "mixpanel, list of cohorts (HTTP 401): the service account is refused" in mixpanel.skipped()
    again = mixpanel.skipped(after=60)  # as after a reload
    assert "the service account is refused" in again
    assert "not asked again before 2026-01-15 13:55 UTC" in again
    assert mixpanel.calls() == 1
    assert "the service account is refused" in mixpanel.skipped()
    assert mixpanel.calls() == 2
    mixpanel.here.environ["MIXPANEL_SECRET"] = "s3cret-of-svc"
    assert mixpanel.ids() == ["1"]
    assert json.loads(mixpanel.cursor)["refused"] is None


@pytest.mark.parametrize(
    ("case", "faults", "environ", "says", "calls"),
    [
        ("busy", {"busy": Busy(times=9)}, {}, "mixpanel, list of cohorts (HTTP 429): too many calls", 1),
        ("failing", {"busy": Busy(times=9, status=503)}, {}, "(HTTP 503): the server failed", 1),
        ("plan", {"plan_excludes_queries": True}, {}, "(HTTP 402): the plan of this account does not include it", 1),
        ("nobody there", {}, {"MIXPANEL_URL": "http://127.0.0.1:9"}, "list of cohorts: no connection", 0),
        ("not configured", {}, {"MIXPANEL_PROJECT_ID": ""}, "environment variable MIXPANEL_PROJECT_ID is missing", 0),
    ],
)
def test_what_the_vendor_or_the_settings_refuse_is_the_reason_and_moves_nothing(
    mixpanel: Ticks, case: str, faults: dict[str, object], environ: dict[str, str], says: str, calls: int
):
    mixpanel.tick()
    mixpanel.run()
    before, waited, made = mixpanel.cursor, len(mixpanel.here.clock.slept), mixpanel.calls()
    for name, value in faults.items():
        setattr(mixpanel.here.mixpanel.faults, name, value)
    mixpanel.here.environ.update(environ)
    assert says in mixpanel.skipped(), case
    assert (mixpanel.cursor, mixpanel.calls() - made) == (before, calls), case
    assert mixpanel.here.clock.slept[waited:] == [3600], case


@pytest.mark.parametrize("as_assets", [False, True])
def test_while_a_pull_of_the_vendor_is_under_way_nothing_is_asked(mixpanel: Ticks, amplitude: Ticks, as_assets: bool):
    defs = mixpanel.place.defs()
    run = mixpanel.instance.create_run_for_job(
        defs.resolve_implicit_global_asset_job_def() if as_assets else defs.resolve_job_def(pull_job("mixpanel")),
        asset_selection=frozenset([pull_key("mixpanel", "events")]) if as_assets else None,
        status=dg.DagsterRunStatus.STARTED,
    )
    assert "a pull of mixpanel is under way" in mixpanel.skipped()
    assert mixpanel.calls() == 0
    assert len(amplitude.ids()) == 2
    mixpanel.instance.report_run_canceled(run)
    assert mixpanel.ids() == ["1"]


def test_a_pull_that_dagster_does_not_know_of_is_waited_for(mixpanel: Ticks):
    with mixpanel.here.bench.folder.alone("mixpanel", "audiences"):
        assert "another pull into the same folder is under way" in mixpanel.skipped()
    assert mixpanel.calls() == 0
    assert mixpanel.ids() == ["1"]


def test_a_landing_area_that_no_pull_can_write_to_is_said(mixpanel: Ticks):
    mixpanel.settings = replace(mixpanel.settings, landing="s3://bucket/landing")
    assert "a pull writes to a folder" in mixpanel.skipped()
