"""Matches that are carried over from run to run: what each change makes anew, and that nothing else would come out
otherwise. The models run without dbt, on tables made by hand, except for one chain of whole runs at the end."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration import recalculation
from orchestration.matching import EVERY, Matching
from orchestration.segment_tests import memory
from tests.orchestration.workspace import Workspace
from tests.plan.identity_models import BEFORE_THE_PLAN, decide_matching, match_in
from tests.reference.identity import Match, Matcher

AT = datetime(2026, 3, 1, 2, tzinfo=UTC)
ORDER = ("external_id", "attributes.mp", "email", "msisdn")
AUDIENCE = "connector, connector_user_id, email, msisdn, outcome, strategy, person_no"
EVENTS = "source, source_user_id, person_no, user_no, outcome, strategy"
Pull = tuple[str, str, datetime]  # connector, audience and when


@dataclass
class Town:
    """What has landed: users by id, rows of audiences by pull, connectors' ids that events came under, and rules."""

    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    pulls: dict[Pull, list[dict[str, Any]]] = field(default_factory=dict)
    ids: list[tuple[str, str]] = field(default_factory=list)
    rules: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        pull = ("connector", "audience_id", "fetched_at")
        return {
            "users": [{"user_id": name, **row} for name, row in self.users.items()],
            "audiences": [{**dict(zip(pull, one, strict=True)), "name": one[1], "reported_users": len(rows)}
                          for one, rows in self.pulls.items()],
            "audience_members": [{**dict(zip(pull, one, strict=True)), **row}
                                 for one, rows in self.pulls.items() for row in rows],
            "events": [{"event_id": f"{n}", "source": source, "source_user_id": said, "event": "visit", "ts": AT}
                       for n, (source, said) in enumerate(self.ids)],
        }  # fmt: skip

    def land(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Stages it all. Numbers of people stay, as in a workspace, whoever comes and goes."""
        memory.load(connection, self.tables())
        connection.execute("create table if not exists numbered (person_no uinteger, source varchar, id varchar)")
        connection.execute(
            "insert into numbered select (select count(*) from numbered) + row_number() over (order by source, id) - 1,"
            " source, id from (select source, id from people anti join numbered using (source, id))"
        )
        connection.execute("create or replace table people as from numbered")
        decide_matching(connection, {}, self.rules)


def row(said: str | None, email: str | None = None, msisdn: str | None = None) -> dict[str, Any]:
    return {"connector_user_id": said, "email": email, "msisdn": msisdn}


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with memory.in_memory() as connection:
        connection.execute("create schema raw; create schema carried; create schema fresh")
        for table in ("audiences", "audience_members"):
            connection.execute(f"create table stg_{table} (n integer)")
            connection.execute(f"create view raw.{table} as from stg_{table}")
        yield connection


def matches(connection: duckdb.DuckDBPyConnection, schema: str) -> list[list[tuple[Any, ...]]]:
    return [
        connection.execute(f"select {columns} from {schema}.{table} order by all").fetchall()
        for columns, table in ((AUDIENCE, "audience_ids"), (EVENTS, "source_people"))
    ]


def match_afresh(connection: duckdb.DuckDBPyConnection) -> list[list[tuple[Any, ...]]]:
    """What comes out where no run was before."""
    connection.execute("drop schema fresh cascade; create schema fresh")
    match_in(connection, "fresh")
    return matches(connection, "fresh")


# ---------------------------------------------------------------- what a change touches


def small() -> Town:
    return Town(
        users={
            "ada": {"external_id": "E1", "email": "ada@x.test", "attributes": {"tier": "gold", "mp": "m1"}},
            "bea": {"external_id": "E2", "email": "bea@x.test"},
            "cem": {"external_id": "E3"},
            "dan": {"external_id": "E3"},
        },
        pulls={
            ("mixpanel", "1", AT): [row("E1"), row("E2"), row("?", "Bea@x.test"), row("nobody"), row("E3")],
            ("mixpanel", "2", AT): [row("E1"), row("only here")],
            ("amplitude", "1", AT): [row("E1"), row("m1")],
        },
        ids=[("mixpanel", "E2"), ("mixpanel", "?"), ("amplitude", "m1")],
        rules={"mixpanel": ORDER, "amplitude": ("external_id",)},
    )


LATER = ("mixpanel", "1", AT + timedelta(days=1))
# What is done, and the ids matched anew: those of audiences by connector and id, then those of events.
CHANGES: Mapping[str, tuple[Callable[[Town], Any], str, str]] = {
    "nothing": (lambda town: None, "", ""),
    "an attribute that no rule looks at": (lambda town: town.users["ada"]["attributes"].update(tier="silver"), "", ""),
    "an e-mail in another form": (lambda town: town.users["bea"].update(email=" BEA@x.test"), "", ""),
    "an e-mail that changes": (lambda town: town.users["bea"].update(email="new@x.test"), "mixpanel ?", "mixpanel ?"),
    "a new external id": (lambda town: town.users["ada"].update(external_id="nobody"),
                          "amplitude E1, mixpanel E1, mixpanel nobody", ""),
    "a user who is new": (lambda town: town.users.update(eve={"external_id": "nobody"}), "mixpanel nobody", ""),
    "a merge: one of two goes": (lambda town: town.users.pop("dan"), "mixpanel E3", ""),
    "two of one id": (lambda town: town.users["cem"].update(external_id="E2"),
                      "mixpanel E2, mixpanel E3", "mixpanel E2"),
    "a mapped attribute, for the connector whose it is": (
        lambda town: town.users["cem"].update(attributes={"mp": "only here"}), "mixpanel only here", ""),
    "the attribute that another connector does not look at": (
        lambda town: town.users["ada"]["attributes"].pop("mp"), "", ""),
    "another order, of one connector": (lambda town: town.rules.update(amplitude=("external_id", "attributes.mp")),
                                        "amplitude E1, amplitude m1", "amplitude m1"),
    "a pull that goes": (lambda town: town.pulls.pop(("mixpanel", "2", AT)), "", ""),
    "a pull that comes": (lambda town: town.pulls.update({LATER: [row("E2"), row("new"), row("E1", "a@x.test")]}),
                          "mixpanel E1, mixpanel new", ""),
    "what an audience says of an event's id": (
        lambda town: town.pulls.update({LATER: [row("E2", "ada@x.test")]}), "mixpanel E2", "mixpanel E2"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_makes_those_matches_anew_that_it_touches(connection: duckdb.DuckDBPyConnection, change: str):
    does, ids, of_events = CHANGES[change]
    town = small()
    town.land(connection)
    match_in(connection, "carried")
    does(town)
    town.land(connection)
    match_in(connection, "carried")
    anew = [
        connection.execute(
            f"select coalesce(string_agg(distinct {of}, ', ' order by {of}), '') from carried.{table} where is_anew"
        ).fetchall()[0][0]
        for of, table in (
            ("connector || ' ' || connector_user_id", "audience_ids"),
            ("source || ' ' || source_user_id", "source_people"),
        )
    ]
    assert anew == [ids, of_events]
    assert matches(connection, "carried") == match_afresh(connection)


def test_what_changed_in_a_run_that_died_is_not_forgotten_in_the_next(connection: duckdb.DuckDBPyConnection):
    town = small()
    town.land(connection)
    match_in(connection, "carried")
    for _ in range(2):
        town.users["bea"].update(external_id="nobody")
        town.users["cem"].update(email="bea@x.test")
        town.land(connection)
        match_in(connection, "carried", ["match_rules", "user_ids"])  # knows the users, and has matched nothing
        town.users["ada"]["attributes"].update(tier="silver")
        town.land(connection)
        match_in(connection, "carried")
        assert matches(connection, "carried") == match_afresh(connection)
        town = small()  # all as it was, once more by way of a run that dies


# ---------------------------------------------------------------- chains of random changes

IDS = [f"E{n}" for n in range(8)] + [" E1 ", "m1", "m2", "$device:1", "", None]
EMAILS = ["a@x.test", "b@x.test", "A@x.test ", "c@x.test", "broken", "", None]
PHONES = ["+90 532 000 0001", "+905320000001", "+905320000002", "0532", None, None]


class Chance:
    """Random changes to a town."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(f"carried/{seed}")
        self.day = 0

    def user(self) -> dict[str, Any]:
        attributes = {"tier": self.rng.choice(["gold", "silver"])}
        if self.rng.random() < 0.5:
            attributes["mp"] = self.rng.choice(["m1", "m2", "m3", 7])
        return {"external_id": self.rng.choice(IDS), "email": self.rng.choice(EMAILS),
                "msisdn": self.rng.choice(PHONES), "attributes": attributes}  # fmt: skip

    def change(self, town: Town) -> None:
        rng, names = self.rng, [f"u{n}" for n in range(9)]
        match rng.choice(["user", "user", "user", "key", "key", "leave", "pull", "rows", "forget", "rules", "event"]):
            case "user":
                town.users[rng.choice(names)] = self.user()
            case "key" if town.users:
                key = rng.choice(["external_id", "email", "msisdn", "attributes"])
                town.users[rng.choice(list(town.users))][key] = self.user()[key]
            case "leave" if town.users:
                town.users.pop(rng.choice(list(town.users)))
            case "pull":
                self.day += 1
                one = (rng.choice(["mixpanel", "amplitude"]), rng.choice("12"), AT + timedelta(days=self.day))
                town.pulls[one] = self.rows()
            case "rows" if town.pulls:
                town.pulls[rng.choice(list(town.pulls))] = self.rows()
            case "forget" if town.pulls:
                town.pulls.pop(rng.choice(list(town.pulls)))
            case "rules":
                town.rules = {name: tuple(rng.sample(ORDER, rng.randint(1, 4)))
                              for name in ("mixpanel", "amplitude") if rng.random() < 0.7}  # fmt: skip
            case "event":
                town.ids.append((rng.choice(["mixpanel", "amplitude"]), rng.choice([*IDS[:10], "stranger"])))

    def rows(self) -> list[dict[str, Any]]:
        return [row(self.rng.choice(IDS), self.rng.choice(EMAILS), self.rng.choice(PHONES))
                for _ in range(self.rng.randint(0, 9))]  # fmt: skip


def walk(connection: duckdb.DuckDBPyConnection, seed: int, runs: int) -> int:
    """A chain of runs, some of which die on the way; how many matches were carried over."""
    chance, town, carried = Chance(seed), Town(), 0
    earlier: list[Town] = []
    for _ in range(runs):
        if earlier and chance.rng.random() < 0.15:
            town = copy.deepcopy(chance.rng.choice(earlier))  # everything is as it was once
        for _ in range(chance.rng.choice([0, 1, 1, 2, 6])):
            chance.change(town)
        earlier.append(copy.deepcopy(town))
        town.land(connection)
        if chance.rng.random() < 0.2:
            match_in(connection, "carried", BEFORE_THE_PLAN[: chance.rng.randrange(len(BEFORE_THE_PLAN))])
            continue
        match_in(connection, "carried")
        assert matches(connection, "carried") == match_afresh(connection)
        for table in ("audience_ids", "source_people"):
            carried += connection.execute(f"select count(*) from carried.{table} where not is_anew").fetchall()[0][0]
    matcher = Matcher(town.users, town.rules)
    town.land(connection)
    match_in(connection, "carried")
    told = {
        one[:4]: Match(*one[4:])
        for one in connection.execute(
            "select connector, connector_user_id, email, msisdn, outcome, strategy, p.id from carried.audience_ids"
            " left join people as p using (person_no)"
        ).fetchall()
    }
    assert told == {
        (one["connector"], one["connector_user_id"], one["email"], one["msisdn"]): matcher.member(one)
        for one in town.tables()["audience_members"]
    }
    return carried


@pytest.mark.parametrize("seed", range(2))
def test_a_chain_of_runs_comes_to_what_one_run_comes_to(connection: duckdb.DuckDBPyConnection, seed: int):
    walk(connection, seed, 8)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 12))
