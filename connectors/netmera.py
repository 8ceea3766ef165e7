"""What Netmera's REST API tells: segments with their members, a user's attributes and devices, messages and results.

It knows people by `externalId` only. It does not tell: users that are in no segment, when somebody was created,
consents, the blacklist, who was targeted, saw, opened, clicked or converted, and events.
Not here: where it is written (pulls/netmera.py), and what is sent to Netmera.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from connectors.accounts import NetmeraAccount
from connectors.answers import whole
from connectors.clock import Clock
from connectors.errors import BadAnswer, BrokenStream, ConnectorError, CredentialsRefused
from connectors.http import Backoff, Http

VENDOR = "netmera"
SYSTEMS = ("IOS", "ANDROID")  # segments are asked for under each, and people have both
RESULTS_PER_PAGE = 1000
_UNKNOWN_PEOPLE = ("identifier is not found", "external id is not found")  # both wordings of 5016


class UnknownPeople(BadAnswer):
    """Somebody who was asked for, or was to be changed, is not known there."""


@dataclass(frozen=True)
class Segment:
    """A segment of the panel; `users` is the larger of what it shows under the systems in `systems`."""

    id: str
    name: str
    users: int | None
    systems: tuple[str, ...]


@dataclass(frozen=True)
class Person:
    """A member of a segment; what is not known is None."""

    external_id: str | None
    msisdn: str | None
    email: str | None


@dataclass(frozen=True)
class Device:
    """A device of one person."""

    platform: str
    token: str | None
    model: str | None
    push_permitted: bool | None


@dataclass(frozen=True)
class Message:
    """A push message; `status` in Netmera's words."""

    key: str
    status: str
    started: datetime | None
    ended: datetime | None


@dataclass(frozen=True)
class Result:
    """What became of a message on one device. `external_id` is None where nobody is known."""

    external_id: str | None
    status: str
    at: datetime | None
    title: str | None


def netmera_http(account: NetmeraAccount, clock: Clock, on_wait: Callable[[str, float], None]) -> Http:
    """The REST API of an application, for whatever is asked of it."""
    return Http(
        VENDOR,
        account.url,
        clock,
        backoff=Backoff(first=5, most=60),
        headers={"X-netmera-api-key": account.api_key},
        secrets=(account.api_key,),
        judge=_judge,
        on_wait=on_wait,
    )


