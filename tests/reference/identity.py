"""Whose a connector's ids are: matching, the pull that counts, and the waterfall of an audience.

Written from the meaning of the words: strategies in order, the first that finds anybody decides, several users are
nobody. Not here: what users did (`behaviour.py`).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tests.reference.values import field

Rows = Sequence[Mapping[str, Any]]
Strategies = Mapping[str, Sequence[str]]  # by connector, in order

DEFAULT = ("external_id", "email", "msisdn")


class Match(NamedTuple):
    """`outcome` is matched, no_identifier, not_found, ambiguous or invalid_format; `user` is set for matched alone."""

    outcome: str
    strategy: str | None = None
    user: str | None = None


def clean_id(text: str | None) -> str | None:
    """To the letter, without blanks around it."""
    return (text or "").strip() or None


def clean_email(text: str | None) -> str | None:
    address = (text or "").strip().lower()
    return address if re.fullmatch(r"[^@\s]+@[^@\s]+", address) else None


def clean_phone(text: str | None) -> str | None:
    number = re.sub(r"[\s-]", "", text or "")
    return number if re.fullmatch(r"\+[0-9]{8,15}", number) else None


def person_id(text: str | None) -> str | None:
    """The id of a person; Mixpanel writes ids of devices alone as `$device:...`."""
    cleaned = clean_id(text)
    return None if cleaned is None or cleaned.startswith("$device:") else cleaned


class Matcher:
    """Finds users by what connectors know of them."""

    def __init__(self, users: Mapping[str, Mapping[str, Any]], strategies: Strategies) -> None:
        self.users, self.strategies = users, strategies
        self.by: dict[str, dict[str | None, set[str]]] = {}  # users by strategy and value

    def order(self, connector: str) -> Sequence[str]:
        return self.strategies.get(connector, DEFAULT)

    def has(self, user: str, strategy: str) -> str | None:
        """What a user can be found by, cleaned."""
        row = self.users[user]
        if strategy == "email":
            return clean_email(row.get("email"))
        if strategy == "msisdn":
            return clean_phone(row.get("msisdn"))
        if strategy == "external_id":
            return clean_id(row.get("external_id"))
        value = field(row, "attributes", frozenset(), strategy.removeprefix("attributes."))
        return None if value is None else clean_id(str(value))

    def find(self, connector: str, ids: Iterable[Any], emails: Iterable[Any], phones: Iterable[Any]) -> Match:
        """What becomes of somebody of whom a connector says these things."""
        raw = {"id": list(ids), "email": list(emails), "phone": list(phones)}
        clean = {"id": person_id, "email": clean_email, "phone": clean_phone}
        said = {kind: {clean[kind](value) for value in values} - {None} for kind, values in raw.items()}
        kinds = [(strategy, _kind(strategy)) for strategy in self.order(connector)]
        for strategy, kind in kinds:
            if strategy not in self.by:
                self.by[strategy] = defaultdict(set)
                for user in self.users:
                    self.by[strategy][self.has(user, strategy)].add(user)
            found = sorted(set[str]().union(*(self.by[strategy].get(value, set()) for value in said[kind])))
            if found:
                return Match("matched", strategy, found[0]) if len(found) == 1 else Match("ambiguous", strategy)
        looked_at = {kind for _, kind in kinds}
        if any(said[kind] for kind in looked_at):
            return Match("not_found")
        written = any(clean_id(value) for kind in looked_at - {"id"} for value in raw[kind])
        return Match("invalid_format" if written else "no_identifier")

    def member(self, row: Mapping[str, Any]) -> Match:
        """What becomes of one row of an audience."""
        return self.find(row["connector"], [row["connector_user_id"]], [row.get("email")], [row.get("msisdn")])

    def of_event(self, event: Mapping[str, Any], members: Rows) -> str | None:
        """The user of an event that came under a connector's id, None if there is not exactly one."""
        source, said = event["source"], person_id(event["source_user_id"])
        rows = [
            row
            for row in members
            if said is not None and row["connector"] == source and person_id(row["connector_user_id"]) == said
        ]
        latest = max((row["fetched_at"] for row in rows), default=None)
        rows = [row for row in rows if row["fetched_at"] == latest]
        found = self.find(source, [said], [row.get("email") for row in rows], [row.get("msisdn") for row in rows])
        return found.user


def _kind(strategy: str) -> str:
    return {"email": "email", "msisdn": "phone"}.get(strategy, "id")


def current_members(audiences: Rows, members: Rows, connector: str, cohort: str) -> Rows:
    """Rows of the latest pull that brought half of what was reported or more; a cohort goes by id, else by name."""
    theirs = [row for row in audiences if row["connector"] == connector]
    ids = {row["audience_id"] for row in theirs if row["audience_id"] == cohort}
    if not ids:
        latest = {one: max(row["fetched_at"] for row in theirs if row["audience_id"] == one)
                  for one in {row["audience_id"] for row in theirs}}  # fmt: skip
        ids = {r["audience_id"] for r in theirs if r["name"] == cohort and r["fetched_at"] == latest[r["audience_id"]]}
    if len(ids) != 1:
        raise ValueError(f"{len(ids)} cohorts of {connector} are meant by {cohort}")
    (audience,) = ids
    good = {}
    for pull in (row for row in theirs if row["audience_id"] == audience):
        rows = [
            row
            for row in members
            if (row["connector"], row["audience_id"], row["fetched_at"])
            == (connector, audience, pull["fetched_at"])
        ]  # fmt: skip
        if 2 * len(rows) >= pull["reported_users"]:
            good[pull["fetched_at"]] = rows
    return good[max(good)]


def waterfall(rows: Rows, matcher: Matcher) -> dict[str, int]:
    """How many rows of an audience are left at each step, and what became of the others."""
    found = [matcher.member(row) for row in rows]
    told = Counter(one.outcome for one in found)
    lost = {word: told[word] for word in ("no_identifier", "not_found", "ambiguous", "invalid_format")}
    return {
        "fetched_users": len(rows),
        "with_identifier": len(rows) - lost["no_identifier"] - lost["invalid_format"],
        "known": told["matched"] + told["ambiguous"],
        "netmera_users": len({one.user for one in found if one.user}),
        **lost,
    }
