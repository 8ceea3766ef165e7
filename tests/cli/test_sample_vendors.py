"""A workspace with the sample in it, from the command line: its vendors are played, and never beside a real account.

The tests build on each other's workspace in the order of the file.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.landing_writer import LandingFolder
from tests.cli.conftest import Segments, data, write_definitions

pytestmark = pytest.mark.long

DEFINITIONS = {
    "gold": "who:\n  - {attribute: tier, equals: gold}\n",
    "lapsed": "connector: {mixpanel: {cohort: PN_lapsed_30d}}\n",
    "openers": "connector: {amplitude: {cohort: k3vq81m}}\n",
    "readers": "who:\n  - {did: newsletter_read, within: 7 days}\n",
}
# A process that was started in the background ignores Ctrl-C, and so would whatever it starts.
AS_IN_A_TERMINAL = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""
PLAYED = "Mixpanel and Amplitude are played on this machine, with invented people"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    write_definitions(folder / "segments", DEFINITIONS)
    return folder / "home"


@pytest.fixture(autouse=True)
def _in_the_workspace(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.parent)
    monkeypatch.setattr("orchestration.cli.sample_data.USERS", 300)
    for name in [*os.environ]:
        if name.startswith(("MIXPANEL_", "AMPLITUDE_", "NETMERA_", "SEGMENTS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SEGMENTS_HOME", str(home))


def pulls(home: Path) -> set[tuple[str, str, str, str]]:
    """What was tried: vendor, table, outcome, moment."""
    notes = LandingFolder(home / "landing").notes()
    return {(one["connector"], one["table"], one["outcome"], one["at"]) for one in notes}


def test_an_empty_workspace_gets_a_sample_a_first_day_of_changes_and_cohorts_of_vendors(
    segments: Segments, home: Path
) -> None:
    first = segments("run", "--sample-if-empty", "--as-of", "2026-01-15", "--json")
    assert (first.exit_code, first.stderr.splitlines()[1:]) == (0, [PLAYED])
    assert first.stderr.startswith("sample data for 120 days written to ")
    told: Any = data(first)
    sizes = {row["segment"]: row["users"] for row in told["segments"]}
    assert [day["day"] for day in data(segments("show", "gold", "--json"))["history"]] == ["2026-01-13", "2026-01-14"]  # type: ignore[index, call-overload]
    assert [one["segment"] for one in told["waterfalls"]] == ["lapsed", "openers"]
    for one in told["waterfalls"]:
        assert one["connector_users"] >= one["fetched_users"] >= one["known"] >= one["netmera_users"] > 0
        assert one["netmera_users"] == sizes[one["segment"]]
        assert one["updated_at"] == "2026-01-15T00:00:00Z"
    assert sizes["readers"], "events under ids of a vendor count for the users whose ids they are"
    assert pulls(home) == {
        (connector, table, "done", f"2026-01-{day}T00:00:00Z")
        for connector in ("mixpanel", "amplitude")
        for table in ("audiences", "audience_members", "events")
        for day in (14, 15)
    }


def test_beside_a_real_account_nothing_is_played_and_nothing_is_asked(
    segments: Segments, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pulls(home)
    monkeypatch.setenv("MIXPANEL_USERNAME", "svc")
    second = segments("run", "--sample-if-empty", "--as-of", "2026-01-15")
    assert (second.exit_code, pulls(home)) == (0, before)
    assert second.stderr == (
        f"Mixpanel is configured, and {home}/landing holds a sample: no vendor is asked, and none is played\n"
    )
    table = second.stdout.split("From cohorts of vendors to users")[1]
    heads, _, lapsed, openers = (line.split() for line in table.splitlines()[2:6])
    assert heads[:2] == ["segment", "reported"]
    assert (lapsed[0], openers[0], len(lapsed), len(openers)) == ("lapsed", "openers", 12, 12)


@pytest.fixture
def dagster(tmp_path: Path, segments: Segments, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, str]]:
    """`segments dev` on a sample, in a session of its own as a terminal would have it, and its address."""
    monkeypatch.setenv("SEGMENTS_HOME", str(tmp_path))
    assert segments("sample", "--users", 60).exit_code == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", AS_IN_A_TERMINAL, str(Path(sys.executable).parent / "segments")]
    command += ["dev", "--port", str(port)]
    with (tmp_path / "dev.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    yield process, f"http://127.0.0.1:{port}"
    if members(process.pid):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def members(group: int) -> list[str]:
    """Command lines of the processes of a group that are alive."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = (line.split(None, 2) for line in listed.splitlines())
    return [args for pgid, state, args in rows if int(pgid) == group and not state.startswith("Z")]


def test_dev_plays_the_vendors_for_dagster_and_ctrl_c_ends_everything(
    dagster: tuple[subprocess.Popen[bytes], str], tmp_path: Path
) -> None:
    process, url = dagster
    for _ in range(1200):
        if process.poll() is not None or answers(url):
            break
        time.sleep(0.25)
    assert answers(url), (tmp_path / "dev.log").read_text()
    assert PLAYED in (tmp_path / "dev.log").read_text()
    assert [args for args in members(process.pid) if "orchestration.sample.play" in args]
    os.killpg(process.pid, signal.SIGINT)
    process.wait(timeout=300)
    for _ in range(600):
        if not members(process.pid):
            break
        time.sleep(0.1)
    assert members(process.pid) == []


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/server_info", timeout=5).ok
    except requests.RequestException:
        return False
