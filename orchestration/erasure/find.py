"""From what somebody types to the person they mean: by user id, external id, e-mail or phone, or by a connector's id.

Not here: what becomes of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import duckdb

from orchestration.erasure.person import Person, clean_email, clean_id, clean_phone
from orchestration.landing import load_landing
from orchestration.landing.copies import FOLDER as COPIES
from orchestration.lists.read import BLANK
from orchestration.matching import ATTRIBUTE, matching_of
from orchestration.settings import Settings
from orchestration.warehouse import connect, has_table

BY = ("user_id", "external_id", "email", "msisdn")
CLEAN: dict[str, Callable[[str], str]] = {
    "user_id": str,
    "external_id": clean_id,
    "email": clean_email,
    "msisdn": clean_phone,
}


def _trimmed(column: str) -> str:
    return f"regexp_replace({column}, '^[{BLANK}]+|[{BLANK}]+$', '', 'g')"


def _form(name: str, column: str | None = None) -> str:
    """SQL that writes a column as `person.py` does."""
    column = column or name
    if name == "user_id":
        return column
    if name == "msisdn":
        return rf"regexp_replace({column}, '[{BLANK}\p{{Pd}}\x{{2212}}]', '', 'g')"
    return _trimmed(column) if name == "external_id" else f"lower({_trimmed(column)})"


def find(settings: Settings, given: Iterable[str], by: str = "user_id", source: str | None = None) -> Person:
    """Everything that names the persons given. Raises LandingError, WarehouseBusy, and ValueError in one sentence for
    somebody who is unknown, or whom an address does not tell from others."""
    person = Person()
    with duckdb.connect() as landed:
        there = "://" in settings.landing or Path(settings.landing).exists()
        if there:
            load_landing(landed, settings.landing, copies=settings.home / COPIES)
        for one in given:
            person |= (
                _with_source(settings, landed, there, source, one)
                if source
                else _with_user(settings, landed, there, by, one)
            )
    return person


def _with_user(settings: Settings, landed: duckdb.DuckDBPyConnection, there: bool, by: str, given: str) -> Person:
    wanted = CLEAN[by](given)
    ids = _users_by(landed, by, wanted) if there else set()
    known = _known(settings, by, wanted)
    ids |= known.user_ids
    if not ids:
        raise ValueError(f"nobody is known by the {by} given, neither in the landing area nor in the warehouse")
    if len(ids) > 1:
        raise ValueError(f"{len(ids)} users have the {by} given: erase each by its user_id")
    known = known if by == "user_id" else _known(settings, "user_id", next(iter(ids)))
    own, attributes = _addresses(landed, ids) if there else ({}, [])
    candidates = {
        name: {CLEAN[name](one) for one in (*own.get(name, ()), *getattr(known, kind)) if one} - {""}
        for name, kind in (("external_id", "external_ids"), ("email", "emails"), ("msisdn", "phones"))
    }
    alone = candidates
    if there:
        alone = {name: values - _of_others(landed, name, values, ids) for name, values in candidates.items()}
    person = Person(
        frozenset(ids),
        frozenset(alone["external_id"]),
        frozenset(alone["email"]),
        frozenset(alone["msisdn"]),
        known.source_ids,
        ids_of_others=frozenset(_of_others(landed, "external_id", ids, ids) if there else ()),
    )
    return _with_their_rows(settings, landed, person, attributes) if there else person


def _users_by(landed: duckdb.DuckDBPyConnection, by: str, wanted: str) -> set[str]:
    rows = landed.execute(f"select distinct user_id from raw.users where {_form(by)} = ?", [wanted]).fetchall()
    found = {user_id for (user_id,) in rows if user_id}
    if not found and by == "user_id":  # whoever has events, devices or permissions only
        for table in ("events", "devices", "consents", "blacklist", "message_events"):
            if landed.execute(f"select 1 from raw.{table} where user_id = ? limit 1", [wanted]).fetchone():
                return {wanted}
    return found


def _addresses(landed: duckdb.DuckDBPyConnection, ids: set[str]) -> tuple[dict[str, list[str]], list[dict[str, Any]]]:
    """What the users' rows say, of all versions, and their attributes."""
    rows = landed.execute(
        "select external_id, email, msisdn, attributes from raw.users where list_contains(?, user_id)", [list(ids)]
    ).fetchall()
    attributes = []
    for *_, text in rows:
        try:
            said = json.loads(text or "{}")
        except ValueError:
            continue
        attributes.append(said if isinstance(said, dict) else {})
    names = ("external_id", "email", "msisdn")
    return {name: [row[place] for row in rows if row[place]] for place, name in enumerate(names)}, attributes


def _of_others(landed: duckdb.DuckDBPyConnection, name: str, values: set[str], ids: set[str]) -> set[str]:
    rows = landed.execute(
        f"select distinct {_form(name)} from raw.users"
        f" where list_contains(?, {_form(name)}) and not list_contains(?, user_id)",
        [list(values), list(ids)],
    ).fetchall()
    return {value for (value,) in rows}


