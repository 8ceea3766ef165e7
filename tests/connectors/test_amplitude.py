"""Cohorts and events of Amplitude: three steps, a file from elsewhere, windows in halves."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from connectors.pulls.audiences import Choice
from connectors.standin import AmplitudeCohort
from tests.connectors.world import DAY, World, uploaded


def test_the_link_of_a_large_cohort_sees_no_credentials(here: World) -> None:
    here.pull("amplitude", "audiences", choice=Choice("", named=("b1gone",)))
    assert "link" in here.amplitude.calls  # the stand-in's other port refuses whoever brings an Authorization header
    assert len(here.rows("audience_members/amplitude-b1gone")) == 50


def test_a_dead_link_is_asked_for_anew_and_the_cohort_is_not(here: World) -> None:
    here.amplitude.faults.dead_links = 2
    assert here.pull("amplitude", "audiences", choice=Choice("", named=("b1gone",))).failures == []
    requests = [call for call in here.amplitude.calls if call == "/api/5/cohorts/request/b1gone"]
    assert (len(requests), here.amplitude.calls.count("link")) == (1, 3)


def test_a_file_that_was_cut_is_read_again_and_not_paid_for_again(here: World) -> None:
    here.amplitude.faults.cut_file = True
    assert len(here.pull("amplitude", "audiences", choice=Choice("", named=("k3vq81m",))).failures) == 1
    assert here.amplitude.calls.count("/api/5/cohorts/request/k3vq81m") == 1
    assert here.amplitude.calls.count("/api/5/cohorts/request/r0/file") == 2


def test_a_file_behind_a_link_may_be_plain(here: World) -> None:
    here.amplitude.faults.plain_file_behind_link = True
    assert here.pull("amplitude", "audiences").failures == []
    assert len(here.rows("audience_members/amplitude-b1gone")) == 50


def test_whoever_has_no_user_id_is_a_member_whom_nothing_matches(here: World) -> None:
    here.pull("amplitude", "audiences")
    anonymous, ece = here.rows("audience_members/amplitude-k3vq81m")
    assert (anonymous["connector_user_id"], anonymous["properties"]) == ("", '{"amplitude_id":"1"}')
    assert (ece["connector_user_id"], ece["email"], ece["msisdn"]) == ("cust-90017", "ece@example.org", "+905312345678")
    assert here.rows("audiences/amplitude-k3vq81m")[0]["source_updated_at"] == datetime(
        2025, 11, 21, 1, 53, 20, tzinfo=UTC
    )


def test_quotes_commas_and_newlines_stay_in_their_cell(here: World) -> None:
    odd = 'a,"b"\nc\u2028d'
    here.amplitude.cohorts = [AmplitudeCohort("x", "X", [{"amplitude_id": "1", "user_id": odd}])]
    here.pull("amplitude", "audiences")
    assert [row["connector_user_id"] for row in here.rows("audience_members/amplitude-x")] == [odd]


def test_an_empty_file_is_an_empty_audience_only_if_the_list_says_so(here: World) -> None:
    here.amplitude.cohorts = [AmplitudeCohort("x", "X", []), AmplitudeCohort("y", "Y", [], size=9)]
    told = "amplitude, members of cohort y: nobody came where the list of cohorts shows 9 members"
    assert here.told("amplitude", "audiences") == [told]
    assert here.rows("audience_members/amplitude-x") == []
    assert here.bench.folder.rows("audiences", "amplitude-y") is None


def test_a_size_that_differs_is_told_and_kept_beside_the_rows(here: World) -> None:
    here.amplitude.cohorts = [AmplitudeCohort("x", "X", [{"user_id": "a"}], size=9)]
    assert here.pull("amplitude", "audiences").remarks == ["amplitude, audience x: 1 of 9 listed members came"]
    assert here.rows("audiences/amplitude-x")[0]["reported_users"] == 9


def test_a_cohort_that_was_not_computed_anew_costs_no_download(here: World) -> None:
    only_new = Choice("", skip_unchanged=True)
    here.pull("amplitude", "audiences", choice=only_new)
    here.amplitude.calls.clear()
    assert [key for key, _ in here.pull("amplitude", "audiences", choice=only_new).skipped] == ["b1gone", "k3vq81m"]
    assert here.amplitude.calls == ["/api/3/cohorts", "/api/3/cohorts/usage"]


def test_times_of_13_digits_are_milliseconds(here: World) -> None:
    here.amplitude.cohorts = [AmplitudeCohort("x", "X", [{"user_id": "a"}], computed=1763690000123)]
    here.pull("amplitude", "audiences")
    moment = datetime(2025, 11, 21, 1, 53, 20, 123000, tzinfo=UTC)
    assert here.rows("audiences/amplitude-x")[0]["source_updated_at"] == moment


# ---- events


def test_an_event_becomes_a_row(here: World) -> None:
    here.pull("amplitude", "events")
    rows = sorted(here.rows(f"events/amplitude-{DAY}"), key=lambda row: row["event_id"])
    assert [row["event_id"] for row in rows] == ["u-0", "u-1", "u-2", "u-3", "u-4", "u-5", "u-9"]
    first = rows[0]
    assert first["ts"] == datetime(2026, 1, 14, 5, 0, 0, 123456, tzinfo=UTC)
    assert (first["source"], first["source_user_id"], first["platform"]) == ("amplitude", "cust-0", "ios")
    assert (first["session_id"], first["properties"]) == (None, '{"amount":149.9}')


def test_an_event_of_nobody_in_particular_carries_its_device(here: World) -> None:
    here.amplitude.events = {"20260114T05": [uploaded(1, user_id=None), uploaded(2, user_id="", device_id=None)]}
    here.pull("amplitude", "events")
    ids = [row["source_user_id"] for row in here.rows(f"events/amplitude-{DAY}")]
    assert sorted(ids) == ["$device:356896327777", "$device:d-1"]


def test_an_event_that_came_late_lies_with_the_day_of_its_upload(here: World) -> None:
    late = uploaded(1, event_time="2026-01-13 23:59:59.000000", server_upload_time="2026-01-14 00:10:00.000000")
    here.amplitude.events = {"20260114T00": [late]}
    here.pull("amplitude", "events")
    assert here.rows(f"events/amplitude-{DAY}")[0]["ts"] == datetime(2026, 1, 13, 23, 59, 59, tzinfo=UTC)


def test_hours_without_events_are_a_day_without_events(here: World) -> None:
    here.amplitude.events = {}
    assert here.pull("amplitude", "events").failures == []
    assert here.rows(f"events/amplitude-{DAY}") == []


@pytest.mark.parametrize("status", [400, 504])
@pytest.mark.parametrize(("most_hours", "calls"), [(24, 1), (12, 3), (6, 7), (1, 47)])
def test_what_is_too_large_comes_in_halves_and_nothing_twice(
    here: World, status: int, most_hours: int, calls: int
) -> None:
    here.amplitude.events = {f"20260114T{hour:02}": [uploaded(hour)] for hour in range(24)}
    here.amplitude.faults.most_hours, here.amplitude.faults.too_much_status = most_hours, status
    assert here.pull("amplitude", "events").failures == []
    ids = [row["event_id"] for row in here.rows(f"events/amplitude-{DAY}")]
    assert sorted(ids) == sorted(f"u-{hour}" for hour in range(24))
    assert len(here.amplitude.calls) == calls


def test_a_file_in_the_archive_that_is_not_packed_is_read_as_it_is(here: World) -> None:
    here.amplitude.faults.member_not_gzip = True
    assert here.pull("amplitude", "events").failures == []
    assert len(here.rows(f"events/amplitude-{DAY}")) == 7


@pytest.mark.parametrize(("hour", "last"), [(1, date(2026, 1, 13)), (2, date(2026, 1, 14))])
def test_a_day_can_be_exported_two_hours_after_its_end(here: World, hour: int, last: date) -> None:
    here.clock.sleep((datetime(2026, 1, 15, hour, tzinfo=UTC) - here.clock.now()) / timedelta(seconds=1) + 86400)
    days: list[Any] = here.bench.event_days("amplitude", None, None)
    assert days == [last + timedelta(days=1)]
