"""The clock: what every window covers, where days begin, and how moments and zones are written."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.clock import Bounds, Clock, anniversary_days, bounds, parse_as_of, parse_zone, shift
from segmentation.language import model as m
from segmentation.language.parse import parse_text
from segmentation.language.yaml_file import plain, read_yaml

TABLE = Path(__file__).parent / "windows.yml"
ZONES = ["UTC", "Europe/Istanbul", "America/New_York", "America/Havana", "America/Sao_Paulo", "Australia/Lord_Howe",
         "Asia/Kolkata", "Pacific/Apia", "America/St_Johns", "Africa/Casablanca"]  # fmt: skip


def windows() -> list[Any]:
    node, _ = read_yaml(TABLE.read_text(encoding="utf-8"))
    assert node is not None
    return [pytest.param(case, id=json.dumps(case["window"]) + f" at {case['as_of']}") for case in plain(node)]


def window_of(leaf: dict[str, Any]) -> m.Window:
    parsed = parse_text(json.dumps({"name": "case", "who": leaf}), "case.yml")
    assert parsed.definition is not None, parsed.problems
    body = parsed.definition.body
    if isinstance(body, m.Did):
        assert body.window is not None
        return body.window
    assert isinstance(body, m.Attribute)
    (test,) = body.check.tests
    assert test.operator == "window"
    return test.value  # type: ignore[return-value]


def instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


@pytest.mark.parametrize("case", windows())
def test_a_window_covers_what_the_table_says(case: dict[str, Any]) -> None:
    zone = parse_zone(case.get("zone", "UTC"))
    clock = Clock(parse_as_of(case["as_of"], zone), zone)
    start, end = instant(case["from"]), instant(case["to"])
    assert bounds(window_of({"did": "a", **case["window"]}), clock, of_events=True) == Bounds(start, end)
    ahead = Bounds(instant(case.get("ahead_from", case["from"])), instant(case.get("ahead", case["to"])))
    assert bounds(window_of({"attribute": "a", **case["window"]}), clock, of_events=False) == ahead


@pytest.mark.parametrize("zone", ZONES)
def test_every_day_begins_where_the_day_before_it_ends_and_holds_its_own_noon(zone: str) -> None:
    clock = Clock(datetime(2020, 1, 1, tzinfo=UTC), ZoneInfo(zone))
    day = date(2010, 12, 25)
    while day < date(2020, 1, 1):
        first, after = clock.midnight(day), clock.midnight(day + timedelta(days=1))
        if first < after:  # Apia had no 30 December 2011
            assert first.astimezone(clock.zone).date() == day
            assert (first - timedelta(microseconds=1)).astimezone(clock.zone).date() != day
            assert first <= datetime(day.year, day.month, day.day, 12, tzinfo=clock.zone).astimezone(UTC) < after
        else:
            assert (zone, day) == ("Pacific/Apia", date(2011, 12, 30))
        day += timedelta(days=1)


@given(
    as_of=st.datetimes(min_value=datetime(1975, 1, 1), max_value=datetime(2037, 1, 1), timezones=st.just(UTC)),
    zone=st.sampled_from(ZONES),
    count=st.integers(min_value=0, max_value=400),
    unit=st.sampled_from(["minutes", "hours", "days", "weeks", "months"]),
)
def test_a_longer_window_holds_a_shorter_one_and_both_end_now(
    as_of: datetime, zone: str, count: int, unit: Any
) -> None:
    clock = Clock(as_of, ZoneInfo(zone))
    short = bounds(m.Within(count, unit), clock, of_events=True)
    long = bounds(m.Within(count + 1, unit), clock, of_events=True)
    assert short.end == long.end == as_of
    assert short.start is not None
    assert long.start is not None
    assert long.start <= short.start <= as_of


@given(
    day=st.dates(min_value=date(1900, 1, 1), max_value=date(2100, 1, 1)),
    months=st.integers(min_value=-600, max_value=600),
)
def test_months_land_in_the_month_counted_and_never_on_a_later_day_of_it(day: date, months: int) -> None:
    there = shift(day, months, "months")
    assert (there.year * 12 + there.month) - (day.year * 12 + day.month) == months
    assert there.day <= day.day
    assert there.day == day.day or (there + timedelta(days=1)).day == 1


@pytest.mark.parametrize(
    ("today", "offset", "pairs"),
    [
        ("2026-02-28", 0, {(2, 28), (2, 29)}),
        ("2024-02-28", 0, {(2, 28)}),
        ("2024-02-29", 0, {(2, 29)}),
        ("2026-02-27", 1, {(2, 28), (2, 29)}),
        ("2026-03-01", -1, {(2, 28), (2, 29)}),
        ("2026-12-31", 1, {(1, 1)}),
    ],
)
def test_who_was_born_on_29_february_has_an_anniversary_every_year(
    today: str, offset: int, pairs: set[tuple[int, int]]
) -> None:
    zone = ZoneInfo("Europe/Istanbul")
    clock = Clock(parse_as_of(today, zone), zone)
    assert anniversary_days(m.Offset(offset, "days"), clock).month_days == pairs


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-15", datetime(2026, 1, 14, 21, tzinfo=UTC)),
        ("2026-01-15T00:00:00", datetime(2026, 1, 15, tzinfo=UTC)),
        ("2026-01-15 00:00", datetime(2026, 1, 15, tzinfo=UTC)),
        ("2026-01-15T00:00:00Z", datetime(2026, 1, 15, tzinfo=UTC)),
        ("2026-01-15T00:00:00+03:00", datetime(2026, 1, 14, 21, tzinfo=UTC)),
        ("2026-01-15T00:00:00.000001Z", datetime(2026, 1, 15, 0, 0, 0, 1, tzinfo=UTC)),
    ],
)
def test_a_bare_date_is_local_midnight_and_a_time_without_zone_is_utc(text: str, instant: datetime) -> None:
    assert parse_as_of(text, ZoneInfo("Europe/Istanbul")) == instant


@pytest.mark.parametrize(
    "text", ["", "today", "2026-02-30", "15.01.2026", "2026-01-15T25:00:00Z", "20260115", "2026-W03"]
)
def test_a_moment_that_is_none_is_refused_with_what_was_found(text: str) -> None:
    with pytest.raises(ValueError, match=r"found .* expected"):
        parse_as_of(text, ZoneInfo("UTC"))


def test_a_zone_is_any_iana_name_and_a_wrong_one_brings_the_nearest() -> None:
    assert parse_zone("US/Pacific").key == "US/Pacific"
    with pytest.raises(ValueError, match="did you mean Europe/Istanbul"):
        parse_zone("Europe/Istambul")
    for wrong in ("", "America", "../UTC", "UTC\0"):
        with pytest.raises(ValueError, match="found time zone"):
            parse_zone(wrong)


def test_a_clock_needs_a_zone_with_its_moment() -> None:
    with pytest.raises(ValueError, match="has no zone"):
        Clock(datetime(2026, 1, 15), ZoneInfo("UTC"))
