"""Raw events of Amplitude, a day of upload (UTC) at a time, as rows of the landing table `events`.

The window is over the time of upload, so a day never changes once it can be exported, and a late event comes with the
day it arrived in. What is too large is asked for in halves, down to an hour.
Not here: which days are read (pulls/events.py).
"""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import IO, Any

from connectors.accounts import AmplitudeAccount
from connectors.amplitude.api import VENDOR, http
from connectors.clock import Clock
from connectors.errors import BrokenStream, WindowTooLarge
from connectors.http import CHUNK
from connectors.streams import Cut, as_json, json_lines, unpacked

_EXPORTABLE_AFTER = timedelta(hours=2)
_TOO_MUCH = (400, 504)  # over 4 GB, and over the server's time
_PLATFORMS = ("ios", "android", "web")
_OUTSIDE_A_SESSION = -1


class Export:
    """The raw export of one project."""

    def __init__(
        self,
        account: AmplitudeAccount,
        clock: Clock,
        on_wait: Callable[[str, float], None] = lambda sentence, seconds: None,
    ) -> None:
        self._http = http(account, clock, on_wait)

    @staticmethod
    def last_whole_day(now: datetime) -> date:
        """The last day whose every hour can be exported, about two hours after it closed."""
        return (now.astimezone(UTC) - _EXPORTABLE_AFTER).date() - timedelta(days=1)

    def day(self, day: date) -> Iterator[dict[str, Any]]:
        """Rows for the events that were uploaded on this day; none if there are none.

        Raises BrokenStream for an archive that is damaged, WindowTooLarge for an hour that Amplitude will not export.
        """
        midnight = datetime.combine(day, time(), UTC)
        yield from self._window(midnight, midnight + timedelta(hours=23))

    def _window(self, first: datetime, last: datetime) -> Iterator[dict[str, Any]]:
        """Both hours are included."""
        asked = f"events uploaded {first:%Y-%m-%d %H}h to {last:%H}h"
        params = {"start": f"{first:%Y%m%dT%H}", "end": f"{last:%Y%m%dT%H}"}
        too_much = False
        with self._http.opened("GET", "/api/2/export", asked, params=params, also=(404, *_TOO_MUCH)) as answer:
            status = answer.status_code
            if status == 200:
                yield from self._archive(self._http.body(answer, asked), asked)
            too_much = status in _TOO_MUCH
        if not too_much:
            return
        if first == last:
            raise WindowTooLarge(
                VENDOR, asked, "a single hour is too large for this API; Amplitude's S3 export can deliver it", status
            )
        hours = (last - first) // timedelta(hours=1) + 1
        middle = first + timedelta(hours=hours // 2 - 1)
        yield from self._window(first, middle)
        yield from self._window(middle + timedelta(hours=1), last)

    def _archive(self, body: Iterator[bytes], asked: str) -> Iterator[dict[str, Any]]:
        """A zip has its table of contents at the end, so it goes to disk first."""
        with tempfile.TemporaryFile() as spool, self._readable(asked):
            for chunk in body:
                spool.write(chunk)
            spool.seek(0)
            if spool.read(2) != b"PK":
                spool.seek(0)
                yield from self._lines(spool, asked)
                return
            with zipfile.ZipFile(spool) as archive:
                for member in sorted(archive.namelist()):
                    if not member.endswith("/"):
                        with archive.open(member) as file:
                            yield from self._lines(file, asked)

    @contextmanager
    def _readable(self, asked: str) -> Iterator[None]:
        try:
            yield
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
            raise BrokenStream(VENDOR, asked, "the archive is damaged or incomplete") from None
        except Cut as cut:
            raise BrokenStream(VENDOR, asked, f"in a file of the archive, {cut}") from None

    def _lines(self, file: IO[bytes], asked: str) -> Iterator[dict[str, Any]]:
        for found in json_lines(unpacked(iter(lambda: file.read(CHUNK), b""))):
            yield _row(found, asked)


def _row(found: dict[str, Any], asked: str) -> dict[str, Any]:
    happened = moment(found.get("event_time"))
    name = found.get("event_type")
    if happened is None or not isinstance(name, str):
        raise BrokenStream(VENDOR, asked, "an event has no event_type or no event_time")
    session = found.get("session_id")
    return {
        "source": VENDOR,
        "source_user_id": _user(found),
        "event": name,
        "ts": happened,
        "event_id": _text(found.get("uuid")),
        "platform": _platform(found.get("platform")),
        "session_id": None if session == _OUTSIDE_A_SESSION else _text(session),
        "city": _text(found.get("city")),
        "region": _text(found.get("region")),
        "country": _text(found.get("country")),
        "lat": _number(found.get("location_lat")),
        "lon": _number(found.get("location_lng")),
        "ingested_at": moment(found.get("server_upload_time")),
        "properties": as_json(found.get("event_properties") or {}),
    }


def _user(found: dict[str, Any]) -> str | None:
    """The user_id; without one, the device in the form that Mixpanel has for the anonymous: it matches nobody."""
    if user_id := _text(found.get("user_id")):
        return user_id
    device = _text(found.get("device_id")) or _text(found.get("amplitude_id"))
    return device and f"$device:{device}"


def moment(text: object) -> datetime | None:
    """An instant from `2025-11-01 05:00:00.123456`, which is UTC."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _platform(value: object) -> str | None:
    lowered = str(value or "").lower()
    return lowered if lowered in _PLATFORMS else None


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
