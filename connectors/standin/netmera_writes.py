"""What is sent to Netmera, on loopback: tags of users, definitions of messages, and messages to an audience.

A message goes to the devices of its audience at once and shows up in stats and results, so that a report flows back.
Chosen where nothing was seen: a batch with an unknown external id is refused whole, naming one, and changes nothing;
more than 1,000 ids are an invalid configuration; a message may have 4 KiB; a definition has no start until somebody
sends it, and is in no range of time. Not here: what is read from Netmera (netmera.py).
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.clock import Clock
from connectors.standin.server import Reply, Request, as_json

MOST_IDS = 1_000
_MOST_BYTES = 4096
_FIRST_KEY = 1_000
_TAKEN = Reply(200, b"")  # most calls that change something answer without a body


@dataclass
class WritesFaults:
    """Off until set. `fail_at`: the n-th call that sends something fails, and all that follow, those of the verb
    `fail_verb` alone if it is named; with `after_applying` what was asked is done before the answer fails."""

    fail_at: int | None = None
    fail_verb: str | None = None
    after_applying: bool = False
    unknown_ids_ignored: bool = False
    message_key_missing: bool = False


class Writes:
    """`tags` holds who has each tag, `received` how often each id came for a verb and a tag, `messages` what was sent
    as getPushStats and getPushResult show it."""

    def __init__(
        self,
        users: Callable[[], Mapping[str, Mapping[str, Any]]],
        segment: Callable[[str], Collection[str]],
        clock: Clock,
        faults: Callable[[], WritesFaults],
    ) -> None:
        self.tags: dict[str, set[str]] = {}
        self.received: Counter[tuple[str, str, str]] = Counter()
        self.messages: list[dict[str, Any]] = []
        self._users, self._segment, self._clock, self._faults = users, segment, clock, faults
        self._lock = threading.Lock()
        self._calls = 0
        self._next_key = _FIRST_KEY

    def answer(self, verb: str, request: Request) -> Reply | None:
        """The answer to a verb that sends something; None for any other."""
        verbs = {
            "tagUsers": self._tag, "untagUsers": self._untag, "createNotificationDefinition": self._define,
            "sendBulkNotification": self._send,
        }  # fmt: skip
        if verb not in verbs:
            return None
        if not isinstance(request.body, dict):
            return error(400, 2009, "Invalid JSON")
        with self._lock:
            faults = self._faults()
            self._calls += faults.fail_verb in (None, verb)
            fails = faults.fail_at is not None and faults.fail_verb in (None, verb) and self._calls >= faults.fail_at
            if fails and not faults.after_applying:
                return error(500, 2001, "Internal server error")
            reply = verbs[verb](request.body)
        return error(500, 2001, "Internal server error") if fails else reply

    def _tag(self, body: dict[str, Any]) -> Reply:
        return self._retag("tagUsers", body, lambda held, ids: held | ids)

    def _untag(self, body: dict[str, Any]) -> Reply:
        return self._retag("untagUsers", body, lambda held, ids: held - ids)

    def _retag(self, verb: str, body: dict[str, Any], change: Callable[[set[str], set[str]], set[str]]) -> Reply:
        tag, ids = body.get("tag"), body.get("extIds")
        if not isinstance(tag, str) or not tag or not isinstance(ids, list) or not ids:
            return error(400, 2020, "Missing required parameter")
        if len(set(ids)) > MOST_IDS:
            return error(400, 2021, "Invalid configuration")
        self.received.update((verb, tag, one) for one in ids)
        unknown = set(ids) - set(self._users())
        if unknown and not self._faults().unknown_ids_ignored:
            return error(400, 5016, f"The external id is not found in the current application: {min(unknown)}")
        self.tags[tag] = change(self.tags.get(tag, set()), set(ids) - unknown)
        return _TAKEN

    def _define(self, body: dict[str, Any]) -> Reply:
        """The text of a definition is called `message`."""
        if refusal := _refusal(body, "message"):
            return refusal
        key = self._key()
        self.messages.append(
            {"notificationKey": key, "status": "DEACTIVE", "startDate": None, "endDate": None, "stats": [],
             "results": [], "asked": {"message": body}}
        )  # fmt: skip
        return self._keyed(key)

    def _send(self, body: dict[str, Any]) -> Reply:
        message, target = body.get("message"), body.get("target")
        if not isinstance(message, dict) or not isinstance(target, dict) or not target:
            return error(400, 2020, "Missing required parameter")
        if refusal := _refusal(message, "text"):
            return refusal
        people = self._people(target)
        if people is None:
            return error(400, 2021, "Invalid configuration")
        now = round(self._clock.now().timestamp() * 1000)
        results = [
            result
            for one in sorted(people)
            for number, device in enumerate(self._users()[one].get("devices", ()))
            if (result := _result(one, number, device, message, now)) is not None
        ]
        key = self._key()
        self.messages.append(
            {"notificationKey": key, "status": "FINISHED", "startDate": now, "endDate": now,
             "stats": [_stat(platform, results) for platform in message["platforms"]], "results": results,
             "asked": body}
        )  # fmt: skip
        return self._keyed(key)

    def _people(self, target: dict[str, Any]) -> set[str] | None:
        """Who is meant; None for a way of targeting that is not played here."""
        known = set(self._users())
        if target.get("sendToAll") is True:
            return known
        words: dict[str, Callable[[str], Collection[str]]] = {
            "tag": lambda name: self.tags.get(name, set()), "segment": self._segment
        }  # fmt: skip
        meant = known
        for word, wanted in target.items():
            if word not in words:
                return None
            operator, names = "$or", wanted
            if isinstance(wanted, dict):
                ((operator, names),) = wanted.items()
            sets = [set(words[word](one)) for one in ([names] if isinstance(names, str) else names)]
            if operator == "$and":
                meant = meant.intersection(*sets)
            else:
                either = set().union(*sets)
                meant = meant - either if operator == "$not" else meant & either
        return meant

    def _key(self) -> int:
        self._next_key += 1
        return self._next_key

    def _keyed(self, key: int) -> Reply:
        return as_json({} if self._faults().message_key_missing else {"notificationKey": key})


def error(status: int, code: int, message: str) -> Reply:
    """An error as Netmera tells it."""
    return as_json({"error": message, "code": code}, status)


def _refusal(message: dict[str, Any], text: str) -> Reply | None:
    if not message.get("title") or not message.get("platforms") or not message.get(text):
        return error(400, 2020, "Missing required parameter")
    if len(json.dumps(message, ensure_ascii=False).encode()) > _MOST_BYTES:
        return error(400, 2101, "Push message size exceed limit")
    return None


def _result(
    external_id: str, number: int, device: Mapping[str, Any], message: Mapping[str, Any], now: int
) -> dict[str, Any] | None:
    """What becomes of a message on a device: nothing without permission, a failure without a push address."""
    if device["platform"] not in message["platforms"] or not device.get("pushPermitted"):
        return None
    shown = message.get(device["platform"].lower(), {})
    told = {
        "platform": device["platform"], "installationId": f"{external_id}-{number}", "extId": external_id,
        "timeStamp": now, "msgTitle": shown.get("title", message["title"]), "msgText": message["text"],
    }  # fmt: skip
    if device.get("token"):
        return {**told, "status": "SUCCESS"}
    return {**told, "status": "FAILED", "errorCode": "8", "errorMsg": "INVALID_TOKEN"}


def _stat(platform: str, results: list[dict[str, Any]]) -> dict[str, Any]:
    own = Counter(one["status"] for one in results if one["platform"] == platform)
    return {"platform": platform, "sent": own["SUCCESS"] + own["FAILED"], "failed": own["FAILED"], "clicked": 0}
