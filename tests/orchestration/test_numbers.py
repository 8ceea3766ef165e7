"""Statistics of segments: against numbers worked out by hand, and against plain Python over the same landing rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from orchestration import details
from orchestration.cli.one_segment import as_json, look_up, show_one
from orchestration.summary import in_words
from orchestration.warehouse import connect
from tests.orchestration.workspace import Workspace, a_device, a_user
from tests.reference import numbers
from tests.reference.evaluator import SYSTEM_SEGMENTS, evaluate
from tests.reference.landing import Landing
from tests.reference.windows import Clock
from tests.reference.yaml12 import read_yaml

pytestmark = pytest.mark.long

STORY: dict[str, Any] = read_yaml(Path(__file__).with_name("numbers.yml").read_text(encoding="utf-8"))
ZONE = "Europe/Istanbul"
MAY, JUNE, LATER = "2026-05-10", "2026-06-15T12:00:00Z", "2026-06-15T13:00:00Z"
KEYS = {
    "segment_metrics": ("segment",), "segment_messages": ("segment", "message_id"),
    "segment_reachability": ("segment", "channel"), "segment_summary": ("card",),
    "segment_overlap": ("segment", "other"),
}  # fmt: skip
PAUSED, GONE = "resting", "gone"
Tables = dict[str, list[dict[str, Any]]]


def tiers(**by_user: str) -> list[dict[str, Any]]:
    contacts = {
        "ada": {"external_id": "E-ada", "email": "ada@x.test", "msisdn": "+905320000001"},
        "bea": {"email": "bea@x.test", "msisdn": "+905320000002"},
        "dan": {"email": "dan@x.test", "msisdn": "+90 532-000 00 03"},
    }
    crowd = [a_user(f"c{n:02}", crowd=True) for n in range(14)]
    return [*({**a_user(user, tier=tier), **contacts.get(user, {})} for user, tier in by_user.items()), *crowd]


def landing_rows(users: list[dict[str, Any]]) -> Tables:
    """The story as landing tables; an event that is told twice lands twice, under one id."""
    events = []
    for who, event, ts, *value in STORY["events"]:
        source, _, own = who.rpartition(":")
        ids = {"source": source, "source_user_id": own} if source else {"user_id": who}
        properties = {"amount" if event == "purchase" else "seconds": value[0]} if value else {}
        events.append({**ids, "event": event, "ts": ts, "event_id": f"{who} {event} {ts}", "properties": properties})
    return {
        "users": users,
        "events": events,
        "devices": [
            a_device(user, platform, has_token=token, push_permission=permission)
            for user, platform, token, permission in STORY["devices"]
        ],
        "consents": [
            {
                "user_id": user, "channel": channel, "state": state, "at": "2026-01-01T00:00:00Z",
                "reason": (*more, None)[0],
            }
            for user, channel, state, *more in STORY["consents"]
        ],
        "blacklist": [
            {"user_id": user, "channel": channel, "listed": listed, "at": "2026-01-01T00:00:00Z"}
            for user, channel, listed in STORY["blacklist"]
        ],
        "messages": [
            {
                "message_id": name, "title": f"About {name}", "channel": channel, "status": status,
                "created_at": "2026-04-01T00:00:00Z", "sent_at": at, "segments": into, "excluded_segments": out,
            }
            for name, channel, status, at, into, out in STORY["messages"]
        ],
        "message_events": [
            {"message_id": name, "user_id": user, "kind": kind, "ts": ts, **({"revenue": more[0]} if more else {})}
            for name, user, kind, ts, *more in STORY["message_events"]
        ],
    }  # fmt: skip


def timed(tables: Tables) -> Tables:
    """The same with instants in place of their text."""
    columns = ("ts", "at", "created_at", "sent_at")
    return {
        table: [
            {key: datetime.fromisoformat(value) if key in columns and value else value for key, value in row.items()}
            for row in rows
        ]
        for table, rows in tables.items()
    }


@dataclass
class Told:
    """The story, run twice and then in part; what readers saw after each time, and what plain Python says."""

    workspace: Workspace
    runs: list[tuple[datetime, dict[str, set[str]]]] = field(default_factory=list)
    landings: list[Landing] = field(default_factory=list)
    seen: list[dict[str, list[dict[str, Any]]]] = field(default_factory=list)

    def run(self, as_of: str, tables: Tables, only: str | None = None) -> None:
        for table, rows in tables.items():
            self.workspace.land(table, *rows)
        self.workspace.run(as_of, only=[only] if only else None)
        at = self.workspace.moment(as_of)
        files = {file.stem for file in self.workspace.settings.segments.glob("*.yml")}
        rules = {name: rule for name, rule in definitions().items() if name in files and name != PAUSED}
        self.runs.append((at, evaluate({**rules, **SYSTEM}, timed(tables), at, ZONE)))
        self.landings.append(Landing(timed(tables), Clock(at, ZONE)))
        self.seen.append({table: self.rows(table) for table in (*KEYS, "segment_sample_users", "segment_dependents")})

    def rows(self, table: str) -> list[dict[str, Any]]:
        with connect(self.workspace.settings.warehouse) as connection:
            found = connection.execute(f"select * from segments.{table} order by all")
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def members(self, run: int = 1) -> dict[str, set[str]]:
        return self.runs[run][1]

    def keyed(self, table: str, run: int = 1) -> dict[str, dict[str, Any]]:
        by_key = {" ".join(row[key] for key in KEYS[table]): row for row in self.seen[run][table]}
        assert len(by_key) == len(self.seen[run][table]), f"{table} has two rows of one"
        return by_key


SYSTEM: dict[str, Any] = {name: {"who": [rule]} for name, rule in SYSTEM_SEGMENTS.items()}


def definitions() -> dict[str, dict[str, Any]]:
    return {
        name: read_yaml(text) if text.partition(":")[0].isidentifier() else {"who": read_yaml(text)}
        for name, text in STORY["segments"].items()
    }


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    told = Told(Workspace(tmp_path_factory.mktemp("numbers"), ZONE))
    told.workspace.define(**STORY["segments"])
    told.run(MAY, landing_rows(tiers(ada="gold", bea="gold", cem="gold", dan="basic")))
    told.workspace.undefine(GONE)
    june = landing_rows(tiers(ada="gold", bea="gold", cem="basic", dan="gold"))
    told.run(JUNE, june)
    june["events"].append(
        {"user_id": "bea", "event": "purchase", "ts": "2026-06-15T12:30:00Z", "event_id": "late", "properties": {}}
    )
    told.run(LATER, june, only="buyers")
    return told


def differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs by more than the last digit."""
    different = {}
    for name, value in expected.items():
        other = found[name]
        same = (
            pytest.approx(value, abs=1e-6) == other
            if isinstance(value, int | float) and other is not None
            else value == other
        )
        if not same:
            different[name] = (value, other)
    return different