def _with_their_rows(
    settings: Settings, landed: duckdb.DuckDBPyConnection, person: Person, attributes: list[dict[str, Any]]
) -> Person:
    """With the ids at connectors that rows of audiences have beside one of the addresses, and those that are one."""
    found = landed.execute(
        f"""
        with said as (
            select distinct connector, {_trimmed('connector_user_id')} as id,
                coalesce(list_contains($emails, {_form('email', 'email')}), false)
                or coalesce(list_contains($phones, {_form('msisdn', 'msisdn')}), false) as by_address
            from raw.audience_members where connector <> '' and connector_user_id <> ''
            union
            select distinct source, {_trimmed('source_user_id')}, false
            from raw.events where source <> '' and source_user_id <> ''
        )
        select connector, id, bool_or(by_address) from said
        where by_address or list_contains($ids, id) group by all
        """,
        {
            "emails": list(person.emails), "phones": list(person.phones),
            "ids": [*person.external_ids, *(str(one) for said in attributes for one in _scalars(said))],
        },
    ).fetchall()  # fmt: skip
    theirs = set()
    for connector, id_, by_address in found:
        ways = matching_of(settings.matching, connector).strategies
        held = {clean_id(str(said[way.removeprefix(ATTRIBUTE)])) for way in ways for said in attributes
                if way.startswith(ATTRIBUTE) and way.removeprefix(ATTRIBUTE) in said}  # fmt: skip
        if by_address or id_ in held or "external_id" in ways and id_ in person.external_ids:
            theirs.add((connector, id_))
    others = _belong_to_others(settings, theirs - person.source_ids, person)
    return person | Person(source_ids=frozenset(theirs - others), not_theirs=frozenset(others))


def _scalars(said: dict[str, Any]) -> list[str]:
    return [str(value) for value in said.values() if isinstance(value, str | int) and not isinstance(value, bool)]


def _known(settings: Settings, by: str, wanted: str) -> Person:
    """What the warehouse knows, of users that may have left the landing area."""
    if not settings.warehouse.exists():  # opening would create it
        return Person()
    with connect(settings.warehouse) as connection:
        if not has_table(connection, "staging", "people"):
            return Person()
        people = dict(_numbers(connection, by, wanted))
        if not people:
            return Person()
        numbers, said, ids = list(people), [], []
        if has_table(connection, "identity", "user_ids"):
            said = connection.execute(
                "select external_id, email, msisdn from identity.user_ids where list_contains(?, person_no)", [numbers]
            ).fetchall()
        for schema, table, connector, id_, number in (
            ("identity", "source_people", "source", "source_user_id", "user_no"),
            ("identity", "audience_ids", "connector", "connector_user_id", "person_no"),
            ("state", "id_matches_log", "connector", "connector_user_id", "person_no"),
        ):
            if has_table(connection, schema, table):
                ids += connection.execute(
                    f"select distinct {connector}, {id_} from {schema}.{table} where list_contains(?, {number})",
                    [numbers],
                ).fetchall()
    external_ids, emails, phones = (frozenset(row[place] for row in said if row[place]) for place in range(3))
    at_connectors = frozenset((one, clean_id(id_)) for one, id_ in ids if id_)
    return Person(frozenset(people.values()), external_ids, emails, phones, at_connectors)


def _numbers(connection: duckdb.DuckDBPyConnection, by: str, wanted: str) -> list[tuple[int, str]]:
    if by == "user_id":
        sql = "select person_no, id from staging.people where source = '' and id = ?"
    elif has_table(connection, "identity", "user_ids"):
        sql = (
            "select person_no, id from staging.people join identity.user_ids using (person_no)"
            f" where source = '' and {by} = ?"
        )
    else:
        return []
    return connection.execute(sql, [wanted]).fetchall()


def _belong_to_others(settings: Settings, ids: set[tuple[str, str]], person: Person) -> set[tuple[str, str]]:
    """Those of the ids that the last run matched with somebody else."""
    if not ids or not settings.warehouse.exists():
        return set()
    with connect(settings.warehouse) as connection:
        if not has_table(connection, "identity", "audience_ids"):
            return set()
        rows = connection.execute(
            "select distinct connector, connector_user_id from identity.audience_ids as a"
            " join staging.people as p using (person_no) where not list_contains(?, p.id)",
            [list(person.user_ids)],
        ).fetchall()
    return {(connector, clean_id(id_)) for connector, id_ in rows} & ids


def _with_source(settings: Settings, landed: duckdb.DuckDBPyConnection, there: bool, source: str, given: str) -> Person:
    """A person known by a connector's id alone."""
    id_, user, is_known = clean_id(given), None, False
    if settings.warehouse.exists():
        with connect(settings.warehouse) as connection:
            for table, connector, column, number in (
                ("source_people", "source", "source_user_id", "user_no"),
                ("audience_ids", "connector", "connector_user_id", "person_no"),
            ):
                if has_table(connection, "identity", table):
                    row = connection.execute(
                        f"select any_value(p.id), count(*) from identity.{table} as t left join staging.people as p"
                        f" on p.person_no = t.{number} where t.{connector} = ? and {_trimmed('t.' + column)} = ?",
                        [source, id_],
                    ).fetchone()
                    user, is_known = (row[0] or user, is_known or row[1] > 0) if row else (user, is_known)
    if user is not None:
        raise ValueError(f"this id of {source} belongs to a user, who is to be erased as such: segments erase {user}")
    for table, connector, column in (
        ("audience_members", "connector", "connector_user_id"), ("events", "source", "source_user_id"),
    ):  # fmt: skip
        if there and not is_known:
            is_known = landed.execute(
                f"select 1 from raw.{table} where {connector} = ? and {_trimmed(column)} = ? limit 1",
                [source, id_],
            ).fetchone() is not None  # fmt: skip
    if not is_known:
        raise ValueError(f"nobody is known by the id given of {source}")
    return Person(source_ids=frozenset({(source, id_)}))


def attributes_of(settings: Settings, person: Person) -> dict[str, int]:
    """How many landed rows of the persons have each attribute, as runs count them."""
    if not Path(settings.landing).exists():
        return {}
    with duckdb.connect() as landed:
        load_landing(landed, settings.landing, copies=settings.home / COPIES)
        _, attributes = _addresses(landed, set(person.user_ids))
    found: dict[str, int] = {}
    for said in attributes:
        for key, value in said.items():
            if value is not None:
                found[key] = found.get(key, 0) + 1
    return found
