"""Vendors in Dagster: what a materialized partition brings, what a job pulls, and what it says when something fails."""

from __future__ import annotations

import dagster as dg
import pytest

from connectors.standin import MixpanelCohort
from orchestration.ingest.events import CHECKS
from orchestration.names import VENDORS, pull_key
from tests.connectors.world import PEOPLE, SECRETS
from tests.ingest.place import Place, failures

ASSETS = """
amplitude/audiences amplitude/events mixpanel/audiences mixpanel/events netmera/audiences netmera/messages netmera/users
""".split()


def test_there_is_an_asset_for_each_vendor_and_kind_with_or_without_an_account(place: Place):
    place.world.environ.clear()
    nodes = place.defs().resolve_asset_graph()
    assert sorted(key.to_user_string() for key in nodes.get_all_asset_keys()) == ASSETS
    for key in nodes.get_all_asset_keys():
        node = nodes.get(key)
        assert (node.group_name, node.pools) == (key.path[0], {key.path[0]})
        assert "It lands in `" in str(node.description)
        checks = {check.name: nodes.get(check).blocking for check in node.check_keys}
        assert checks == dict.fromkeys(CHECKS[key.path[0], key.path[1]], True)


@pytest.mark.parametrize(
    ("vendor", "sentence"),
    [
        ("mixpanel", "mixpanel, settings: the environment variable MIXPANEL_USERNAME is missing"),
        ("amplitude", "amplitude, settings: the environment variable AMPLITUDE_API_KEY is missing"),
        ("netmera", "netmera, settings: the environment variable NETMERA_API_KEY is missing"),
    ],
)
def test_without_an_account_a_pull_fails_in_one_sentence(place: Place, vendor: str, sentence: str):
    place.world.environ.clear()
    partition = None if vendor == "netmera" else "41001"
    assert failures(place.materialize(vendor, "audiences", partition)) == [sentence]
    assert failures(place.pull(vendor)) == [sentence]


def test_a_partition_of_audiences_is_one_audience(place: Place):
    place.world.mixpanel.cohorts.append(MixpanelCohort.of(2, "PN_other", ["z"]))
    assert place.materialize("mixpanel", "audiences", "41001").success
    told = place.shown("mixpanel", "audiences")
    assert set(told) == {"41001"}
    assert {name: told["41001"][name] for name in ("rows", "reported", "name", "calls_spent", "calls_left")} == {
        "rows": 2500, "reported": 2500, "name": "PN_lapsed_30d", "calls_spent": 3, "calls_left": 56,
    }  # fmt: skip
    assert told["41001"]["fetched_at"] == place.world.clock.now().timestamp()
    assert told["41001"]["files"] == "audience_members/mixpanel-41001.parquet, audiences/mixpanel-41001.parquet"
    assert place.checks("mixpanel", "audiences", "counts") == {"41001": (True, "WARN", None)}


def test_the_job_pulls_all_within_the_allowance_and_shows_its_plan_first(place: Place):
    place.world.mixpanel.cohorts.append(MixpanelCohort.of(2, "PN_other", ["z"]))
    result = place.pull("mixpanel")
    assert result.success
    assert set(place.shown("mixpanel", "audiences")) == {"41001", "2"}
    assert sorted(place.instance.get_dynamic_partitions("mixpanel_audiences")) == ["2", "41001"]
    assert sorted(filter(None, place.shown("mixpanel", "events"))) == [f"2026-01-{day}" for day in range(10, 15)]
    assert place.shown("mixpanel", "events")["2026-01-14"]["rows"] == 40
    kinds = [event.event_type_value for event in result.all_events]
    assert kinds.index("ASSET_OBSERVATION") < kinds.index("ASSET_MATERIALIZATION")
    plan = place.instance.fetch_observations(pull_key("mixpanel", "audiences"), limit=1).records[0].asset_observation
    assert plan is not None
    assert "| PN_lapsed_30d | 41001 | 2,500 | 3 | tonight, 12:00 to 12:00 UTC |" in str(plan.metadata["plan"].value)
    assert (plan.metadata["calls"].value, plan.metadata["calls_left"].value) == (4, 59)


def test_one_that_fails_does_not_keep_the_others_from_landing(place: Place):
    place.world.mixpanel.cohorts.append(MixpanelCohort.of(2, "PN_other", ["z"]))
    place.instance.add_dynamic_partitions("mixpanel_audiences", ["gone"])
    result = place.pull("mixpanel", what=["audiences"], audiences=["gone", "2"])
    assert failures(result) == ["mixpanel, list of cohorts: there is no cohort with the id or name 'gone'"]
    assert set(place.shown("mixpanel", "audiences")) == {"2"}


