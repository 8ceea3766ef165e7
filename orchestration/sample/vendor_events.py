"""Raw events that only the vendors of the sample shop saw, in their own shapes and under their own ids.

Mixpanel counts readers of the newsletter on the web, some before they logged in and some events twice; Amplitude counts
steps of the new checkout, some of them uploaded a day late. Everything depends on seed, person and day alone.
Not here: cohorts (cohorts.py), and how a vendor is asked (vendors.py).
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from orchestration.sample.cohorts import COHORTS, anonymous, chosen
from orchestration.sample.draw import Ints, dice
from orchestration.sample.people import POWER, REGULAR, People
from orchestration.sample.profiles import external_ids, midnight

Event = dict[str, Any]

READ, STEP = "newsletter_read", "checkout_step_seen"
_READERS, _READS = 60, 45  # per mille of those who come often, and percent of days on which one reads
_CHECKOUTS = 25  # percent of days
_BROWSERS = ("Chrome", "Safari", "Firefox", "Samsung Internet")
_STEPS = ("address", "delivery", "payment")
_DAY_SECONDS = 86_400


def mixpanel_events(seed: int, people: People, day: date) -> list[Event]:
    """Export lines of a day, in the order of time."""
    often = _still_here(people[np.isin(people.kind, (REGULAR, POWER))], day)
    readers = often[dice(seed, 250, often.number, 1000) < _READERS]
    readers = readers[_thrown(seed, 251, readers, day, 100) < _READS]
    seconds = _thrown(seed, 252, readers, day, _DAY_SECONDS - 60).tolist()
    throws = _thrown(seed, 253, readers, day, 100).tolist()
    events = []
    for number, external, second, throw in zip(
        readers.number.tolist(), external_ids(seed, readers.number), seconds, throws, strict=True
    ):
        user_id = external or anonymous("mixpanel", number)
        if number % 20 == 7:
            user_id = f"9{number:07d}"  # a reader of another shop's newsletter
        read = _read(user_id, f"{day}-{number}", midnight(day) + timedelta(seconds=second), throw)
        events.append(read)
        if throw < 25:  # the click that led there, before anybody had logged in
            before = midnight(day) + timedelta(seconds=second - second % 60)
            events.append(_read(f"$device:web-{number:06d}", f"{day}-{number}-before", before, throw))
        if throw >= 95:
            later = {**read["properties"], "mp_processing_time_ms": read["properties"]["mp_processing_time_ms"] + 9_000}
            events.append({**read, "properties": {**later, "seconds": later["seconds"] + 30}})
    return sorted(events, key=lambda one: (one["properties"]["time"], one["properties"]["mp_processing_time_ms"]))


def _read(user_id: str, insert_id: str, at: datetime, throw: int) -> Event:
    epoch = int(at.timestamp())
    return {
        "event": READ,
        "properties": {
            "time": epoch, "distinct_id": user_id, "$insert_id": insert_id, "mp_processing_time_ms": epoch * 1000 + 400,
            "$browser": _BROWSERS[throw % len(_BROWSERS)], "issue": f"{at:%G-W%V}", "seconds": 20 + throw * 3,
        },
    }  # fmt: skip


def amplitude_events(seed: int, people: People, day: date) -> dict[str, list[Event]]:
    """Raw export by hour of upload, for what was uploaded on a day."""
    (tested,) = (one for one in COHORTS if one.kind == REGULAR)
    those = _still_here(people[chosen(seed, people, tested)], day)
    those = those[_thrown(seed, 260, those, day, 100) < _CHECKOUTS]
    seconds = _thrown(seed, 261, those, day, _DAY_SECONDS).tolist()
    throws = _thrown(seed, 262, those, day, 1000).tolist()
    hours: dict[str, list[Event]] = defaultdict(list)
    for number, external, second, throw in zip(
        those.number.tolist(), external_ids(seed, those.number), seconds, throws, strict=True
    ):
        uploaded = midnight(day) + timedelta(seconds=second)
        lag = timedelta(hours=26) if throw < 20 else timedelta(seconds=5 + throw)
        known = f"9{number:07d}" if number % 20 == 7 else external
        for place, step in enumerate(_STEPS[: 1 + throw % 3]):
            hours[f"{uploaded:%Y%m%dT%H}"].append(
                {
                    "uuid": f"{day}-{number}-{place}", "event_type": STEP, "user_id": known,
                    "device_id": f"ios-{number:06d}", "amplitude_id": 100_000_000_000 + number, "platform": "iOS",
                    "event_time": _text(uploaded - lag + timedelta(seconds=place)),
                    "server_upload_time": _text(uploaded), "session_id": -1,
                    "event_properties": {"step": step, "variant": "B"},
                }
            )  # fmt: skip
    return dict(hours)


def _still_here(people: People, day: date) -> People:
    """Those who have arrived by a day and not quit."""
    age = day.toordinal() - people.birth
    return people[(age >= 0) & (age < people.quits)]


def _thrown(seed: int, salt: int, people: People, day: date, faces: int) -> Ints:
    """A throw for each person on a day."""
    return dice(seed, salt, people.number * 1_000_003 + day.toordinal(), faces)


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S.%f}"
