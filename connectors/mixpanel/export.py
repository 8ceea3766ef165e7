"""Raw events of Mixpanel, a project day at a time, as rows of the landing table `events`.

The export repeats events and says nothing at its end; so a day is read whole, its newest versions stay, and whatever
ends strangely fails the day. Not here: which days are read again (pulls/events.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from hashlib import blake2b
from typing import Any

from connectors.accounts import MixpanelAccount
from connectors.budget import Ledger
from connectors.clock import Clock
from connectors.errors import BrokenStream
from connectors.mixpanel.api import VENDOR, export_allowance, http
from connectors.streams import Cut, as_json, json_lines, unpacked

_STOPPED = (b"terminated early", b"export terminated early")
_MILLISECONDS_FROM = 100_000_000_000  # as seconds, the year 5138
_PLATFORMS = {"ios": "ios", "iphone os": "ios", "ipados": "ios", "android": "android"}


@dataclass(frozen=True)
class Event:
    """A row of `events`. Rows of one `key` are versions of one event, the larger `version` newer; None has no other."""

    row: dict[str, Any]
    key: str | None
    version: int


class Export:
    """The raw export of one project."""

    def __init__(
        self,
        account: MixpanelAccount,
        ledger: Ledger,
        clock: Clock,
        on_wait: Callable[[str, float], None] = lambda sentence, seconds: None,
    ) -> None:
        self._account, self._ledger, self._clock, self._on_wait = account, ledger, clock, on_wait
        self._allowance = export_allowance(account)
        self._http = http(account, account.export_url, clock, on_wait)

    def last_whole_day(self, now: datetime) -> date:
        """The last day that is over: in the project's zone, and for a project with a UTC clock in UTC as well."""
        now = now.astimezone(UTC)
        here = now.astimezone(self._account.zone).date() - timedelta(days=1)
        return here if self._account.created_before_2023 else min(here, now.date() - timedelta(days=1))

    def day(self, day: date) -> Iterator[Event]:
        """The events of one project day, in the vendor's order, older versions among them.

        Raises BrokenStream unless the answer ends well.
        """
        asked = f"events of {day}"
        window = {"from_date": day.isoformat(), "to_date": day.isoformat(), "time_in_ms": "true"}
        before = partial(self._spend, asked)
        with self._http.opened("GET", "", asked, params=window, before=before) as response:
            try:
                for found in json_lines(unpacked(self._http.body(response, asked)), ends=_STOPPED):
                    yield self._event(found, asked)
            except Cut as cut:
                raise BrokenStream(VENDOR, asked, str(cut)) from None

    def _spend(self, asked: str) -> None:
        self._ledger.wait(self._allowance, self._clock, asked, vendor=VENDOR, on_wait=self._on_wait)

    def _event(self, found: dict[str, Any], asked: str) -> Event:
        properties = found.get("properties")
        name = found.get("event")
        if not isinstance(properties, dict) or not isinstance(name, str) or not _is_number(properties.get("time")):
            raise BrokenStream(VENDOR, asked, "a record has no event, properties or time")
        distinct_id = properties.get("distinct_id")
        insert_id = properties.get("$insert_id")
        identity = None
        if insert_id is not None:
            identity = json.dumps([name, distinct_id, properties["time"], insert_id])
        processed: float | None = properties.get("mp_processing_time_ms")
        processed = processed if _is_number(processed) else None
        row = {
            "source": VENDOR,
            "source_user_id": None if distinct_id is None else str(distinct_id),
            "event": name,
            "ts": instant(properties["time"], self._account),
            "event_id": identity and blake2b(identity.encode(), digest_size=16).hexdigest(),
            "platform": _platform(properties),
            "city": _text(properties.get("$city")),
            "region": _text(properties.get("$region")),
            "country": _text(properties.get("mp_country_code")),
            "ingested_at": None if processed is None else _from_epoch(processed),
            "properties": as_json(properties),
        }
        return Event(row, identity, int(processed or 0))


def instant(time: float, account: MixpanelAccount) -> datetime:
    """When an event happened, from its `time` in seconds or milliseconds.

    A project from before 2023 wrote the wall clock of its zone as if it were UTC. Of an hour that came twice that is
    the first one; an hour that never was is read by the offset before it.
    """
    moment = _from_epoch(time)
    if not account.created_before_2023:
        return moment
    return moment.replace(tzinfo=account.zone, fold=0).astimezone(UTC)


def _from_epoch(number: float) -> datetime:
    milliseconds = number if abs(number) >= _MILLISECONDS_FROM else number * 1000
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


def _platform(properties: dict[str, Any]) -> str | None:
    """A browser is the web, on whatever it runs."""
    if properties.get("$browser"):
        return "web"
    return _PLATFORMS.get(str(properties.get("$os") or "").lower())


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