HAND = [(table, key) for table, rows in STORY["by_hand"].items() for key in rows]


@pytest.mark.parametrize(("table", "key"), HAND, ids=[f"{table}: {key}" for table, key in HAND])
def test_numbers_are_those_that_a_person_gets_by_hand(told: Told, table: str, key: str):
    assert not differences(STORY["by_hand"][table][key], told.keyed(table)[key])


def test_what_members_do_is_what_plain_python_counts(told: Told):
    for segment, members in told.members().items():
        expected = numbers.activity(told.landings[1], members)
        assert not differences(expected, told.keyed("segment_metrics")[segment]), segment


def test_messages_come_to_what_plain_python_counts_among_those_who_were_members_then(told: Told):
    tables = timed(landing_rows([]))
    found = told.keyed("segment_messages")
    pairs = {
        (segment, message["message_id"]): message
        for message in tables["messages"]
        for segment in {*message["segments"], *message["excluded_segments"]} & set(told.members())
    }
    assert set(found) == {" ".join(pair) for pair in pairs}
    for (segment, name), message in pairs.items():
        expected = numbers.report(told.landings[1], message, segment, numbers.history(told.runs[:2], segment))
        assert not differences(expected, found[f"{segment} {name}"]), (segment, name)


def test_what_was_sent_to_a_segment_is_one_number_everywhere(told: Told):
    catalogue = dict(told.workspace.rows("select segment, message_sent from segments.segments"))
    metrics = dict(told.workspace.rows("select segment, message_sent from segments.segment_metrics"))
    assert catalogue == metrics
    assert metrics["gold"] == 8


