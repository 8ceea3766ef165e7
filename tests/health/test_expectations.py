"""How fresh and how large a segment is expected to be: tables of cases. No database."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from orchestration.health.expectations import promised, shrunk, size_band
from segmentation.clock import Clock, parse_as_of
from segmentation.language.folder import load_texts

RULE = "who: [{did: purchase}]\n"


@pytest.mark.parametrize(
    ("refresh", "zone", "now", "expected"),
    [
        # A tick counts six hours later: until then, a run may still be under way.
        ("daily", "UTC", "2026-03-02T05:59:59Z", "2026-03-01T00:00:00Z"),
        ("daily", "UTC", "2026-03-02T06:00:00Z", "2026-03-02T00:00:00Z"),
        ("daily", "Europe/Istanbul", "2026-03-02T02:59:59Z", "2026-02-28T21:00:00Z"),
        ("daily", "Europe/Istanbul", "2026-03-02T03:00:00Z", "2026-03-01T21:00:00Z"),
        # Three hours later what is due every three hours, an hour later what is due more often.
        ("every 3 hours", "UTC", "2026-03-02T11:59:59Z", "2026-03-02T06:00:00Z"),
        ("every 3 hours", "UTC", "2026-03-02T12:00:00Z", "2026-03-02T09:00:00Z"),
        ("every 15 minutes", "UTC", "2026-03-02T12:10:00Z", "2026-03-02T11:00:00Z"),
        ("0 6 1 * *", "UTC", "2026-03-31T23:00:00Z", "2026-03-01T06:00:00Z"),
        ("0 6 1 * *", "UTC", "2026-03-01T11:00:00Z", "2026-02-01T06:00:00Z"),
        ("manual", "UTC", "2026-03-02T12:00:00Z", None),
        ("once", "UTC", "2026-03-02T12:00:00Z", None),
        ("daily\npaused: true", "UTC", "2026-03-02T12:00:00Z", None),
    ],
)
def test_members_have_to_be_as_fresh_as_the_last_tick_that_a_run_had_time_for(
    refresh: str, zone: str, now: str, expected: str | None
):
    folder = load_texts({"one.yml": f"name: one\nrefresh: {refresh}\n{RULE}"})
    assert not folder.problems
    utc = ZoneInfo("UTC")
    found = promised(folder.definitions["one"], Clock(parse_as_of(now, utc), ZoneInfo(zone)))
    assert found == (parse_as_of(expected, utc) if expected else None)


@pytest.mark.parametrize(
    ("history", "low_and_high"),
    [
        ([], None),
        ([1000] * 6, None),
        ([1000] * 7, (700, 1300)),
        ([1000, 1000, 1000, 1000, 9000, 1000, 1000], (700, 1300)),  # one day out of line moves nothing
        ([100] * 7, (70, 130)),
        ([25] * 7, (10, 40)),  # three times its square root is more than 30 %
        ([4] * 7, (0, 14)),
        ([0] * 7, (0, 10)),
        ([5000] * 10 + [1000] * 28, (700, 1300)),  # what was before 28 days counts no more
        ([101] * 7, (71, 131)),  # 70.7 to 131.3
    ],
)
def test_a_size_is_expected_near_the_median_of_its_last_28_days(
    history: list[int], low_and_high: tuple[int, int] | None
):
    band = size_band(history)
    assert (band and (band.low, band.high)) == low_and_high


@pytest.mark.parametrize(
    ("users", "history", "is_shrunk"),
    [
        (499, [1000] * 7, True),
        (500, [1000] * 7, False),
        (499, [1000] * 6, False),
        (0, [1000] * 7, True),
        (6, [14] * 7, False),  # under half, and within what chance does
        (9, [40] * 7, True),
        (0, [0] * 28, False),
        (2000, [1000] * 7, False),
    ],
)
def test_a_segment_shrinks_if_it_loses_half_and_that_is_no_chance(users: int, history: list[int], is_shrunk: bool):
    assert (shrunk(users, history) is not None) == is_shrunk
