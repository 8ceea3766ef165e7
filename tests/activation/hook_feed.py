"""A feed of changes, a receiver on loopback, and deliveries that may be killed at every step, without runs and gates.

The tables hold what dbt leaves of runs, as far as the feed looks at it; `test_webhook.py` has real runs. Not here: what
comes out (the tests).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.clock import ManualClock
from connectors.hooks.endpoint import Hook, receiver
from connectors.standin import StandIn, StandInReceiver
from orchestration.activation.deliveries import Told, deliveries, hand_over, write_down
from orchestration.activation.feed import Found, Wanted, look
from orchestration.erasure.warehouse import rewrite
from orchestration.warehouse import connect

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NIGHT = datetime(2026, 1, 15, tzinfo=UTC)
NUMBER, STREAM = 7, "gold.webhook_JOURNEY_HOOK_URL"
TABLES = """
    create schema raw; create schema state; create schema staging;
    create table raw.runs (run_no integer, as_of timestamp, mode varchar, is_published boolean);
    create table state.segment_changes_log (
        run_no uinteger, segment_no usmallint, person_no uinteger, as_of timestamp, change varchar, cause varchar
    );
    create table state.segment_stays (
        segment_no usmallint, person_no uinteger, valid_from timestamp, run_from uinteger, run_to uinteger
    );
    create table staging.people (person_no uinteger, source varchar, id varchar);
    create table staging.stg_users (user_id varchar, external_id varchar);
"""


class Killed(BaseException):
    """The process is gone: nothing of ours catches it."""


class Deadly(ManualClock):
    """Kills whoever looks at it for the nth time: deliveries look before each batch goes, and after it is taken."""

    dies_in: int | None = None

    def now(self) -> datetime:
        """Where the hands stand, in UTC."""
        if self.dies_in is not None:
            self.dies_in -= 1
            if self.dies_in < 0:
                raise Killed
        return super().now()


@dataclass
class Feed:
    """One segment and one stream. `hears` is what the receiver is told of; without `tells`, nobody is told."""

    root: Path
    receiver: StandInReceiver
    clock: Deadly
    hook: Hook
    changes: tuple[str, ...] = ("entered", "left")
    causes: tuple[Any, ...] = ("data",)
    runs: int = 0

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse.duckdb"

    @property
    def ledger(self) -> Path:
        return self.root / f"{STREAM}.duckdb"

    @property
    def told(self) -> Told | None:
        with deliveries(self.ledger) as ledger:
            return ledger.told

    @property
    def heard(self) -> list[str]:
        """Everything that arrived, such as `16 entered ada data`."""
        return [f"{one['at'][8:10]} {one['change']} {one['user_id']} {one['cause']}" for one in self.receiver.events]

    def run(self, members: Iterable[str], cause: str = "data", mode: str = "present", published: bool = True) -> None:
        """The next night finds these members. A past day, or a run that died, leaves changes that are none."""
        self.runs += 1
        at = (NIGHT + timedelta(days=self.runs - 1)).replace(tzinfo=None)
        with connect(self.warehouse) as connection:
            run = {"run": self.runs, "at": at, "segment": NUMBER}
            connection.execute("insert into raw.runs values (?, ?, ?, ?)", [self.runs, at, mode, published])
            connection.execute(
                "insert into staging.people select coalesce((select max(person_no) from staging.people), 0)"
                " + row_number() over (order by id), '', id from (select unnest(?) as id)"
                " where id not in (select id from staging.people)",
                [sorted(members)],
            )
            connection.execute(
                "insert into state.segment_changes_log by name"
                " with then_in as (from state.segment_stays where segment_no = $segment and run_to is null),"
                " now_in as (from staging.people where list_contains($members, id))"
                " select $run as run_no, $segment as segment_no, person_no, $at as as_of, 'left' as change,"
                " $cause as cause from then_in anti join now_in using (person_no)"
                " union all select $run, $segment, person_no, $at, 'entered', $cause"
                " from now_in anti join then_in using (person_no)",
                {**run, "members": sorted(members), "cause": cause},
            )
            if mode == "past" or not published:
                return
            connection.execute(
                "update state.segment_stays as s set run_to = $run from state.segment_changes_log as c"
                " where s.run_to is null and s.segment_no = $segment and c.segment_no = $segment and c.run_no = $run"
                " and c.change = 'left' and s.person_no = c.person_no",
                {"run": self.runs, "segment": NUMBER},
            )
            connection.execute(
                "insert into state.segment_stays select segment_no, person_no, as_of, run_no, null"
                " from state.segment_changes_log where run_no = $run and change = 'entered'",
                {"run": self.runs},
            )

    def deliver(self, *, anew: bool = False, dies_in: int | None = None, causes: tuple[Any, ...] = ()) -> Found:
        """As an activation does, without gates. With `dies_in`, it is killed at that look at the clock; below 0, before
        anything is written down."""
        told = self.told
        asked = Wanted(NUMBER, self.changes, (*self.causes, *causes))
        with connect(self.warehouse) as connection:
            found = look(connection, asked, told.at if told and not anew else None)
            if dies_in is not None and dies_in < 0:
                raise Killed
            write_down(
                connection, self.ledger, STREAM, asked, found, (told.beginning if told else 0) + (found.since is None)
            )
        self.clock.dies_in = dies_in
        try:
            hand_over(self.ledger, "gold", self.hook, self.clock)
        finally:
            self.clock.dies_in = None
        return found

    def is_killed(self, dies_in: int) -> bool:
        """Delivers, and says whether it was killed on the way."""
        try:
            self.deliver(dies_in=dies_in)
        except Killed:
            return True
        return False

    def erase(self, user_id: str) -> None:
        """As an erasure does with every table that has this column."""
        with connect(self.ledger) as connection:
            connection.execute("delete from waiting where user_id = ?", [user_id])
        rewrite(self.ledger)

    def in_ledger(self, *words: str) -> list[str]:
        """Those of the words that the bytes of the ledger hold."""
        found = b"".join(file.read_bytes() for file in self.root.glob(f"*{STREAM}*"))
        return [word for word in words if word.encode() in found]


@contextmanager
def feed(root: Path) -> Iterator[Feed]:
    """Before the first run."""
    clock = Deadly(NIGHT + timedelta(hours=9))
    stand_in = StandInReceiver(SECRET, clock=ManualClock(clock.now()))
    with StandIn([stand_in]) as server:
        environ = {"JOURNEY_HOOK_URL": f"{server.url}/hook", "JOURNEY_HOOK_SECRET": SECRET}
        made = Feed(root, stand_in, clock, Hook(receiver(environ, "JOURNEY_HOOK_URL"), clock))
        with connect(made.warehouse) as connection:
            connection.execute(TABLES)
            connection.execute("insert into staging.stg_users values ('ada', 'crm-1'), ('bea', '')")
        yield made
