"""A segment whose SQL fails only when it runs: it fails alone, and loses nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.dbt_runner import DbtFailed
from segmentation.plan import events
from segmentation.plan.sql import Sql
from tests.orchestration.workspace import Workspace, a_user, an_event

NIGHT = "[{did: visit, hours: ['22:00', '06:00']}]"


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    shop = Workspace(tmp_path)
    shop.land("users", a_user("ada"), a_user("bea"), a_user("cem"))
    shop.land(
        "events", an_event("ada", "visit", "2026-03-01T23:00:00Z"), an_event("bea", "visit", "2026-03-01T12:00:00Z")
    )
    shop.define(
        visitors="[{did: visit}]", night="{all: " + NIGHT + "}", awake="[{segment: visitors}, {not: {segment: night}}]"
    )
    return shop


def test_the_others_are_recalculated_and_it_keeps_its_last_good_members(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
):
    shop.run("2026-03-02")
    assert shop.members() == {"visitors": "ada bea", "night": "ada", "awake": "bea"}
    shop.land("events-2", an_event("cem", "visit", "2026-03-02T23:30:00Z"))
    (shop.root / "landing" / "events").mkdir()
    (shop.root / "landing" / "events-2.jsonl").rename(shop.root / "landing" / "events" / "second.jsonl")
    (shop.root / "landing" / "events.jsonl").rename(shop.root / "landing" / "events" / "first.jsonl")
    monkeypatch.setattr(events, "in_hours", lambda hours: Sql("error('the clock is broken')::boolean"))
    run = shop.run("2026-03-03")
    assert shop.members() == {"visitors": "ada bea cem", "night": "ada", "awake": "bea cem"}
    assert shop.statuses() == {"visitors": "ready", "night": "failed", "awake": "stale"}
    assert "the clock is broken" in run.failures["night"]
    monkeypatch.undo()
    shop.run("2026-03-04")
    assert shop.members() == {"visitors": "ada bea cem", "night": "ada cem", "awake": "bea"}


@pytest.mark.long
def test_a_failure_that_is_no_segments_fault_is_told_as_it_is(shop: Workspace, monkeypatch: pytest.MonkeyPatch):
    shop.run("2026-03-02")
    before = shop.public()
    monkeypatch.setattr("orchestration.recalculation.culprits", lambda *_: {})
    monkeypatch.setattr(events, "in_hours", lambda hours: Sql("error('the clock is broken')::boolean"))
    with pytest.raises(DbtFailed, match="the clock is broken"):
        shop.run("2026-03-03")
    assert shop.public() == before
