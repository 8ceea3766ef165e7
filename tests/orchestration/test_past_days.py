"""Days that are over: what a segment would have been, next to what was recorded and to segments that came and went."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration import past_days
from orchestration.past_days import reconstruct_now
from segmentation.language.words import SYSTEM_SEGMENTS
from tests.orchestration.workspace import Workspace, a_device, a_user, an_event

pytestmark = pytest.mark.long

PRESENT = ("segments", "segment_members", "segment_membership", "segment_changes")
RULES = {
    "buyers": "[{did: purchase, within: 1 day}]",
    "gold": "[{attribute: tier, equals: gold}]",
    "gold_buyers": "[{segment: gold}, {segment: buyers}]",
    "monthly": "[{did: purchase, within: 1 month, count: {gte: 2}}]",
    "night": "[{did: purchase, within: yesterday, hours: ['00:00', '04:00']}]",
}
SPRING = ("2026-03-07", "2026-03-08", "2026-03-09")  # the 8th has 23 hours in New York
AUTUMN = ("2026-10-31", "2026-11-01")  # the 1st has 25
ENDS = ("2026-03-08", "2026-03-09", "2026-03-10", "2026-11-01", "2026-11-02")


def shop(workspace: Workspace) -> Workspace:
    """Ada and bea buy around both changes of clocks, cem never does; nothing of it changes later."""
    workspace.land("users", a_user("ada", tier="gold"), a_user("bea"), a_user("cem", tier="gold"))
    workspace.land("devices", a_device("ada", "ios"), a_device("bea", "web", installed=False))
    workspace.land(
        "events",
        an_event("ada", "purchase", "2026-02-09T05:00:00Z"),  # the first instant of 9 February in New York
        an_event("ada", "purchase", "2026-03-08T05:30:00Z"),  # 00:30
        an_event("bea", "purchase", "2026-03-09T04:00:00Z"),  # the instant that ends the short day
        an_event("bea", "purchase", "2026-11-01T05:30:00Z"),  # 01:30, the first time
        an_event("ada", "purchase", "2026-11-01T06:30:00Z"),  # 01:30, the second time
        an_event("ada", "purchase", "2026-11-02T04:59:59Z"),
    )
    workspace.define(**RULES)
    return workspace


def sizes(workspace: Workspace, **which: str) -> list[tuple[object, ...]]:
    """All of the daily sizes but how they came about."""
    where = " and ".join(f"{column} = '{value}'" for column, value in which.items()) or "true"
    return workspace.rows(
        f"select * exclude reconstructed from segments.segment_size_daily where {where} order by segment, day"
    )


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """What real runs recorded at the ends of these days."""
    workspace = shop(Workspace(tmp_path_factory.mktemp("recorded"), "America/New_York"))
    for midnight in ENDS:
        workspace.run(midnight)
    return workspace


def firsts(workspace: Workspace) -> set[tuple[str, str]]:
    """The days whose flows cover more than a day, because no run recorded the day before."""
    return {(segment, day) for (segment,) in workspace.rows("select segment from segments.segments")
            for day in (SPRING[0], AUTUMN[0])}  # fmt: skip


def test_a_chain_of_days_is_what_real_runs_recorded_on_them_across_both_changes_of_clocks(
    recorded: Workspace, tmp_path: Path
):
    afterwards = shop(Workspace(tmp_path, "America/New_York"))
    afterwards.reconstruct(*AUTUMN, *SPRING)  # in whatever order they are asked for
    gaps = firsts(recorded)
    told = [row for row in sizes(afterwards) if (row[0], str(row[1])) not in gaps]
    assert told == [row for row in sizes(recorded) if (row[0], str(row[1])) not in gaps]
    assert [row[2] for row in sizes(afterwards, segment="night")] == [0, 1, 1, 0, 2]
    assert [row[2] for row in sizes(afterwards, segment="monthly")] == [0, 1, 0, 0, 1]
    assert afterwards.rows("select distinct reconstructed from segments.segment_size_daily") == [(True,)]


def test_a_chain_is_what_its_days_are_one_by_one(tmp_path: Path):
    chained = shop(Workspace(tmp_path / "chained", "America/New_York"))
    chained.reconstruct(*SPRING)
    apart = shop(Workspace(tmp_path / "apart", "America/New_York"))
    for day in reversed(SPRING):
        apart.reconstruct(day)
    assert apart.public("segment_size_daily") == chained.public("segment_size_daily")


def test_a_new_segment_gets_its_past_and_nothing_else_moves(recorded: Workspace):
    before = recorded.public()
    recorded.define(newcomers="[{segment: buyers}, {attribute: tier, equals: gold}]")
    told = recorded.reconstruct(*SPRING, only=["newcomers"])
    assert (told.segments, told.failures) == (("newcomers",), {})
    assert recorded.days("newcomers") == {
        "2026-03-07": (0, 0, 0), "2026-03-08": (1, 1, 0), "2026-03-09": (0, 0, 1),
    }  # fmt: skip
    recorded.undefine("newcomers")
    after = recorded.public()
    assert {table: after[table] for table in PRESENT} == {table: before[table] for table in PRESENT}
    assert [row for row in after["segment_size_daily"] if row[0] != "newcomers"] == before["segment_size_daily"]


def test_a_recorded_day_stays_unless_somebody_asks_for_the_reconstruction_over_it(recorded: Workspace):
    recorded.define(buyers="[{did: purchase}]")  # today's rule was not the one of the day
    record = recorded.days("buyers")
    recorded.reconstruct(*SPRING[:2], "2026-03-01", only=["buyers"])
    assert recorded.days("buyers") == {"2026-03-01": (1, 0, 0), **record}
    recorded.reconstruct(SPRING[1], only=["buyers"], over_recorded=True)
    assert recorded.days("buyers") == {"2026-03-01": (1, 0, 0), **record, SPRING[1]: (1, 0, 0)}
    marked = recorded.rows(
        "select day::varchar from segments.segment_size_daily where segment = 'buyers' and reconstructed order by day"
    )
    assert marked == [("2026-03-01",), (SPRING[1],)]
    recorded.reconstruct(SPRING[1], only=["buyers"])  # without it, the record is back
    assert recorded.days("buyers") == {"2026-03-01": (1, 0, 0), **record}
    recorded.define(**RULES)


def test_what_dies_in_the_middle_leaves_whole_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    workspace = shop(Workspace(tmp_path, "America/New_York"))
    calls = iter(range(100))
    build = past_days.dbt

    def dies(*args: object, **kwargs: object) -> object:
        if next(calls) == 3:
            build(*args, **kwargs)  # type: ignore[arg-type]  # the day is built, and not yet published
            raise RuntimeError("the power went off")
        return build(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(past_days, "dbt", dies)
    with pytest.raises(RuntimeError, match="the power went off"):
        workspace.reconstruct(*SPRING)
    monkeypatch.undo()
    whole = {(row[0], str(row[1])) for row in sizes(workspace)}
    everyone = (*RULES, *SYSTEM_SEGMENTS)
    assert whole == {(segment, day) for segment in everyone for day in SPRING[:2]}  # the third was built, unpublished
    workspace.reconstruct(*SPRING)
    undisturbed = shop(Workspace(tmp_path / "undisturbed", "America/New_York"))
    undisturbed.reconstruct(*SPRING)
    assert workspace.public("segment_size_daily") == undisturbed.public("segment_size_daily")


def test_a_segment_that_cannot_be_computed_has_no_past_and_says_why(tmp_path: Path):
    workspace = shop(Workspace(tmp_path))
    workspace.define(
        fails="[{did: purchase, where: [{property: amount, as: number, gt: 1}]}]\nuniverse: known\n",
        reads_none="[{segment: odd}]",
        odd="when: now\n",
    )
    told = workspace.reconstruct("2026-03-08", only=["reads_none", "buyers"])
    assert told.segments == ("buyers",)
    assert len(told.problems) == 2
    assert {row[0] for row in sizes(workspace)} == {"buyers"}


# ---------------------------------------------------------------- next to segments that come and go


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


def test_no_days_and_no_segments_are_nothing(workspace: Workspace):
    assert reconstruct_now(workspace.settings, []).days == ()
    before = workspace.public()
    assert workspace.reconstruct("2026-03-01", only=["never_heard_of"]).segments == ()
    assert workspace.public() == before