def test_long_chains_of_runs_come_to_what_one_run_comes_to(connection: duckdb.DuckDBPyConnection, seed: int):
    assert walk(connection, seed, 20) > 0


# ---------------------------------------------------------------- whole runs

NAMED = [("mixpanel", "1", AT), ("amplitude", "2", AT)]  # pulls of the cohorts that segments name never go


def land(workspace: Workspace, town: Town) -> None:
    for table, rows in town.tables().items():
        workspace.land(table, *({key: str(one) if key in ("fetched_at", "ts") else one for key, one in row.items()}
                                for row in rows))  # fmt: skip


@pytest.mark.long
def test_a_chain_of_whole_runs_publishes_what_one_run_publishes(tmp_path: Path):
    workspace = Workspace(tmp_path / "chain")
    workspace.define(
        one="connector: {mixpanel: {cohort: '1'}}",
        two="connector: {amplitude: {cohort: '2'}}",
        visitors="[{did: visit}]",
        strangers="[{not: {segment: one}}]",
    )
    chance, town = Chance(99), small()
    town.pulls |= {one: chance.rows() for one in NAMED}
    public = ("id_matches", "connector_segments", "segment_members")
    for day in range(10, 16):
        for _ in range(3 if day > 10 else 0):
            before = copy.deepcopy(town)
            chance.change(town)
            if not (town.users and town.ids and set(NAMED) <= set(town.pulls)):
                town = before
        land(workspace, town)
        settings = replace(workspace.settings, matching={EVERY: Matching()} | {
            name: Matching(ways) for name, ways in town.rules.items()})  # fmt: skip
        as_of = workspace.moment(f"2026-06-{day}")
        if day in (12, 13):  # built, and never published
            shown = workspace.public(*public)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(recalculation, "publish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
                with pytest.raises(KeyboardInterrupt):
                    recalculation.recalculate(settings, as_of)
            assert workspace.public(*public) == shown
            continue
        recalculation.recalculate(settings, as_of)
        if day in (11, 14, 15):
            fresh = Workspace(tmp_path / f"fresh{day}")
            land(fresh, town)
            (fresh.root / "segments").symlink_to(workspace.settings.segments, target_is_directory=True)
            recalculation.recalculate(replace(fresh.settings, matching=settings.matching), as_of)
            matching = ("id_matches", "connector_segments")
            assert workspace.public(*matching) == fresh.public(*matching)
            assert workspace.members() == fresh.members()
    assert workspace.rows("select sum(ids) > sum(matched_anew), sum(matched_anew) > 0 from state.matched_pulls") == [
        (True, True)
    ]