class Netmera:
    """The REST API of one application, its reading side."""

    def __init__(
        self,
        account: NetmeraAccount,
        clock: Clock,
        on_wait: Callable[[str, float], None] = lambda sentence, seconds: None,
    ) -> None:
        self._http = netmera_http(account, clock, on_wait)

    def segments(self) -> list[Segment]:
        """All segments, by id; one call per system."""
        found: dict[str, Segment] = {}
        for system in SYSTEMS:
            asked = f"segments of {system}"
            for one in self._list("/getSegments", asked, headers={"X-netmera-os": system}):
                if one.get("id") is None:
                    raise BadAnswer(VENDOR, asked, "a segment has no id")
                key, users = str(one["id"]), whole(one.get("userCount"))
                before = found.get(key)
                counts = [count for count in (users, before.users if before else None) if count is not None]
                systems = (*(before.systems if before else ()), system)
                found[key] = Segment(key, str(one.get("name") or ""), max(counts, default=None), systems)
        return sorted(found.values(), key=lambda one: (len(one.id), one.id))

    def members(self, segment: Segment) -> Iterator[Person]:
        """The members under every system that shows the segment; a person may come once under each."""
        asked = f"members of segment {segment.id}"
        for system in segment.systems:
            headers = {"X-netmera-os": system}
            for one in self._list("/getSegmentUsers", asked, params={"id": segment.id}, headers=headers):
                yield Person(_text(one.get("externalId")), _text(one.get("msisdn")), _text(one.get("email")))

    def attributes(self, external_id: str) -> dict[str, Any]:
        """The profile attributes of one user; none if Netmera does not know the id."""
        found = self._of_user("/getProfileAttributes", "attributes of one user", external_id)
        profile = found.get("profile", {})
        return profile if isinstance(profile, dict) else {}

    def devices(self, external_id: str) -> list[Device]:
        """The devices of one user; none if Netmera does not know the id."""
        found = self._of_user("/getDevices", "devices of one user", external_id).get("devices") or []
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise BadAnswer(VENDOR, "devices of one user", "expected a list of devices")
        return [
            Device(
                platform=str(one.get("platform") or "").lower(),
                token=_text(one.get("token")),
                model=_text(one.get("deviceModel")),
                push_permitted=one["pushPermitted"] if isinstance(one.get("pushPermitted"), bool) else None,
            )
            for one in found
        ]

    def messages(self, since: datetime, until: datetime) -> list[Message]:
        """The push messages that started in this span of time, by key."""
        asked = "push messages"
        params = {"start": _millis(since), "end": _millis(until)}
        found = []
        for one in self._list("/getPushStats", asked, key="messages", params=params):
            if one.get("notificationKey") is None:
                raise BadAnswer(VENDOR, asked, "a message has no notificationKey")
            key = str(one["notificationKey"])
            found.append(
                Message(key, str(one.get("status") or ""), _moment(one.get("startDate")), _moment(one.get("endDate")))
            )
        return sorted(found, key=lambda one: (len(one.key), one.key))

    def results(self, message: Message, since: datetime, until: datetime) -> Iterator[Result]:
        """What became of a message on each device, in this span of time.

        Raises BrokenStream if the pages lead back to one that came already.
        """
        asked = f"results of message {message.key}"
        params: dict[str, str] | None = {
            "notificationKey": message.key, "max": str(RESULTS_PER_PAGE), "start": _millis(since), "end": _millis(until)
        }  # fmt: skip
        path = "/getPushResult"
        been: set[str] = set()
        while True:
            page = self._object(path, asked, params=params)
            for one in self._items(page, "list", asked):
                yield Result(
                    _text(one.get("extId")),
                    str(one.get("status") or ""),
                    _moment(one.get("timeStamp")),
                    _text(one.get("msgTitle")),
                )
            following = page.get("nextPage")
            if not following:
                return
            if following in been:
                raise BrokenStream(VENDOR, asked, "the pages lead in a circle")
            been.add(following)
            path, params = f"/getPushResult?{urlsplit(str(following)).query}", None

    def _of_user(self, path: str, asked: str, external_id: str) -> dict[str, Any]:
        try:
            return self._object(path, asked, params={"extId": external_id}, private=[external_id])
        except UnknownPeople:
            return {}

    def _list(self, path: str, asked: str, key: str = "list", **call: Any) -> list[dict[str, Any]]:
        return self._items(self._object(path, asked, **call), key, asked)

    def _items(self, found: dict[str, Any], key: str, asked: str) -> list[dict[str, Any]]:
        items = found.get(key)
        if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
            raise BadAnswer(VENDOR, asked, f"expected a list under {key!r}")
        return items

    def _object(self, path: str, asked: str, **call: Any) -> dict[str, Any]:
        found = self._http.json("GET", path, asked, **call)
        if not isinstance(found, dict):
            raise BadAnswer(VENDOR, asked, "expected a JSON object")
        return found


def _judge(status: int, words: str, asked: str) -> ConnectorError | None:
    """Codes have two meanings, the words do not: 403 is a bad key (2010) or a machine that may not ask (2021)."""
    if status == 400 and any(told in words for told in _UNKNOWN_PEOPLE):
        return UnknownPeople(VENDOR, asked, "somebody is not known there", status)
    if status == 401 or status == 403 and "ip" not in words.lower().split():
        return CredentialsRefused(VENDOR, asked, "the REST API key is refused; check NETMERA_API_KEY", status)
    return None


def _millis(moment: datetime) -> str:
    return str(round(moment.timestamp() * 1000))


def _moment(value: object) -> datetime | None:
    number = whole(value)
    return None if number is None else datetime.fromtimestamp(number / 1000, UTC)


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)