def test_refused_credentials_fail_at_once_and_are_not_tried_again(place: Place):
    place.world.environ["MIXPANEL_SECRET"] = "wrong"
    result = place.pull("mixpanel")
    (sentence,) = failures(result)
    assert sentence.startswith("mixpanel, list of cohorts (HTTP 401): the service account is refused; check")
    assert not any(event.is_step_up_for_retry for event in result.all_events)
    assert place.world.mixpanel.calls == ["cohorts/list"]


def test_a_range_of_days_is_one_run_and_a_day_that_is_not_over_is_refused(place: Place):
    result = place.materialize("mixpanel", "events", "2026-01-12", "2026-01-15")
    assert failures(result) == ["mixpanel, events of 2026-01-15: the day is not over there yet"]
    assert {day: one["rows"] for day, one in place.shown("mixpanel", "events").items()} == {
        "2026-01-12": 0, "2026-01-13": 0, "2026-01-14": 40,
    }  # fmt: skip
    place.world.mixpanel.events[next(iter(place.world.mixpanel.events))] = []
    again = place.materialize("mixpanel", "events", "2026-01-14")
    assert "nothing came for a day of which 40 events are there" in failures(again)[0]
    assert len(place.world.rows("events/mixpanel-2026-01-14")) == 40


def test_what_was_refused_is_the_last_that_a_check_says_though_others_passed_after_it(place: Place):
    many = [f"u{number}" for number in range(30)]
    place.world.mixpanel.cohorts[:] = [MixpanelCohort.of(1, "PN_a", many), MixpanelCohort.of(2, "PN_b", many * 2)]
    assert place.pull("mixpanel", what=["audiences"]).success
    place.world.mixpanel.cohorts[0] = MixpanelCohort.of(1, "PN_a", ["u1"])
    (sentence,) = failures(place.pull("mixpanel", what=["audiences"]))
    assert sentence.startswith("mixpanel, audience 1: shrink: 1 came where the last good one has 30, expected 15")
    told = place.checks("mixpanel", "audiences", "shrink")
    said = "audience 1: 1 came where the last good one has 30, expected 15 or more"
    assert told == {"1": (False, "ERROR", said), "2": (True, "WARN", None)}
    key = dg.AssetCheckKey(pull_key("mixpanel", "audiences"), "shrink")
    (last,) = place.instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert last.partition == "1"


def test_checks_alone_pull_nothing(place: Place):
    defs = place.defs()
    checks = dg.define_asset_job(
        "checks", dg.AssetSelection.checks_for_assets(pull_key("netmera", "audiences")),
        executor_def=dg.in_process_executor,
    )  # fmt: skip
    job = dg.Definitions(assets=defs.assets, jobs=[checks]).resolve_job_def("checks")
    result = job.execute_in_process(instance=place.instance, raise_on_error=False)
    assert failures(result) == ["these checks are about files on their way in: materialize the asset to pull"]
    assert place.world.files() == {}


def test_netmera_is_pulled_as_a_whole(place: Place):
    assert place.pull("netmera").success
    told = {what: place.shown("netmera", what)[None]["rows"] for what in ("audiences", "users", "messages")}
    assert told == {"audiences": 2, "users": 2, "messages": 25}
    assert place.checks("netmera", "audiences", "counts") == {None: (True, "WARN", None)}


def test_amplitude_leaves_out_what_was_not_computed_anew_unless_it_is_named(place: Place):
    assert place.pull("amplitude", what=["audiences"]).success
    assert set(place.shown("amplitude", "audiences")) == {"k3vq81m", "b1gone"}
    before = place.world.files()
    place.world.clock.sleep(3600)
    assert place.pull("amplitude", what=["audiences"]).success
    assert place.world.files() == before
    assert place.materialize("amplitude", "audiences", "k3vq81m").success
    pulled = {key: one["fetched_at"] for key, one in place.shown("amplitude", "audiences").items()}
    assert pulled["k3vq81m"] > pulled["b1gone"]


def test_nothing_that_is_recorded_holds_a_secret_or_a_person(place: Place):
    place.world.environ["AMPLITUDE_SECRET_KEY"] = "wrong"
    for vendor in VENDORS:
        place.pull(vendor)
    logs = [str(event) for run in place.instance.get_runs() for event in place.instance.all_logs(run.run_id)]
    assert len(logs) > 50
    assert not [secret for secret in (*SECRETS, *PEOPLE) if any(secret in line for line in logs)]
