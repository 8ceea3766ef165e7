"""Writes the sample workspace into a landing folder, and lets it live on from day to day.

What happens on a day goes into one file per table and day and is never touched again; tables that say how things stand
(devices, consents, messages) are written whole for the last day. A small marker file keeps the settings, and tells the
sample's folder from one with real data. Not here: the content of any row, and what vendors hold (vendors.py).
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.sample import devices, messages, profiles
from orchestration.sample.events import events_table, purchases_of
from orchestration.sample.people import crowd, known
from orchestration.sample.visits import day_of

MARKER = ".sample.json"
_FORMERLY = ("audiences.jsonl", "audience_members.jsonl.gz")  # cohorts, which are pulled now
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class SampleReport:
    """What a call left behind: the days that the sample covers, those written now, rows written now per table, size."""

    landing: Path
    first_day: date
    last_day: date
    days_written: tuple[date, ...]
    rows: dict[str, int]
    bytes_on_disk: int


def is_sample(landing: Path) -> bool:
    """Whether the folder was made by `write_sample`; real data never carries the marker."""
    return (landing / MARKER).is_file()


def made_with(landing: Path) -> dict[str, Any]:
    """What the marker says: `seed`, `users`, `events_per_day`, `first_day`, and `last_day` once that is complete."""
    said: dict[str, Any] = json.loads((landing / MARKER).read_text(encoding="utf-8"))
    return said


def write_sample(
    landing: Path,
    last_day: date,
    *,
    days: int = 120,
    users: int = 20_000,
    events_per_day: int = 16_700,
    seed: int = 7,
    progress: Callable[[int, int], None] | None = None,
) -> SampleReport:
    """Make a sample workspace that ends with `last_day` (a UTC day, included), or bring an existing one up to it.

    The same arguments give the same bytes in an empty folder. In a folder with a sample only the missing days are
    added, from where it once began (`days` counts for a new one only) to `last_day`; a day that is there stays as it
    is. `users` is the number of people who shop at any time, so the users table grows as time goes by. Cohorts that
    an earlier version wrote are removed.
    `progress(done, total)` is called after each day written.

    Raises ValueError if the folder holds files that are no sample, or a sample made with other settings.
    """
    if days < 1 or users < 1 or events_per_day < 1:
        raise ValueError(f"days, users and events_per_day start at 1, found {days}, {users}, {events_per_day}")
    sample = _Sample(landing, seed, users, events_per_day)
    first_day, finished = sample.open(last_day - (days - 1) * _ONE_DAY)
    for name in _FORMERLY:
        (landing / name).unlink(missing_ok=True)
    present = list(sample.day_files("events"))
    last_day = max([last_day, *present])
    missing = sorted(set(_days(first_day, last_day)) - set(present))
    if missing or finished != last_day:
        if missing:
            sample.write_days(first_day, missing, progress)
        sample.write_standing(first_day, last_day)
        sample.mark(first_day, last_day)
    size = sum(path.stat().st_size for path in landing.rglob("*") if path.is_file())
    return SampleReport(landing, first_day, last_day, tuple(missing), sample.rows, size)


class _Sample:
    """The folder and its settings; counts the rows it writes."""

    def __init__(self, landing: Path, seed: int, users: int, events_per_day: int) -> None:
        self.landing, self.seed, self.users, self.events_per_day = landing, seed, users, events_per_day
        self.rows: dict[str, int] = {}

    def open(self, first_day: date) -> tuple[date, date | None]:
        """First day of the sample, and the day up to which it is complete; a new folder gets its marker."""
        if is_sample(self.landing):
            said = made_with(self.landing)
            if {name: said.get(name) for name in self._settings()} != self._settings():
                raise ValueError(
                    f"{self.landing} holds a sample made with other settings than {self._settings()}: {said}"
                )
            last = said.get("last_day")
            return date.fromisoformat(said["first_day"]), date.fromisoformat(last) if last else None
        if any(path.is_file() and not path.name.startswith(".") for path in self.landing.rglob("*")):
            raise ValueError(f"{self.landing} holds files that are no sample; it is left as it is")
        self.mark(first_day, None)
        return first_day, None

    def mark(self, first_day: date, last_day: date | None) -> None:
        """Record settings and extent; `last_day` is None while the first days are being written."""
        said = {**self._settings(), "first_day": str(first_day), "last_day": last_day and str(last_day)}
        _replace(self.landing / MARKER, (json.dumps(said, indent=1) + "\n").encode())

    def _settings(self) -> dict[str, int]:
        return {"seed": self.seed, "users": self.users, "events_per_day": self.events_per_day}

    def day_files(self, table: str) -> dict[date, Path]:
        """The sample's own files of a table by day; files that a connector laid beside them are none of ours."""
        files = self.landing.glob(f"{table}/*.parquet")
        return {date.fromisoformat(f.stem): f for f in files if re.fullmatch(r"\d{4}-\d\d-\d\d", f.stem)}

    def write_days(self, first_day: date, missing: Sequence[date], progress: Callable[[int, int], None] | None) -> None:
        """The files of the missing days; the events file comes last, so a day with one is complete."""
        accounts, booked = profiles.Accounts(), None
        for done, day in enumerate(missing, start=1):
            if booked != day - _ONE_DAY:
                accounts = self._accounts(first_day, day)
            booked = day
            ordinal = day.toordinal()
            happened = day_of(self.seed, self.users, self.events_per_day, ordinal)
            purchases = purchases_of(happened)
            accounts.add(day, purchases)
            self._parquet("users", day, self._changed_profiles(day, accounts, set(purchases.user_ids)))
            if messages.is_campaign_day(day):
                self._parquet("message_events", day, messages.message_events_table(self.seed, self.users, day))
            self._parquet("events", day, events_table(self.seed, ordinal, happened))
            if progress is not None:
                progress(done, len(missing))

    def _accounts(self, first_day: date, day: date) -> profiles.Accounts:
        """Spending up to a day: from the profiles written so far, or opened with the sample's first snapshot."""
        snapshot = first_day - _ONE_DAY
        files = self.day_files("users")
        if snapshot not in files:
            people = crowd(self.seed, self.users, snapshot.toordinal())
            accounts = profiles.opening(self.seed, people, first_day)
            born = profiles.created_at(people)
            updated = [max(at, accounts.last_order.get(u, at)) for u, at in zip(people.user_ids, born, strict=True)]
            self._parquet("users", snapshot, profiles.users_table(self.seed, people, accounts, updated))
            return accounts
        accounts = profiles.Accounts()
        for written in sorted(files):
            if written < day:
                accounts.recall(pq.read_table(files[written], columns=["user_id", "attributes"]))
        return accounts

    def _changed_profiles(self, day: date, accounts: profiles.Accounts, buyers: set[str]) -> pa.Table:
        """Rows of those who registered or bought on a day, as they stand at its end."""
        people = crowd(self.seed, self.users, day.toordinal())
        touched = [
            n
            for n, (user, birth) in enumerate(zip(people.user_ids, people.birth.tolist(), strict=True))
            if user in buyers or birth == day.toordinal()
        ]
        changed = people[np.array(touched, dtype=np.int64)]
        born = profiles.created_at(changed)
        updated = [
            accounts.last_order[user] if user in buyers else at for user, at in zip(changed.user_ids, born, strict=True)
        ]
        return profiles.users_table(self.seed, changed, accounts, updated)

    def write_standing(self, first_day: date, last_day: date) -> None:
        """The tables that say how things stand at the end of the last day."""
        people = known(self.seed, self.users, first_day.toordinal(), last_day.toordinal())
        table = devices.devices_table(self.seed, people, last_day)
        self._write("devices", "devices.parquet", _parquet_bytes(table), len(table))
        self._csv(
            "consents", ("user_id", "channel", "state", "at", "reason"), devices.consents(self.seed, people, last_day)
        )
        self._csv("blacklist", ("user_id", "channel", "listed", "at"), devices.blacklist(self.seed, people, last_day))
        self._jsonl("messages", "messages.jsonl", messages.messages(first_day, last_day))

    def _parquet(self, table: str, day: date, rows: pa.Table) -> None:
        self._write(table, f"{table}/{day}.parquet", _parquet_bytes(rows), len(rows))

    def _csv(self, table: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
        content = text.getvalue()
        self._write(table, f"{table}.csv", content.encode(), content.count("\n") - 1)

    def _jsonl(self, table: str, name: str, rows: Iterable[dict[str, Any]]) -> None:
        lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows]
        self._write(table, name, "".join(lines).encode(), len(lines))

    def _write(self, table: str, name: str, content: bytes, rows: int) -> None:
        _replace(self.landing / name, content)
        self.rows[table] = self.rows.get(table, 0) + rows


def _days(first: date, last: date) -> list[date]:
    return [first + n * _ONE_DAY for n in range((last - first).days + 1)]


def _parquet_bytes(table: pa.Table) -> bytes:
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, compression="zstd", compression_level=6, version="2.6", row_group_size=1 << 20)
    return buffer.getvalue().to_pybytes()


def _replace(path: Path, content: bytes) -> None:
    """Write a file as a whole: readers see the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_bytes(content)
    os.replace(unfinished, path)
