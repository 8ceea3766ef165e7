"""Raw events of Mixpanel and Amplitude into `events`: one file per vendor and day, replaced as a whole.

Not here: what a day of a vendor is (mixpanel/export.py, amplitude/export.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from connectors.amplitude.export import Export as AmplitudeExport
from connectors.drafts import Admitted, Count, Draft
from connectors.errors import BrokenStream, ConnectorError, ShortRead
from connectors.landing_writer import LandingFolder
from connectors.mixpanel.export import Export as MixpanelExport
from connectors.pulls.attempts import Attempt, Doing, Report, Told, Wrote, nobody, try_all

# Mixpanel changes past days (late events, merged ids); what Amplitude exported for a day of upload stays.
REREAD_DAYS = {"mixpanel": 5, "amplitude": 1}
_EVERY = 100_000
_ANY_ZONE = timedelta(hours=14)  # a day somewhere on earth begins and ends so much before or after the one of UTC
_DAY = re.compile(r"\d{4}-\d\d-\d\d")

Export = MixpanelExport | AmplitudeExport


def days_to_pull(
    connector: str, last_whole_day: date, folder: LandingFolder, since: date | None, until: date | None
) -> list[date]:
    """The days to read, oldest first, never beyond the last whole one.

    Without `since`: the trailing days that may have changed, and every day missing since the first that was pulled.
    Raises ConnectorError if no whole day is among them.
    """
    last = min(until or last_whole_day, last_whole_day)
    if since is not None:
        if since > last:
            told = f"no day from {since} on is over there yet; the last whole one is {last_whole_day}"
            raise ConnectorError(
                connector, "events", told if last == last_whole_day else f"{until} lies before {since}"
            )
        return _range(since, last)
    trailing = _range(last - timedelta(days=REREAD_DAYS[connector] - 1), last)
    there = {date.fromisoformat(name) for name in folder.names("events", f"{connector}-") if _DAY.fullmatch(name)}
    missed = [day for day in _range(min(there), last) if day not in there] if there else []
    return sorted({*trailing, *missed})


def pull_events(
    connector: str,
    export: Export,
    days: Iterable[date],
    folder: LandingFolder,
    at: datetime,
    doing: Doing,
    told: Told = nobody,
) -> Report:
    """Pulls the days, oldest first."""
    report = Report()
    write: Callable[[date], Wrote]
    if isinstance(export, MixpanelExport):
        write = partial(_mixpanel_day, export, folder, at, doing)
    else:
        write = partial(_amplitude_day, export, folder, at, doing)
    attempts = [
        Attempt("events", day.isoformat(), f"events of {day}", partial(_twice, write, day, doing)) for day in days
    ]
    try_all(attempts, folder, connector, at, report, doing, told)
    return report


def _twice(write: Callable[[date], Wrote], day: date, doing: Doing) -> Wrote:
    try:
        return write(day)
    except BrokenStream:
        doing(f"events of {day} were cut short; reading them again")
        return write(day)


def _mixpanel_day(export: MixpanelExport, folder: LandingFolder, at: datetime, doing: Doing, day: date) -> Wrote:
    count = Count()
    since, until = _around(day)
    name = f"mixpanel-{day}"
    with folder.replacing_newest("events", name) as file:
        for event in export.day(day):
            file.write(event.row, event.key, event.version)
            count.event(event.row, event.row["ts"], since, until)
            if count.rows % _EVERY == 0:
                doing(f"mixpanel: events of {day}, {count.rows:,} rows")
        _refuse_nothing("mixpanel", count.rows, folder, day)
        admitted = _admit("mixpanel", count, file.count(), folder, at, day)
    return Wrote({folder.shown("events", name): file.rows}, None, admitted.remark, admitted.accepted)


def _amplitude_day(export: AmplitudeExport, folder: LandingFolder, at: datetime, doing: Doing, day: date) -> Wrote:
    count = Count()
    since, until = _around(day)
    name = f"amplitude-{day}"
    with folder.replacing("events", name) as file:
        for row in export.day(day):
            file.write(row)
            count.event(row, row["ingested_at"], since, until)  # its days are days of upload
            if file.rows % _EVERY == 0:
                doing(f"amplitude: events of {day}, {file.rows:,} rows")
        _refuse_nothing("amplitude", file.rows, folder, day)
        admitted = _admit("amplitude", count, file.rows, folder, at, day)
    return Wrote({folder.shown("events", name): file.rows}, None, admitted.remark, admitted.accepted)


def _around(day: date) -> tuple[datetime, datetime]:
    """The instants that may belong to a day, wherever it is one."""
    midnight = datetime.combine(day, time(), UTC)
    return midnight - _ANY_ZONE, midnight + timedelta(days=1) + _ANY_ZONE


def _admit(connector: str, count: Count, stay: int, folder: LandingFolder, at: datetime, day: date) -> Admitted:
    """`stay` of the rows that came are not older versions of others."""
    before = folder.rows("events", f"{connector}-{day}")
    return folder.gate(Draft(connector, "events", day.isoformat(), f"events of {day}", at, stay, count, before=before))


def _refuse_nothing(connector: str, came: int, folder: LandingFolder, day: date) -> None:
    """An export says nothing of its length, so nothing in place of something is no answer to trust."""
    before = folder.rows("events", f"{connector}-{day}")
    if not came and before:
        path = folder.path("events", f"{connector}-{day}")
        raise ShortRead(
            connector, f"events of {day}",
            f"nothing came for a day of which {before:,} events are there; delete {path.name} if that is right",
        )  # fmt: skip


def _range(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
