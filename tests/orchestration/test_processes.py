"""Real processes: runs that are killed at any moment, and two that start at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.orchestration.story import MEMBERS, MIDNIGHTS, arrive, begin
from tests.orchestration.workspace import Workspace

pytestmark = pytest.mark.long

PATIENCE = 900  # seconds; only a machine on which nothing moves any more takes so long

RECALCULATE = """
import json, sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo
from orchestration.recalculation import recalculate
from orchestration.settings import ROOT, Settings

home, landing, segments, zone, as_of, *only = sys.argv[1:]
settings = Settings(Path(home), landing, Path(segments), ZoneInfo(zone))
print("ready", flush=True)
recalculate(settings, datetime.fromisoformat(as_of), only=only or None)
"""

OPEN = """
import sys, time
from pathlib import Path
from zoneinfo import ZoneInfo
import dagster
from orchestration.instance import open_instance
from orchestration.settings import Settings

home, begin = Path(sys.argv[1]), float(sys.argv[2])
time.sleep(max(0, begin - time.time()))
with open_instance(Settings(home, "", home, ZoneInfo("UTC"))) as instance:
    instance.get_runs(limit=1)
"""


def start(workspace: Workspace, as_of: str, *only: str) -> subprocess.Popen[str]:
    """A recalculation in a process of its own; returns when it has loaded what it needs and begins."""
    where = workspace.settings
    arguments = [where.home, where.landing, where.segments, workspace.zone, workspace.moment(as_of).isoformat(), *only]
    process = subprocess.Popen(
        [sys.executable, "-c", RECALCULATE, *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.communicate()[1]
    return process


def test_a_run_that_is_killed_at_any_moment_shows_the_day_before_or_the_day_itself(tmp_path: Path):
    whole = begin(Workspace(tmp_path / "whole", "Europe/Istanbul"))
    whole.run(MIDNIGHTS[0])
    before = whole.public()
    arrive(whole, MIDNIGHTS[1])
    began = time.monotonic()
    whole.run(MIDNIGHTS[1])
    lasts = time.monotonic() - began + 4  # a process of its own also loads dbt
    after = whole.public()
    hurt = begin(Workspace(tmp_path / "hurt", "Europe/Istanbul"))
    hurt.run(MIDNIGHTS[0])
    arrive(hurt, MIDNIGHTS[1])
    killed = 0
    for part in (0.15, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95):
        process = start(hurt, MIDNIGHTS[1])
        time.sleep(lasts * part)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        assert hurt.public() in (before, after), part
    assert killed
    hurt.run(MIDNIGHTS[1])
    assert hurt.public() == after


def test_two_recalculations_at_once_end_as_one_after_the_other(tmp_path: Path):
    workspace = begin(Workspace(tmp_path, "Europe/Istanbul"))
    first = start(workspace, MIDNIGHTS[0])
    second = start(workspace, MIDNIGHTS[0])
    for process in (first, second):
        _, complaint = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, complaint
    assert workspace.members() == MEMBERS[0]
    assert workspace.rows("select count(*), sum(is_published::int) from raw.runs") == [(2, 2)]
    alone = begin(Workspace(tmp_path / "alone", "Europe/Istanbul"))
    alone.run(MIDNIGHTS[0])
    assert workspace.public() == alone.public()


def test_two_commands_at_once_both_succeed(tmp_path: Path):
    workspace = begin(Workspace(tmp_path, "Europe/Istanbul"))
    where = workspace.settings
    environment = {
        **os.environ, "SEGMENTS_HOME": str(where.home), "SEGMENTS_LANDING": where.landing,
        "SEGMENTS_TIMEZONE": workspace.zone, "SEGMENTS_TARGET": "",
    }  # fmt: skip
    command = [str(Path(sys.executable).parent / "segments"), "run", "--as-of", MIDNIGHTS[0], "--json"]
    pair = [
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment
        )
        for _ in range(2)
    ]
    for process in pair:
        output, complaint = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, complaint
        assert {row["segment"]: row["users"] for row in json.loads(output)["segments"]} == {
            **{segment: len(names.split()) for segment, names in MEMBERS[0].items()},
            **{"all_users": 4, "test_users": 0, "first_time_users": 0, "engaged_users": 0},
        }


def test_a_new_instance_of_dagster_can_be_opened_by_many_at_once(tmp_path: Path):
    begin_at = str(time.time() + 12)  # all have imported Dagster by then
    openers = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, str(tmp_path), begin_at],
            stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        )
        for _ in range(6)
    ]  # fmt: skip
    complaints = [process.communicate(timeout=PATIENCE)[1] for process in openers]
    assert [process.returncode for process in openers] == [0] * 6, complaints
