"""Ready to use from one local midnight to another: a flag that runs find in the file, and what they show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.visibility import Shown, shown
from segmentation.clock import Clock, parse_as_of


def seen(zone: str, runs: str) -> list[str]:
    """Those of the runs that show the segment. Runs are local moments, with the flag that each finds: `02 10:00 on`."""
    told, now = [], Shown()
    for run in runs.split(", "):
        day, time, flag = run.split()
        as_of = datetime.fromisoformat(f"2026-03-{day}T{time}").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        now = step(now, flag == "on", as_of, zone)
        if is_shown(now, as_of):
            told.append(f"{day} {time}")
    return told


def step(before: Shown, flag: bool, as_of: datetime, zone: str) -> Shown:
    last = Clock(as_of - timedelta(microseconds=1), ZoneInfo(zone))
    return shown(before, flag, last.midnight(last.today + timedelta(days=1)))


def is_shown(one: Shown, as_of: datetime) -> bool:
    return one.start is not None and one.start <= as_of and (one.end is None or as_of < one.end)


@pytest.mark.parametrize(
    ("runs", "shows"),
    [
        ("02 10:00 on, 02 23:59 on, 03 00:00 on", ["03 00:00"]),  # golden 27
        ("02 23:59 off, 03 00:00 on", ["03 00:00"]),  # set since the last run, found at midnight itself
        ("02 00:00 on, 02 10:00 off, 02 23:59 off, 03 00:00 off", ["02 00:00", "02 10:00", "02 23:59"]),
        ("02 00:00 on, 02 23:59 on, 03 00:00 off, 04 00:00 off", ["02 00:00", "02 23:59"]),
        ("02 10:00 on, 02 18:00 off, 03 00:00 off, 04 00:00 off", []),  # for a day only, hence never
        ("02 10:00 on, 03 00:00 off, 04 00:00 off", []),
        ("02 00:00 on, 02 10:00 off, 02 18:00 on, 03 00:00 on", ["02 00:00", "02 10:00", "02 18:00", "03 00:00"]),
        ("02 00:00 on, 02 10:00 off, 03 00:00 on, 03 10:00 on", ["02 00:00", "02 10:00", "03 00:00", "03 10:00"]),
        ("02 00:00 on, 02 10:00 off, 03 08:00 on, 04 00:00 on", ["02 00:00", "02 10:00", "04 00:00"]),
        ("02 10:00 on, 05 07:00 on", ["05 07:00"]),  # no run at midnight: the first one after it shows it
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Istanbul", "America/New_York"])
def test_a_flag_takes_effect_at_the_next_local_midnight_both_ways(zone: str, runs: str, shows: list[str]):
    assert seen(zone, runs) == shows


@pytest.mark.parametrize(
    ("zone", "found", "shown_from"),
    [
        ("Europe/Istanbul", "2026-03-02T10:00:00+03:00", "2026-03-02T21:00:00Z"),
        ("America/New_York", "2026-03-08T01:30:00-05:00", "2026-03-09T04:00:00Z"),  # a day of 23 hours
        ("America/New_York", "2026-11-01T10:00:00-05:00", "2026-11-02T05:00:00Z"),  # a day of 25 hours
        ("Africa/Cairo", "2026-04-23T12:00:00Z", "2026-04-23T22:00:00Z"),  # whose next day begins at 01:00
        ("America/Havana", "2026-10-31T12:00:00Z", "2026-11-01T04:00:00Z"),  # where midnight comes twice: the first
        ("America/Havana", "2026-11-01T04:30:00Z", "2026-11-02T05:00:00Z"),  # between the two of them
        ("America/Havana", "2026-11-01T05:00:00Z", "2026-11-02T05:00:00Z"),  # and at the second
    ],
)
def test_midnight_is_where_the_clocks_of_the_workspace_have_it(zone: str, found: str, shown_from: str):
    assert step(Shown(), True, parse_as_of(found, ZoneInfo(zone)), zone) == Shown(
        parse_as_of(shown_from, ZoneInfo(zone))
    )


def test_a_midnight_that_a_refresh_overtook_still_counts():
    midnight, following = (datetime(2026, 3, day, tzinfo=UTC) for day in (3, 4))
    first = shown(Shown(), True, following)  # half a minute into the day, before the tick of midnight was served
    assert shown(first, True, midnight) == Shown(midnight)


FLAGS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), max_size=12)


@given(FLAGS)
def test_what_is_shown_is_the_flag_that_was_found_last_before_the_last_midnight(flags: list[tuple[int, int, bool]]):
    days = [datetime(2026, 3, 2, tzinfo=UTC) + timedelta(days=n) for n in range(5)]
    found = sorted((days[day] + timedelta(hours=6 * (quarter + 1)), flag) for day, quarter, flag in flags)
    now = Shown()
    for at, (as_of, flag) in enumerate(found):
        now = step(now, flag, as_of, "UTC")
        midnight = as_of.replace(hour=0)
        earlier = [one for moment, one in found[: at + 1] if moment <= midnight]
        assert is_shown(now, as_of) == (earlier[-1] if earlier else False)
