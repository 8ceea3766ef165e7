"""How many calls a vendor still allows, kept in a small SQLite file so that it holds across runs and processes.

A call is noted before it is made. Planning works on the same numbers without spending any.
Not here: which calls cost what (each vendor's module), and what to pull first (pulls/plan.py).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Literal

from connectors.clock import Clock
from connectors.errors import BudgetSpent

_TABLE = """
create table if not exists calls (allowance text not null, account text not null, at integer not null);
create index if not exists calls_at on calls (allowance, account, at);
"""
_KEEP = timedelta(days=62)  # a calendar month and some
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Rate:
    """So many calls in a rolling span of time, or in a calendar month (UTC)."""

    calls: int
    per: timedelta | Literal["month"]

    def since(self, now: datetime) -> datetime:
        """The instant after which a call counts."""
        return month_start(now) - timedelta(microseconds=1) if isinstance(self.per, str) else now - self.per

    def free_at(self, oldest: datetime, now: datetime) -> datetime:
        """When the oldest counted call stops to count."""
        return next_month(now) if isinstance(self.per, str) else oldest + self.per


def rolling(calls: int, per: timedelta) -> Rate:
    """A rolling window, a second longer than the vendor's: its clock and the way there differ from ours."""
    return Rate(calls, per + _SECOND)


@dataclass(frozen=True)
class Allowance:
    """What a vendor allows one account under one name; all rates hold at once."""

    name: str
    account: str
    rates: tuple[Rate, ...]


class Ledger:
    """The calls of all allowances. Several processes may use one file, each by a ledger of its own."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @cached_property
    def _con(self) -> sqlite3.Connection:
        new = not self.file.exists()
        self.file.parent.mkdir(parents=True, exist_ok=True)
        con = sqlite3.connect(self.file, timeout=60, isolation_level=None)
        con.execute("pragma synchronous = normal")
        if new:
            con.execute("pragma journal_mode = wal")  # a commit then waits for no disk
        con.executescript(_TABLE)
        return con

    def spend(self, allowance: Allowance, now: datetime, apart: timedelta = timedelta(0)) -> datetime | None:
        """Notes one call and gives None; or notes nothing and gives the instant when it can be made.

        `apart` is the least time since the call before.
        """
        self._con.execute("begin immediate")  # nobody else counts between our count and our entry
        try:
            calls = self.spent(allowance, now)
            free = _free_at(allowance, calls, now)
            if calls and apart:
                free = max(free, calls[-1] + apart)
            if free <= now:
                self._con.execute("delete from calls where at < ?", [_micros(now - _KEEP)])
                entry = [allowance.name, allowance.account, _micros(now)]
                self._con.execute("insert into calls values (?, ?, ?)", entry)
        finally:
            self._con.execute("commit")
        return None if free <= now else free

    def spent(self, allowance: Allowance, now: datetime) -> list[datetime]:
        """The calls that count against the longest of the rates, oldest first."""
        return _calls(self._con, allowance, min(rate.since(now) for rate in allowance.rates))

    def left(self, allowance: Allowance, now: datetime) -> int:
        """Calls that could be made right now."""
        return calls_left(allowance, self.spent(allowance, now), now)

    def wait(
        self,
        allowance: Allowance,
        clock: Clock,
        asked: str,
        *,
        vendor: str,
        apart: timedelta = timedelta(0),
        on_wait: Callable[[str, float], None] = lambda sentence, seconds: None,
    ) -> None:
        """Spends one call, after waiting for it if need be.

        Raises BudgetSpent if only the next month frees one, or if the wait is longer than the clock's patience.
        """
        while (free := self.spend(allowance, clock.now(), apart)) is not None:
            now = clock.now()
            if free == next_month(now) and any(rate.per == "month" for rate in allowance.rates):
                raise BudgetSpent(
                    vendor, asked, f"the allowance {allowance.name} is spent until {free:%Y-%m-%d %H:%M} UTC",
                    free_at=free,
                )  # fmt: skip
            seconds = (free - now).total_seconds()
            told = f"the allowance {allowance.name} has its next call at {free:%H:%M:%S} UTC"
            if seconds > clock.patience:
                raise BudgetSpent(vendor, asked, told, free_at=free)
            on_wait(f"{vendor}: {told}", seconds)
            clock.sleep(seconds)


def calls_left(allowance: Allowance, spent: Sequence[datetime], now: datetime) -> int:
    """Calls that could be made right now, given those already made."""
    return min(rate.calls - sum(one > rate.since(now) for one in spent) for rate in allowance.rates)


class Pretended:
    """Calls that are only thought of, from some instant on. For allowances of rolling windows."""

    def __init__(self, allowance: Allowance, spent: Sequence[datetime], now: datetime) -> None:
        self._allowance, self._made, self.at = allowance, list(spent), now

    def copy(self) -> Pretended:
        """The same state, to be thought on differently."""
        return Pretended(self._allowance, self._made, self.at)

    def left(self) -> int:
        """Calls that could be made at once."""
        return calls_left(self._allowance, self._made, self.at)

    def call(self, apart: timedelta) -> datetime:
        """Makes a call as soon as it can be made, at least `apart` after the one before, and gives its instant."""
        if self._made and apart:
            self.at = max(self.at, self._made[-1] + apart)
        self.at = _free_at(self._allowance, self._made, self.at)
        oldest = min(rate.since(self.at) for rate in self._allowance.rates)
        self._made = [one for one in self._made if one > oldest] + [self.at]
        return self.at


def month_start(now: datetime) -> datetime:
    """The first instant of the month, UTC."""
    return now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(now: datetime) -> datetime:
    """The first instant of the month after, UTC."""
    return month_start(month_start(now) + timedelta(days=32))


def _free_at(allowance: Allowance, calls: Sequence[datetime], now: datetime) -> datetime:
    free = now
    for rate in allowance.rates:
        counted = [one for one in calls if one > rate.since(now)]
        if len(counted) >= rate.calls:
            free = max(free, rate.free_at(counted[-rate.calls], now))
    return free


def _calls(con: sqlite3.Connection, allowance: Allowance, since: datetime) -> list[datetime]:
    rows = con.execute(
        "select at from calls where allowance = ? and account = ? and at > ? order by at",
        [allowance.name, allowance.account, _micros(since)],
    )
    return [datetime.fromtimestamp(at // 1_000_000, UTC) + timedelta(microseconds=at % 1_000_000) for (at,) in rows]


def _micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
