"""`segments refresh` as a request: served here where nobody else does, or by Dagster, and what each of them tells."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from orchestration.definitions import build_defs
from orchestration.inbox import Inbox
from orchestration.instance import open_instance
from orchestration.names import REQUEST_TAG, SEGMENTS_JOB
from orchestration.segment_folder import segments_of
from orchestration.sensors.inbox import request_sensor
from orchestration.settings import read_settings
from tests.cli.conftest import Segments, data, write_definitions, write_landing

pytestmark = pytest.mark.long


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_definitions(tmp_path / "segments")
    write_landing(tmp_path / "home" / "landing")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGMENTS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEGMENTS_TIMEZONE", "UTC")
    for name in ("SEGMENTS_LANDING", "SEGMENTS_TARGET"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def requests(place: Path, state: str) -> list[str]:
    return sorted(path.stem for path in (place / "home/requests" / state).glob("*.json"))


@contextmanager
def dagster_serves() -> Iterator[list[str]]:
    """Looks of the sensor and the runs that they ask for, in a thread; yields ids of requests as they are served."""
    over, served = threading.Event(), []

    def look_and_run() -> None:
        settings = read_settings()
        sensor = request_sensor(settings, segments_of(settings))
        job = build_defs(settings).resolve_job_def(SEGMENTS_JOB)
        with open_instance(settings) as instance:
            while not over.wait(0.2):
                result = sensor(dg.build_sensor_context(instance=instance))
                for asked in result.run_requests or [] if isinstance(result, dg.SensorResult) else []:
                    served.append(asked.tags[REQUEST_TAG])
                    job.execute_in_process(
                        instance=instance, partition_key=asked.partition_key, tags=dict(asked.tags),
                        asset_selection=list(asked.asset_selection or []), raise_on_error=False,
                        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                    )  # fmt: skip

    settings = read_settings()
    Inbox(settings.home).say_served(settings.segments, segments_of(settings).definitions, datetime.now(UTC))
    thread = threading.Thread(target=look_and_run)
    thread.start()
    try:
        yield served
    finally:
        over.set()
        thread.join()


def test_where_dagster_serves_the_inbox_the_command_waits_for_it_and_tells_the_same(segments: Segments, place: Path):
    here = data(segments("refresh", "asked_for", "--as-of", "2026-01-15T12:00:00Z", "--by", "ada", "--json"))
    done = requests(place, "done")
    with dagster_serves() as served:
        there = segments("refresh", "asked_for", "--as-of", "2026-01-15T12:00:00Z", "--json")
        (place / "home/landing/users.jsonl").unlink()
        failed = segments("refresh", "gold", "--as-of", "2026-01-16")
    assert (there.exit_code, there.stderr) == (0, "")
    told = data(there)
    assert here["computed"] == told["computed"] == ["asked_for"]
    same = ("segment", "users", "status")
    assert [[one[name] for name in same] for one in here["segments"]] == [
        [one[name] for name in same] for one in told["segments"]
    ]
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert "no files of the table users" in failed.stderr
    assert requests(place, "done") == sorted([*done, served[0]])
    assert requests(place, "failed") == sorted(set(served[1:]))


def test_a_request_that_nobody_takes_is_served_by_whoever_asked(
    segments: Segments, place: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("orchestration.cli.requested.PATIENCE", timedelta(seconds=1))
    settings = read_settings()
    Inbox(settings.home).say_served(settings.segments, ["asked_for"], datetime.now(UTC))  # and then it was stopped
    told = data(segments("refresh", "asked_for", "--as-of", "2026-01-15", "--json"))
    assert told["computed"] == ["asked_for"]
    assert (requests(place, "new"), requests(place, "taken"), len(requests(place, "done"))) == ([], [], 1)


def test_without_waiting_the_request_stays_in_the_inbox(segments: Segments, place: Path):
    told = data(segments("refresh", "gold", "buyers_3d", "--by", "crm", "--no-wait", "--json"))
    assert requests(place, "new") == [told["id"]]
    assert (told["segments"], told["by"]) == (["gold", "buyers_3d"], "crm")
    assert not (place / "home/warehouse.duckdb").exists()
    said = segments("refresh", "gold", "--no-wait").stdout
    assert said.startswith("request 2")
    assert "segments dev" in said
    assert segments("refresh", "glod", "--no-wait").exit_code == 1
    assert len(requests(place, "new")) == 2


def test_a_run_that_fails_ends_the_request_with_its_reason(segments: Segments, place: Path):
    (place / "home/landing/users.jsonl").unlink()
    result = segments("refresh", "gold", "--as-of", "2026-01-15")
    assert result.exit_code == 1
    (failed,) = requests(place, "failed")
    found = Inbox(read_settings().home).look_up(failed)
    assert found is not None
    assert found[1].reason in result.stderr
