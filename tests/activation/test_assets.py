"""Activations in Dagster and on the command line, against a Netmera on loopback: dry runs, sending, what is due by
itself, a closed gate, who opened it, and what is left behind. Tests are in the order of what happens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import Result

from connectors.clock import ManualClock
from connectors.standin import StandIn, StandInNetmera
from orchestration.activation.news import read_news
from orchestration.assets.activations import activation_assets
from orchestration.gates.asked import GATES
from orchestration.ingest.runs import Around
from orchestration.jobs import activation_job
from orchestration.names import ACTIVATION_JOB, ENDED_TAG, activation_key, segment_key
from orchestration.segment_folder import segments_of
from orchestration.sensors.activations import activation_sensor
from tests.cli.conftest import call, data
from tests.orchestration.workspace import Workspace, an_event

pytestmark = pytest.mark.long

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
TAG, ADS = activation_key("gold", "netmera_tag_gold"), activation_key("basic", "google_8001")
QUIETLY = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
GOLD = "activate:\n  - {to: netmera_tag, when: daily}\n  - {to: netmera_tag, when: on_change}\n"
RULE = "who: [{{attribute: tier, equals: {}}}]\n"


def users(golden: int) -> list[dict[str, Any]]:
    """Fifty people, the first so many of tier gold."""
    return [
        {"user_id": f"u{n:02}", "external_id": f"x{n:02}", "attributes": {"tier": "gold" if n < golden else "basic"}}
        for n in range(50)
    ]


class Place:
    """A workspace, its Dagster, and a Netmera that nobody allows to be sent to until `environ` says so."""

    def __init__(self, root: Path, instance: dg.DagsterInstance, netmera: StandInNetmera, url: str) -> None:
        self.workspace, self.instance, self.netmera = Workspace(root), instance, netmera
        self.clock, self.cursor = ManualClock(MIDNIGHT), ""
        self.environ = {"NETMERA_URL": url, "NETMERA_API_KEY": "netmera-key"}
        ads = "activate:\n  - {to: google, audience: '8001', when: daily}\n"
        self.workspace.define(gold=RULE.format("gold") + GOLD, basic=RULE.format("basic") + ads)

    @property
    def around(self) -> Around:
        return Around(self.environ, self.clock)

    def calculate(self, golden: int, as_of: str) -> None:
        self.workspace.land("users", *users(golden))
        self.workspace.land("events", an_event("u00", "visit", as_of))
        self.workspace.run(as_of)

    def defs(self) -> dg.Definitions:
        settings = self.workspace.settings
        segments = [dg.AssetSpec(segment_key(name)) for name in ("gold", "basic")]
        return dg.Definitions(
            assets=[*segments, *activation_assets(settings, segments_of(settings), self.around)],
            jobs=[activation_job()],
        )

    def materialize(self, *keys: dg.AssetKey, tags: dict[str, str] | None = None, **config: Any) -> Any:
        steps = {TAG: "activation_netmera_tag", ADS: "activation_google"}
        ops = {steps[key]: {"config": config} for key in keys}
        return self.run({"ops": ops}, keys, tags)

    def run(self, config: Any, keys: Any, tags: dict[str, str] | None = None) -> dg.ExecuteInProcessResult:
        job = self.defs().resolve_job_def(ACTIVATION_JOB)
        return job.execute_in_process(
            instance=self.instance,
            asset_selection=list(keys),
            run_config={**config, **QUIETLY},
            tags=tags,
            raise_on_error=False,
        )

    def look(self) -> list[dg.ExecuteInProcessResult]:
        """One look of the sensor, and the runs that it asks for."""
        settings = self.workspace.settings
        sensor = activation_sensor(settings, segments_of(settings), self.around)
        result = sensor(dg.build_sensor_context(instance=self.instance, cursor=self.cursor))
        assert isinstance(result, dg.SensorResult)
        self.cursor = str(result.cursor)
        return [self.run(one.run_config, one.asset_selection, one.tags) for one in result.run_requests or []]

    def tagged(self) -> int:
        return len(self.netmera.written.tags.get("gold", ()))

    def last(self, key: dg.AssetKey) -> dict[str, Any]:
        """Metadata of the last materialization."""
        event = self.instance.get_latest_materialization_event(key)
        assert event is not None
        assert event.asset_materialization is not None
        return {name: value.value for name, value in event.asset_materialization.metadata.items()}

    def checks(self, key: dg.AssetKey, result: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, str]]:
        found = [one for one in result.get_asset_check_evaluations() if one.asset_key == key]
        return {one.check_name: (one.passed, one.severity.value) for one in found}

    def command(self, monkeypatch: pytest.MonkeyPatch, *words: object) -> Result:
        settings = self.workspace.settings
        given = {**self.environ, "SEGMENTS_HOME": str(settings.home), "SEGMENTS_LANDING": settings.landing}
        for name in ("SEGMENTS_SEND", "SEGMENTS_TIMEZONE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        return call(*words, "--segments", settings.segments)


def ended(place: Place, result: dg.ExecuteInProcessResult) -> str:
    run = place.instance.get_run_by_id(result.run_id)
    assert run is not None
    return run.tags[ENDED_TAG]


def failure(result: dg.ExecuteInProcessResult) -> str:
    failed = [event.step_failure_data.user_failure_data for event in result.all_events if event.is_step_failure]
    return "\n".join(str(one.description) for one in failed if one)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    known = {f"x{n:02}": {"profile": {}} for n in range(50)}
    netmera = StandInNetmera(users=known, clock=ManualClock(MIDNIGHT))
    with StandIn([netmera]) as server, dg.DagsterInstance.ephemeral() as instance:
        made = Place(tmp_path_factory.mktemp("activation"), instance, netmera, server.url)
        assert made.look() == []
        made.calculate(40, "2026-03-02")
        yield made


def test_the_page_of_an_activation_says_what_goes_where_when_and_whether_it_may(place: Place):
    node = place.defs().resolve_asset_graph().get(TAG)
    assert (node.group_name, node.parent_keys) == ("activation", {segment_key("gold")})
    assert node.description == (
        "Members of gold for the tag `gold` at Netmera, each day after the night's calculation, and when somebody"
        " enters or leaves. Whoever leaves is taken back. Only changes of data count.\n\nDry run: sent only where"
        " `SEGMENTS_SEND` names `netmera_tag` or `all`. A closed gate leaves there what was sent before."
    )


def test_materialized_by_a_person_it_is_dry_and_says_what_it_would_do(place: Place):
    place.environ["SEGMENTS_SEND"] = "netmera_tag,google"
    held = place.materialize(TAG)
    assert held.success
    (told,) = [event.asset_observation_data.asset_observation for event in held.get_asset_observation_events()]
    assert (told.metadata["held_back"].value, told.metadata["added"].value) == (40, 0)  # its first members
    result = place.materialize(TAG, also=["initial"])
    assert result.success
    assert (place.tagged(), ended(place, result)) == (0, "dry_run")
    (told,) = [event.asset_observation_data.asset_observation for event in result.get_asset_observation_events()]
    assert told.asset_key == TAG
    assert "40 would be added" in str(told.description)
    assert told.metadata["added"].value == 40
    assert not result.get_asset_materialization_events()


def test_where_nobody_allows_it_nothing_leaves_whoever_asks(place: Place):
    del place.environ["SEGMENTS_SEND"]
    assert ended(place, place.materialize(TAG, send=True)) == "dry_run"
    assert place.tagged() == 0


def test_what_is_sent_is_told_in_numbers_that_plot_and_names_nobody(place: Place):
    place.environ["SEGMENTS_SEND"] = "netmera_tag,google"
    result = place.materialize(TAG, send=True, also=["initial"])
    assert result.success, failure(result)
    assert (place.tagged(), ended(place, result)) == (40, "sent")
    told = place.last(TAG)
    assert (told["members"], told["added"], told["removed"], told["ending"]) == (40, 40, 0, "sent")
    passed = {check: passed for check, (passed, _) in place.checks(TAG, result).items()}
    assert passed == dict.fromkeys((*GATES, "ledger", "most_per_run"), True)
    everything = json.dumps([str(event) for event in result.all_events])
    assert "x07" not in everything
    assert "u07" not in everything


def test_one_that_fails_keeps_no_other_from_being_sent(place: Place):
    place.netmera.written.tags.clear()
    result = place.materialize(ADS, TAG, send=True, override_by="ada", override_reason="the tag was emptied by hand")
    assert not result.success
    assert "GOOGLE" in failure(result)
    assert place.last(TAG)["ending"] == "nothing"


def test_members_that_change_and_the_night_set_it_off_and_then_nothing_does(place: Place):
    place.calculate(42, "2026-03-03")
    news = read_news(place.workspace.settings.home)
    assert news is not None
    entered = news.segments["gold"].last(["entered"], ["data"])
    assert entered is not None
    assert (entered.run_no, entered.users) == (news.run_no, 2)
    place.clock.sleep((MIDNIGHT + DAY - place.clock.now()).total_seconds() + 60)
    place.netmera.written.tags["gold"] = {f"x{n:02}" for n in range(40)}
    results = place.look()
    assert sorted(result.success for result in results) == [False, True], [failure(one) for one in results]
    assert place.tagged() == 42
    assert place.look() == []


def test_a_closed_gate_leaves_there_what_was_sent_and_turns_red(place: Place):
    place.calculate(20, "2026-03-04")
    place.clock.sleep(DAY.total_seconds())
    red = [result for result in place.look() if TAG in {one.asset_key for one in result.get_asset_check_evaluations()}]
    (result,) = red
    assert not result.success
    assert (place.tagged(), ended(place, result)) == (42, "closed")
    assert "removals" in failure(result)
    assert place.checks(TAG, result)["removals"] == (False, "ERROR")
    assert TAG not in {one.asset_key for one in result.get_asset_materialization_events()}
    assert place.look() == []  # it is an answer


def test_the_command_shows_what_it_would_do_and_is_refused_where_nobody_allows_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    del place.environ["SEGMENTS_SEND"]
    shown = place.command(monkeypatch, "activate", "gold")
    assert shown.exit_code == 0
    assert "22 removed" in shown.stdout
    assert "gate removals is closed" in shown.stdout
    refused = place.command(monkeypatch, "activate", "gold", "--send")
    assert refused.exit_code == 1
    assert refused.stderr == (
        "gold.netmera_tag_gold is not sent from here: set SEGMENTS_SEND=netmera_tag (several with commas, or all) where"
        " members may leave the house\n"
    )
    assert place.command(monkeypatch, "activate", "gold", "--to", "meta_1").exit_code == 1
    assert place.command(monkeypatch, "activate", "gold", "--withdraw", "--replace").exit_code == 2
    assert place.tagged() == 42


def test_somebody_opens_the_gate_by_name_and_it_is_kept(place: Place, monkeypatch: pytest.MonkeyPatch):
    place.environ["SEGMENTS_SEND"] = "all"
    closed = place.command(monkeypatch, "activate", "gold", "--send", "--json")
    assert (closed.exit_code, json.loads(closed.stdout)[0]["ending"]) == (1, "closed")
    sent = place.command(monkeypatch, "activate", "gold", "--send", "--override", "as planned", "--by", "ada", "--json")
    assert sent.exit_code == 0
    (told,) = json.loads(sent.stdout)
    assert (told["ending"], told["counts"]["removed"], place.tagged()) == ("sent", 22, 20)
    listed = data(place.command(monkeypatch, "activations", "gold", "--json"))
    assert isinstance(listed, dict)
    (one,) = listed["activations"]
    assert (one["when"], one["last"]["ending"]) == (["daily", "on_change"], "sent")
    assert (one["last"]["override_by"], one["last"]["override_reason"]) == ("ada", "as planned")
    assert "sent" in place.command(monkeypatch, "activations").stdout
    assert "the tag `gold` at Netmera" in place.command(monkeypatch, "show", "gold").stdout


def test_the_health_report_names_what_was_not_sent(place: Place, monkeypatch: pytest.MonkeyPatch):
    report = data(place.command(monkeypatch, "health", "--json"))
    assert isinstance(report, dict)
    assert [
        (one["segment"], one["said"].partition(":")[0]) for one in report["findings"] if one["kind"] == "not_sent"
    ] == [("basic", "google_8001")]


def test_what_is_in_no_file_any_more_stays_there_until_it_is_taken_back(place: Place, monkeypatch: pytest.MonkeyPatch):
    place.workspace.define(gold=RULE.format("gold"))
    listed = data(place.command(monkeypatch, "activations", "--json"))
    assert isinstance(listed, dict)
    assert [one["activation"] for one in listed["left_behind"]] == ["netmera_tag_gold"]
    assert "--to netmera_tag_gold --withdraw --send` takes it back" in place.command(monkeypatch, "activations").stdout
    place.workspace.undefine("gold")
    place.workspace.run("2026-03-05")
    words = ("activate", "gold", "--to", "netmera_tag_gold", "--withdraw", "--send")
    taken = place.command(monkeypatch, *words)
    assert (taken.exit_code, place.tagged()) == (0, 0), taken.stderr
    listed = data(place.command(monkeypatch, "activations", "--json"))
    assert isinstance(listed, dict)
    assert listed["left_behind"] == []


def test_two_ways_to_one_place_are_an_asset_that_says_so(place: Place):
    place.workspace.define(gold=RULE.format("gold") + GOLD + "  - {to: netmera_tag, when: daily, mode: add_only}\n")
    key = activation_key("gold", "with_errors")
    result = place.run({}, [key])
    assert failure(result) == "gold goes to netmera_tag gold in two ways, expected one, or another place"
