"""Days that are over, next to segments that came and went since."""

from __future__ import annotations

import pytest

from tests.orchestration.workspace import Workspace, a_user, an_event

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("past"))
    workspace.land("users", a_user("ada"), a_user("bea"))
    workspace.land("events", an_event("ada", "purchase", "2026-03-01T10:00:00Z"))
    workspace.define(buyers="[{did: purchase, within: 1 day}]")
    return workspace


def test_a_past_day_can_come_before_any_run(workspace: Workspace):
    workspace.reconstruct("2026-03-01")
    assert workspace.days("buyers") == {"2026-03-01": (1, 1, 0)}
    workspace.run("2026-03-02")
    assert workspace.changes("2026-03-02") == [("buyers", "entered", "initial", "ada")]


def test_a_segment_that_a_past_day_saw_first_keeps_its_number(workspace: Workspace):
    workspace.define(visitors="[{did: visit}]")
    workspace.reconstruct("2026-02-28")
    workspace.define(absent="[{did_not: purchase}]")  # its name comes before that of visitors
    workspace.run("2026-03-03")
    assert workspace.members() == {"absent": "bea"}
    assert "2026-02-28" not in workspace.days("absent")
    assert workspace.days("visitors") == {"2026-02-28": (0, 0, 0), "2026-03-02": (0, 0, 0)}


def test_a_segment_whose_file_is_gone_keeps_the_days_it_had(workspace: Workspace):
    before = workspace.days("buyers")
    workspace.undefine("buyers")
    workspace.reconstruct("2026-03-01")
    assert workspace.days("buyers") == before
    assert workspace.statuses()["buyers"] == "ready"  # until a run takes notice
