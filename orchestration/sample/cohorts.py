"""Cohorts of the sample shop, as its two analytics vendors hold them on a day: who is in, under which id.

Most members carry the shop's customer number; some only an address, which two people may share, some a number without
its country, and some nothing at all. Not here: how a vendor hands them out (vendors.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from orchestration.sample.draw import dice
from orchestration.sample.people import ABANDONER, LAPSING, POWER, REGULAR, People
from orchestration.sample.profiles import emails, external_ids, msisdns


@dataclass(frozen=True)
class Cohort:
    """A cohort at a vendor. `kind` of the people it is about, and how many per mille of them are in; its list counts
    `more` than it hands out."""

    connector: str
    audience_id: str
    name: str
    description: str
    kind: int
    share: int
    more: int = 0


@dataclass(frozen=True)
class Member:
    """Whom the vendor holds: its id of somebody, `$device:` or empty if it has none, and what it knows beside it."""

    number: int
    user_id: str
    email: str | None = None
    msisdn: str | None = None


COHORTS = (
    Cohort("mixpanel", "4310021", "PN_cart_abandoners", "Left a full cart this month", ABANDONER, 600),
    Cohort("mixpanel", "4310044", "PN_lapsed_30d", "Came often, not for 30 days", LAPSING, 350, more=3),
    Cohort("amplitude", "k3vq81m", "Daily openers", "Opened the app on 20 of 30 days", POWER, 800),
    Cohort("amplitude", "w7hd20x", "New checkout, variant B", "Saw the new checkout", REGULAR, 120),
)


def members(seed: int, people: People, cohort: Cohort) -> list[Member]:
    """Who is in, in order of arrival."""
    found = people[chosen(seed, people, cohort)]
    numbers = found.number
    throws = dice(seed, 240, numbers, 100).tolist()
    return [
        _member(cohort, *known)
        for known in zip(
            numbers.tolist(), throws, external_ids(seed, numbers), emails(seed, numbers), msisdns(seed, numbers),
            strict=True,
        )
    ]  # fmt: skip


def _member(
    cohort: Cohort, number: int, throw: int, external: str | None, email: str | None, msisdn: str | None
) -> Member:
    nobody = anonymous(cohort.connector, number)
    if external is None or number % 500 < 2:  # the latter two share one address
        return Member(number, nobody, email, msisdn)
    if throw < 6:
        return Member(number, f"9{external}")  # a customer of another shop
    if throw < 9:
        return Member(number, f" {external} ")
    if throw < 12:
        return Member(number, nobody, msisdn=f"0500{number:07d}")
    return Member(number, nobody if throw < 16 else external)


def anonymous(connector: str, number: int) -> str:
    """Somebody known by a device alone, as each vendor writes it."""
    return f"$device:{number:06d}" if connector == "mixpanel" else ""


def chosen(seed: int, people: People, cohort: Cohort) -> np.ndarray[Any, Any]:
    """Places of its members among the people."""
    share = dice(seed, 230 + cohort.kind, people.number, 1000)
    return np.flatnonzero((people.kind == cohort.kind) & (share < cohort.share))
