"""A workspace after one run, whose segments are exported: one of odd cells, one of people some of whom are on a
blacklist, one of ids in no order, and one of nobody.

Not here: exporting (`conftest.py`), and what holds (the tests).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import yaml

from orchestration.exports.write import Export
from tests.orchestration.workspace import Workspace, a_user

CASES = yaml.safe_load((Path(__file__).parent / "cells.yml").read_text(encoding="utf-8"))
AT = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
IN_ORDER = ["10", "9", "a", "b", None, None]
LANDED = ["10", "9", "a", "b", None, ""]  # which are as many without one
Do = Callable[..., Export]


def a_shop(root: Path) -> Workspace:
    """The workspace in a folder."""
    workspace = Workspace(root)
    people, devices = [], []
    for number, case in enumerate(CASES):
        user_id, told = f"case{number:02}", case.get("user", {})
        given = told.get("attributes", {})
        attributes = given if isinstance(given, str) else {"group": "cells", **given}
        people.append({"user_id": user_id, **told, "attributes": attributes})
        for place, device in enumerate(case.get("devices", ())):
            devices.append({"device_id": f"{user_id}-{place}", "user_id": user_id, **device})
    people += [a_user(name, group="sends", wishes=[]) for name in ("ada", "bea", "cem", "dan")]
    people += [
        {"user_id": f"sorted{9 - number}", "external_id": external_id, "attributes": {"group": "sorted"}}
        for number, external_id in enumerate(LANDED)
    ]
    workspace.land("users", *people)
    workspace.land("devices", *devices)
    workspace.land("events", {"user_id": "ada", "event": "visit", "ts": "2026-01-10T00:00:00Z"})
    at = "2026-01-02T00:00:00Z"
    workspace.land(
        "blacklist",
        {"user_id": "bea", "channel": "push", "listed": True, "at": at},
        {"user_id": "cem", "channel": "email", "listed": True, "at": at},
        {"user_id": "dan", "channel": "push", "listed": True, "at": at},
        {"user_id": "dan", "channel": "push", "listed": False, "at": "2026-01-03T00:00:00Z"},
    )
    groups = ("cells", "sends", "sorted", "nobody")
    workspace.define(**{name: f"[{{attribute: group, equals: {name}}}]" for name in groups})
    workspace.run("2026-01-15")
    workspace.define(new="[{did: visit}]")
    return workspace