def test_whom_a_channel_reaches_is_whom_the_rule_reachable_finds(told: Told):
    members, found = told.members(), told.keyed("segment_reachability")
    for segment in members:
        reached = numbers.reachable(told.landings[1], members[segment])
        for channel, users in reached.items():
            row = found[f"{segment} {channel}"]
            assert (row["users"], row["reachable"]) == (len(members[segment]), users), (segment, channel)
    for channel in numbers.CHANNELS:
        assert found[f"gold {channel}"]["reachable"] == len(members[f"by_{channel}"])


def test_every_reader_of_a_segment_is_listed_with_its_status_and_where_it_reads(told: Told):
    rows = told.seen[1]["segment_dependents"]
    readers = {
        row["dependent"]: (row["role"], row["status"])
        for row in rows
        if row["segment"] == "gold" and row["kind"] == "segment"
    }
    assert readers == {
        "gold_buyers": ("rule", "ready"),
        "spares": ("exclude", "ready"),
        "takes": ("rule", "ready"),  # in its rule and included: named once
        "resting": ("include", "not_active"),
        **{f"by_{channel}": ("rule", "ready") for channel in numbers.CHANNELS},
    }
    messages = {
        row["dependent"]: (row["role"], row["status"])
        for row in rows
        if row["segment"] == "buyers" and row["kind"] == "message"
    }
    assert messages == {"letter": ("included", "sent"), "soon": ("included", "scheduled")}
    assert "gone" in [row["dependent"] for row in told.seen[0]["segment_dependents"]]


@pytest.mark.parametrize("run", [0, 1, 2])
def test_overlap_of_all_pairs_is_that_of_their_sets_also_where_it_is_carried_over(told: Told, run: int):
    members = {name: set[str]() for name in told.runs[run][1]} | {
        name: set(who) for name, who in told.members(run).items()
    }
    if run == 2:  # only `buyers` and those who read them were calculated
        unmoved = {"first_time_users", "engaged_users", "all_users", "test_users"}
        members |= {name: told.members(1)[name] for name in unmoved}
    found = told.keyed("segment_overlap", run)
    pairs = {
        f"{one} {two}": numbers.overlap(members[one], members[two])
        for one, two in permutations(members, 2)
        if members[one] & members[two] or {one, two} == {"empty", "empty_again"}
    }
    assert set(found) == set(pairs)
    for pair, expected in pairs.items():
        assert not differences(expected, found[pair]), pair


def test_ten_members_are_drawn_by_hash_and_day(told: Told):
    for run, day in ((0, date(2026, 5, 9)), (1, date(2026, 6, 15)), (2, date(2026, 6, 15))):
        drawn: dict[str, list[str]] = {}
        for row in sorted(told.seen[run]["segment_sample_users"], key=lambda row: row["place"]):
            drawn.setdefault(row["segment"], []).append(row["user_id"])
        expected = {name: numbers.sample(who, day) for name, who in told.members(run).items() if who}
        assert drawn == expected


