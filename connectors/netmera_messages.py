"""Push messages through Netmera: drafts, messages to everybody with a tag, and what became of them.

A tag that gets an id twice has it once; a message that is sent twice is read twice. So nothing here is asked again by
itself, and whoever cannot know whether a message went out hears that (`MaybeSent`) and can look for it (`find`).
Not here: tags (netmera_tags.py), results per user (netmera.py), and when something is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.accounts import NetmeraAccount
from connectors.answers import whole
from connectors.clock import Clock
from connectors.errors import BadAnswer, ConnectorError, VendorBusy
from connectors.netmera import VENDOR, Netmera, netmera_http

PLATFORMS = {"ios": "IOS", "android": "ANDROID"}
_SENDING = "sending a message"
CLOCKS_APART = timedelta(minutes=10)  # ours and Netmera's, at most
_REFUSALS = frozenset({*range(300, 400), 400, 402, 404, 405, 413, 415, 422, 429})  # with these, nothing was done
_SAID = {  # what can be done about a refusal, by the words of the documentation
    "Push message size exceed limit": "the message is too long; shorten its text",
    "Service usage quota is exceeded": "the quota of messages is used up",
    "Service usage is not allowed": "the plan of this account does not include it",
    "Due to time restriction settings message can not be sent": (
        "the panel's time restrictions do not let a message go out now"
    ),
}


class MaybeSent(ConnectorError):
    """Nobody knows whether the message went out; `came` is what came in place of an answer."""

    def __init__(self, came: str, status: int | None) -> None:
        self.came = came
        said = f"it is not known whether the message went out: {came}"
        super().__init__(VENDOR, _SENDING, said, status)


@dataclass(frozen=True)
class PushMessage:
    """`title` names the campaign in the panel and stands above the text on devices. `platforms` are keys of PLATFORMS.

    Raises ValueError in one sentence for one that could not be sent.
    """

    title: str
    text: str
    platforms: tuple[str, ...] = tuple(PLATFORMS)

    def __post_init__(self) -> None:
        if not self.title.strip() or not self.text.strip():
            raise ValueError("a message needs a title and a text")
        if not self.platforms or set(self.platforms) - set(PLATFORMS):
            raise ValueError(
                f"found {', '.join(self.platforms) or 'no'} as platforms, expected {' or '.join(PLATFORMS)}"
            )

    def as_json(self, text: str) -> dict[str, Any]:
        """As Netmera takes it; `text` is what it calls the text."""
        shown = {one: {"title": self.title} for one in self.platforms}
        platforms = [PLATFORMS[one] for one in self.platforms]
        return {"title": self.title, text: self.text, "platforms": platforms, **shown}


@dataclass(frozen=True)
class Stats:
    """How far a message is, in Netmera's words, and its numbers over all platforms."""

    status: str
    sent: int
    failed: int
    clicked: int


class NetmeraMessages:
    """The messages of one application."""

    def __init__(
        self,
        account: NetmeraAccount,
        clock: Clock,
        on_wait: Callable[[str, float], None] = lambda sentence, seconds: None,
    ) -> None:
        self._http = netmera_http(account, clock, on_wait)
        self._reading = Netmera(account, clock, on_wait)

    def define(self, message: PushMessage) -> str:
        """Makes a draft that goes to nobody, and returns its key. Raises ConnectorError; there may be one then, too."""
        return self._key("/createNotificationDefinition", "making a draft", message.as_json("message"))

    def send(self, message: PushMessage, tag: str, reference: str) -> str:
        """Sends a message to everybody who has a tag, and returns its key. `reference` is what it goes by here.

        Raises MaybeSent if nobody knows whether it went out, and any other ConnectorError if it did not.
        """
        if not tag.strip():
            raise ValueError("found no tag to send a message to, and without one it might go to everybody")
        body = {"message": message.as_json("text"), "target": {"tag": tag}, "extRef": reference}
        try:
            return self._key("/sendBulkNotification", _SENDING, body)
        except (VendorBusy, BadAnswer) as error:
            if error.status in _REFUSALS:
                raise
            _, _, said = str(error).partition(": ")
            raise MaybeSent(said, error.status) from None

    def keys(self, since: datetime, until: datetime) -> set[str]:
        """The keys of the messages that started in this span, with some minutes around it."""
        return {one.key for one in self._reading.messages(since - CLOCKS_APART, until + CLOCKS_APART)}

    def find(self, message: PushMessage, since: datetime, until: datetime, others: Collection[str]) -> str | None:
        """The key of a message with this title that started in this span and is none of `others`; None if there is
        none, if there are several, or if it has no results yet to know it by."""
        started = self._reading.messages(since - CLOCKS_APART, until + CLOCKS_APART)
        found = []
        for one in started:
            if one.key not in others:
                results = self._reading.results(one, since - CLOCKS_APART, until + CLOCKS_APART)
                first = next((result.title for result in results), None)
                if first == message.title:
                    found.append(one.key)
        return found[0] if len(found) == 1 else None

    def stats(self, key: str) -> Stats:
        """How far a message is. Raises BadAnswer if there is none of this key."""
        asked = f"stats of message {key}"
        found = self._http.json("GET", "/getPushStats", asked, params={"notificationKey": key})
        stats = found.get("stats") if isinstance(found, dict) else None
        if not isinstance(stats, list):
            raise BadAnswer(VENDOR, asked, "expected a list under 'stats'")
        sums = [sum(whole(one.get(name)) or 0 for one in stats) for name in ("sent", "failed", "clicked")]
        return Stats(str(found.get("status") or ""), *sums)

    def _key(self, path: str, asked: str, body: dict[str, Any]) -> str:
        try:
            status, found = self._http.answer_once("POST", path, asked, json=body)
        except BadAnswer as error:
            advice = next((told for words, told in _SAID.items() if words in str(error)), None)
            if advice is None:
                raise
            raise BadAnswer(VENDOR, asked, advice, error.status) from None
        key = found.get("notificationKey") if isinstance(found, dict) else None
        if key is None:
            raise BadAnswer(VENDOR, asked, "the answer names no notificationKey", status)
        return str(key)
