"""When activations tick, and when one is due: tables of cases, with changes of clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from orchestration.activation.due import PATIENCE, Handled, first_seen, look, next_due
from orchestration.activation.named import Activation, activations_of
from orchestration.activation.news import Change, News, SegmentNews
from orchestration.activation.rhythms import in_words, last_tick, next_tick
from segmentation.clock import Clock
from segmentation.language.folder import load_texts
from segmentation.language.model import Definition

TICKS = yaml.safe_load((Path(__file__).parent / "ticks.yml").read_text())
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
CAME, WENT = ("entered", "data"), ("left", "data")


@pytest.mark.parametrize("case", TICKS, ids=[f"{one['when']} {one['zone']} {one['now']}" for one in TICKS])
def test_a_rhythm_ticks_on_the_wall_clock_of_the_workspace(case: dict):
    zone = ZoneInfo(case["zone"])
    assert last_tick(case["when"], case["now"], zone) == case["last"]
    assert next_tick(case["when"], case["now"], zone) == case["next"]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu"])
@pytest.mark.parametrize("when", ["daily", "0 * * * *", "30 2 * * *", "15 1,2,3 * * *", {"weekly": "sun"}])
def test_a_tick_that_follows_is_the_last_one_once_it_is_there(zone: str, when: object):
    where, now = ZoneInfo(zone), datetime(2018, 10, 27, 12, tzinfo=UTC)
    while now < datetime(2018, 11, 6, tzinfo=UTC):
        following = next_tick(when, now, where)  # type: ignore[arg-type]
        assert last_tick(when, now, where) <= now < following  # type: ignore[arg-type]
        assert last_tick(when, following, where) == following  # type: ignore[arg-type]
        now = following


def given(when: str, more: str = "", refresh: str = "daily") -> tuple[Activation, Definition]:
    """An activation with some rhythms, and its segment."""
    items = "".join(f"  - {{to: meta, audience: '1', when: {one}{more}}}\n" for one in when.split(" and "))
    text = f"name: gold\nrefresh: {refresh}\nwho: [{{tag: gold}}]\nactivate:\n{items}"
    folder = load_texts({"gold.yml": text})
    assert not folder.problems
    definition = folder.definitions["gold"]
    return activations_of(definition)[0], definition


def news(as_of: datetime, run_no: int = 5, members: datetime | None = None, **changes: int) -> News:
    """News of a run; `changes` are run numbers by way and cause: `entered_data=4`."""
    told = {
        (way, cause): Change(number, as_of, 1)
        for (way, cause), number in ((name.split("_"), number) for name, number in changes.items())
    }
    return News(run_no, as_of, {"gold": SegmentNews(members or as_of, told)})


def due(
    when: str, handled: Handled, told: News, now: datetime, *, more: str = "", refresh: str = "daily"
) -> tuple[str, datetime] | None:
    activation, definition = given(when, more, refresh)
    found = look(activation, definition, handled, told, Clock(now, ZoneInfo("UTC"))).due
    return (found.name, found.at) if found else None


YESTERDAY = Handled(5, {"daily": MIDNIGHT - DAY, "weekly: mon": MIDNIGHT - 7 * DAY, "0 9 * * *": MIDNIGHT - 15 * HOUR})
DAILY = ("daily 2026-03-02T00:00:00Z", MIDNIGHT)
BY_CLOCK = [
    ("the night is published", "daily", "daily", MIDNIGHT, MIDNIGHT, (1,), DAILY),
    ("the night is not published yet", "daily", "daily", MIDNIGHT - DAY, MIDNIGHT - DAY, (1,), None),
    ("a night that published nothing for hours", "daily", "daily", MIDNIGHT - DAY, MIDNIGHT - DAY, (0, 3, 6),
     (DAILY[0], MIDNIGHT + PATIENCE)),
    ("a night that published nothing for not so long", "daily", "daily", MIDNIGHT - DAY, MIDNIGHT - DAY, (0, 3, 5),
     None),
    ("it stays due as of the same moment", "daily", "daily", MIDNIGHT - DAY, MIDNIGHT - DAY, (0, 6, 9),
     (DAILY[0], MIDNIGHT + PATIENCE)),
    ("the machine was off until the morning", "daily", "daily", MIDNIGHT - DAY, MIDNIGHT - DAY, (8,), None),
    ("and has caught up", "daily", "daily", MIDNIGHT, MIDNIGHT, (8,), DAILY),
    ("and does not catch up for hours", "daily", "daily", MIDNIGHT - DAY, MIDNIGHT - DAY, (8, 13, 14),
     (DAILY[0], MIDNIGHT + 8 * HOUR + PATIENCE)),
    ("a refresh overtook the night", "daily", "daily", MIDNIGHT + HOUR / 60, MIDNIGHT + HOUR / 60, (1,), DAILY),
    ("somebody refreshed another segment after midnight", "daily", "daily", MIDNIGHT, MIDNIGHT - DAY, (1,), None),
    ("its own calculation failed in the night", "daily", "daily", MIDNIGHT, MIDNIGHT - DAY, (0, 6),
     (DAILY[0], MIDNIGHT + PATIENCE)),
    ("nothing recalculates it by itself", "daily", "manual", MIDNIGHT, MIDNIGHT - 90 * DAY, (1,), DAILY),
    ("nothing recalculates it, and the night is not over", "daily", "manual", MIDNIGHT - DAY, MIDNIGHT - DAY, (1,),
     None),
    ("every three hours means midnight as well", "daily", "every 3 hours", MIDNIGHT, MIDNIGHT - 3 * HOUR, (1,), None),
    ("a schedule without a midnight", "daily", "0 6 * * *", MIDNIGHT, MIDNIGHT - 18 * HOUR, (1,), DAILY),
    ("a schedule without a midnight, which missed its tick", "daily", "0 6 * * *", MIDNIGHT, MIDNIGHT - 42 * HOUR,
     (1,), None),
    ("a week", "{weekly: mon}", "daily", MIDNIGHT, MIDNIGHT, (1,), ("weekly: mon 2026-03-02T00:00:00Z", MIDNIGHT)),
    ("a week that was missed until the morning", "{weekly: mon}", "daily", MIDNIGHT - DAY, MIDNIGHT - DAY, (8,), None),
    ("a time of the day waits for nobody", "0 9 * * *", "daily", MIDNIGHT - DAY, MIDNIGHT - DAY, (9,),
     ("0 9 * * * 2026-03-02T09:00:00Z", MIDNIGHT + 9 * HOUR)),
    ("a time of the day that is still to come", "0 9 * * *", "daily", MIDNIGHT, MIDNIGHT, (8,), None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("case", "when", "refresh", "published", "members", "looks", "expected"), BY_CLOCK, ids=[one[0] for one in BY_CLOCK]
)
def test_an_activation_with_a_clock_waits_for_the_members_of_the_night_but_not_for_ever(
    case: str,
    when: str,
    refresh: str,
    published: datetime,
    members: datetime,
    looks: tuple[int, ...],
    expected: tuple[str, datetime] | None,
):
    (activation, definition), told, handled = given(when, refresh=refresh), news(published, members=members), YESTERDAY
    *before, last = (MIDNIGHT + hours * HOUR for hours in looks)
    for now in before:
        handled = look(activation, definition, handled, told, Clock(now, ZoneInfo("UTC"))).handled
    assert due(when, handled, told, last, refresh=refresh) == expected, case


CHANGES = [
    ("entered", "on_enter", "", {"entered_data": 6}, True),
    ("left", "on_enter", "", {"left_data": 6}, False),
    ("left, where leaving counts", "on_leave", "", {"left_data": 6}, True),
    ("entered, where leaving counts", "on_leave", "", {"entered_data": 6}, False),
    ("either", "on_change", "", {"left_data": 6}, True),
    ("first members", "on_change", "", {"entered_initial": 6}, False),
    ("first members, which are asked for", "on_change", ", also: [initial]", {"entered_initial": 6}, True),
    ("an edit", "on_change", "", {"entered_definition": 6, "left_definition": 6}, False),
    ("an edit, where first members are asked for", "on_change", ", also: [initial]", {"left_definition": 6}, False),
    ("an edit, which is asked for", "on_leave", ", also: [definition]", {"left_definition": 6}, True),
    ("long ago", "on_change", "", {"entered_data": 5}, False),
    ("changes of a rhythm that has a clock", "daily", "", {"entered_data": 6}, False),
]  # fmt: skip


@pytest.mark.parametrize(("case", "when", "more", "changes", "is_due"), CHANGES, ids=[one[0] for one in CHANGES])
def test_changes_set_an_activation_off_by_their_way_and_cause(
    case: str, when: str, more: str, changes: dict[str, int], is_due: bool
):
    told = news(MIDNIGHT, run_no=7, **changes)
    handled = Handled(5, {"daily": MIDNIGHT})
    expected = ("run 6 2026-03-02T00:00:00Z", MIDNIGHT) if is_due else None
    assert due(when, handled, told, MIDNIGHT + HOUR, more=more) == expected, case


def test_of_missed_ticks_the_latest_counts():
    handled = Handled(5, {"daily": MIDNIGHT - 5 * DAY})
    assert due("daily", handled, news(MIDNIGHT), MIDNIGHT + HOUR) == DAILY


def test_a_tick_does_not_wait_less_because_the_one_before_it_waited():
    (activation, definition), told = given("daily"), news(MIDNIGHT - 2 * DAY)
    handled = Handled(5, {"daily": MIDNIGHT - 2 * DAY})
    for hours, expected in ((-20, None), (1, None), (6, None), (7, (DAILY[0], MIDNIGHT + HOUR + PATIENCE))):
        now = MIDNIGHT + hours * HOUR
        assert due("daily", handled, told, now) == expected
        handled = look(activation, definition, handled, told, Clock(now, ZoneInfo("UTC"))).handled


def test_what_was_there_before_an_activation_was_seen_is_not_sent_by_itself():
    activation, definition = given("daily and on_enter")
    told = news(MIDNIGHT, run_no=7, entered_data=7)
    seen = first_seen(activation, told, MIDNIGHT + HOUR)
    assert look(activation, definition, seen, told, Clock(MIDNIGHT + 2 * HOUR, ZoneInfo("UTC"))).due is None
    following = news(MIDNIGHT + DAY, run_no=8, entered_data=8)
    assert due("daily and on_enter", seen, following, MIDNIGHT + DAY + HOUR) == (
        "daily 2026-03-03T00:00:00Z; run 8 2026-03-03T00:00:00Z",
        MIDNIGHT + DAY,
    )


def test_a_rhythm_that_is_added_begins_then_and_changes_before_it_are_left_alone():
    activation, definition = given("daily")
    told, clock = news(MIDNIGHT, run_no=7, entered_data=7), Clock(MIDNIGHT + HOUR, ZoneInfo("UTC"))
    handled = look(activation, definition, Handled(5, {"daily": MIDNIGHT}), told, clock).handled
    assert due("on_enter and 0 9 * * *", handled, told, MIDNIGHT + 2 * HOUR) is None


def test_once_it_is_handled_nothing_is_due_and_a_new_warehouse_begins_anew():
    activation, definition = given("daily and on_change")
    told, clock = news(MIDNIGHT, run_no=7, left_data=6), Clock(MIDNIGHT + HOUR, ZoneInfo("UTC"))
    found = look(activation, definition, YESTERDAY, told, clock)
    assert found.due is not None
    assert look(activation, definition, found.due.handled, told, clock).due is None
    anew = news(MIDNIGHT, run_no=2, left_data=2)
    assert look(activation, definition, found.due.handled, anew, clock).due is not None


def test_rhythms_are_told_in_words_and_by_their_next_tick():
    activation, _ = given("{weekly: mon} and 0 9 * * * and on_leave")
    assert [in_words(one) for one in activation.whens] == [
        "each Monday after the night's calculation", "at the ticks of `0 9 * * *`", "when somebody leaves",
    ]  # fmt: skip
    assert next_due(activation, Clock(MIDNIGHT, ZoneInfo("UTC"))) == MIDNIGHT + 9 * HOUR
    assert next_due(given("on_leave")[0], Clock(MIDNIGHT, ZoneInfo("UTC"))) is None
    assert in_words({"monthly": 31}) == "on day 31 of each month, or its last, after the night's calculation"
