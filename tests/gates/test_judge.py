"""What gates say, by the facts: each closes on a story, and stays open just at its limit. No warehouse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestration.gates.asked import GATES, Case, answers
from orchestration.gates.calculated import Calculated
from orchestration.gates.facts import Events, Facts, Identified, Leaving, Reach
from orchestration.gates.judge import judge, require_open
from orchestration.gates.limits import Limits
from orchestration.gates.results import GateClosed, Override
from orchestration.settings import ROOT, read_file
from segmentation.language.parse import parse_text

CASES = yaml.safe_load((Path(__file__).parent / "cases.yml").read_text(encoding="utf-8"))
AT = datetime(2026, 1, 15, tzinfo=UTC)
OVERRIDE = Override("ayse@example.com", "the campaign is over")


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def calculated(told: Mapping[str, Any]) -> Calculated:
    name = told.get("segment", "gold")
    text = f"name: {name}\nrefresh: {told.get('refresh', 'daily')}\nwho: [{{did: purchase}}]\n"
    return Calculated(
        name,
        told.get("status", "ready"),
        told.get("reason"),
        told.get("users", 100),
        1,
        1,
        moment(told.get("as_of", AT.isoformat())),
        told.get("stale"),
        parse_text(text, f"{name}.yml").definition,
        (),
    )


def events(told: Mapping[str, Any]) -> Events:
    newest = moment(told.get("newest", "2026-01-14T23:00:00Z"))
    return Events(newest, told.get("days", 28), timedelta(hours=told.get("quiet_hours", 12)))


def identified(told: Mapping[str, Any]) -> Identified:
    found, asked = told.get("found", 100), told.get("asked", 100)
    return Identified(
        told.get("segment", "gold"),
        told.get("source", "users that Mixpanel reports"),
        found,
        asked,
        found / asked,
        told.get("floor", 0.5),
        moment(told.get("as_of", AT.isoformat())),
        moment(told.get("fetched_at", AT.isoformat())),
    )


def facts(told: Mapping[str, Any]) -> Facts:
    asked = told.get("events", {})
    return Facts(
        calculated(told.get("own", {})),
        tuple(calculated(one) for one in told.get("behind", ())),
        ZoneInfo("UTC"),
        AT,
        told.get("sizes", [100] * 7),
        told.get("universe", 1000),
        told.get("universe_sizes", [1000] * 7),
        events(asked) if asked is not None else None,
        tuple(identified(one) for one in told.get("identified", ())),
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_gate_closes_on_its_story_and_no_other_does(case: Mapping[str, Any]):
    leaving = Leaving(*case["leaving"]) if "leaving" in case else None
    reach = Reach(*case["reach"]) if "reach" in case else None
    results = judge(facts(case), Limits(**case.get("limits", {})), moment(case.get("at")), leaving=leaving, reach=reach)
    silent = {*(() if leaving else ("removals",)), *(() if reach or "identified" in case else ("match_rate",))}
    assert tuple(one.gate for one in results) == GATES
    assert {one.gate: one.said for one in results if one.state == "closed"} == case.get("closed", {})
    assert {one.gate for one in results if one.state == "unknown"} == {*silent, *case.get("unknown", ())}
    assert all(bool(one.said) == (one.state != "open") for one in results)


TROUBLE = {"at": "2026-01-17T00:00:00Z", "own": {"status": "failed"}, "universe_sizes": []}


def test_an_override_opens_every_closed_gate_and_is_kept_with_it():
    told, at, leaving = facts(TROUBLE), moment(TROUBLE["at"]), Leaving(100, 50)
    closed = judge(told, Limits(), at, leaving)
    assert [one.gate for one in closed if one.state == "closed"] == ["freshness", "removals", "upstream"]
    opened = judge(told, Limits(), at, leaving, OVERRIDE)
    require_open("gold", opened)
    for before, after in zip(closed, opened, strict=True):
        kept = {"by": OVERRIDE.by, "reason": OVERRIDE.reason, "state": "overridden"} if before.state == "closed" else {}
        assert after.told() == {**before.told(), **kept}
    assert judge(told, Limits(), at, leaving) == closed  # it was for one time


def test_whoever_may_not_leave_is_told_of_every_closed_gate_in_one_sentence():
    results = judge(facts(TROUBLE), Limits(), leaving=Leaving(100, 50))
    with pytest.raises(GateClosed) as raised:
        require_open("gold", results)
    assert str(raised.value) == (
        "gold stays where it is, with what was sent before: removals: 50 of 100 people who are out there would be taken"
        " back (50.0%), expected 20 or fewer; upstream: it is failed; an override needs a name and a reason"
    )
    assert raised.value.results == results


@pytest.mark.parametrize(("by", "reason"), [("", "why"), ("ayse", " ")])
def test_an_override_has_a_name_and_a_reason(by: str, reason: str):
    with pytest.raises(ValueError, match=r"^an override needs a name and a reason$"):
        Override(by, reason)


counts = st.integers(0, 10_000)


def is_closed(gate: str, told: Facts, limits: Limits, leaving: Leaving | None = None) -> bool:
    """By the numbers alone, which are compared in Python here."""
    answer = answers(Case(told, limits, AT, leaving, None))[gate]
    return not isinstance(answer, str) and any(one.value < one.bound for one in answer)  # type: ignore[operator]


@given(before=counts, removed=st.tuples(counts, counts), cap=st.floats(0, 1), few=st.integers(0, 50))
def test_more_removed_never_opens(before: int, removed: tuple[int, int], cap: float, few: int):
    less, more = sorted(min(number, before) for number in removed)
    limits = Limits(removal_cap=cap, few=few)
    closed = [is_closed("removals", facts({}), limits, Leaving(before, number)) for number in (less, more)]
    assert closed != [True, False]
    assert closed[1] == (more > few and before > 0 and more / before > cap)


@given(users=st.tuples(counts, counts), sizes=st.lists(counts, max_size=30), drop=st.floats(0, 1))
def test_fewer_users_never_open(users: tuple[int, int], sizes: list[int], drop: float):
    less, more = sorted(users)
    told = facts({"universe_sizes": sizes})
    closed = [is_closed("universe", replace(told, universe=one), Limits(universe_drop=drop)) for one in (more, less)]
    assert closed != [True, False]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("few = -1", r"found few = -1 under \[gates\], expected a whole number, or 0"),
        ("audience_days = 1.5", r"found audience_days = 1.5 under \[gates\], expected a whole number, or 0"),
        ("removal_cap = 15", r"found removal_cap = 15 under \[gates\], expected a share from 0 to 1"),
        ("universe_drop = true", r"found universe_drop = True under \[gates\], expected a share from 0 to 1"),
        ("removals = 0.5", r"found 'removals' under \[gates\], expected one of removal_cap, few, "),
    ],
)
def test_settings_of_gates_are_held_to_their_kind(tmp_path: Path, written: str, told: str):
    file = tmp_path / "settings.toml"
    file.write_text(f"[gates]\n{written}\n")
    with pytest.raises(ValueError, match=told):
        read_file(file)


def test_the_settings_that_come_with_it_are_the_defaults():
    assert read_file(ROOT / "settings.toml").gates == Limits()
