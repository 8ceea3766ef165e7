"""Cohorts and events of Mixpanel: limits, pages, doubles, clocks of old projects."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from connectors.mixpanel.cohorts import calls_for
from connectors.pulls.audiences import Choice
from connectors.standin import MixpanelCohort
from tests.connectors.world import DAY, MORNING, World, event, world


def member(n: int) -> dict[str, Any]:
    return {"$distinct_id": f"cust-{n}", "$properties": {}}


def pulled(here: World, cohort: MixpanelCohort) -> list[str]:
    """The ids that come of a cohort."""
    here.mixpanel.cohorts = [cohort]
    assert here.pull("mixpanel", "audiences").failures == []
    return [row["connector_user_id"] for row in here.rows(f"audience_members/mixpanel-{cohort.id}")]


@pytest.mark.parametrize(("calls", "hours", "minutes"), [(70, 1, 10), pytest.param(200, 3, 20, marks=pytest.mark.long)])
def test_200_000_members_take_200_calls_and_the_night_that_mixpanel_allows(
    here: World, calls: int, hours: int, minutes: int
) -> None:
    here.mixpanel.cohorts = [MixpanelCohort(41001, "PN_many", calls * 1000 - 500, member)]
    begin = here.clock.now()
    assert here.pull("mixpanel", "audiences").failures == []
    assert here.mixpanel.calls == ["cohorts/list", *["engage"] * calls]
    assert here.bench.folder.rows("audience_members", "mixpanel-41001") == calls * 1000 - 500
    took = here.clock.now() - begin
    assert abs(took - timedelta(hours=hours, minutes=minutes)) < timedelta(minutes=3)
    # Evenly, so that the paging session never lies idle; and nothing was refused, so nothing was asked twice.
    assert max(here.clock.slept) <= 61
    assert not [told for told in here.said if "asking again" in told]


def test_a_cohort_that_ends_with_a_full_page_costs_one_more_empty_page(here: World) -> None:
    assert len(pulled(here, MixpanelCohort(41001, "PN_even", 2000, member))) == 2000
    assert here.mixpanel.calls.count("engage") == calls_for(2000) == 3


def test_a_total_on_every_page_changes_nothing(here: World) -> None:
    here.mixpanel.faults.repeat_total = True
    assert len(pulled(here, MixpanelCohort(41001, "PN_x", 2500, member))) == 2500


def test_ids_are_text_to_the_letter(here: World) -> None:
    ids = ["0042", "Ece", "ece", "ıŞğ-İ", "汉字", "a\u2028b", "'; drop table--", " lead", "$device:d-1"]
    assert pulled(here, MixpanelCohort.of(41001, "PN_x", [7, *ids])) == ["7", *ids]


def test_a_member_that_comes_twice_is_one_member(here: World) -> None:
    here.mixpanel.faults.page_size = 2
    assert pulled(here, MixpanelCohort.of(41001, "PN_x", ["a", "b", "c", "a", "d"])) == ["a", "b", "c", "d"]


def test_half_a_letter_is_no_reason_to_lose_a_cohort(here: World) -> None:
    cohort = MixpanelCohort(41001, "PN_x", 1, lambda n: {"$distinct_id": "a", "$properties": {"$email": "\ud83d@x"}})
    assert pulled(here, cohort) == ["a"]


def test_an_empty_cohort_is_an_audience_of_nobody(here: World) -> None:
    assert pulled(here, MixpanelCohort(41001, "PN_x", 3, member)) == ["cust-0", "cust-1", "cust-2"]
    assert pulled(here, MixpanelCohort(41001, "PN_x", 0, member)) == []
    assert here.rows("audiences/mixpanel-41001")[0]["reported_users"] == 0


def test_nobody_where_the_list_shows_members_is_no_empty_audience(here: World) -> None:
    here.mixpanel.cohorts = [MixpanelCohort(41001, "PN_x", 0, member, count=812)]
    told = "mixpanel, members of cohort 41001: nobody came where the list of cohorts shows 812 members"
    assert here.told("mixpanel", "audiences") == [told]


def test_a_session_that_ends_once_is_begun_anew(here: World) -> None:
    here.mixpanel.faults.expire_session_once_before_page = 1
    assert len(pulled(here, MixpanelCohort(41001, "PN_x", 2500, member))) == 2500


def test_members_without_a_profile_come_and_addresses_become_columns(here: World) -> None:
    here.pull("mixpanel", "audiences")
    rows = here.rows("audience_members/mixpanel-41001")
    assert (rows[17]["email"], rows[17]["msisdn"]) == ("ece@example.org", "+905312345678")
    assert (rows[18]["email"], rows[18]["msisdn"], rows[18]["properties"]) == (None, None, "{}")
    assert {row["fetched_at"] for row in rows} == {datetime(2026, 1, 15, 12, tzinfo=UTC)}
    (audience,) = here.rows("audiences/mixpanel-41001")
    assert (audience["name"], audience["reported_users"]) == ("PN_lapsed_30d", 2500)


def test_only_cohorts_with_the_prefix_are_pulled_unless_they_are_named(here: World) -> None:
    here.mixpanel.cohorts = [MixpanelCohort.of(1, "PN_a", ["x"]), MixpanelCohort.of(2, "b", ["y"])]
    report = here.pull("mixpanel", "audiences", choice=Choice("PN_"))
    assert report.skipped == [("2", "its name does not begin with 'PN_'")]
    here.pull("mixpanel", "audiences", choice=Choice("PN_", named=("b",)))
    assert [row["connector_user_id"] for row in here.rows("audience_members/mixpanel-2")] == ["y"]


def test_a_cohort_that_is_listed_no_longer_keeps_its_last_members(here: World) -> None:
    here.pull("mixpanel", "audiences")
    before = here.files()
    here.mixpanel.cohorts = []
    assert here.pull("mixpanel", "audiences").skipped == [
        ("41001", "mixpanel lists it no longer; its last members stay")
    ]
    assert here.files() == before


def test_one_cohort_that_fails_does_not_take_the_others_along(here: World) -> None:
    bad = MixpanelCohort(1, "PN_bad", 1, lambda n: {"$properties": {}})
    here.mixpanel.cohorts = [bad, MixpanelCohort.of(2, "PN_good", ["y"])]
    report = here.pull("mixpanel", "audiences")
    assert report.failures == ["mixpanel, members of cohort 1: a member has no $distinct_id"]
    assert len(here.rows("audience_members/mixpanel-2")) == 1


# ---- events


def days_of(here: World, first: date, last: date, **properties: Any) -> list[dict[str, Any]]:
    rows = []
    for number in range((last - first).days + 1):
        rows += here.rows(f"events/mixpanel-{first + timedelta(days=number)}")
    return rows


def test_of_an_event_that_was_exported_twice_the_last_version_stays(here: World) -> None:
    here.mixpanel.events = {
        DAY: [
            event(1, amount=1, mp_processing_time_ms=5),
            event(2, amount=2),
            event(1, amount=3, mp_processing_time_ms=9),
            event(1, amount=4, mp_processing_time_ms=7),
            event(1, time=MORNING, amount=5),  # another moment is another event
            {**event(1), "event": "visit"},  # so is another name
        ]
    }
    here.pull("mixpanel", "events")
    amounts = [row["properties"].split('"amount":')[1].rstrip("}") for row in here.rows(f"events/mixpanel-{DAY}")]
    assert amounts == ["2", "3", "5", "149.9"]


def test_events_without_an_insert_id_are_nobodys_double(here: World) -> None:
    bare = event(1)
    del bare["properties"]["$insert_id"]
    here.mixpanel.events = {DAY: [bare, bare]}
    here.pull("mixpanel", "events")
    assert [row["event_id"] for row in here.rows(f"events/mixpanel-{DAY}")] == [None, None]


@pytest.mark.parametrize("many", [1, 200])  # beyond 1,400 bytes the export is packed
def test_a_line_ends_with_a_newline_byte_and_nothing_else(here: World, many: int) -> None:
    here.mixpanel.events = {DAY: [event(n, note="a\u2028b\u2029c\u0085d") for n in range(many)]}
    here.pull("mixpanel", "events")
    rows = here.rows(f"events/mixpanel-{DAY}")
    assert len(rows) == many
    assert "a\u2028b\u2029c\u0085d" in rows[0]["properties"]


def test_a_record_that_was_split_over_two_lines_is_put_together(here: World) -> None:
    split = b'{"event":"visit","properties":{"time":%d,"distinct_id":"a",\n"$insert_id":"1"}}\n' % MORNING
    here.mixpanel.events = {DAY: [event(1), split, event(2)]}
    here.pull("mixpanel", "events")
    assert [row["event"] for row in here.rows(f"events/mixpanel-{DAY}")] == ["purchase", "visit", "purchase"]


def test_what_is_no_json_number_is_null(here: World) -> None:
    line = b'{"event":"visit","properties":{"time":%d,"a":NaN,"b":1e999,"c":12345678901234567890123}}\n' % MORNING
    here.mixpanel.events = {DAY: [line]}
    here.pull("mixpanel", "events")
    (row,) = here.rows(f"events/mixpanel-{DAY}")
    assert row["properties"].endswith('"a":null,"b":null,"c":12345678901234567890123}')
    assert row["source_user_id"] is None


def test_a_project_from_before_2023_wrote_the_clock_on_its_wall(tmp_path: Path) -> None:
    # New York, 1 November 2026: 01:30 comes twice; 8 March 2026: 02:30 never comes.
    def wall(*when: int) -> int:
        return int(datetime(*when, tzinfo=UTC).timestamp())

    settings = {"mixpanel": {"project_timezone": "America/New_York", "project_created_before_2023": True}}
    with world(tmp_path, datetime(2026, 11, 5, 12, tzinfo=UTC), **settings) as here:
        autumn, spring = date(2026, 11, 1), date(2026, 3, 8)
        here.mixpanel.events = {
            autumn: [event(1, time=wall(2026, 11, 1, 0, 30)), event(2, time=wall(2026, 11, 1, 1, 30)),
                     event(3, time=wall(2026, 11, 1, 2, 30)), event(4, time=wall(2026, 11, 1, 23, 59))],
            spring: [event(5, time=wall(2026, 3, 8, 1, 30)), event(6, time=wall(2026, 3, 8, 2, 30)),
                     event(7, time=wall(2026, 3, 8, 3, 30))],
        }  # fmt: skip
        here.pull("mixpanel", "events", since=autumn, until=autumn)
        here.pull("mixpanel", "events", since=spring, until=spring)
        happened = [f"{row['ts']:%d %H:%M}" for row in here.rows(f"events/mixpanel-{autumn}")]
        assert happened == ["01 04:30", "01 05:30", "01 07:30", "02 04:59"]
        assert [f"{row['ts']:%H:%M}" for row in here.rows(f"events/mixpanel-{spring}")] == ["06:30", "07:30", "07:30"]


def test_a_project_since_2023_writes_utc_whatever_its_zone(tmp_path: Path) -> None:
    with world(tmp_path, mixpanel={"project_timezone": "America/New_York"}) as here:
        here.pull("mixpanel", "events")
        assert here.rows(f"events/mixpanel-{DAY}")[0]["ts"] == datetime(2026, 1, 14, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "old", "now", "last"),
    [
        ("Europe/Istanbul", True, "2026-01-14T22:00:00+00:00", "2026-01-14"),  # 01:00 on the 15th there
        ("Europe/Istanbul", False, "2026-01-14T22:00:00+00:00", "2026-01-13"),  # the UTC day is not over
        ("America/New_York", True, "2026-01-15T02:00:00+00:00", "2026-01-13"),  # 21:00 on the 14th there
        ("America/New_York", False, "2026-01-15T02:00:00+00:00", "2026-01-13"),  # and asking for it gets a 400
        ("UTC", False, "2026-01-15T00:00:00+00:00", "2026-01-14"),
    ],
)
def test_no_day_is_read_before_it_is_over(tmp_path: Path, zone: str, old: bool, now: str, last: str) -> None:
    settings = {"mixpanel": {"project_timezone": zone, "project_created_before_2023": old}}
    with world(tmp_path, datetime.fromisoformat(now), **settings) as here:
        days = here.bench.event_days("mixpanel", None, date(2026, 2, 1))
        assert days[-1] == date.fromisoformat(last)
        assert len(days) == 5
        assert all(after - before == timedelta(days=1) for before, after in pairwise(days))


def test_without_a_first_day_the_last_days_are_read_again_and_missed_ones_made_up_for(here: World) -> None:
    here.pull("mixpanel", "events", since=date(2026, 1, 2), until=date(2026, 1, 4))
    days = here.bench.event_days("mixpanel", None, None)
    assert [day.day for day in days] == [5, 6, 7, 8, 9, 10, 11, 12, 13, 14]


@pytest.mark.parametrize(("connector", "last"), [("mixpanel", date(2025, 12, 31)), ("amplitude", date(2025, 12, 30))])
def test_a_pull_that_stands_for_the_past_reads_no_day_that_was_not_over_then(
    here: World, connector: str, last: date
) -> None:
    bench = replace(here.bench, at=datetime(2026, 1, 1, tzinfo=UTC))
    assert bench.event_days(connector, None, None)[-1] == last


def test_a_day_is_replaced_as_a_whole(here: World) -> None:
    here.pull("mixpanel", "events")
    here.mixpanel.events = {DAY: [event(1, distinct_id="merged")]}
    here.pull("mixpanel", "events")
    assert [row["source_user_id"] for row in here.rows(f"events/mixpanel-{DAY}")] == ["merged"]
