"""What a second load does: only what changed is read, and the result is what a full load would give."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from tests.landing.workspace import Workspace, event

USER = [{"user_id": "1"}]
EVENT_MODELS = (
    "events_read",
    "stg_events",
    "event_days",
)  # the rest of staging has nothing to do with files that change


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    """Two days; e2 was sent twice, and its second copy lies in the later file."""
    workspace.land("users.csv", USER)
    workspace.land("events/d1.csv", [event("1", "a", "2026-03-01", "e1"), event("1", "a", "2026-03-01T10:00:00", "e2")])
    workspace.land("events/d2.csv", [event("1", "b", "2026-03-02", "e3"), event("1", "b", "2026-03-02T10:00:00", "e2")])
    workspace.run(*EVENT_MODELS)
    return workspace


def firsts(workspace: Workspace) -> list[Any]:
    return [
        tuple(row) for row in workspace.rows("select event, event_id from staging.stg_events where is_first order by 2")
    ]


def signatures(workspace: Workspace) -> dict[date, int]:
    return dict(workspace.rows("select day, signature from staging.event_days"))


def same_after_a_full_load(workspace: Workspace) -> bool:
    step_by_step = workspace.events(), workspace.rows("from staging.event_days")
    workspace.run(*EVENT_MODELS, full=True)
    return step_by_step == (workspace.events(), workspace.rows("from staging.event_days"))


def test_the_first_copy_counts_and_the_others_are_kept(shop: Workspace) -> None:
    assert firsts(shop) == [("a", "e1"), ("a", "e2"), ("b", "e3")]
    assert shop.rows("select count(*) from staging.stg_events") == [(4,)]


def test_nothing_new_reads_nothing(shop: Workspace) -> None:
    before = shop.events(), signatures(shop)
    assert shop.run(*EVENT_MODELS).pending_events == 0
    assert (shop.events(), signatures(shop)) == before


def test_a_late_file_changes_the_signature_of_its_day_only(shop: Workspace) -> None:
    before = signatures(shop)
    shop.land("events/late.csv", [event("1", "c", "2026-03-01T23:00:00", "e4")])
    assert shop.run(*EVENT_MODELS).pending_events == 1
    after = signatures(shop)
    assert after[date(2026, 3, 2)] == before[date(2026, 3, 2)]
    assert after[date(2026, 3, 1)] != before[date(2026, 3, 1)]
    assert same_after_a_full_load(shop)


def test_a_vanished_file_takes_its_rows_along_and_another_copy_becomes_the_first(shop: Workspace) -> None:
    (shop.landing / "events/d1.csv").unlink()
    assert shop.run(*EVENT_MODELS).gone_events == 1
    assert firsts(shop) == [("b", "e2"), ("b", "e3")]
    assert date(2026, 3, 1) not in signatures(shop)
    assert same_after_a_full_load(shop)


def test_a_replaced_file_counts_with_its_new_rows_only(shop: Workspace) -> None:
    before = signatures(shop)
    shop.land("events/d1.csv", [event("1", "changed", "2026-03-01", "e1")])
    report = shop.run(*EVENT_MODELS)
    assert (report.pending_events, report.gone_events) == (1, 1)
    assert firsts(shop) == [("changed", "e1"), ("b", "e2"), ("b", "e3")]
    assert signatures(shop)[date(2026, 3, 1)] != before[date(2026, 3, 1)]
    assert same_after_a_full_load(shop)


def test_a_file_that_arrives_late_but_sorts_first_holds_the_first_copy(shop: Workspace) -> None:
    shop.land("events/a.csv", [event("1", "early", "2026-03-03", "e3")])
    shop.run(*EVENT_MODELS)
    assert ("early", "e3") in firsts(shop)
    assert same_after_a_full_load(shop)


def test_what_was_ingested_first_wins_over_the_order_of_files(workspace: Workspace) -> None:
    workspace.land("users.csv", USER)
    workspace.land("events/a.csv", [event("1", "unknown", "2026-03-01", "e1"), event("1", "x", "2026-03-01", "e9")])
    workspace.land("events/b.csv", [event("1", "late", "2026-03-01", "e1", ingested_at="2026-03-05T00:00:00Z")])
    workspace.run(*EVENT_MODELS)
    workspace.land("events/c.csv", [event("1", "soon", "2026-03-01", "e1", ingested_at="2026-03-02T00:00:00Z")])
    workspace.run(*EVENT_MODELS)
    assert firsts(workspace) == [("soon", "e1"), ("x", "e9")]
    assert same_after_a_full_load(workspace)


def test_equal_ids_of_two_sources_are_two_events_and_rows_without_id_are_compared_whole(workspace: Workspace) -> None:
    ingested = {"ingested_at": "2026-03-02T00:00:00Z"}
    workspace.land("users.csv", USER)
    workspace.land(
        "events.jsonl",
        [
            event("1", "a", "2026-03-01", "e1", source="mixpanel"),
            event("1", "a", "2026-03-01", "e1", source="amplitude"),
            event("1", "b", "2026-03-01", properties={"n": 1}),
            event("1", "b", "2026-03-01", properties={"n": 1}, **ingested),
            event("1", "b", "2026-03-01", properties={"n": 2}),
        ],
    )
    workspace.run(*EVENT_MODELS)
    assert workspace.rows("select row_no from staging.stg_events where is_first order by 1") == [(1,), (2,), (4,), (5,)]


def test_a_run_that_died_before_it_was_confirmed_is_repeated_without_doubling(shop: Workspace) -> None:
    shop.land("events/d3.csv", [event("1", "c", "2026-03-03", "e1"), event("1", "c", "2026-03-03", "e5")])
    shop.load()
    shop.build(*EVENT_MODELS)  # and no confirmation
    assert shop.run(*EVENT_MODELS).pending_events == 1
    assert firsts(shop) == [("a", "e1"), ("a", "e2"), ("b", "e3"), ("c", "e5")]
    assert shop.rows("select count(*) from staging.stg_events") == [(6,)]
    assert same_after_a_full_load(shop)


def test_dbt_full_refresh_loses_no_events(shop: Workspace) -> None:
    shop.load()
    before = shop.events()
    shop.build(*EVENT_MODELS, "--full-refresh")
    assert shop.events() == before


def test_a_warehouse_without_staged_events_reads_all_files_again(shop: Workspace) -> None:
    before = shop.events()
    with shop.connect() as con:
        con.execute("drop table staging.events_read")
    assert shop.run(*EVENT_MODELS).pending_events == 2
    assert shop.events() == before


def test_numbers_of_people_stay_and_new_people_follow(shop: Workspace) -> None:
    shop.run(full=True)
    shop.land("users.csv", [{"user_id": "1"}, {"user_id": "0"}])
    shop.land("events/d3.csv", [{"source": "mixpanel", "source_user_id": "1", "event": "x", "ts": "2026-03-01"}])
    shop.run()
    assert shop.rows("select person_no, source, id from staging.people order by 1") == [
        (0, "", "1"),
        (1, "", "0"),
        (2, "mixpanel", "1"),
    ]
    shop.run(full=True)
    assert shop.rows("select count(*), max(person_no) from staging.people") == [(3, 2)]


def test_a_random_history_of_files_ends_like_a_full_load(workspace: Workspace) -> None:
    import random

    draw = random.Random(5)
    workspace.land("users.csv", USER)
    for step in range(3):
        for name in "abcde":
            path = workspace.landing / f"events/{name}.csv"
            if path.exists() and draw.random() < 0.3 and step:
                path.unlink()
            elif draw.random() < 0.6 or not step:
                rows = []
                for _ in range(draw.randint(1, 12)):
                    ingested = datetime(2026, 4, draw.randint(1, 9)).isoformat() if draw.random() < 0.5 else ""
                    rows.append({
                        "user_id": "1", "event": draw.choice("xy"), "ts": f"2026-03-0{draw.randint(1, 4)}",
                        "event_id": draw.choice(["", "e1", "e2", "e3", "e4"]), "ingested_at": ingested,
                    })  # fmt: skip
                workspace.land(f"events/{name}.csv", rows)
        workspace.run(*EVENT_MODELS)
        assert (
            workspace.rows(
                "select source, event_id, count(*) from staging.stg_events where is_first and event_id is not null"
                " group by all having count(*) > 1"
            )
            == []
        )
    step_by_step = workspace.events()
    workspace.run(*EVENT_MODELS, full=True)
    assert workspace.events() == step_by_step
