"""`segments pull`: what it writes, says and ends with. The vendors are on loopback, the clock is the machine's."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from connectors.standin import StandIn, StandInMixpanel, StandInNetmera
from connectors.standin.mixpanel import MixpanelCohort
from tests.cli.conftest import Segments, data

SETTINGS = {
    "MIXPANEL_USERNAME": "svc", "MIXPANEL_SECRET": "s3cret-of-svc", "MIXPANEL_PROJECT_ID": "77",
    "NETMERA_API_KEY": "netmera-key",
}  # fmt: skip


@pytest.fixture
def mixpanel() -> StandInMixpanel:
    return StandInMixpanel(cohorts=[MixpanelCohort.of(1, "PN_a", ["x", "y"]), MixpanelCohort.of(2, "other", ["z"])])


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mixpanel: StandInMixpanel) -> Iterator[Path]:
    netmera = StandInNetmera(segments={1: ("brand", ["u1"])}, users={"u1": {}})
    with StandIn([mixpanel, netmera]) as server:
        addresses = dict.fromkeys(("MIXPANEL_URL", "MIXPANEL_EXPORT_URL", "NETMERA_URL"), server.url)
        for name, value in {**SETTINGS, **addresses, "SEGMENTS_HOME": str(tmp_path / "home")}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("SEGMENTS_LANDING", raising=False)
        yield tmp_path / "home" / "landing"


def test_audiences_land_in_the_workspace_and_each_file_is_named(segments: Segments, workspace: Path) -> None:
    done = segments("pull", "mixpanel", "audiences")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        f"{workspace}/audience_members/mixpanel-1.parquet: 2 rows",
        f"{workspace}/audiences/mixpanel-1.parquet: 1 row",
        "audiences: 1 left out (2): its name does not begin with 'PN_'",
    ]
    assert pq.read_table(workspace / "audience_members/mixpanel-1.parquet").num_rows == 2


def test_a_plan_writes_nothing(segments: Segments, workspace: Path, mixpanel: StandInMixpanel) -> None:
    plan: Any = data(segments("pull", "mixpanel", "audiences", "--plan", "--json"))
    assert plan["audiences"]["calls"] == 1
    assert plan["audiences"]["calls_left"] == 59
    assert [(one["id"], one["when"]) for one in plan["audiences"]["audiences"]] == [("1", "tonight")]
    shown = segments("pull", "mixpanel", "audiences", "--plan").stdout
    assert "PN_a (1): 2 members, 1 call, tonight" in shown
    assert not workspace.exists()
    assert mixpanel.calls == ["cohorts/list"] * 2


def test_without_a_kind_all_that_the_vendor_has_is_pulled(segments: Segments, tmp_path: Path) -> None:
    done = segments("pull", "netmera", "--into", tmp_path / "there", "--json")
    found: Any = data(done)
    assert set(found) == {"into", "audiences", "users", "messages"}
    assert pq.read_table(tmp_path / "there" / "users" / "netmera.parquet").to_pylist()[0]["user_id"] == "u1"


def test_what_one_kind_may_not_the_next_may(segments: Segments, mixpanel: StandInMixpanel, workspace: Path) -> None:
    mixpanel.faults.plan_excludes_queries = True
    done = segments("pull", "mixpanel")
    assert done.exit_code == 1
    assert "the plan of this account does not include it" in done.stderr
    assert len(list((workspace / "events").glob("*.parquet"))) == 5


def test_a_failure_is_one_sentence_and_exit_code_1(segments: Segments, mixpanel: StandInMixpanel) -> None:
    mixpanel.faults.wrong_total = 3
    done = segments("pull", "mixpanel", "audiences", "--prefix", "")
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        "mixpanel, members of cohort 1: 2 of 5 announced members came",
        "mixpanel, members of cohort 2: 1 of 4 announced members came",
    ]


def test_a_missing_variable_is_named(segments: Segments, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NETMERA_API_KEY")
    done = segments("pull", "netmera", "users")
    assert (done.exit_code, done.stderr) == (
        1,
        "netmera, settings: the environment variable NETMERA_API_KEY is missing\n",
    )


def test_an_object_store_needs_a_folder_to_write_to(segments: Segments, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGMENTS_LANDING", "s3://bucket/landing")
    done = segments("pull", "netmera", "users")
    assert done.exit_code == 1
    assert "name one by --into" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("hubspot",), "'hubspot' is not one of 'mixpanel', 'amplitude', 'netmera'"),
        (("netmera", "events"), "netmera gives no events, only audiences, users, messages"),
        (("mixpanel", "audiences", "--since", "2026-01-01"), "audiences have no days"),
        (("mixpanel", "events", "--since", "yesterday"), "expected a day such as 2026-01-15"),
        (("mixpanel", "events", "--since", "2026-01-02", "--until", "2026-01-01"), "2026-01-01 lies before 2026-01-02"),
    ],
)
def test_wrong_usage_is_exit_code_2(segments: Segments, words: tuple[str, ...], told: str) -> None:
    done = segments("pull", *words)
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.split())


def test_a_day_that_is_not_over_is_not_pulled(segments: Segments, workspace: Path) -> None:
    done = segments("pull", "mixpanel", "events", "--since", "2999-01-01")
    assert done.exit_code == 1
    assert "no day from 2999-01-01 on is over there yet" in done.stderr


def test_what_a_gate_refuses_is_said_and_accepted_with_a_reason(
    segments: Segments, mixpanel: StandInMixpanel, workspace: Path
) -> None:
    mixpanel.cohorts[0] = MixpanelCohort.of(1, "PN_a", [f"u{number}" for number in range(30)])
    assert segments("pull", "mixpanel", "audiences").exit_code == 0
    mixpanel.cohorts[0] = MixpanelCohort.of(1, "PN_a", ["u1", "u2"])
    refused = segments("pull", "mixpanel", "audiences")
    assert refused.exit_code == 1
    assert "audience 1: shrink: 2 came where the last good one has 30, expected 15 or more" in refused.stderr
    assert pq.read_table(workspace / "audience_members/mixpanel-1.parquet").num_rows == 30
    accepted = segments("pull", "mixpanel", "audiences", "--accept", "the campaign is over")
    assert accepted.exit_code == 0
    assert "the campaign is over" in accepted.stderr
    assert pq.read_table(workspace / "audience_members/mixpanel-1.parquet").num_rows == 2
    last = json.loads((workspace / "_pulls.jsonl").read_text().splitlines()[-1])
    assert (last["outcome"], last["accepted"]) == ("done", f"{getpass.getuser()}: the campaign is over")
