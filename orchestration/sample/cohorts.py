"""Cohorts of two analytics vendors as their connectors would have fetched them: audiences and their members.

Most members carry the shop's customer number; some only an address, which two people may share, some a number without
its country, and some nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from orchestration.sample.draw import dice
from orchestration.sample.people import ABANDONER, LAPSING, POWER, REGULAR, People
from orchestration.sample.profiles import emails, external_ids, midnight, msisdns


@dataclass(frozen=True)
class _Cohort:
    connector: str
    audience_id: str
    name: str
    description: str
    kind: int  # of the people it is about
    share: int  # per mille of them


_COHORTS = (
    _Cohort("mixpanel", "4310021", "PN_cart_abandoners", "Left a full cart this month", ABANDONER, 600),
    _Cohort("mixpanel", "4310044", "PN_lapsed_30d", "Came often, not for 30 days", LAPSING, 350),
    _Cohort("amplitude", "k3vq81m", "Daily openers", "Opened the app on 20 of 30 days", POWER, 800),
    _Cohort("amplitude", "w7hd20x", "New checkout, variant B", "Saw the new checkout", REGULAR, 120),
)


def audiences(seed: int, people: People, day: date) -> list[dict[str, Any]]:
    """One row per cohort; what the vendor reports may be a little more than what it hands out."""
    return [
        {
            "connector": c.connector, "audience_id": c.audience_id, "name": c.name, "description": c.description,
            "reported_users": len(_chosen(seed, people, c)) + 3 * (n == 1), "fetched_at": _fetched_at(day),
            "source_updated_at": f"{midnight(day) + timedelta(hours=18):%Y-%m-%dT%H:%M:%SZ}",
        }
        for n, c in enumerate(_COHORTS)
    ]  # fmt: skip


def audience_members(seed: int, people: People, day: date) -> Iterator[dict[str, Any]]:
    """One row per member of each cohort at the pull of a day."""
    for cohort in _COHORTS:
        members = people[_chosen(seed, people, cohort)]
        numbers = members.number
        throws = dice(seed, 240, numbers, 100).tolist()
        for number, throw, external, email, msisdn in zip(
            numbers.tolist(), throws, external_ids(seed, numbers), emails(seed, numbers), msisdns(seed, numbers),
            strict=True,
        ):  # fmt: skip
            row: dict[str, Any] = {
                "connector": cohort.connector, "audience_id": cohort.audience_id, "connector_user_id": external,
                "email": None, "msisdn": None, "fetched_at": _fetched_at(day), "properties": {"score": throw},
            }  # fmt: skip
            if external is None or number % 500 < 2:  # the latter two share one address
                row |= {"connector_user_id": _anonymous(cohort, number), "email": email, "msisdn": msisdn}
            elif throw < 6:
                row["connector_user_id"] = f"9{external}"  # a customer of another shop
            elif throw < 9:
                row["connector_user_id"] = f" {external} "
            elif throw < 12:
                row |= {"connector_user_id": _anonymous(cohort, number), "msisdn": f"0500{number:07d}"}
            elif throw < 16:
                row["connector_user_id"] = _anonymous(cohort, number)
            yield row


def _anonymous(cohort: _Cohort, number: int) -> str:
    """Somebody known by a device alone, as each vendor writes it."""
    return f"$device:{number:06d}" if cohort.connector == "mixpanel" else ""


def _chosen(seed: int, people: People, cohort: _Cohort) -> np.ndarray[Any, Any]:
    share = dice(seed, 230 + cohort.kind, people.number, 1000)
    return np.flatnonzero((people.kind == cohort.kind) & (share < cohort.share))


def _fetched_at(day: date) -> str:
    return f"{midnight(day) + timedelta(hours=22):%Y-%m-%dT%H:%M:%SZ}"
