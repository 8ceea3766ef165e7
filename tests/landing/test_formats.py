"""One set of rows, whatever it is written as; what each format can and cannot say."""

from __future__ import annotations

import json
from datetime import datetime

import fsspec
import pytest

from tests.landing.workspace import Workspace, encoded, event

USERS = [
    {"user_id": "007", "city": "Bursa", "attributes": {"tier": "gold", "note": ""}, "tags": ["vip", "a b"]},
    {"user_id": "7", "is_test": "yes", "lat": "41.5", "created_at": "2026-01-01T10:00:00Z"},
]
EVENTS = [
    event("007", "buy", "2026-03-01T10:00:00Z", "e1", properties={"amount": 5.5, "coupon": ""}, platform="ios"),
    event("7", 'say "hi", twice', "2026-03-01T23:59:59.123456Z", "e2", city="İzmir"),
    event("7", "buy", "2026-03-01T10:00:00Z", "e1"),
    event("7", "buy", "2026-03-02T03:00:00+03:00", source="mixpanel"),
]
STAGED = """
    select source, user_id, event, ts, day, event_id, platform, city, lat, is_first, row_no, key_hash,
        properties ->> 'amount', properties ->> 'coupon'
    from staging.stg_events order by row_no
"""


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "jsonl", "jsonl.gz"])
def test_every_format_gives_the_rows_that_parquet_gives(workspace: Workspace, ending: str) -> None:
    answers = []
    for each in ("parquet", ending):
        for table, rows in (("users", USERS), ("events", EVENTS)):
            for old in workspace.landing.glob(f"{table}/*"):
                old.unlink()
            workspace.land(f"{table}/one.{each}", rows)
        workspace.run("stg_users", "events_read", "stg_events")
        users = workspace.rows(
            "select * exclude (attributes, tags), attributes ->> 'note', tags ->> '$[1]'"
            " from staging.stg_users order by user_id"
        )
        answers.append((users, workspace.rows(STAGED)))
    assert answers[0] == answers[1]
    users, events = answers[0]
    assert [user[0] for user in users] == ["007", "7"], "leading zeros are part of an id"
    assert [(row[3], row[9]) for row in events] == [
        (datetime(2026, 3, 1, 10), True),
        (datetime(2026, 3, 1, 23, 59, 59, 123456), True),
        (datetime(2026, 3, 1, 10), False),
        (datetime(2026, 3, 2), True),
    ]


def test_an_empty_cell_of_csv_is_null_and_an_empty_text_inside_json_is_a_value(workspace: Workspace) -> None:
    (workspace.landing / "users.csv").write_text('user_id,city,attributes\n1,,"{""note"": """"}"\n2,"",\n')
    workspace.land("events.csv", [event("1", "open", "2026-03-01")])
    workspace.load()
    workspace.build("stg_users")
    assert workspace.rows("select user_id, city, attributes ->> 'note' from staging.stg_users order by 1") == [
        ("1", None, ""),
        ("2", None, None),
    ]


def test_a_byte_order_mark_unknown_columns_and_line_breaks_in_cells_do_no_harm(workspace: Workspace) -> None:
    text = '\ufeffextra,user_id,event,ts,extra,\r\nx,1,"a\r\nb",2026-03-01T00:00:00Z,y,z\r\nx,2,c,2026-03-01,y,z\r\n'
    workspace.land("users.csv", [{"user_id": "1", "shoe size": "43"}])
    (workspace.landing / "events.csv").write_bytes(text.encode())
    workspace.run("events_read", "stg_events")
    assert workspace.rows("select user_id, event, row_no from staging.stg_events order by row_no") == [
        ("1", "a\r\nb", 1),
        ("2", "c", 2),
    ]


def test_whole_numbers_as_ids_in_parquet_and_json_become_their_digits(workspace: Workspace) -> None:
    workspace.land("users/a.parquet", [{"user_id": 12, "attributes": {"n": 1}}])
    workspace.land("users/b.jsonl", [{"user_id": 13, "tags": []}])
    workspace.land("events.jsonl", [event("12", "open", "2026-03-01")])
    workspace.load()
    workspace.build("stg_users")
    assert workspace.rows("select user_id, attributes, tags from staging.stg_users order by 1") == [
        ("12", '{"n":1}', None),
        ("13", None, "[]"),
    ]


# What is written, and the UTC instant that it is.
TIMES = {
    "2026-03-01T10:00:00Z": datetime(2026, 3, 1, 10),
    "2026-03-01T10:00:00.5+03:00": datetime(2026, 3, 1, 7, 0, 0, 500000),
    "2026-03-01 10:00:00": datetime(2026, 3, 1, 10),
    "2026-03-01": datetime(2026, 3, 1),
    "2026-02-30T10:00:00Z": None,
    "1772359200": None,
    "infinity": None,
    "yesterday": None,
}


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_times_are_utc_unless_they_say_otherwise(workspace: Workspace, ending: str) -> None:
    workspace.land("users.csv", [{"user_id": "1"}])
    workspace.land(f"events.{ending}", [event("1", text, text) for text in TIMES])
    workspace.run("events_read", "stg_events", "quarantine")
    assert dict(workspace.rows("select event, ts from staging.stg_events")) == {
        text: instant for text, instant in TIMES.items() if instant
    }
    put_aside = workspace.rows("select reason, row from staging.quarantine order by row_no")
    assert {reason for reason, _ in put_aside} == {"ts cannot be read"}
    assert len(put_aside) == sum(instant is None for instant in TIMES.values())


