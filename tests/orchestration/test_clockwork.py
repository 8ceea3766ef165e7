"""When runs start and which moment they stand for: ticks, partitions, and runs that were overtaken."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator  # what the daemon itself counts with

from orchestration.names import AS_OF_TAG, HEALTH_JOB, VENDORS, segment_key
from orchestration.partitions import after_the_last, days, end_of, moment
from orchestration.schedules import schedules
from orchestration.settings import Settings
from segmentation.language.folder import load_texts

PULLS = [f"pull_{vendor}" for vendor in VENDORS]
RULE = "who: [{did: purchase}]\n"


def settings(zone: str) -> Settings:
    return Settings(Path("/nowhere"), "/nowhere", Path("/nowhere"), ZoneInfo(zone))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def ticks(schedule: dg.ScheduleDefinition, start: str, count: int) -> list[datetime]:
    """The instants at which Dagster runs a schedule from a moment on."""
    found = schedule_execution_time_iterator(
        at(start).timestamp(), str(schedule.cron_schedule), schedule.execution_timezone
    )
    return [next(found).astimezone(UTC) for _ in range(count)]


def evaluate(schedule: dg.ScheduleDefinition, tick: datetime) -> dg.RunRequest | dg.SkipReason:
    return schedule(dg.build_schedule_context(scheduled_execution_time=tick))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("zone", "around", "tick", "day"),
    [
        ("UTC", "2026-03-01T12:00:00Z", "2026-03-02T00:00:00+00:00", "2026-03-01"),
        ("Europe/Istanbul", "2026-03-01T12:00:00Z", "2026-03-01T21:00:00+00:00", "2026-03-01"),
        ("America/New_York", "2026-03-08T12:00:00Z", "2026-03-09T04:00:00+00:00", "2026-03-08"),  # a day of 23 hours
        ("America/New_York", "2026-11-01T12:00:00Z", "2026-11-02T05:00:00+00:00", "2026-11-01"),  # a day of 25 hours
        ("Africa/Cairo", "2026-04-23T12:00:00Z", "2026-04-23T22:00:00+00:00", "2026-04-23"),  # the next begins at 01:00
        ("America/Havana", "2026-10-31T12:00:00Z", "2026-11-01T04:00:00+00:00", "2026-10-31"),  # midnight comes twice
        ("Australia/Lord_Howe", "2026-04-04T20:00:00Z", "2026-04-05T13:30:00+00:00", "2026-04-05"),
    ],
)
def test_the_daily_run_stands_for_the_first_instant_after_its_day(zone: str, around: str, tick: str, day: str):
    daily, *others = schedules(settings(zone), load_texts({}))
    assert [one.name for one in others] == [HEALTH_JOB, *PULLS]
    request = evaluate(daily, ticks(daily, around, 1)[0])
    assert isinstance(request, dg.RunRequest)
    assert (request.partition_key, request.tags[AS_OF_TAG]) == (day, tick)
    assert end_of(date.fromisoformat(day), settings(zone)) == at(tick)
    assert moment(date.fromisoformat(day), at(tick) + timedelta(hours=5), {}, settings(zone)) == at(tick)


@pytest.mark.parametrize("zone", ["America/Havana", "Africa/Cairo", "Pacific/Apia"])
def test_every_day_of_a_year_has_exactly_one_daily_run(zone: str):
    daily = schedules(settings(zone), load_texts({}))[0]
    requests = [evaluate(daily, tick) for tick in ticks(daily, "2026-01-01T12:00:00+00:00", 365)]
    keys = [one.partition_key for one in requests if isinstance(one, dg.RunRequest)]
    assert keys == [(date.fromisoformat(str(keys[0])) + timedelta(days=n)).isoformat() for n in range(365)]
    partitions = days(settings(zone)).get_partition_keys(current_time=datetime(2027, 6, 1, tzinfo=UTC))
    assert set(keys) <= set(partitions)


def test_every_three_hours_leaves_midnight_to_the_daily_run():
    folder = load_texts({
        "often.yml": "name: often\nrefresh: every 3 hours\n" + RULE,
        "as_often.yml": "name: as_often\nrefresh: every 3 hours\n" + RULE,
        "resting.yml": "name: resting\nrefresh: every 3 hours\npaused: true\n" + RULE,
        "daily.yml": "name: daily\n" + RULE,
        "manual.yml": "name: manual\nrefresh: manual\n" + RULE,
    })  # fmt: skip
    _, refresh, *_ = schedules(settings("Europe/Istanbul"), folder)
    assert refresh.default_status is dg.DefaultScheduleStatus.RUNNING
    made = [evaluate(refresh, tick) for tick in ticks(refresh, "2026-03-01T20:30:00Z", 8)]
    assert [isinstance(one, dg.SkipReason) for one in made] == [True] + [False] * 7
    requests = [one for one in made if isinstance(one, dg.RunRequest)]
    assert {one.partition_key for one in requests} == {"2026-03-02"}
    assert requests[0].tags[AS_OF_TAG] == "2026-03-02T00:00:00+00:00"
    assert requests[0].asset_selection == [segment_key("as_often"), segment_key("often")]


def test_cron_lines_that_look_alike_have_schedules_of_their_own():
    lines = ["0 9 * * 1-5", "0 9 * * 1,5", "0 9 * * mon", "0 9 * * MON", "*/5 * * * *", "5 * * * *"]
    folder = load_texts({f"s{n}.yml": f'name: s{n}\nrefresh: "{line}"\n{RULE}' for n, line in enumerate(lines)})
    assert not folder.problems
    assert sorted(one.name for one in schedules(settings("UTC"), folder)) == [
        "daily_recalculation",
        *sorted(PULLS),
        "refresh_0_9_x_x_1_and_5",
        "refresh_0_9_x_x_1_to_5",
        "refresh_0_9_x_x_mon",
        "refresh_5_x_x_x_x",
        "refresh_x_by_5_x_x_x_x",
        "segments_health",
    ]


@pytest.mark.parametrize(
    ("zone", "tick"), [("UTC", "2026-03-02T07:00:00+00:00"), ("Europe/Istanbul", "2026-03-02T04:00:00+00:00")]
)
def test_the_health_report_is_made_on_monday_mornings(zone: str, tick: str):
    (weekly,) = [one for one in schedules(settings(zone), load_texts({})) if one.name == HEALTH_JOB]
    assert weekly.default_status is dg.DefaultScheduleStatus.RUNNING
    first, second = ticks(weekly, "2026-02-25T00:00:00Z", 2)
    assert second - first == timedelta(days=7)
    request = evaluate(weekly, first)
    assert isinstance(request, dg.RunRequest)
    assert request.tags[AS_OF_TAG] == tick


# ---------------------------------------------------------------- the moment of a run

DAY = date(2026, 3, 1)
MIDNIGHT = "2026-03-02T00:00:00Z"


def test_a_day_that_is_not_over_stands_for_the_moment_its_run_was_started():
    assert moment(DAY, at("2026-03-01T10:00:00Z"), {}, settings("UTC")) == at("2026-03-01T10:00:00Z")
    assert moment(DAY, at("2026-03-09T10:00:00Z"), {}, settings("UTC")) == at(MIDNIGHT)
    assert moment(DAY, at("2026-03-09T10:00:00Z"), {AS_OF_TAG: "2026-03-01T07:00:00Z"}, settings("UTC")) == at(
        "2026-03-01T07:00:00Z"
    )


@pytest.mark.parametrize(
    ("as_of", "last", "is_tick", "stands_for", "is_past"),
    [
        (MIDNIGHT, None, True, MIDNIGHT, False),
        (MIDNIGHT, "2026-03-01T15:00:00Z", True, MIDNIGHT, False),
        (MIDNIGHT, MIDNIGHT, True, MIDNIGHT, False),
        # somebody refreshed while the tick waited: the day would else have no recalculation
        (MIDNIGHT, "2026-03-02T00:00:30Z", True, "2026-03-02T00:00:30Z", False),
        (MIDNIGHT, "2026-03-02T08:00:00Z", True, "2026-03-02T08:00:00Z", False),
        # a person asks for the day before
        (MIDNIGHT, "2026-03-02T08:00:00Z", False, MIDNIGHT, True),
        # two clicks on the same day, the second served first: today is never the past
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:05Z", False, "2026-03-01T10:00:05Z", False),
        ("2026-03-01T03:00:00Z", "2026-03-01T03:00:05Z", True, "2026-03-01T03:00:05Z", False),
        # a tick from days ago
        (MIDNIGHT, "2026-03-03T00:00:00Z", True, MIDNIGHT, True),
    ],
)
def test_a_run_that_was_overtaken_does_not_take_history_back(
    as_of: str, last: str | None, is_tick: bool, stands_for: str, is_past: bool
):
    told = after_the_last(at(as_of), DAY, at(last) if last else None, settings("UTC"), is_tick=is_tick)
    assert told == (at(stands_for), is_past)
