"""What a segment's page in Dagster tells besides its size: numbers that plot, tables that stay small, a picture."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from orchestration.assets.details_metadata import as_markdown, metadata, trend
from orchestration.details import ChannelReach, Dependent, Details, EventDay, MessageReport, Metrics, Overlap
from orchestration.names import segment_key
from orchestration.recent_sizes import Size

NOW = datetime(2026, 3, 2, tzinfo=UTC)
CHANNELS = ("push", "web_push", "email", "sms", "whatsapp")
SIZES = [Size(date(2026, 2, 2) + timedelta(days=n), 1_200_000 + 13_579 * n, n % 2 == 0) for n in range(29)]
METRICS = Metrics(
    users=1200, ios=600, android=600, web=10, message_sent=123, push_click_average=0.25,
    average_monthly_app_opens=None, average_time_in_app=181.123456, monthly_revenue_total=1234.5,
    monthly_revenue_per_member=None, messages_using=3, engagement=2, dependents=1, as_of=NOW,
)  # fmt: skip
A_MESSAGE = MessageReport(
    message_id="3f0c1c9a-6f1e-4e0a-9d64-0b1b0a5f3a11", title="A title far longer than a table of a page bears " * 3,
    channel="push", status="sent", date=NOW, role="included", sent=1_234_567, failed=1234, clicked=123_456,
    not_clicked=1_000_000, conversions=12_345, revenue_total=1_234_567.89, revenue_per_user=1.0, recipients=1_234_567,
    delivered=1_233_333, click_rate=0.1,
)  # fmt: skip
AN_OVERLAP = Overlap(
    other="a_segment_with_quite_a_long_name_0", users=1_234_567, other_users=1_234_567, both=1_234_567,
    share=0.98765, other_share=0.98765, jaccard=0.9876, relation="likely_duplicate", same_rule=True,
    is_likely_duplicate=True,
)  # fmt: skip
MUCH = Details(
    replace(METRICS, average_monthly_app_opens=1.5, monthly_revenue_per_member=1.25),
    [ChannelReach(channel, 1_234_567, 1_000_000, 81.0) for channel in CHANNELS],
    [replace(A_MESSAGE, message_id=f"{A_MESSAGE.message_id}{n}") for n in range(200)],
    [replace(AN_OVERLAP, other=f"{AN_OVERLAP.other}{n}") for n in range(999)],
    [Dependent(f"a_segment_with_quite_a_long_name_{n}", "segment", "exclude", "ready") for n in range(50)],
)
LITTLE = Details()
ONE_DAY = [Size(date(2026, 3, 1), 0)]


def test_numbers_plot_and_means_of_nothing_are_left_out():
    reached = [ChannelReach("push", 0, 0, None), ChannelReach("sms", 4, 1, 25.0)]
    told = metadata(Details(METRICS, reached), SIZES)
    assert {name: value.value for name, value in told.items() if name != "details"} == {
        "push_click_average": 0.25, "average_time_in_app": 181.1235, "monthly_revenue_total": 1234.5,
        "message_sent": 123, "engagement": 2, "dependents": 1, "reachable_sms": 25.0,
    }  # fmt: skip


def test_a_segment_of_which_nothing_is_known_tells_nothing():
    assert metadata(LITTLE, ONE_DAY) == {}


def test_tables_are_cut_and_say_how_many_rows_there_are():
    lines = as_markdown(MUCH, SIZES).splitlines()
    titles = [line for line in lines if line.startswith("#")]
    assert titles == [
        "### Reachable members",
        "### Messages that use it, newest first (10 of 200)",
        "### Segments with the most members in common (10 of 999)",
        "### Segments that read it (10 of 50)",
    ]
    assert sum(line.startswith("|") for line in lines) == 4 * 2 + 5 + 10 + 10 + 10
    assert "|sms|1,000,000|81.0|" in lines
    overlap = r"|a\_segment\_with\_quite\_a\_long\_name\_00|1,234,567|1,234,567|98.8|98.8|likely duplicate, same rule|"
    assert overlap in lines


def test_what_members_did_is_told_where_somebody_looked():
    did = [EventDay(event, date(2026, 3, 1 + n), n + 1, 2) for n in range(3) for event in ("app_open", "purchase")]
    lines = as_markdown(LITTLE, ONE_DAY, did).splitlines()
    assert lines[0] == "### What its members did in the last 90 days"
    assert lines[-2:] == [r"|app\_open|6|2|", "|purchase|6|2|"]


def test_what_people_wrote_is_no_markup():
    one = replace(LITTLE, messages=[replace(A_MESSAGE, title="50% | <b>now</b> [x](a)\n# hi")])
    assert r"|50% \| \<b\>now\</b\> \[x\](a) \# hi|" in as_markdown(one, ONE_DAY)


def test_the_details_of_a_segment_take_little_of_the_event_log():
    event = dg.AssetMaterialization(segment_key("one"), metadata=metadata(MUCH, SIZES))
    assert len(dg.serialize_value(event).encode()) < 8_000


def test_the_trend_is_a_picture_that_says_in_words_what_it_shows():
    told = trend([Size(date(2026, 3, 1), 0, True), Size(date(2026, 3, 2), 50), Size(date(2026, 3, 3), 100)])
    words = "0 users on 1 Mar 2026, 100 on 3 Mar 2026"
    assert told.startswith(f"![{words}](data:image/svg+xml,")
    assert told.endswith(f")\n\n{words}")
    paths = (
        "%3Cpath%20stroke='%234f43dd'%20stroke-width='8'%20d='M15%2060v-30M25%2060v-60'/%3E%3Cpath%20stroke='%23c5c1f4'"
    )
    assert paths in told
    assert "d='M5%2060v-1'" in told
