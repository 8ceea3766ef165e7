"""What users are, own and allow: tags, devices, places, reachability, message responses, random buckets."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.reference.landing import Landing, Row
from tests.reference.places import is_near
from tests.reference.values import check_holds
from tests.reference.windows import WINDOW_WORDS, Clock, window_of_events

DEVICE_WORDS = ("platform", "device_type", "device_model", "os_version", "app_version")
RESPONSES = ("received", "opened", "clicked", "not_clicked", "not_received")
REACH_WORDS = ("reachable", "opted_in", "blacklisted")


def attribute(landing: Landing, leaf: Mapping[str, Any]) -> set[str]:
    path = leaf["attribute"]
    return {user for user in landing.users if check_holds(landing.attribute(user, path), leaf, landing.clock)}


def tag(landing: Landing, wanted: Any) -> set[str]:
    """`vip`, `{any: [...]}` or `{all: [...]}`."""
    if isinstance(wanted, str):
        wanted = {"any": [wanted]}
    needs_all = "all" in wanted
    names = set(wanted["all" if needs_all else "any"])
    return {
        user
        for user, row in landing.users.items()
        if (names <= set(row.get("tags") or ()) if needs_all else names & set(row.get("tags") or ()))
    }


def device(landing: Landing, leaf: Mapping[str, Any]) -> set[str]:
    """One registered and installed device satisfies every device word of the leaf."""
    clock = landing.clock
    return {user for user in landing.users if any(_device_fits(row, leaf, clock) for row in _own(landing, user))}


def _own(landing: Landing, user: str) -> list[Row]:
    """Devices in use; where a flag is unknown the device counts."""
    flags = ("registered", "installed")
    return [row for row in landing.devices.get(user, []) if all(row.get(flag) is not False for flag in flags)]


def _device_fits(row: Row, leaf: Mapping[str, Any], clock: Clock) -> bool:
    for word in DEVICE_WORDS:
        if word not in leaf:
            continue
        check = leaf[word]
        if not isinstance(check, Mapping):
            check = {"in": check} if isinstance(check, list) else {"equals": check}
        if word.endswith("_version"):
            check = {**check, "as": "version"}
        if not check_holds(row.get(word), check, clock):
            return False
    return True


def located(landing: Landing, place: Mapping[str, Any]) -> set[str]:
    return {user for user, row in landing.users.items() if is_near(row, place)}


def bucket(landing: Landing, word: Mapping[str, Any]) -> set[str]:
    """Users whose hash with the seed falls in `[from, to)` percent."""

    def percent(user: str) -> float:
        digest = hashlib.md5(f"{word['seed']}:{user}".encode(), usedforsecurity=False).hexdigest()
        return int(digest[:8], 16) / 2**32 * 100

    return {user for user in landing.users if word["from"] <= percent(user) < word["to"]}


def reach(landing: Landing, word: str, channel: str) -> set[str]:
    """Users who are `reachable`, `opted_in` or `blacklisted` on a channel."""
    tests = {"reachable": _is_reachable, "opted_in": _is_opted_in, "blacklisted": _is_blacklisted}
    return {user for user in landing.users if tests[word](landing, user, channel)}


def _is_blacklisted(landing: Landing, user: str, channel: str) -> bool:
    row = landing.blacklist.get((user, channel))
    return row is not None and bool(row["listed"])


def _is_opted_in(landing: Landing, user: str, channel: str) -> bool:
    if channel in ("push", "web_push"):
        return any(row.get("push_permission") is True for row in _push_devices(landing, user, channel))
    row = landing.consents.get((user, channel))
    return row is not None and row["state"] == "opted_in"


def _push_devices(landing: Landing, user: str, channel: str) -> list[Row]:
    return [row for row in _own(landing, user) if (row.get("platform") == "web") is (channel == "web_push")]


def _is_reachable(landing: Landing, user: str, channel: str) -> bool:
    if _is_blacklisted(landing, user, channel):
        return False
    if channel in ("push", "web_push"):
        devices = _push_devices(landing, user, channel)
        return any(row.get("has_token") is True and row.get("push_permission") is True for row in devices)
    row = landing.users[user]
    if channel == "email":
        bounced = landing.consents.get((user, channel), {}).get("reason") == "hard_bounce"
        address = re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", (row.get("email") or "").strip())
        valid = address is not None and not bounced
    else:
        number = re.fullmatch(r"\+[0-9]{8,15}", re.sub(r"[\s-]", "", row.get("msisdn") or ""))
        valid = number is not None
    return valid and _is_opted_in(landing, user, channel)


def response(landing: Landing, word: str, leaf: Mapping[str, Any]) -> set[str]:
    """Users by what became of the messages that were sent to them in the window."""
    return {user for user in landing.users if _responded(landing, user, word, leaf)}


def _responded(landing: Landing, user: str, word: str, leaf: Mapping[str, Any]) -> bool:
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in landing.responses.get(user, []):
        rows[row["message_id"]].append(row)
    wanted = leaf[word]
    wanted = [wanted] if isinstance(wanted, str) and wanted != "any" else wanted
    all_history = not any(word in leaf for word in WINDOW_WORDS)
    window = window_of_events(leaf, landing.clock)
    kinds: set[str] = set()
    for message_id, own in rows.items():
        sent_at = _sent_at(landing, message_id, own)
        if wanted != "any" and message_id not in wanted:
            continue
        if all_history or (sent_at and window.holds(sent_at)):
            kinds |= {row["kind"] for row in own}
    return {
        "received": "delivered" in kinds,
        "opened": "opened" in kinds,
        "clicked": "clicked" in kinds,
        "not_clicked": "delivered" in kinds and "clicked" not in kinds,
        "not_received": "targeted" in kinds and "delivered" not in kinds,
    }[word]


def _sent_at(landing: Landing, message_id: str, own: list[Row]) -> datetime | None:
    """When the message went to this user; else when it was sent at all."""
    own_times: list[datetime] = [row["ts"] for row in own if row["kind"] == "sent"]
    return min(own_times, default=landing.messages.get(message_id, {}).get("sent_at"))


OS_NAMES = {"ios": "iOS", "android": "Android", "web": "Web"}


def device_facts(landing: Landing) -> dict[str, dict[str, Any]]:
    """What an export says of the devices of users who have any in use: their number, and the one used last.

    A device without a last use comes after those that have one; equal ones go by the id.
    """
    facts = {}
    for user in landing.users:
        own = sorted(_own(landing, user), key=lambda row: row["device_id"])
        if not own:
            continue
        never = datetime.min.replace(tzinfo=UTC)
        newest = max(own, key=lambda row: row.get("last_used_at") or never)  # the first of equals
        parts = [OS_NAMES.get(newest["platform"], newest["platform"]), newest.get("os_version")]
        facts[user] = {
            "device_count": len(own),
            "operating_system": " ".join(part for part in parts if part),
            **{key: newest.get(key) for key in ("device_type", "device_model", "app_version", "last_used_at")},
        }
    return facts