def test_event_insight_counts_what_members_did_by_local_day(told: Told):
    with connect(told.workspace.settings.warehouse) as connection:
        found = details.event_days(connection, ["gold", "buyers", "empty"])
    for segment in ("gold", "buyers", "empty"):
        expected = numbers.events_daily(told.landings[2], told.members(2)[segment], date(2026, 6, 15))
        assert {(one.event, one.day): (one.count, one.users) for one in found.get(segment, ())} == expected
        days = sorted({day for _, day in expected})
        habits = {one.event: one for one in details.habits(found.get(segment, ()))}
        assert set(habits) == {event for event, _ in expected}
        for event, one in habits.items():
            daily = [expected.get((event, days[0] + timedelta(days=n)), (0, 0)) for n in range(len(one.daily))]
            assert days[0] + timedelta(days=len(one.daily) - 1) == days[-1]
            assert one.daily == tuple(count for count, _ in daily)
            assert (one.times, one.most_users) == (sum(one.daily), max(users for _, users in daily))


def test_readers_give_what_the_tables_say_by_segment(told: Told):
    with connect(told.workspace.settings.warehouse) as connection:
        metrics = details.metrics(connection, ["gold", "empty", "nobody_knows"])
        assert {name: one.users for name, one in metrics.items()} == {"gold": 3, "empty": 0}
        assert metrics["gold"].as_of == datetime(2026, 6, 15, 13, tzinfo=UTC)
        assert [one.channel for one in details.reachability(connection, ["gold"])["gold"]] == list(numbers.CHANNELS)
        assert details.messages(connection, ["gold"])["gold"][0].message_id == "later"
        assert details.dependents(connection, ["buyers"])["buyers"][0].kind == "segment"
        assert details.overlaps(connection, ["gold"])["gold"][0].relation == "same_members"
        assert len(details.sample_users(connection, ["many"])["many"]) == 10
        cards = details.cards(connection)
        assert set(cards) == set(STORY["by_hand"]["segment_summary"])
        assert in_words(cards) == [
            "17 active", "most used last month: gold (4 campaigns)",
            "most successful: buyers (100.0% clicked in 1 campaign)",
        ]  # fmt: skip
        assert in_words({"most_used_segment": details.Card("most_used_segment", None, None, None)}) == []
        assert details.metrics(connection, []) == {}


def test_show_tells_the_numbers_to_people_and_to_programs(told: Told, capsys: pytest.CaptureFixture[str]):
    gold = look_up(told.workspace.settings, "gold")
    told_to_programs = as_json(gold)
    assert told_to_programs["metrics"] == vars(gold.numbers.details.metrics)
    assert sorted(told_to_programs["sample_users"]) == ["ada", "bea", "dan"]
    assert len(told_to_programs["reachability"]) == len(numbers.CHANNELS)
    assert as_json(look_up(told.workspace.settings, "resting"))["messages"] == []
    show_one(gold, told.workspace.settings)
    shown = capsys.readouterr().out
    for line in (
        "app opens     0.44 per member and month",
        "time in app   32.10 seconds per session",
        "push clicks   50.0% on average",
        "messages      9 use it, 2 of them still to be sent",
        "reachable     push 1 (33%), web_push 1 (33%), email 1 (33%), sms 1 (33%), whatsapp 1 (33%)",
    ):
        assert line in shown.splitlines()
    assert "events" not in told_to_programs
    watched = look_up(told.workspace.settings, "gold", with_events=True)
    assert as_json(watched)["events"] == [vars(one) for one in watched.numbers.events]
    show_one(watched, told.workspace.settings)
    busiest = details.habits(watched.numbers.events)[0]
    shown = capsys.readouterr().out.splitlines()
    assert any(line.split()[:3] == [busiest.event, str(busiest.times), str(busiest.most_users)] for line in shown)
    show_one(look_up(told.workspace.settings, "empty", with_events=True), told.workspace.settings)
    assert "Its members did nothing in the last 90 days" in capsys.readouterr().out.splitlines()
    show_one(look_up(told.workspace.settings, "empty"), told.workspace.settings)
    assert "app opens     – per member and month" in capsys.readouterr().out.splitlines()
