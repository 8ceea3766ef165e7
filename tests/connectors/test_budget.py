"""Allowances: counted across runs and processes, and planned with before anything is spent."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.budget import Allowance, Ledger, Pretended, Rate, rolling
from connectors.clock import ManualClock
from connectors.errors import BudgetSpent
from connectors.mixpanel.cohorts import calls_for, pace
from connectors.pulls.audiences import Choice
from connectors.pulls.plan import Plan, Wanted, plan_by_the_hour, plan_by_the_month
from tests.connectors.world import ALL, NOON, World

HOURLY = Allowance("query", "77", (rolling(3, timedelta(hours=1)),))
MONTHLY = Allowance("downloads", "77", (Rate(2, "month"),))


def test_what_an_earlier_run_spent_is_gone_for_this_one(tmp_path: Path) -> None:
    file = tmp_path / "budgets.sqlite3"
    for minute in range(3):
        assert Ledger(file).spend(HOURLY, NOON + timedelta(minutes=minute)) is None
    later = Ledger(file)
    assert later.left(HOURLY, NOON + timedelta(minutes=3)) == 0
    assert later.spend(HOURLY, NOON + timedelta(minutes=3)) == NOON + timedelta(hours=1, seconds=1)
    assert later.spend(HOURLY, NOON + timedelta(hours=1, seconds=1)) is None


def test_another_account_has_its_own(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "budgets.sqlite3")
    for _ in range(3):
        ledger.spend(HOURLY, NOON)
    assert ledger.spend(Allowance("query", "78", HOURLY.rates), NOON) is None


def test_processes_at_once_spend_no_more_than_there_is(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from datetime import UTC, datetime, timedelta;"
        "from connectors.budget import Allowance, Ledger, rolling; ledger = Ledger(Path(sys.argv[1]));"
        "hourly = Allowance('query', '77', (rolling(3, timedelta(hours=1)),)); "
        "now = datetime(2026, 1, 15, 12, tzinfo=UTC);"
        "print(sum(ledger.spend(hourly, now) is None for _ in range(5)))"
    )
    root = Path(__file__).parents[2]
    file = str(tmp_path / "budgets.sqlite3")
    Ledger(Path(file)).left(HOURLY, NOON)
    running = [
        subprocess.Popen([sys.executable, "-c", script, file], cwd=root, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert sum(int(one.communicate()[0]) for one in running) == 3


def test_a_spent_month_ends_a_pull_and_a_spent_hour_is_waited_for(tmp_path: Path) -> None:
    ledger, clock = Ledger(tmp_path / "budgets.sqlite3"), ManualClock(NOON)
    for _ in range(4):
        ledger.wait(HOURLY, clock, "members", vendor="v")
    assert clock.slept == [3601]
    ledger.wait(MONTHLY, clock, "members", vendor="v")
    ledger.wait(MONTHLY, clock, "members", vendor="v")
    with pytest.raises(BudgetSpent, match="downloads is spent until 2026-02-01 00:00 UTC"):
        ledger.wait(MONTHLY, clock, "members", vendor="v")
    clock.sleep(17 * 86400)
    ledger.wait(MONTHLY, clock, "members", vendor="v")


@given(st.lists(st.tuples(st.integers(0, 5000), st.sampled_from([0, 60])), max_size=40))
def test_calls_thought_of_are_the_calls_that_are_made(steps: list[tuple[int, int]]) -> None:
    ledger, clock = Ledger(Path(":memory:")), ManualClock(NOON)
    pretended = Pretended(HOURLY, [], NOON)
    for pause, apart in steps:
        clock.sleep(pause)
        pretended.at += timedelta(seconds=pause)
        ledger.wait(HOURLY, clock, "x", vendor="v", apart=timedelta(seconds=apart))
        assert pretended.call(timedelta(seconds=apart)) == clock.now()


def wanted(key: str, users: int, last: datetime | None = None) -> Wanted:
    return Wanted(key, key, users, calls_for(users), last)


def whens(plan: Plan) -> dict[str, str]:
    return {one.wanted.id: one.when for one in plan.planned}


def test_what_does_not_fit_into_tonight_comes_first_in_the_next_night() -> None:
    query = Allowance("query", "77", (rolling(60, timedelta(hours=1)),))
    yesterday, before = NOON - timedelta(days=1), NOON - timedelta(days=2)
    cohorts = [wanted("fresh", 900, yesterday), wanted("old", 299_000, before), wanted("new", 239_000),
               wanted("huge", 2_000_000), wanted("small", 10, before)]  # fmt: skip
    plan = plan_by_the_hour(cohorts, Pretended(query, [], NOON), 8, pace)
    assert [one.wanted.id for one in plan.planned] == ["new", "huge", "small", "old", "fresh"]
    assert whens(plan) == {
        "new": "tonight",
        "huge": "too large",
        "small": "tonight",
        "old": "later",
        "fresh": "tonight",
    }
    assert plan.calls == 242
    new = plan.tonight[0]
    assert new.starts == NOON
    assert new.ends is not None
    assert timedelta(hours=3, minutes=55) < new.ends - NOON < timedelta(hours=4, minutes=5)

    tomorrow = NOON + timedelta(days=1)
    again = [wanted("fresh", 900, tomorrow), wanted("old", 299_000, before), wanted("new", 239_000, tomorrow)]
    assert plan_by_the_hour(again, Pretended(query, [], tomorrow), 8, pace).planned[0].wanted.id == "old"


def test_a_month_of_downloads_is_shared_by_its_days() -> None:
    cohorts = [wanted(f"c{number:02}", 10) for number in range(30)]
    first = datetime(2026, 1, 1, tzinfo=UTC)
    assert len(plan_by_the_month(cohorts, 500, first).tonight) == 16
    assert len(plan_by_the_month(cohorts, 500, datetime(2026, 1, 31, 12, tzinfo=UTC)).tonight) == 30
    assert len(plan_by_the_month(cohorts, 3, first).tonight) == 1
    assert not plan_by_the_month(cohorts, 0, first).tonight


@pytest.mark.parametrize(("left", "today", "more"), [(500, 0, 16), (490, 10, 6), (484, 16, 0), (3, 0, 1), (2, 1, 0)])
def test_who_plans_often_has_the_share_of_a_day_once(left: int, today: int, more: int) -> None:
    cohorts = [wanted(f"c{number:02}", 10) for number in range(30)]
    assert len(plan_by_the_month(cohorts, left, datetime(2026, 1, 1, 20, tzinfo=UTC), today).tonight) == more


def test_a_plan_for_some_asks_nothing_and_counts_what_the_day_has_spent(here: World) -> None:
    here.amplitude.faults.per_month = 17  # and as many days are left
    prepared = here.bench.plan_audiences("amplitude", ALL, 1)
    asked = len(here.amplitude.calls)
    assert [one.when for one in prepared.plan_for({"b1gone", "k3vq81m"}).planned] == ["tonight", "later"]
    assert len(here.amplitude.calls) == asked
    assert not here.pull("amplitude", "audiences", choice=Choice("", ("b1gone",))).failures
    prepared = here.bench.plan_audiences("amplitude", ALL, 1)
    assert [one.when for one in prepared.plan.planned] == ["tonight", "later"]
    assert [(one.wanted.id, one.when) for one in prepared.plan_for({"k3vq81m"}).planned] == [("k3vq81m", "later")]


def test_a_plan_spends_the_list_and_nothing_else(here: World) -> None:
    prepared = here.bench.plan_audiences("mixpanel", None, 8)
    assert [(one.wanted.id, one.wanted.calls, one.when) for one in prepared.plan.planned] == [("41001", 3, "tonight")]
    assert here.mixpanel.calls == ["cohorts/list"]
    prepared = here.bench.plan_audiences("amplitude", None, 8)
    assert len(prepared.plan.tonight) == 2
    assert here.amplitude.calls == ["/api/3/cohorts", "/api/3/cohorts/usage"]
    assert here.files() == {}


def test_downloads_that_others_used_count_as_well(here: World) -> None:
    here.amplitude.faults.per_month = 0
    assert here.bench.plan_audiences("amplitude", None, 8).plan.left == 0
    here.amplitude.faults.usage_unknown = True  # unknown is not zero
    assert here.bench.plan_audiences("amplitude", None, 8).plan.left == 60
