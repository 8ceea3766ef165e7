"""What a run was made from: it is kept for good, once, and goes when the run was never published."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from orchestration.history.inputs import LISTS, look_at_inputs
from orchestration.history.manifests import Manifest, definition_text, manifest_of
from orchestration.recalculation import prepare
from orchestration.segment_folder import segments_of
from orchestration.warehouse import connect
from tests.history.conftest import Told
from tests.orchestration import story
from tests.orchestration.workspace import Workspace, a_user, an_event

QUIET = f"name: quiet\nwho: {story.DEFINITIONS['quiet']}\n"
BUYERS = f"name: buyers\nwho: {story.DEFINITIONS['buyers']}\n"


def manifest(workspace: Workspace, run_no: int) -> Manifest:
    with connect(workspace.settings.warehouse) as connection:
        found = manifest_of(connection, run_no)
    assert found is not None
    return found


def text(workspace: Workspace, segment: str, definition_hash: str | None = None) -> str | None:
    with connect(workspace.settings.warehouse) as connection:
        return definition_text(connection, segment, definition_hash)


@pytest.mark.long
def test_each_run_says_which_files_it_read_and_what_was_in_them(told: Told):
    workspace = told.workspace
    names = [sorted(Path(one.url).stem for one in manifest(workspace, run).inputs.files) for run in (1, 2, 5)]
    assert names == [
        ["before", "devices", "users"],
        ["before", "devices", "second", "users"],
        ["before", "devices", "fourth", "late", "second", "users"],
    ]
    for one in manifest(workspace, 5).inputs.files:
        content = Path(one.url).read_bytes()
        assert (one.size, one.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    users = [one.sha256 for run in (2, 3) for one in manifest(workspace, run).inputs.files if one.table == "users"]
    assert len(set(users)) == 2


@pytest.mark.long
def test_each_run_says_by_which_rules_settings_and_code(told: Told):
    first, last = manifest(told.workspace, 1), manifest(told.workspace, 5)
    assert {one.segment: one.text for one in first.inputs.definitions}["buyers"] == BUYERS
    assert [one.segment for one in last.inputs.definitions] == ["buyers", "gold", "quiet"]
    assert [one.segment for one in last.inputs.definitions if one.definition_hash is None] == ["quiet"]
    assert first.inputs.settings["zone"] == "Europe/Istanbul"
    assert first.inputs.settings["strategies"] == {"": ["external_id", "email", "msisdn"]}
    assert first.inputs.settings["late_arrival_days"] == 3
    assert set(first.inputs.code) == {"version", "commit", "sources"}
    outcome, reason = last.rested["quiet"]
    assert outcome == "failed"
    assert "quiet.yml:2" in str(reason)
    assert first.rested == {}


@pytest.mark.long
def test_a_text_is_found_by_its_segment_and_by_its_hash(told: Told):
    workspace = told.workspace
    assert "within: 5 days" in str(text(workspace, "buyers"))
    assert text(workspace, "quiet") == QUIET, "a file with an error gives its last text without one"
    assert text(workspace, "gold_buyers") is None, "it is deleted"
    assert text(workspace, "never_was") is None
    old = {one.segment: one.definition_hash for one in manifest(workspace, 1).inputs.definitions}
    assert text(workspace, "buyers", old["buyers"]) == BUYERS
    assert "segment: gold" in str(text(workspace, "gold_buyers", old["gold_buyers"]))
    assert text(workspace, "gold", old["buyers"]) is None


@pytest.mark.long
def test_what_stays_the_same_is_stored_once(told: Told):
    assert told.workspace.rows(
        "select parse_filename(url, true), run_from, run_to from raw.run_files order by all"
    ) == [
        ("before", 1, None),
        ("devices", 1, None),
        ("fourth", 4, None),
        ("late", 5, None),
        ("second", 2, None),
        ("users", 1, 3),
        ("users", 3, None),
    ]  # fmt: skip
    texts = told.workspace.rows("select count(*), count(distinct sha256) from raw.definition_texts")
    assert texts == [(6, 6)]


@pytest.mark.parametrize("change", ["nothing", "everything"])
def test_what_a_dead_run_left_is_gone_with_its_number(tmp_path: Path, change: str):
    workspace = story.begin(Workspace(tmp_path))
    prepare(workspace.settings, workspace.moment("2026-03-02"))
    assert workspace.rows("select count(*) from raw.run_manifests") == [(1,)]
    with connect(workspace.settings.warehouse) as connection:
        assert manifest_of(connection, 1) is None, "it is not published"
        assert definition_text(connection, "gold") is None
    if change == "everything":
        workspace.define(gold="[{attribute: tier, equals: silver}]")
        workspace.land("users", a_user("ada"))
        workspace.land("events/before", an_event("ada", "visit", "2026-03-01T10:00:00Z"))
    prepare(workspace.settings, workspace.moment("2026-03-02"))
    assert workspace.rows("select run_no from raw.run_manifests") == [(1,)]
    assert workspace.rows("select count(*), min(run_from), max(run_to) from raw.run_files") == [(3, 1, None)]
    assert workspace.rows("select count(*) from raw.definition_texts") == [(4,)]


def test_a_list_is_among_the_files(tmp_path: Path):
    workspace = story.begin(Workspace(tmp_path))
    (workspace.settings.segments / "vip.csv").write_text("ada\n")
    workspace.define(vip="list: {file: vip.csv}\n")
    prepare(workspace.settings, workspace.moment("2026-03-02"))
    with connect(workspace.settings.warehouse) as connection:
        files = look_at_inputs(connection, workspace.settings, segments_of(workspace.settings)).files
    assert [(one.table, one.url, one.size, one.sha256) for one in files if one.table == LISTS] == [
        (LISTS, str(workspace.settings.segments / "vip.csv"), 4, hashlib.sha256(b"ada\n").hexdigest())
    ]
