"""Live segments from run to run: the log they keep, late events, edited rules, and runs that die.

| run | what has landed before it |
| --- | --- |
| 2 March 11:00 | ada's cart at 10:00; bea and cem visit at 9:00, cem is gold; dan's cart of the day before |
| 2 March 12:00 | late: ada's purchase at 10:05, eve's cart at 10:06; bea is gold now, and cem is not |
| 3 March 0:00 | nothing |
| 4 March 0:00 | late: eve's purchase of 2 March 10:10, fay's cart of 2 March 15:00; gus fills a cart at 23:00 |
| 7 March 0:00 | too late: fay's purchase of 2 March 15:05 |
| 7 March 10:00 | the rule waits 20 minutes from here on; gus bought after 15, hal's cart of 9:00 is quiet since |
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration import state
from orchestration.evaluation import evaluate
from segmentation.language.folder import load_folder
from tests.orchestration.workspace import Workspace, a_user, an_event

pytestmark = pytest.mark.long

RULES = {
    "abandoned": "live: {did: add_to_cart, then_not: purchase, within: 10 minutes}\n",
    "first_carts": "live: {did: add_to_cart, who: {did_not: purchase, within: 30 days}}\n",
    "gold_visits": "live: {did: visit, who: {attribute: tier, equals: gold}}\n",
    "readers": "who: [{segment: abandoned}]\n",
}
PEOPLE = ("ada", "dan", "eve", "fay", "gus", "hal")
LIVE = ("abandoned", "first_carts", "gold_visits")


def begin(workspace: Workspace) -> Workspace:
    workspace.define(**RULES)
    tiers(workspace, bea="basic", cem="gold")
    workspace.land(
        "events/second",
        an_event("dan", "add_to_cart", "2026-03-01T12:00:00Z"),
        an_event("ada", "add_to_cart", "2026-03-02T10:00:00Z"),
        an_event("bea", "visit", "2026-03-02T09:00:00Z"),
        an_event("cem", "visit", "2026-03-02T09:00:00Z"),
    )
    return workspace


def tiers(workspace: Workspace, **by_person: str) -> None:
    rows = [a_user(name) for name in PEOPLE] + [a_user(name, tier=tier) for name, tier in by_person.items()]
    workspace.land("users", *rows)


def late_in_the_day(workspace: Workspace) -> None:
    workspace.land(
        "events/late",
        an_event("ada", "purchase", "2026-03-02T10:05:00Z"),
        an_event("eve", "add_to_cart", "2026-03-02T10:06:00Z"),
    )
    tiers(workspace, bea="gold", cem="basic")


def log(workspace: Workspace) -> list[tuple[str, str, str, str, str]]:
    """Segment, person, instant, change and run, as text."""
    rows = workspace.rows(
        "select segment, user_id, qualified_at, change, as_of from segments.live_qualifications"
        " order by as_of, segment, user_id, change"
    )
    return [(segment, user, f"{at:%d %H:%M}", change, f"{as_of:%d %H:%M}") for segment, user, at, change, as_of in rows]


@dataclass
class Told:
    workspace: Workspace
    members: list[dict[str, str]] = field(default_factory=list)
    logs: list[Any] = field(default_factory=list)

    def run(self, as_of: str, only: tuple[str, ...] | None = None) -> None:
        self.workspace.run(as_of, only)
        self.members.append(self.workspace.members())
        self.logs.append(log(self.workspace))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    told = Told(begin(Workspace(tmp_path_factory.mktemp("live"))))
    workspace = told.workspace
    told.run("2026-03-02T11:00:00Z")
    late_in_the_day(workspace)
    told.run("2026-03-02T12:00:00Z", LIVE)
    told.run("2026-03-03")
    workspace.land(
        "events/fourth",
        an_event("eve", "purchase", "2026-03-02T10:10:00Z"),
        an_event("fay", "add_to_cart", "2026-03-02T15:00:00Z"),
        an_event("gus", "add_to_cart", "2026-03-03T23:00:00Z"),
    )
    told.run("2026-03-04")
    workspace.land(
        "events/seventh",
        an_event("fay", "purchase", "2026-03-02T15:05:00Z"),
        an_event("gus", "add_to_cart", "2026-03-06T23:00:00Z"),
        an_event("gus", "purchase", "2026-03-06T23:15:00Z"),
    )
    told.run("2026-03-07")
    workspace.define(abandoned="live: {did: add_to_cart, then_not: purchase, within: 20 minutes}\n")
    workspace.land(
        "events/edited",
        an_event("hal", "add_to_cart", "2026-03-07T09:00:00Z"),
        an_event("ada", "add_to_cart", "2026-03-07T09:30:00Z"),
        an_event("ada", "purchase", "2026-03-07T09:45:00Z"),
    )
    told.run("2026-03-07T10:00:00Z", ("abandoned",))
    return told


def test_who_qualified_today_is_in_and_read_by_others(told: Told):
    assert told.members[0] == {"abandoned": "ada", "first_carts": "ada", "gold_visits": "cem", "readers": "ada"}
    assert told.logs[0] == [  # dan's cart is older than the rule
        ("abandoned", "ada", "02 10:10", "qualified", "02 11:00"),
        ("first_carts", "ada", "02 10:00", "qualified", "02 11:00"),
        ("gold_visits", "cem", "02 09:00", "qualified", "02 11:00"),
    ]


def test_a_late_event_corrects_a_qualification_or_adds_one(told: Told):
    assert told.members[1]["abandoned"] == "eve"
    assert told.members[1]["readers"] == "eve"
    assert [row for row in told.logs[1] if row not in told.logs[0]] == [
        ("abandoned", "ada", "02 10:10", "corrected", "02 12:00"),
        ("abandoned", "eve", "02 10:16", "qualified", "02 12:00"),
        ("first_carts", "eve", "02 10:06", "qualified", "02 12:00"),
    ]


def test_a_filter_is_asked_once_of_what_people_are_and_at_the_instant_of_what_they_did(told: Told):
    assert told.members[1]["gold_visits"] == "cem"  # who is not gold any more; bea was not gold when she was judged
    assert told.members[1]["first_carts"] == "ada eve"  # ada bought later


def test_a_second_run_of_the_day_keeps_what_earlier_ones_said(told: Told):
    assert (told.members[2], told.logs[2]) == (told.members[1], told.logs[1])


def test_the_log_of_earlier_days_is_mended_and_their_members_are_gone(told: Told):
    assert told.members[3] == {"abandoned": "gus", "first_carts": "gus", "readers": "gus"}
    assert [row for row in told.logs[3] if row not in told.logs[2]] == [
        ("abandoned", "eve", "02 10:16", "corrected", "04 00:00"),
        ("abandoned", "fay", "02 15:10", "qualified", "04 00:00"),
        ("abandoned", "gus", "03 23:10", "qualified", "04 00:00"),
        ("first_carts", "fay", "02 15:00", "qualified", "04 00:00"),
        ("first_carts", "gus", "03 23:00", "qualified", "04 00:00"),
    ]


def test_what_is_later_than_the_setting_allows_changes_nothing(told: Told):
    assert told.members[4] == {"abandoned": "gus", "first_carts": "gus", "readers": "gus"}
    assert [row for row in told.logs[4] if row not in told.logs[3]] == [
        ("abandoned", "gus", "06 23:10", "qualified", "07 00:00"),
        ("first_carts", "gus", "06 23:00", "qualified", "07 00:00"),
    ]


def test_an_edited_rule_judges_from_its_day_on_and_does_not_mend_what_the_old_one_said(told: Told):
    assert told.members[5]["abandoned"] == "hal"
    assert [row for row in told.logs[5] if row not in told.logs[4]] == [
        ("abandoned", "hal", "07 09:20", "qualified", "07 10:00")
    ]
    assert told.workspace.changes("2026-03-07T10:00:00Z") == [
        ("abandoned", "entered", "definition", "hal"), ("abandoned", "left", "definition", "gus"),
        ("readers", "entered", "definition", "hal"), ("readers", "left", "definition", "gus"),
    ]  # fmt: skip


def test_members_are_those_that_an_evaluation_of_the_same_moment_finds(told: Told, tmp_path: Path):
    workspace = told.workspace
    out, as_of = tmp_path / "members.csv", workspace.moment("2026-03-07T10:00:00Z")
    result = evaluate(load_folder(workspace.settings.segments), workspace.settings, as_of, out)
    assert result.failed == {}
    assert out.read_text().split() == ["segment,user_id", "abandoned,hal", "first_carts,hal", "readers,hal"]


def test_a_past_day_is_reconstructed_without_the_log(told: Told):
    before = log(told.workspace)
    told.workspace.reconstruct("2026-03-02", over_recorded=True)
    assert log(told.workspace) == before
    # ada and eve bought in time, as is known today, and fay did at the fifth minute
    assert told.workspace.days("abandoned")["2026-03-02"] == (0, 0, 1)


def test_past_days_in_a_chain_are_what_they_are_one_by_one(told: Told):
    days = ("2026-03-01", "2026-03-02", "2026-03-03")
    told.workspace.reconstruct(*days, over_recorded=True)
    chained = told.workspace.public("segment_size_daily")
    for day in reversed(days):
        told.workspace.reconstruct(day, over_recorded=True)
    assert told.workspace.public("segment_size_daily") == chained


def test_a_run_that_dies_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    workspace = begin(Workspace(tmp_path))
    workspace.run("2026-03-02T11:00:00Z")
    before = workspace.public("live_qualifications", "segment_members")
    late_in_the_day(workspace)
    with monkeypatch.context() as patch:
        patch.setattr(state, "publish", _fail)
        with pytest.raises(RuntimeError, match="the power went off"):
            workspace.run("2026-03-02T12:00:00Z")
    assert workspace.public("live_qualifications", "segment_members") == before
    assert workspace.rows("select count(*) from state.live_log where run_no = 2")[0][0] > 0  # and nobody sees it
    workspace.run("2026-03-02T12:00:00Z", LIVE)
    again = log(workspace)
    assert len(again) == len(set(again)) == 6
    assert workspace.members()["abandoned"] == "eve"
    assert isinstance(workspace.rows("select max(as_of) from segments.live_qualifications")[0][0], datetime)


def _fail(*_: object) -> None:
    raise RuntimeError("the power went off")
