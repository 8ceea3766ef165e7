"""What connectors add to a small world: audiences with pulls that went well or did not, and events under their ids.

Ids are drawn where matching goes wrong: of several users, in another case, with blanks, of devices, of strangers.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

VENDORS = ("mixpanel", "amplitude")
COHORTS = {"mixpanel": (("4310021", "PN_lapsed"), ("77", "4310021")), "amplitude": (("k3vq81m", "Openers"),)}

Tables = dict[str, list[dict[str, Any]]]


def add_connectors(rng: random.Random, tables: Tables, as_of: datetime) -> dict[str, tuple[str, ...]]:
    """Adds tables `audiences` and `audience_members`, and rows to `events`; returns strategies by connector."""
    users = tables["users"]
    for user in rng.sample(users, 6):  # an id of two users is nobody's
        user["external_id"] = rng.choice(users)["external_id"]
    for user in users:
        if user["attributes"] is not None and rng.random() < 0.4:
            user["attributes"]["mixpanel_id"] = rng.choice(
                [f"mp{users.index(user)}", f" mp{rng.randint(0, 9)}", 7, None]
            )
            user["attributes"]["ids"] = {"amplitude": f"a{users.index(user)}"}
    tables["audiences"], tables["audience_members"] = [], []
    for vendor, cohorts in COHORTS.items():
        for audience_id, name in cohorts:
            _add_audience(rng, tables, as_of, vendor, audience_id, name)
    events = tables["events"]
    for row in rng.sample(events, 120):
        vendor = rng.choice(VENDORS)
        events.append(
            {
                **row, "user_id": None, "source": vendor, "source_user_id": _id(rng, users) or "nobody",
                "event_id": f"c{len(events)}",
            }
        )  # fmt: skip
    rng.shuffle(events)
    return {
        "mixpanel": rng.choice(
            [
                ("external_id", "attributes.mixpanel_id", "email", "msisdn"),
                ("attributes.mixpanel_id",),
                ("external_id",),
            ]
        ),
        "amplitude": rng.choice([("msisdn", "email"), ("attributes.ids.amplitude", "external_id", "msisdn")]),
    }


def _add_audience(
    rng: random.Random, tables: Tables, as_of: datetime, vendor: str, audience_id: str, name: str
) -> None:
    """One to three pulls, the first of which went well."""
    for number in range(rng.randint(1, 3)):
        at = as_of.replace(microsecond=0) - timedelta(days=3 - number)
        pull = {"connector": vendor, "audience_id": audience_id, "fetched_at": at}
        members = [_member(rng, tables["users"]) for _ in range(rng.choice([0, 10, 30]) if number else 30)]
        reported = len(members) + rng.choice([0, 0, 1, 40]) if number else len(members)
        old_name = number == 0 and rng.random() < 0.3
        tables["audiences"].append(
            {**pull, "name": "as it was called" if old_name and number else name, "reported_users": reported}
        )
        tables["audience_members"] += [{**pull, **member} for member in members]


def _member(rng: random.Random, users: list[dict[str, Any]]) -> dict[str, Any]:
    somebody = rng.choice(users)
    return {
        "connector_user_id": _id(rng, users),
        "email": rng.choice([None, None, "broken", " ", (somebody["email"] or "x@y.test").upper(), "no@body.test"]),
        "msisdn": rng.choice([None, None, "0532", somebody["msisdn"], "+905320000003"]),
    }


def _id(rng: random.Random, users: list[dict[str, Any]]) -> str | None:
    number = rng.randrange(len(users))
    return rng.choice(
        [
            f"E{number}", f"E{number}", f" E{number} ", f"e{number}", f"mp{number}", f"mp{number}", f"a{number}", "7",
            f"$device:{number}", "", None, "nobody",
        ]
    )  # fmt: skip
