"""What people see and do in Dagster: names, the graph, a day's run, one segment, a past day, a failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest

from orchestration.assets.segment_page import page
from orchestration.assets.segments import EMAIL
from orchestration.definitions import build_defs
from orchestration.manifest import ensure_manifest
from orchestration.names import (
    ACTIVATION_JOB,
    AS_OF_TAG,
    AUTOMATIC_TAGS,
    DAILY_JOB,
    HEALTH_JOB,
    PUSH_JOB,
    SEGMENTS_JOB,
    VENDORS,
    landing_key,
    model_key,
    pull_key,
    segment_key,
)
from segmentation.language.folder import load_texts
from tests.orchestration.story import MEMBERS, MIDNIGHTS, arrive, begin
from tests.orchestration.workspace import Workspace, an_event

ASSETS = """
landing/audience_members landing/audiences landing/blacklist landing/consents landing/devices landing/events
landing/message_events landing/messages landing/users models/activations models/connector_segments models/exports
models/id_matches
models/list_rows models/list_uploads models/live_qualifications models/ready_to_use_segments models/segment_changes
models/segment_costs models/segment_dependents models/segment_events_daily models/segment_members
models/segment_membership models/segment_messages models/segment_metrics models/segment_overlap
models/segment_predictions models/segment_reachability models/segment_sample_users models/segment_size_daily
models/segment_summary models/segment_triggers models/segments models/user_devices segments/all_users segments/buyers
segments/engaged_users segments/first_time_users segments/gold segments/gold_buyers segments/quiet segments/test_users
""".split()


class Place:
    """A workspace and an instance that remembers its runs."""

    def __init__(self, workspace: Workspace, instance: dg.DagsterInstance) -> None:
        self.workspace, self.instance = workspace, instance

    def defs(self) -> dg.Definitions:
        return build_defs(self.workspace.settings)

    def execute(
        self,
        day: str | None,
        only: Sequence[str] = (),
        as_of: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        job = self.defs().resolve_job_def(SEGMENTS_JOB if only else DAILY_JOB)
        return job.execute_in_process(
            partition_key=day,
            instance=self.instance,
            asset_selection=[segment_key(name) for name in only] or None,
            tags={AS_OF_TAG: self.workspace.moment(as_of).isoformat(), **(tags or {})} if as_of else tags,
            raise_on_error=False,
        )

    def touched(self, segment: str) -> str:
        """When a person last had to do with a segment, in UTC."""
        sql = f"select max(touched_at)::varchar from raw.segment_definitions where segment = '{segment}'"
        return str(self.workspace.rows(sql)[0][0])

    def latest(self, segment: str) -> dict[str, object]:
        """Partition and metadata of the last materialization."""
        event = self.instance.get_latest_materialization_event(segment_key(segment))
        assert event is not None
        assert event.asset_materialization is not None
        found = event.asset_materialization
        return {"day": found.partition, **{name: value.value for name, value in found.metadata.items()}}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory):
    workspace = begin(Workspace(tmp_path_factory.mktemp("dagster"), "Europe/Istanbul"))
    workspace.define(
        gold="title: Gold tier\ncreated_by: crm@example.com\nlabels: [value, top tier]\nrefresh: every 3 hours\n"
        "who:\n  - {attribute: tier, equals: gold}\n",
    )
    with dg.DagsterInstance.ephemeral() as instance:
        yield Place(workspace, instance)


@pytest.fixture(scope="module")
def first_run(place: Place) -> dg.ExecuteInProcessResult:
    """The daily run that every later one follows, whichever tests are chosen."""
    return place.execute("2026-03-01")


def graph(place: Place) -> dg.AssetGraph:
    return place.defs().resolve_asset_graph()


# ---------------------------------------------------------------- before any run


def test_names_people_and_schedules_rely_on(place: Place):
    defs = place.defs()
    dg.Definitions.validate_loadable(defs)  # as the processes of Dagster load it, all jobs together
    keys = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}
    layers = ("landing/", "models/", "segments/")
    assert sorted(key for key in keys if key.startswith(layers)) == ASSETS
    assert {key.split("/")[0] for key in keys} == {
        "landing", "staging", "identity", "plan", "predictions", "state", "records", "models", "segments", "reports",
        *VENDORS,
    }  # fmt: skip
    pulls = {f"pull_{vendor}" for vendor in VENDORS}
    lifecycle = {
        f"{act}_segment" for act in "clone pause resume refresh pin unpin delete reopen".split()
    }  # fmt: skip
    others = {DAILY_JOB, SEGMENTS_JOB, ACTIVATION_JOB, HEALTH_JOB, PUSH_JOB}
    assert {job.name for job in defs.jobs or []} == {*others, *pulls, *lifecycle}
    daily = defs.resolve_job_def(DAILY_JOB).asset_layer.selected_asset_keys
    assert keys - {key.to_user_string() for key in daily} == {
        key for key in keys if key.startswith((*VENDORS, "records/", "reports/"))
    }
    assert sorted(one.name for one in defs.sensors or []) == [
        "activations", "amplitude_catalogue", "connector_matching", "live_segments", "mixpanel_catalogue",
        "refresh_requests", "scheduled_pushes",
    ]  # fmt: skip
    assert sorted(one.name for one in defs.schedules or []) == [
        "daily_recalculation", *sorted(pulls), "refresh_0_x_by_3_x_x_x", "segments_health",
    ]  # fmt: skip


def test_the_graph_runs_from_files_to_segments(place: Place):
    nodes = graph(place)
    path = [
        pull_key("netmera", "users"), landing_key("users"), model_key("staging", "stg_users"),
        model_key("plan", "user_profiles"), model_key("plan", "user_conditions"), model_key("plan", "segment_bits_now"),
        model_key("state", "segment_bits"), model_key("state", "segment_changes_log"),
        model_key("state", "segment_stays"), model_key("segments", "segment_membership"),
        model_key("segments", "segment_members"), segment_key("gold"), segment_key("gold_buyers"),
    ]  # fmt: skip
    for above, below in pairwise(path):
        assert above in nodes.get(below).parent_keys, below
    assert segment_key("gold") not in nodes.get(segment_key("quiet")).parent_keys
    assert nodes.get(landing_key("audience_members")).parent_keys == {
        pull_key(vendor, "audiences") for vendor in VENDORS
    }
    assert not nodes.get(landing_key("consents")).parent_keys


def test_the_page_of_a_segment_says_its_rule_in_words_and_who_made_it(place: Place):
    node = graph(place).get(segment_key("gold"))
    assert "Gold tier" in str(node.description)
    assert "Users whose tier is gold" in str(node.description)
    assert "every 3 hours" in str(node.description)
    assert (node.owners, node.group_name, node.tags.get("value")) == (["crm@example.com"], "rule_based", "")
    assert "top tier" not in node.tags  # a label that Dagster could not hold as a tag
    assert graph(place).get(segment_key("quiet")).owners == []


@pytest.mark.parametrize(
    ("maker", "is_owner"), [("crm@example.com", True), ("a.b+c@x-y.example.museum", True), ("ada@b.c", False),
                            ("ada", False), ("ada@example.technology", False), ("ü@example.com", False)]
)  # fmt: skip
def test_whoever_made_a_segment_is_its_owner_if_dagster_takes_them_for_one(maker: str, is_owner: bool):
    assert bool(EMAIL.fullmatch(maker)) == is_owner
    if is_owner:
        dg.AssetSpec("gold", owners=[maker])
    else:
        with pytest.raises(dg.DagsterInvalidDefinitionError):
            dg.AssetSpec("gold", owners=[maker])


def test_a_workspace_of_an_earlier_version_is_loaded_though_its_plan_lacks_models(tmp_path: Path):
    settings = Workspace(tmp_path).settings
    plan = ensure_manifest(settings).parents[1] / "models/plan"
    (plan / "roll_bits.sql").unlink()
    (plan / "of_another_time.sql").write_text("select * from {{ ref('gone') }}\n")
    (settings.project / "target/parsed.sha256").unlink()
    ensure_manifest(settings)
    assert {"roll_bits", "of_another_time"} & {file.stem for file in plan.glob("*.sql")} == {"roll_bits"}


def test_system_segments_are_assets_like_any_other_and_say_what_they_are(place: Place):
    node = graph(place).get(segment_key("test_users"))
    assert node.group_name == "system"
    assert str(node.description).startswith("Test users. Users whose is_test is true.")
    assert str(node.description).endswith("Recalculated daily.")


@pytest.mark.parametrize(
    ("body", "when"),
    [
        ("live: {did: visit}", "Recalculated as files land, and daily."),
        ("live: {did: visit}\nrefresh: every 3 hours", "Recalculated as files land, and every 3 hours."),
        ("live: {did: visit}\nrefresh: once", "Calculated once and then kept."),
        ("live: {did: visit}\npaused: true", "Paused: it keeps its members."),
        ("connector: {mixpanel: {cohort: PN_a}}", "Recalculated as its cohort or users land, and daily."),
        ("who: [{did: visit}]\nrefresh: manual", "Recalculated when somebody asks for it."),
    ],
)
def test_the_page_of_a_segment_says_when_it_is_recalculated(body: str, when: str):
    folder = load_texts({"one.yml": f"name: one\n{body}\n"})
    assert not folder.problems
    assert page(folder.definitions["one"]).endswith(when)


# ---------------------------------------------------------------- runs, in the order of the file


def test_the_daily_run_shows_a_page_of_numbers_for_every_segment(place: Place, first_run: dg.ExecuteInProcessResult):
    assert first_run.success
    assert place.workspace.members() == MEMBERS[0]
    told = place.latest("gold")
    assert {name: told[name] for name in ("day", "users", "entered", "left", "ios", "android", "web", "status")} == {
        "day": "2026-03-01", "users": 2, "entered": 2, "left": 0, "ios": 1, "android": 1, "web": 1, "status": "ready",
    }  # fmt: skip
    assert told["as_of"] == place.workspace.moment(MIDNIGHTS[0]).timestamp()
    checks = {one.check_name: one.passed for one in first_run.get_asset_check_evaluations()}
    assert all(checks.values())
    assert {
        "recalculated",
        "freshness",
        "size_band",
        "assert_sizes_follow_from_flows",
        "assert_nobody_is_in_a_segment_twice",
    } <= set(checks)


@pytest.mark.long
@pytest.mark.usefixtures("first_run")
def test_one_segment_by_itself_brings_what_reads_it_and_new_files(place: Place):
    arrive(place.workspace, MIDNIGHTS[1])
    before = place.latest("quiet")
    result = place.execute("2026-03-02", only=["buyers"], as_of=MIDNIGHTS[1])
    assert result.success
    assert place.workspace.members() == {**MEMBERS[1], "quiet": MEMBERS[0]["quiet"]}
    assert (place.latest("buyers")["users"], place.latest("gold_buyers")["entered"]) == (2, 1)
    assert (place.latest("gold_buyers")["day"], place.latest("quiet")) == ("2026-03-02", before)
    assert place.touched("buyers") == "2026-03-02 21:00:00"


@pytest.mark.long
@pytest.mark.usefixtures("first_run")
def test_what_a_schedule_or_a_sensor_starts_is_no_persons_wish(place: Place):
    before = place.touched("quiet")
    a_sensor = {"dagster/sensor_name": "some"}
    assert place.execute("2026-03-03", ["quiet"], "2026-03-03T00:00:10+03:00", tags=a_sensor).success
    assert place.touched("quiet") == before
    assert {"dagster/schedule_name", "dagster/sensor_name"} == AUTOMATIC_TAGS


@pytest.mark.long
def test_a_tick_that_a_refresh_overtook_still_recalculates_everything(place: Place):
    place.workspace.define(gold="ready_to_use: true\nwho:\n  - {attribute: tier, equals: gold}\n")
    place.execute("2026-03-03", only=["gold"], as_of="2026-03-03T00:00:30+03:00")
    assert place.workspace.rows("from segments.ready_to_use_segments") == []
    assert place.execute("2026-03-02", as_of=MIDNIGHTS[1]).success
    # half a minute into the day, which is when cem has bought
    assert place.workspace.members() == {**MEMBERS[1], "buyers": "ada bea cem", "quiet": "dan"}
    assert place.workspace.rows("select distinct updated_at::varchar from segments.segments") == [
        ("2026-03-02 21:00:30",)
    ]
    assert place.workspace.rows("select segment from segments.ready_to_use_segments") == [("gold",)]


@pytest.mark.long
def test_a_file_that_lands_while_the_models_run_is_read_by_the_next_run(place: Place, monkeypatch: pytest.MonkeyPatch):
    from orchestration.assets import dbt_models

    workspace, prepare = place.workspace, dbt_models.prepare

    def meanwhile(*args: object, **kwargs: object) -> object:
        workspace.land("events/late", an_event("dan", "purchase", "2026-03-03T06:00:00Z"))
        return prepare(*args, **kwargs)  # type: ignore[arg-type]

    arrive(workspace, MIDNIGHTS[2])
    monkeypatch.setattr(dbt_models, "prepare", meanwhile)
    assert place.execute("2026-03-03", as_of=MIDNIGHTS[2]).success
    assert workspace.members() == MEMBERS[2]
    monkeypatch.undo()
    assert place.execute("2026-03-03", as_of=MIDNIGHTS[2]).success
    assert workspace.members() == {
        **MEMBERS[2], "buyers": "bea cem dan", "quiet": "ada eve",
    }  # fmt: skip


@pytest.mark.long
def test_a_day_that_is_over_is_reconstructed_and_the_present_stays(place: Place):
    present = ("segments", "segment_members", "segment_membership", "segment_changes")
    before = place.workspace.public(*present)
    assert place.execute("2026-02-28").success
    assert place.workspace.public(*present) == before
    assert (place.latest("buyers")["day"], place.latest("buyers")["left"]) == ("2026-02-28", 1)


@pytest.mark.long
def test_a_backfill_of_one_segment_is_one_run_and_touches_no_other(place: Place):
    others = [row for row in place.workspace.public("segment_size_daily")["segment_size_daily"] if row[0] != "buyers"]
    backfill = {
        "dagster/asset_partition_range_start": "2026-02-25",
        "dagster/asset_partition_range_end": "2026-02-27",
    }  # what the UI tags it with
    result = place.execute(None, only=["buyers"], tags=backfill)
    assert result.success
    shown = {
        str(event.partition): event.step_materialization_data.materialization.metadata["users"].value
        for event in result.get_asset_materialization_events()
    }
    assert shown == {"2026-02-25": 0, "2026-02-26": 1, "2026-02-27": 1}
    assert place.latest("buyers")["status"] == "reconstructed"
    days = place.workspace.days("buyers")
    assert [days[day] for day in sorted(shown)] == [(0, 0, 0), (1, 1, 0), (1, 0, 0)]
    after = place.workspace.public("segment_size_daily")["segment_size_daily"]
    assert [row for row in after if row[0] != "buyers"] == others
    assert not result.get_asset_check_evaluations()  # which are about the present


@pytest.mark.long
def test_a_segment_that_fails_turns_the_run_red_and_the_others_are_there(place: Place):
    workspace = place.workspace
    workspace.define(gold="who:\n  - {atribute: tier, equals: gold}\n", fresh="[{did: visit}]")
    result = place.execute("2026-03-04", as_of=MIDNIGHTS[3])
    assert not result.success
    failures = [event for event in result.all_events if event.is_step_failure]
    assert [event.step_key for event in failures] == ["segments"]
    materialized = {event.asset_key for event in result.get_asset_materialization_events()}
    assert {segment_key(name) for name in ("buyers", "gold_buyers", "quiet", "fresh")} <= materialized
    assert segment_key("gold") not in materialized
    checks = {
        one.asset_key.path[-1]: (one.passed, one.severity.value)
        for one in result.get_asset_check_evaluations()
        if one.check_name == "recalculated"
    }
    assert checks["gold"] == (False, "ERROR")
    assert checks["gold_buyers"] == (False, "WARN")
    assert checks["quiet"][0]
    node = graph(place).get(segment_key("gold"))
    assert node.group_name == "with_errors"
    assert "line 3: found unknown word 'atribute'" in str(node.description)
    assert place.workspace.members()["fresh"] == "cem"
