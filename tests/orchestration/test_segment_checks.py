"""What the checks of freshness and size say of segments after a run: tables of cases. No database."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from orchestration.assets.numbers import Numbers
from orchestration.assets.segment_checks import FRESHNESS, SIZE_BAND, evaluations, specs
from orchestration.recent_sizes import Size
from segmentation.clock import Clock, parse_as_of
from segmentation.language.folder import load_texts

ZONE = ZoneInfo("UTC")
NOW = Clock(parse_as_of("2026-03-03T00:00:00Z", ZONE), ZONE)
RULE = "who: [{did: purchase}]\n"


def told(
    beside: str = "", as_of: str | None = "2026-03-03", users: int = 100, days: int = 28, **numbers: Any
) -> dict[str, str | None]:
    """What each check says of one segment, None where it holds without a word; it had 100 users on each of the days."""
    folder = load_texts({"one.yml": f"name: one\n{beside}\n{RULE}"})
    assert not folder.problems
    moment = parse_as_of(as_of, ZONE) if as_of else None
    one = {"status": "ready", "is_new": True, **numbers}
    numbers_of_one = Numbers(one["status"], None, moment, one["is_new"], None, {}, 0, users, 0, 0, 0, 0, 0)
    sizes = [
        *(Size(date(2026, 1, 1) + timedelta(days=n), 9, True) for n in range(28)),
        *(Size(date(2026, 2, 1) + timedelta(days=n), 100) for n in range(days)),
        Size(date(2026, 3, 2), users),
    ]
    selected = {spec.key for spec in specs(folder)}
    found = list(evaluations(["one"], folder, {"one": numbers_of_one}, {"one": sizes}, NOW, selected))
    assert all(one.passed == (one.description is None or "too short" in one.description) for one in found)
    return {one.check_name: one.description for one in found}


OLD = "members are of 1 Mar 2026 23:59, but `daily` promises 2 Mar 2026 00:00 or later"
SHORT = "the history is too short to judge by: {} recorded days before this one, expected 7"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {FRESHNESS: None, SIZE_BAND: None}),
        ({"as_of": "2026-03-02", "is_new": False}, {FRESHNESS: None}),  # one missed run is what `recalculated` tells
        ({"as_of": "2026-03-01T23:59:59Z", "is_new": False, "status": "failed"}, {FRESHNESS: OLD}),
        ({"as_of": "2026-03-01T23:59:59Z", "is_new": False, "status": "not_active"}, {}),
        ({"as_of": None, "is_new": False, "status": "failed"}, {}),
        ({"beside": "refresh: manual", "as_of": "2025-01-01"}, {SIZE_BAND: None}),
        ({"beside": "refresh: once", "as_of": "2025-01-01", "is_new": False}, {}),
        ({"beside": "paused: true", "as_of": "2025-01-01", "is_new": False, "status": "not_active"}, {}),
        ({"users": 130}, {FRESHNESS: None, SIZE_BAND: None}),
        (
            {"users": 131},
            {FRESHNESS: None, SIZE_BAND: "131 users, expected 70 to 130: the median of 28 recorded days is 100"},
        ),
        (
            {"users": 0},
            {FRESHNESS: None, SIZE_BAND: "0 users, expected 70 to 130: the median of 28 recorded days is 100"},
        ),
        ({"users": 0, "days": 6}, {FRESHNESS: None, SIZE_BAND: SHORT.format(6)}),
        ({"users": 0, "days": 0}, {FRESHNESS: None, SIZE_BAND: SHORT.format(0)}),
    ],
)
def test_the_checks_of_a_segment_warn_of_old_members_and_of_sizes_out_of_line(
    given: dict[str, Any], expected: dict[str, str | None]
):
    assert told(**given) == expected


def test_only_what_a_schedule_recalculates_promises_to_be_fresh():
    folder = load_texts({
        "a.yml": f"name: a\n{RULE}",
        "b.yml": f"name: b\nrefresh: once\n{RULE}",
        "c.yml": f"name: c\nrefresh: manual\n{RULE}",
        "d.yml": f"name: d\npaused: true\n{RULE}",
        "e.yml": f"name: e\nrefresh: every 3 hours\n{RULE}",
    })  # fmt: skip
    found = [(spec.asset_key.path[-1], spec.name) for spec in specs(folder)]
    assert [name for name, check in found if check == FRESHNESS] == ["a", "e"]
    assert [name for name, check in found if check == SIZE_BAND] == ["a", "b", "c", "d", "e"]
