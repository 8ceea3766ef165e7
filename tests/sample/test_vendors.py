"""The sample's vendors: what they hold comes in whole through the real clients, the same each time, until they end."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import requests

from connectors.budget import Ledger
from connectors.clock import ManualClock
from connectors.landing_writer import LandingFolder
from connectors.pulls.workbench import Workbench
from orchestration.sample import write_sample
from orchestration.sample.cohorts import COHORTS, members
from orchestration.sample.people import known
from orchestration.sample.vendors import PLAYED, configured, played
from orchestration.settings import ROOT, connector_settings

LAST = date(2026, 5, 10)
MIDNIGHT = datetime(2026, 5, 11, tzinfo=UTC)
PLAY_AND_BECOME_CAT = """
import json, os, sys
from pathlib import Path
from orchestration.sample.play import play_beside

environ = play_beside(Path(sys.argv[1]), Path.cwd())
print(json.dumps(environ), flush=True)
os.execvp("cat", ["cat"])
"""


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    landing = tmp_path_factory.mktemp("sample") / "landing"
    write_sample(landing, LAST, days=10, users=2000, events_per_day=10)
    return landing


def pull(sample: Path, into: Path, at: datetime) -> Path:
    """Everything of every vendor, as of a moment."""
    clock = ManualClock(at)
    with played(sample, ManualClock(at)) as environ:
        bench = Workbench(
            environ, connector_settings(), LandingFolder(into), Ledger(into / "budgets.sqlite3"), clock, at,
            lambda told: None, lambda told, seconds: None,
        )  # fmt: skip
        for connector in PLAYED:
            assert bench.pull_audiences(bench.plan_audiences(connector, None, 8)).failures == []
            assert bench.pull_events(connector, bench.event_days(connector, None, None)).failures == []
    return into


@pytest.fixture(scope="module")
def landed(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pull(sample, tmp_path_factory.mktemp("landed"), MIDNIGHT)


def rows(folder: Path, pattern: str) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob(pattern)) for row in pq.read_table(path).to_pylist()]


def test_whoever_is_in_a_cohort_lands_once_with_what_the_vendor_knows(landed: Path) -> None:
    people = known(7, 2000, (LAST - timedelta(days=9)).toordinal(), LAST.toordinal())
    for cohort in COHORTS:
        held = [(one.user_id, one.email, one.msisdn) for one in members(7, people, cohort)]
        came = rows(landed, f"audience_members/{cohort.connector}-{cohort.audience_id}.parquet")
        assert Counter((one["connector_user_id"], one["email"], one["msisdn"]) for one in came) == Counter(held)
        (audience,) = rows(landed, f"audiences/{cohort.connector}-{cohort.audience_id}.parquet")
        told = (audience["name"], audience["description"], audience["reported_users"], audience["fetched_at"])
        assert told == (cohort.name, cohort.description, len(held) + cohort.more, MIDNIGHT)


def test_the_blemishes_of_real_cohorts_are_there(sample: Path, landed: Path) -> None:
    came = rows(landed, "audience_members/*.parquet")
    ids = {row["connector_user_id"] for row in came}
    assert "" in ids
    assert [one for one in ids if one.startswith("$device:")]
    assert [one for one in ids if one != one.strip()]
    assert [one for one in ids if len(one) == 9 and one[0] == "9"], "customers of another shop"
    assert [row for row in came if (row["msisdn"] or "").startswith("0500")], "no country code"
    whose = Counter(row["email"] for row in rows(sample, "users/*.parquet") if row["email"])
    assert [row for row in came if whose[row["email"]] > 1], "a shared address"


def test_events_lie_in_the_day_they_belong_to_under_ids_of_many_kinds(landed: Path) -> None:
    files = sorted(path.stem for path in landed.glob("events/*.parquet"))
    days = [*(f"mixpanel-{LAST - timedelta(days=n)}" for n in range(5)), f"amplitude-{LAST - timedelta(days=1)}"]
    assert files == sorted(days)
    for file in files:
        connector, _, day = file.partition("-")
        came = rows(landed, f"events/{file}.parquet")
        moment = "ts" if connector == "mixpanel" else "ingested_at"
        assert {row[moment].date().isoformat() for row in came} == {day}
        assert {row["source"] for row in came} == {connector}
        assert len(came) == len({row["event_id"] for row in came})
    ids = {row["source_user_id"] for row in rows(landed, "events/*.parquet")}
    assert {one.startswith("$device:") for one in ids} == {True, False}


def test_the_same_moment_gives_the_same_bytes_and_another_day_other_members(
    sample: Path, landed: Path, tmp_path: Path
) -> None:
    def tables(folder: Path) -> dict[str, bytes]:
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.parquet")}

    assert tables(pull(sample, tmp_path / "again", MIDNIGHT)) == tables(landed)
    later = pull(sample, tmp_path / "later", MIDNIGHT + timedelta(days=7))
    assert len(rows(later, "audience_members/*.parquet")) > len(rows(landed, "audience_members/*.parquet"))


@pytest.mark.parametrize(
    ("environ", "real"),
    [
        ({}, []),
        ({"MIXPANEL_SECRET": "", "SEGMENTS_HOME": "data", "META_URL": "https://graph"}, []),
        ({"AMPLITUDE_API_KEY": "key"}, ["amplitude"]),
        ({"MIXPANEL_PROJECT_ID": "77", "NETMERA_URL": "https://eu"}, ["mixpanel", "netmera"]),
    ],
)
def test_what_the_environment_says_of_an_account_makes_it_a_real_one(environ: dict[str, str], real: list[str]) -> None:
    assert configured(environ) == real


@pytest.fixture
def beside(sample: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A process that had the vendors played and became another program, and the variables that it got."""
    process = subprocess.Popen(
        [sys.executable, "-c", PLAY_AND_BECOME_CAT, str(sample)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    yield process, json.loads(process.stdout.readline())
    process.kill()
    process.communicate()


def test_vendors_beside_another_program_are_there_as_long_as_it_is(
    beside: tuple[subprocess.Popen[str], dict[str, str]],
) -> None:
    process, environ = beside
    signed = (environ["AMPLITUDE_API_KEY"], environ["AMPLITUDE_SECRET_KEY"])

    def listed() -> set[str] | None:
        try:
            answer = requests.get(f"{environ['AMPLITUDE_URL']}/api/3/cohorts", auth=signed, timeout=5)
        except requests.RequestException:
            return None
        return {one["id"] for one in answer.json()["cohorts"]}

    assert listed() == {"k3vq81m", "w7hd20x"}
    process.kill()
    for _ in range(200):
        if listed() is None:
            break
        time.sleep(0.05)
    assert listed() is None
