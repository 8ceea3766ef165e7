"""Device facts of exports: how many devices a user has in use, and what the one used last is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.orchestration.workspace import Workspace, a_user
from tests.reference.landing import Landing
from tests.reference.people import device_facts
from tests.reference.windows import Clock

pytestmark = pytest.mark.long

MAY, JUNE = "2026-05-01T10:00:00Z", "2026-06-01T10:00:00Z"
COLUMNS = ("device_count", "device_type", "operating_system", "device_model", "app_version", "last_used_at")


def a_device(user_id: str, device_id: str, platform: str, **more: Any) -> dict[str, Any]:
    return {"user_id": user_id, "device_id": device_id, "platform": platform, **more}


DEVICES = [
    # golden 25: two devices, one uninstalled
    a_device("ada", "a1", "ios", os_version="17.4", device_model="iPhone 15", device_type="phone", app_version="5.10.0",
             registered=True, installed=True, last_used_at=MAY),
    a_device("ada", "a2", "android", registered=True, installed=False, last_used_at=JUNE),
    # what is not known counts as yes; a device without a last use comes last
    a_device("bea", "b1", "android", os_version="14", app_version="5.9"),
    a_device("bea", "b2", "web", registered=True, last_used_at=MAY),
    # nobody knows when, so the id decides
    a_device("cem", "c2", "ios", os_version="16"),
    a_device("cem", "c1", "android"),
    # the same instant twice
    a_device("dan", "d2", "ios", last_used_at=JUNE),
    a_device("dan", "d1", "web", os_version="Windows 11", last_used_at=JUNE),
    a_device("dan", "d0", "web", last_used_at=MAY),
    # nothing in use, and a stranger
    a_device("eve", "e1", "ios", registered=False, last_used_at=JUNE),
    a_device("zoe", "z1", "ios", last_used_at=JUNE),
]  # fmt: skip
FACTS: dict[str, tuple[Any, ...]] = {
    "ada": (1, "phone", "iOS 17.4", "iPhone 15", "5.10.0", MAY),
    "bea": (2, None, "Web", None, None, MAY),
    "cem": (2, None, "Android", None, None, None),
    "dan": (3, None, "Web Windows 11", None, None, JUNE),
}


def test_the_device_used_last_stands_for_the_user_and_those_in_use_are_counted(tmp_path: Path):
    workspace = Workspace(tmp_path)
    users = [a_user(name) for name in ("ada", "bea", "cem", "dan", "eve")]
    workspace.land("users", *users)
    workspace.land("devices", *DEVICES)
    workspace.land("events", {"user_id": "zoe", "event": "visit", "ts": MAY})  # an id that is no user's
    workspace.define(everybody="[{did_not: purchase}]")
    workspace.run("2026-06-02")
    rows = workspace.rows(f"select user_id, {', '.join(COLUMNS)} from segments.user_devices order by user_id")
    expected = {user: (*facts[:-1], _moment(facts[-1])) for user, facts in FACTS.items()}
    assert {user: tuple(facts) for user, *facts in rows} == expected
    timed = [{**row, "last_used_at": _moment(row.get("last_used_at"), UTC)} for row in DEVICES]
    judge = device_facts(Landing({"users": users, "devices": timed}, Clock(workspace.moment("2026-06-02"), "UTC")))
    assert {user: tuple(told[column] for column in COLUMNS[:-1]) for user, told in judge.items()} == {
        user: facts[:-1] for user, facts in FACTS.items()
    }
    sizes = workspace.rows(
        "select users, ios, android, web from segments.segment_size_daily where segment = 'everybody'"
    )
    assert sizes == [(5, 3, 2, 2)]  # a user counts on each of the platforms, eve on none


def _moment(text: str | None, zone: Any = None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=zone) if text else None
