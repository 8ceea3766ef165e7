"""Retries, pauses and redirects, against a real server."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest

from connectors.clock import HurriedClock
from connectors.errors import BudgetSpent, VendorBusy, quoted
from connectors.http import retry_after
from connectors.standin.server import Busy
from tests.connectors.world import ALL, NOON, World


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("90", 90),
        ("0", 0),
        (format_datetime(NOON + timedelta(minutes=2), usegmt=True), 120),
        (format_datetime(NOON - timedelta(minutes=2), usegmt=True), 0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("1_000", None),
        ("9" * 400, None),
        ("9" * 5000, None),
        ("9" * 10, None),
        ("31536000", 365 * 24 * 3600),
        ("Thu, 15 Jan 99999999999 12:00:30 GMT", None),
        ("Thu, 15 Jan 2026 12:00:30 -9999999999", None),
        (format_datetime(NOON + timedelta(days=365), usegmt=True), 365 * 24 * 3600),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOON) == seconds


@pytest.mark.parametrize(
    ("header", "waits"), [("7", 7.0), (format_datetime(NOON + timedelta(seconds=7), usegmt=True), 7.0)]
)
def test_a_vendor_is_asked_again_when_it_says_so(here: World, header: str, waits: float) -> None:
    here.mixpanel.faults.busy = Busy(times=1, retry_after=header)
    assert here.pull("mixpanel", "audiences").failures == []
    assert here.clock.slept == [waits]


def test_without_a_word_from_the_vendor_pauses_grow(here: World) -> None:
    here.mixpanel.faults.busy = Busy(times=4, status=502)
    assert here.pull("mixpanel", "audiences").failures == []
    assert here.clock.slept == [30, 60, 120, 240]
    assert (
        here.said[0]
        == 'mixpanel, list of cohorts (HTTP 502): the server failed, saying "try again later"; asking again'
    )


@pytest.mark.parametrize(
    ("retry_after", "slept"), [("7", [7.0, 7.0]), ("120", []), (None, [])], ids=["short", "long", "not said"]
)
def test_somebody_in_a_hurry_waits_a_little_and_then_hears_what_the_vendor_said(
    here: World, retry_after: str | None, slept: list[float]
) -> None:
    here.mixpanel.faults.busy = Busy(times=9, retry_after=retry_after)
    bench = replace(here.bench, clock=HurriedClock(here.clock, 20))
    with pytest.raises(VendorBusy, match=r"list of cohorts \(HTTP 429\): too many calls"):
        bench.plan_audiences("mixpanel", ALL, 1)
    assert here.clock.slept == slept


def test_somebody_in_a_hurry_does_not_wait_for_the_allowance(here: World) -> None:
    for _ in range(60):
        here.bench.plan_audiences("mixpanel", ALL, 1)
    bench = replace(here.bench, clock=HurriedClock(here.clock, 20))
    with pytest.raises(
        BudgetSpent, match="list of cohorts: the allowance mixpanel query has its next call at 13:00:01"
    ):
        bench.plan_audiences("mixpanel", ALL, 1)
    assert here.clock.slept == []


def test_every_attempt_counts_against_the_allowance(here: World) -> None:
    here.mixpanel.faults.busy = Busy(times=3)
    here.bench.plan_audiences("mixpanel", None, 8)
    prepared = here.bench.plan_audiences("mixpanel", None, 8)
    assert prepared.plan.left == 60 - 5


def test_a_vendor_that_is_busy_twice_in_a_row_is_left_alone(here: World) -> None:
    prepared = here.bench.plan_audiences("amplitude", None, 8)
    here.amplitude.faults.busy = Busy(times=99, status=503)
    here.amplitude.cohorts = [*here.amplitude.cohorts]
    failures = here.bench.pull_audiences(prepared).failures
    assert len(failures) == 2
    assert all("the server failed" in one for one in failures)


def test_nobody_listens(here: World) -> None:
    here.environ["MIXPANEL_URL"] = "http://127.0.0.1:9"
    with pytest.raises(VendorBusy, match="mixpanel, list of cohorts: no connection"):
        here.pull("mixpanel", "audiences")


def test_a_page_of_a_proxy_is_no_answer(here: World) -> None:
    here.environ["NETMERA_URL"] = f"{here.server.url}/elsewhere"
    (told,) = here.told("netmera", "users")
    assert told == 'netmera, segments of IOS (HTTP 404): refused, saying "no such path"'


def test_words_of_a_vendor_are_quoted_without_anybody_in_them() -> None:
    told = "user ece@example.org (+90 532 123 45 67, cust-90017)\nwith key s3cret  not found"
    assert quoted(told, ["s3cret", "cust-90017", ""]) == "user *** (***, ***) with key *** not found"
    assert len(quoted("x" * 1000)) == 200


@pytest.mark.parametrize(
    ("told", "private", "is_quoted"),
    [
        ("Param data[1] of 12 is 90", ["1", "12", "90"], "Param data[1] of 12 is 90"),
        ("(#100) user 17 of 1700", ["170", "17"], "(#100) user 17 of 1700"),
        ("user 170, user '170', ece_170", ["170"], "user ***, user '***', ece_170"),
        ("start with art", ["art"], "start with ***"),
        ("token=EAABsbCS1iHgx, \\nEAABsbCS1iHg", ["EAABsbCS1iHg"], "token=***x, \\n***"),
        ("cust-17 and cust-170", ["cust-17", "cust-170"], "*** and ***"),
        ('"\\u00e7a\\u011fla" and çağla', ["çağla"], '"***" and ***'),
        ("user Cust-007 is unknown", [" Cust-007 "], "user *** is unknown"),
        ("a.b (c+d) a-b", ["a.b", "c+d"], "*** (***) a-b"),
    ],
)
def test_short_ids_are_left_out_as_words_and_take_no_number_of_a_sentence_along(
    told: str, private: list[str], is_quoted: str
) -> None:
    assert quoted(told, private) == is_quoted


def test_the_clock_of_a_date_without_zone_is_utc() -> None:
    assert retry_after("Thu, 15 Jan 2026 12:00:30 -0000", datetime.fromisoformat("2026-01-15T12:00:00+00:00")) == 30