def test_files_with_different_columns_are_one_table(workspace: Workspace) -> None:
    workspace.land("users.csv", [{"user_id": "1"}])
    workspace.land("events/a.csv", [event("1", "a", "2026-03-01", platform="ios")])
    workspace.land("events/b.csv", [{"ts": "2026-03-01", "event": "b", "user_id": "1"}])
    workspace.land("events/c [old]*.parquet", [{"event": "c", "user_id": 1, "ts": datetime(2026, 3, 1)}])
    workspace.land("events/d.parquet", [{"event": "d", "user_id": "1", "ts": datetime(2026, 3, 1), "lat": 1.5}])
    workspace.run("events_read", "stg_events")
    assert workspace.rows("select event, user_id, platform, lat, row_no from staging.stg_events order by 1") == [
        ("a", "1", "ios", None, 1),
        ("b", "1", None, None, 1),
        ("c", "1", None, None, 1),
        ("d", "1", None, 1.5, 1),
    ]


def test_an_object_store_is_read_like_a_folder(workspace: Workspace) -> None:
    store = fsspec.filesystem("memory")
    store.pipe("/shop/users/a.csv", encoded("a.csv", [{"user_id": "1"}]))
    store.pipe("/shop/events/2026-03-01.jsonl.gz", encoded("a.jsonl.gz", [event("1", "open", "2026-03-01")]))
    try:
        report = workspace.load("memory://shop")
        workspace.build("events_read", "stg_events")
        workspace.confirm()
        assert report.pending_events == 1
        assert workspace.load("memory://shop").pending_events == 0
        store.pipe("/shop/events/2026-03-01.jsonl.gz", encoded("a.jsonl.gz", [event("1", "buy", "2026-03-01")]))
        assert workspace.load("memory://shop").pending_events == 1
        workspace.build("events_read", "stg_events")
        assert workspace.rows("select event from staging.stg_events") == [("buy",)]
        copies = list((workspace.root / "landing_copies").iterdir())
        assert len(copies) == 2, "copies that nobody reads are dropped"
    finally:
        store.rm("/shop", recursive=True)


def test_other_tables_are_typed_and_the_latest_record_wins(workspace: Workspace) -> None:
    workspace.land("users.csv", [{"user_id": "1"}])
    workspace.land("events.csv", [event("1", "open", "2026-03-01")])
    at = "2026-03-01T10:00:00Z"
    say = {"user_id": "1", "channel": "push"}
    workspace.land("consents.csv", [{**say, "state": "opted_in", "at": at}, {**say, "state": "opted_out", "at": at}])
    workspace.land("blacklist.csv", [{**say, "listed": "1", "at": at}, {**say, "listed": "no", "at": at}])
    workspace.land(
        "devices.jsonl",
        [{"device_id": "d", "user_id": "1", "platform": "ios", "registered": True, "has_token": "maybe"}],
    )
    message = {"message_id": "m", "title": "Hi", "channel": "push", "status": "sent", "created_at": at}
    workspace.land("messages.jsonl", [{**message, "segments": ["a", "b"]}])
    workspace.land(
        "message_events.csv", [{"message_id": "m", "user_id": "1", "kind": "sent", "ts": at, "revenue": "1.5"}]
    )
    pull = {"connector": "mixpanel", "audience_id": "9", "fetched_at": at}
    workspace.land("audiences.csv", [{**pull, "name": "All", "reported_users": "12"}])
    workspace.land("audience_members.csv", [{**pull, "connector_user_id": "0x1", "properties": {"a": 1}}])
    workspace.run("staging")
    assert workspace.rows("select state from staging.stg_consents") == [("opted_out",)], "the later row"
    assert workspace.rows("select listed from staging.stg_blacklist") == [(True,)], "being listed wins a tie"
    assert workspace.rows("select registered, installed, has_token from staging.stg_devices") == [(True, None, None)]
    assert json.loads(workspace.rows("select segments from staging.stg_messages")[0][0]) == ["a", "b"]
    assert workspace.rows("select ts, revenue from staging.stg_message_events") == [(datetime(2026, 3, 1, 10), 1.5)]
    assert workspace.rows("select reported_users from staging.stg_audiences") == [(12,)]
    assert workspace.rows("select connector_user_id from staging.stg_audience_members") == [("0x1",)]
    assert workspace.rows("select value from staging.data_quality where metric = 'not readable: has_token'") == [(1,)]
