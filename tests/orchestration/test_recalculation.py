"""Day after day on hand-checked people, on demand, and runs that die on the way."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orchestration import dbt_runner, recalculation, state
from orchestration.dbt_runner import DbtFailed
from tests.orchestration.story import MEMBERS, MIDNIGHTS, arrive, begin
from tests.orchestration.workspace import Workspace, an_event, is_system

ISTANBUL = "Europe/Istanbul"


@dataclass
class Told:
    """The story, run to its end; `seen` is what readers saw after each midnight."""

    workspace: Workspace
    seen: list[dict[str, list[tuple[Any, ...]]]] = field(default_factory=list)
    members: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    told = Told(begin(Workspace(tmp_path_factory.mktemp("story"), ISTANBUL)))
    for midnight in MIDNIGHTS:
        arrive(told.workspace, midnight)
        told.workspace.run(midnight)
        told.seen.append(told.workspace.public())
        told.members.append(told.workspace.members())
    return told


def test_members_are_those_of_the_story_on_every_day(told: Told):
    assert tuple(told.members) == MEMBERS


def test_the_first_calculation_is_flagged_and_every_later_change_is_put_down_to_data(told: Told):
    causes = told.workspace.rows(
        "select as_of, cause, count(*) from segments.segment_changes join segments.segments using (segment)"
        " where kind = 'who' group by all order by all"
    )
    assert [(str(as_of), cause, changes) for as_of, cause, changes in causes] == [
        ("2026-03-01 21:00:00", "initial", 7),
        ("2026-03-02 21:00:00", "data", 3),
        ("2026-03-03 21:00:00", "data", 8),
        ("2026-03-04 21:00:00", "data", 6),
    ]
    assert told.workspace.changes("2026-03-04") == [
        ("buyers", "entered", "data", "cem"), ("buyers", "left", "data", "ada"),
        ("gold", "entered", "data", "cem"),
        ("gold_buyers", "entered", "data", "cem"), ("gold_buyers", "left", "data", "ada"),
        ("quiet", "entered", "data", "ada"), ("quiet", "entered", "data", "eve"), ("quiet", "left", "data", "cem"),
    ]  # fmt: skip


def test_a_person_who_comes_back_has_two_stays(told: Told):
    stays = told.workspace.rows(
        "select user_id, valid_from::date::varchar, valid_to::date::varchar from segments.segment_membership"
        " where segment = 'buyers' order by user_id, valid_from"
    )
    assert stays == [  # midnights in Istanbul, which are the evening before in UTC
        ("ada", "2026-03-01", "2026-03-03"),
        ("ada", "2026-03-04", None),
        ("bea", "2026-03-02", "2026-03-04"),
        ("cem", "2026-03-03", None),
    ]
    since = told.workspace.rows(
        "select user_id, since from segments.segment_members where segment = 'buyers' order by 1"
    )
    assert [(user, str(moment)) for user, moment in since] == [
        ("ada", "2026-03-04 21:00:00"),
        ("cem", "2026-03-03 21:00:00"),
    ]


def test_a_day_shows_its_last_size_and_who_came_and_went(told: Told):
    assert told.workspace.days("buyers") == {
        "2026-03-01": (1, 1, 0), "2026-03-02": (2, 1, 0), "2026-03-03": (2, 1, 1), "2026-03-04": (2, 1, 1),
    }  # fmt: skip
    assert told.workspace.days("quiet") == {
        "2026-03-01": (3, 3, 0), "2026-03-02": (2, 0, 1), "2026-03-03": (3, 2, 1), "2026-03-04": (3, 1, 1),
    }  # fmt: skip


def test_platforms_count_devices_in_use_and_one_person_in_each_of_hers(told: Told):
    rows = told.workspace.rows(
        "select day::varchar, ios, android, web from segments.segment_size_daily where segment = 'buyers' order by day"
    )
    assert rows == [
        ("2026-03-01", 1, 0, 0), ("2026-03-02", 1, 1, 1), ("2026-03-03", 0, 1, 1), ("2026-03-04", 1, 0, 0),
    ]  # fmt: skip


def test_every_size_shown_is_the_number_of_stored_members(told: Told):
    for seen, members in zip(told.seen, told.members, strict=True):
        counted = {segment: len(names.split()) for segment, names in members.items()}
        rows = [row for row in seen["segment_size_daily"] if not is_system(row[0])]
        last_day = max(row[1] for row in rows)
        assert {row[0]: row[2] for row in rows if row[1] == last_day} == counted
        assert {row[0]: row[4] for row in seen["segments"] if not is_system(row[0])} == counted


def test_the_same_moment_again_changes_nothing_that_readers_see(told: Told):
    told.workspace.run(MIDNIGHTS[-1])
    assert told.workspace.public() == told.seen[-1]


def test_history_does_not_go_back(told: Told):
    with pytest.raises(ValueError, match=r"the last run stands for 2026-03-04T21:00:00\+00:00, after 2026-03-03T21:00"):
        told.workspace.run(MIDNIGHTS[-2])
    assert told.workspace.public() == told.seen[-1]


# ---------------------------------------------------------------- days that are over (before the present moves on)


def test_past_days_in_any_order_show_what_would_have_been_and_leave_the_present_alone(told: Told):
    workspace = told.workspace
    present = ("segments", "segment_members", "segment_membership", "segment_changes")
    before = workspace.public(*present)
    for day in ("2026-03-03", "2026-02-26", "2026-02-28"):
        workspace.reconstruct(day, over_recorded=True)
        assert workspace.public(*present) == before, day
    assert workspace.days("buyers") == {
        "2026-02-26": (1, 1, 0),  # dan buys
        "2026-02-28": (0, 0, 1),  # and is out two days later
        "2026-03-01": (1, 1, 0), "2026-03-02": (2, 1, 0), "2026-03-03": (2, 1, 1), "2026-03-04": (2, 1, 1),
    }  # fmt: skip
    # Profiles are today's: cem was gold all along, and eve was there already.
    assert workspace.days("gold")["2026-03-03"] == (3, 0, 0)
    assert workspace.days("quiet")["2026-03-03"] == (3, 1, 1)
    marked = workspace.rows(
        "select distinct day::varchar from segments.segment_size_daily where reconstructed order by day"
    )
    assert [day for (day,) in marked] == ["2026-02-26", "2026-02-28", "2026-03-03"]
    assert workspace.rows(
        "from segments.segment_size_daily select segment, day group by all having count(*) > 1"
    ) == []  # fmt: skip


# ---------------------------------------------------------------- on demand


def test_a_refresh_sees_new_files_and_touches_only_what_is_named_and_what_reads_it(told: Told):
    workspace, noon = told.workspace, "2026-03-05T12:00:00+03:00"
    before = {row[0]: row for row in workspace.public("segments")["segments"]}
    workspace.land("events/noon", an_event("dan", "purchase", "2026-03-05T06:00:00Z"))
    prepared = workspace.run(noon, only=["buyers"])
    assert set(prepared.computed) == {"buyers", "gold_buyers"}
    assert workspace.members() == {**MEMBERS[-1], "buyers": "ada cem dan"}  # quiet still has dan
    after = {row[0]: row for row in workspace.public("segments")["segments"]}
    moved = {name for name in after if after[name] != before[name]}
    assert moved == {"buyers", "gold_buyers"}
    assert workspace.changes(noon) == [("buyers", "entered", "data", "dan")]
    assert workspace.days("buyers")["2026-03-05"] == (3, 1, 0)
    assert "2026-03-05" not in workspace.days("quiet")


# ---------------------------------------------------------------- runs that die


def break_dbt(monkeypatch: pytest.MonkeyPatch, folder: Path, change: Callable[[Path], object]) -> None:
    """Runs use a copy of the project in which something is wrong."""
    shutil.copytree(dbt_runner.DBT_SOURCE, folder, ignore=shutil.ignore_patterns("target", "logs"))
    change(folder)
    monkeypatch.setattr(dbt_runner, "DBT_SOURCE", folder)


def fail(*_: object, **__: object) -> None:
    raise RuntimeError("the power went off")


@pytest.fixture(scope="module")
def after_one_day(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = begin(Workspace(tmp_path_factory.mktemp("deaths"), ISTANBUL))
    workspace.run(MIDNIGHTS[0])
    arrive(workspace, MIDNIGHTS[1])
    return workspace


def test_a_run_that_dies_before_its_models_are_built_leaves_the_last_good_state(
    after_one_day: Workspace, told: Told, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(recalculation, "dbt", fail)
    with pytest.raises(RuntimeError, match="the power went off"):
        after_one_day.run(MIDNIGHTS[1])
    assert after_one_day.public() == told.seen[0]


def test_a_run_that_dies_between_its_models_leaves_the_last_good_state(
    after_one_day: Workspace, told: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    def no_sizes(project: Path) -> None:
        (project / "models/state/segment_size_log.sql").write_text(
            "{{ config(materialized='incremental') }}\n"
            "select error('the disk is full') as run_no from {{ ref('segment_stays') }}\n"
        )

    break_dbt(monkeypatch, tmp_path / "project", no_sizes)
    with pytest.raises(DbtFailed, match="the disk is full"):
        after_one_day.run(MIDNIGHTS[1])
    monkeypatch.undo()
    stored = after_one_day.rows("select count(*) from state.segment_stays where run_from = 2 or run_to = 2")
    assert stored[0][0] > 0  # what the dead run wrote is there, and nobody sees it
    assert after_one_day.public() == told.seen[0]


def test_a_run_that_dies_before_it_is_published_leaves_the_last_good_state(
    after_one_day: Workspace, told: Told, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(state, "publish", fail)
    with pytest.raises(RuntimeError, match="the power went off"):
        after_one_day.run(MIDNIGHTS[1])
    assert after_one_day.public() == told.seen[0]


def test_the_run_after_dead_ones_gives_what_an_undisturbed_one_gives(after_one_day: Workspace, told: Told):
    after_one_day.run(MIDNIGHTS[1])
    assert after_one_day.public() == told.seen[1]


def test_a_test_of_the_models_that_fails_keeps_the_run_from_readers(
    after_one_day: Workspace, told: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    def strict(project: Path) -> None:
        (project / "tests/assert_nobody_ever_leaves.sql").write_text(
            "select * from {{ ref('segment_changes_log') }} where change = 'left'\n"
        )

    arrive(after_one_day, MIDNIGHTS[2])
    break_dbt(monkeypatch, tmp_path / "project", strict)
    with pytest.raises(DbtFailed, match="assert_nobody_ever_leaves"):
        after_one_day.run(MIDNIGHTS[2])
    assert after_one_day.public() == told.seen[1]
