"""Ids of connectors and users: the golden case, every outcome by hand, and random audiences row for row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from orchestration.segment_tests import memory
from tests.plan.identity_models import Strategies, build_identity
from tests.reference.identity import Match, Matcher, current_members, waterfall
from tests.reference.worlds import ZONES, make_world

AT = datetime(2026, 3, 1, 2, tzinfo=UTC)
Rows = Sequence[Mapping[str, Any]]

USERS = [
    {"user_id": "ada", "external_id": "E1"},
    {"user_id": "bea", "external_id": "E2", "email": "Bea@x.test", "msisdn": "+90 532-000 0001"},
    {"user_id": "cem", "external_id": "E2", "email": "cem@x.test"},
    {"user_id": "dan", "external_id": "0042", "email": "shared@x.test", "attributes": {"mixpanel_id": "mp-4"}},
    {"user_id": "eve", "external_id": None, "email": "shared@x.test", "msisdn": "+905320000002"},
]
RULES = {"mixpanel": ("external_id", "attributes.mixpanel_id", "email", "msisdn"), "amplitude": ("external_id",)}
# Connector, its id, e-mail and phone; outcome, strategy and user.
CASES = {
    "by its id": ("mixpanel", "E1", None, None, "matched", "external_id", "ada"),
    "blanks around an id": ("mixpanel", " E1\t", None, None, "matched", "external_id", "ada"),
    "case is part of an id": ("mixpanel", "e1", None, None, "not_found", None, None),
    "zeros are part of an id": ("mixpanel", "42", None, None, "not_found", None, None),
    "by the mapped attribute": ("mixpanel", "mp-4", None, None, "matched", "attributes.mixpanel_id", "dan"),
    "an attribute of another connector": ("amplitude", "mp-4", None, None, "not_found", None, None),
    "the first strategy wins": ("mixpanel", "E1", "cem@x.test", None, "matched", "external_id", "ada"),
    "nothing found, so the next is asked": ("mixpanel", "?", "BEA@X.TEST ", None, "matched", "email", "bea"),
    "by phone": ("mixpanel", "?", None, "+90-532 0000001", "matched", "msisdn", "bea"),
    "two users, whatever the e-mail says": ("mixpanel", "E2", "cem@x.test", None, "ambiguous", "external_id", None),
    "one e-mail of two users": ("mixpanel", "", "shared@x.test", "+905320000002", "ambiguous", "email", None),
    "a device alone": ("mixpanel", "$device:77", None, None, "no_identifier", None, None),
    "a device of somebody known": ("mixpanel", "$device:77", "bea@x.test", None, "matched", "email", "bea"),
    "nothing at all": ("amplitude", None, " ", None, "no_identifier", None, None),
    "an e-mail that nobody asks for": ("amplitude", "", "bea@x.test", None, "no_identifier", None, None),
    "a phone without country": ("mixpanel", "", None, "0532 000 00 01", "invalid_format", None, None),
    "an e-mail without @": ("mixpanel", None, "bea", None, "invalid_format", None, None),
    "malformed beside an unknown id": ("mixpanel", "?", "bea", "0532", "not_found", None, None),
    "rules of all others": ("braze", "?", "bea@x.test", None, "matched", "email", "bea"),
}  # fmt: skip


def member(connector: str, said: str | None, email: str | None = None, msisdn: str | None = None) -> dict[str, Any]:
    row = {"connector": connector, "audience_id": "a", "fetched_at": AT}
    return {**row, "connector_user_id": said, "email": email, "msisdn": msisdn}


def pull(connector: str, reported: int) -> dict[str, Any]:
    return {"connector": connector, "audience_id": "a", "name": "a", "reported_users": reported, "fetched_at": AT}


def found(tables: Mapping[str, Rows], strategies: Strategies) -> dict[tuple[Any, ...], Match]:
    """What the models say of every row of every pull, by connector, audience, pull and identifiers."""
    with memory.in_memory() as connection:
        memory.load(connection, tables)
        build_identity(connection, {}, strategies)
        rows = connection.execute(
            "select m.connector, m.connector_user_id, m.email, m.msisdn, i.outcome, i.strategy, p.id"
            " from stg_audience_members as m join audience_ids as i on m.connector = i.connector"
            " and m.connector_user_id is not distinct from i.connector_user_id and m.email is not distinct from i.email"
            " and m.msisdn is not distinct from i.msisdn left join people as p using (person_no)"
        ).fetchall()
    return {tuple(row[:4]): Match(*row[4:]) for row in rows}


@pytest.fixture(scope="module")
def outcomes() -> dict[tuple[Any, ...], Match]:
    members = [member(*case[:4]) for case in CASES.values()]
    connectors = {case[0] for case in CASES.values()}
    return found(
        {"users": USERS, "audience_members": members, "audiences": [pull(name, 9) for name in connectors]}, RULES
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_row_comes_out_as_worked_out_by_hand(case: tuple[Any, ...], outcomes: Mapping[tuple[Any, ...], Match]):
    assert outcomes[case[:4]] == Match(*case[4:])
    assert Matcher({row["user_id"]: row for row in USERS}, RULES).member(member(*case[:4])) == Match(*case[4:])


def test_a_hundred_ids_of_which_eighty_are_known_and_one_other_is_ambiguous_are_eighty_users():
    users = [{"user_id": f"u{n}", "external_id": f"E{n}"} for n in range(80)]
    users += [{"user_id": f"twin{n}", "external_id": "E99"} for n in range(2)]
    members = [member("mixpanel", f"E{n}") for n in range(100)]
    tables = {"users": users, "audience_members": members, "audiences": [pull("mixpanel", 100)]}
    told = list(found(tables, {}).values())
    assert sum(one.outcome == "matched" for one in told) == len({one.user for one in told} - {None}) == 80
    assert sum(one.outcome == "ambiguous" for one in told) == 1
    assert waterfall(members, Matcher({row["user_id"]: row for row in users}, {})) == {
        "fetched_users": 100, "with_identifier": 100, "known": 81, "netmera_users": 80,
        "no_identifier": 0, "not_found": 19, "ambiguous": 1, "invalid_format": 0,
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_models_and_reference_agree_on_every_row_of_random_audiences(seed: int):
    world = make_world(seed, ZONES[seed % len(ZONES)])
    users: dict[str, Any] = {}
    for row in sorted(world.tables["users"], key=lambda row: row["updated_at"]):
        users[row["user_id"]] = row
    matcher = Matcher(users, world.strategies)
    told = found(world.tables, world.strategies)
    members = world.tables["audience_members"]
    expected = {
        (row["connector"], row["connector_user_id"], row["email"], row["msisdn"]): matcher.member(row)
        for row in members
    }
    assert told == expected
    assert len({one.outcome for one in told.values()}) == 5


def test_the_reference_takes_the_last_pull_that_was_not_short():
    later = AT.replace(day=2)
    members = [member("mixpanel", f"E{n}") for n in range(4)]
    few = [{**member("mixpanel", "E9"), "fetched_at": later}]
    short = {**pull("mixpanel", 4), "fetched_at": later}
    assert current_members([pull("mixpanel", 4), short], [*members, *few], "mixpanel", "a") == members
