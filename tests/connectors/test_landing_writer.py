"""Landing files: whole or not at all, and nothing held that need not be."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from connectors.landing_files import TABLES, list_landing
from connectors.landing_writer import SCHEMAS, LandingFolder, PullUnderWay
from orchestration.landing.contract import CONTRACT

ROOT = Path(__file__).parents[2]


def test_every_table_has_the_columns_of_the_contract_that_it_needs() -> None:
    assert set(SCHEMAS) <= set(TABLES)
    for table, schema in SCHEMAS.items():
        assert set(schema.names) <= set(CONTRACT[table].columns)
        assert CONTRACT[table].missing(set(schema.names)) is None


def test_a_file_that_is_not_finished_is_not_there(tmp_path: Path) -> None:
    folder = LandingFolder(tmp_path)
    with folder.replacing("users", "a") as file:
        file.write({"user_id": "1"})
    before = folder.path("users", "a").read_bytes()
    with pytest.raises(ZeroDivisionError):
        _write(folder, 25_000, broken=24_000)
    assert [path.read_bytes() for path in (tmp_path / "users").iterdir()] == [before]


def _write(folder: LandingFolder, rows: int, broken: int) -> None:
    with folder.replacing("users", "a") as file:
        for number in range(rows):
            file.write({"user_id": str(number), "updated_at": 1 // (number - broken) and None})


def test_a_process_that_is_killed_leaves_what_landing_does_not_see(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from connectors.landing_writer import LandingFolder\n"
        "with LandingFolder(Path(sys.argv[1])).replacing('events', 'a') as file:\n"
        "    for n in range(20_001): file.write({'event': 'x', 'source': 's', 'source_user_id': str(n)})\n"
        "    os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, check=False)
    assert len(os.listdir(tmp_path / "events")) == 1
    killed = os.listdir(tmp_path / "events")
    with LandingFolder(tmp_path).replacing("events", "a") as file:
        file.write({"event": "x"})
    assert not set(killed) & set(os.listdir(tmp_path / "events"))  # what it left goes with the next attempt
    for table in ("users", "events"):
        with LandingFolder(tmp_path).replacing(table, "b") as file:
            file.write({"user_id": "1"} if table == "users" else {"event": "x"})
    assert [Path(one.url).name for one in list_landing(str(tmp_path))] == ["a.parquet", "b.parquet", "b.parquet"]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    folder = LandingFolder(tmp_path)
    contents = []
    for _ in range(2):
        with folder.replacing("users", "a") as file:
            for number in range(20_050):
                file.write({"user_id": str(number), "updated_at": datetime(2026, 1, 1, tzinfo=UTC)})
        contents.append(folder.path("users", "a").read_bytes())
    assert contents[0] == contents[1]


def test_an_id_that_is_no_name_of_a_file_is_spelled_out(tmp_path: Path) -> None:
    folder = LandingFolder(tmp_path)
    for name in ("../../x", "a/b", "ş*?[", "."):
        path = folder.path("audiences", f"mixpanel-{name}")
        assert path.parent == tmp_path / "audiences"
        assert path.resolve() == path


def test_newest_versions_stay_across_groups_of_rows_in_the_order_they_came(tmp_path: Path) -> None:
    folder = LandingFolder(tmp_path)
    many = 25_000
    with folder.replacing_newest("events", "a") as file:
        for number in range(many):
            file.write({"event_id": f"{number}"}, f"{number % 15_000}", number)
    assert file.rows == 15_000
    kept = pq.read_table(folder.path("events", "a")).column("event_id").to_pylist()
    assert kept == [str(number) for number in range(10_000, many)]
    assert len(os.listdir(tmp_path / "events")) == 1


def test_two_pulls_of_the_same_do_not_run_at_once(tmp_path: Path) -> None:
    folder = LandingFolder(tmp_path)
    with (
        folder.alone("mixpanel", "events"),
        pytest.raises(PullUnderWay, match="under way"),
        LandingFolder(tmp_path).alone("mixpanel", "events"),
    ):
        pass
    with folder.alone("mixpanel", "events"), folder.alone("mixpanel", "audiences"):
        pass
