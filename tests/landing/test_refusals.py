"""What is refused, in which words, and what is put aside instead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.landing_files import list_landing, look_into
from orchestration.landing import LandingError
from tests.landing.workspace import Workspace, event

JUDGES = ("events_read", "stg_events", "stg_users", "quarantine", "data_quality")
GOOD = {"users.csv": "user_id\n1\n", "events.csv": "user_id,event,ts\n1,open,2026-03-01\n"}
# The files of a landing area, and what the error says; {root} is the folder.
REFUSED = [
    ({}, "{root} has no files of the table users, expected users/*.parquet, *.csv or *.jsonl"),
    (
        {**GOOD, "users.csv": "userid,city\n1,x\n"},
        "{root}/users.csv: the required column user_id of the table users is missing; "
        "the nearest column there is userid",
    ),
    (
        {**GOOD, "events/b.jsonl": '{"user_id": "1", "event": "x", "time": "2026-03-01"}\n'},
        "{root}/events/b.jsonl: the required column ts of the table events is missing",
    ),
    (
        {**GOOD, "events/b.csv": "source_user_id,event,ts\n1,x,2026-03-01\n"},
        "{root}/events/b.csv: the required column source of the table events is missing",
    ),
    (
        {**GOOD, "events/b.csv": "event,ts\nx,2026-03-01\n"},
        "{root}/events/b.csv: the required column user_id of the table events is missing",
    ),
    ({**GOOD, "events/b.csv": ""}, "{root}/events/b.csv: the file is empty, expected a header line"),
    (
        {**GOOD, "events/b.csv": "user_id,event,ts\n1,a,2026-03-01\nann@x.test,b\n"},
        "{root}/events/b.csv:3: the line cannot be read as CSV (missing columns)",
    ),
    (
        {**GOOD, "events/b.csv": "user_id,event,ts\n1,a,2026-03-01,more\n"},
        "{root}/events/b.csv:2: the line cannot be read as CSV (too many columns)",
    ),
    (
        {**GOOD, "events/b.csv": "user_id,event,ts,ts\n"},
        "{root}/events/b.csv: the column ts stands twice in the header",
    ),
    ({**GOOD, "events/b.parquet": "not parquet"}, "{root}/events/b.parquet: this is not a readable Parquet file"),
    (
        {**GOOD, "users.csv": "user_id,city\n1,x\n2,y\n1,x\n"},
        'users: the user_id "1" stands in 2 rows, and no updated_at says which one counts',
    ),
]


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(("files", "message"), REFUSED, ids=range(len(REFUSED)))
def test_a_landing_area_that_cannot_be_read_says_what_to_change(
    workspace: Workspace, files: dict[str, str], message: str
) -> None:
    write(workspace.landing, files)
    with pytest.raises(LandingError) as refusal:
        workspace.load()
    assert str(refusal.value) == message.format(root=workspace.landing)


def test_a_missing_root_is_named() -> None:
    with pytest.raises(LandingError, match="there is no landing area at /nowhere"):
        list_landing("/nowhere")


def test_a_refused_load_leaves_views_and_ledger_as_they_were(workspace: Workspace) -> None:
    write(workspace.landing, GOOD)
    workspace.load()
    before = workspace.rows("from raw.landing_files"), workspace.rows("from raw.users")
    (workspace.landing / "users.csv").write_text("user_id\n1\n1\n")
    with pytest.raises(LandingError):
        workspace.load()
    assert workspace.rows("from raw.landing_files") == before[0]


def test_the_latest_row_of_a_user_counts(workspace: Workspace) -> None:
    write(workspace.landing, GOOD)
    rows = [("a", ""), ("b", "2026-03-02"), ("c", "2026-03-01")]
    workspace.land("users.csv", [{"user_id": "1", "city": city, "updated_at": at} for city, at in rows])
    workspace.load()
    workspace.build("stg_users")
    assert workspace.rows("select city from staging.stg_users") == [("b",)]


def test_only_finished_files_of_known_tables_are_listed(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            **GOOD, "events/.part.csv": "", "events/_SUCCESS": "", "events/x.csv.tmp": "", "events/notes.txt": "",
            "events/old/x.csv": "", "orders/x.csv": "", "prices.csv": "", ".sample.json": "", "_tmp/users.csv": "",
        },
    )  # fmt: skip
    listing = look_into(str(tmp_path))
    assert [Path(file.url).name for file in listing.files] == ["events.csv", "users.csv"]
    assert listing.ignored == ["events/notes.txt", "events/old/", "orders/", "prices.csv"]


# Rows of events that cannot be used, and why.
PUT_ASIDE = [
    (event(None, "open", "2026-03-01"), "user_id is missing"),
    (event("", "open", "2026-03-01"), "user_id is missing"),
    (event(None, "open", "2026-03-01", source_user_id="m1"), "source of source_user_id is missing"),
    ({"user_id": "1", "ts": "2026-03-01"}, "event is missing"),
    ({"user_id": "1", "event": "open"}, "ts is missing"),
    (event("1", "open", "soon"), "ts cannot be read"),
    (event("1", "open", "2026-03-01", properties="{broken"), "properties is not a JSON object"),
    (event("1", "open", "2026-03-01", properties=[1]), "properties is not a JSON object"),
]


def test_rows_that_cannot_be_used_are_kept_with_the_reason(workspace: Workspace) -> None:
    write(workspace.landing, GOOD)
    good = event("1", "open", "2026-03-01T10:00:00Z", lat="north", properties='\n {"n": 1} ')
    workspace.land("events/b.jsonl", [good, *[row for row, _ in PUT_ASIDE]])
    with (workspace.landing / "events/b.jsonl").open("a") as file:
        file.write('{"user_id": "1", "event": \n')
    workspace.run(*JUDGES)
    found = workspace.rows("select row_no, reason, row from staging.quarantine order by row_no")
    assert [(no, reason) for no, reason, _ in found] == [
        *[(no, reason) for no, (_, reason) in enumerate(PUT_ASIDE, start=2)],
        (len(PUT_ASIDE) + 2, "user_id is missing"),
    ]
    assert json.loads(found[5][2]) == {"user_id": "1", "event": "open", "ts": "soon"}
    assert workspace.rows("select count(*), count(lat) from staging.stg_events") == [(2, 0)]
    quality = dict(workspace.rows("select metric, value from staging.data_quality where table_name = 'events'"))
    assert quality["quarantined: user_id is missing"] == 3
    assert quality["not readable: lat"] == 1

    workspace.land("events/b.jsonl", [good])
    workspace.run(*JUDGES)
    assert workspace.rows("from staging.quarantine") == [], "a mended file takes its rows out"


def test_a_user_with_broken_attributes_stays_in_the_universe(workspace: Workspace) -> None:
    write(workspace.landing, GOOD)
    workspace.land("users.csv", [{"user_id": "1", "attributes": "{oops", "tags": '["a"]'}, {"user_id": ""}])
    workspace.run(*JUDGES)
    assert workspace.rows("select user_id, attributes, tags from staging.stg_users") == [("1", None, '["a"]')]
    assert workspace.rows("select row_no, reason from staging.quarantine order by 1") == [
        (1, "attributes is not JSON of the right type; the rest of the row is used"),
        (2, "user_id is missing"),
    ]


def test_events_of_unknown_users_are_counted_and_create_nobody(workspace: Workspace) -> None:
    write(workspace.landing, GOOD)
    workspace.land("events/b.csv", [event("ghost", "open", "2026-03-01")])
    workspace.run(*JUDGES)
    assert workspace.rows("select value from staging.data_quality where metric = 'of unknown users'") == [(1,)]
    assert workspace.rows("select user_id from staging.stg_users") == [("1",)]


def test_the_data_tests_of_dbt_hold(workspace: Workspace) -> None:
    write(workspace.landing, GOOD)
    workspace.load()
    workspace.build(command="build")
