"""What a receiver of webhooks was told and what it is still to be told: `SEGMENTS_HOME/sent/<stream>.duckdb`.

The batches of a delivery are written down, whole and in order, in the same transaction in which the place in the feed
moves, before the first of them is sent. So whoever was killed goes on with the very same batches, whether or not the
one at hand arrived. A batch that was acknowledged keeps its id and its size; who was in it is gone. Whoever is
erased is taken out of what waits, and the batch keeps its id, as the receiver may have it already.
Not here: HTTP and signatures (`connectors/hooks`), and which changes there are (`feed.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from connectors.clock import Clock
from connectors.errors import Gone
from connectors.hooks.batch import Batch, Event
from connectors.hooks.endpoint import Hook
from orchestration.activation.feed import Found, Place, Wanted, events
from orchestration.erasure.warehouse import rewrite
from orchestration.warehouse import aware, connect, naive
from segmentation.clock import utc_text
from segmentation.plan.sql import literal

BATCH = 500  # events
TABLES = {
    "streams": "stream varchar, beginning integer, run_no integer, as_of timestamp, gone varchar",
    "batches": "batch_no integer, id varchar, as_of timestamp, events integer, acknowledged_at timestamp",
    "waiting": "batch_no integer, place bigint, id varchar, change varchar, user_id varchar, external_id varchar,"
    " moment timestamp, cause varchar",
}


@dataclass(frozen=True)
class Told:
    """Up to where a receiver is told, or will be by what waits. `beginning` counts how often it began; `gone` is the
    mark of an address that said it is gone for good, None if the last one did not."""

    beginning: int
    at: Place
    gone: str | None


@dataclass(frozen=True)
class Waiting:
    """A batch that was not acknowledged yet, how many events of each kind are in it, and the moment of the first."""

    batch_no: int
    entered: int
    left: int
    first: datetime


class Deliveries:
    """The open file of one stream."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.has_let_go = False  # of people
        _prepare(connection)

    @property
    def told(self) -> Told | None:
        """None where nothing was ever delivered."""
        row = self._connection.execute("select beginning, run_no, as_of, gone from streams").fetchone()
        return Told(row[0], Place(row[1], aware(row[2])), row[3]) if row else None

    @property
    def waiting(self) -> list[Waiting]:
        """In the order in which they have to go."""
        rows = self._connection.execute(
            "select batch_no, count(*) filter (change = 'entered'), count(*) filter (change = 'left'), min(moment)"
            " from waiting group by batch_no order by batch_no"
        ).fetchall()
        return [Waiting(batch_no, entered, left, aware(first)) for batch_no, entered, left, first in rows]

    def batch(self, batch_no: int, segment: str) -> Batch:
        """The batch as it goes out, the same whenever it is asked for."""
        found = self._connection.execute("select id, as_of from batches where batch_no = ?", [batch_no]).fetchall()
        ((batch_id, as_of),) = found
        rows = self._connection.execute(
            "select id, change, user_id, external_id, moment, cause from waiting where batch_no = ? order by place",
            [batch_no],
        ).fetchall()
        told = [
            Event(id_, change, user_id, external_id, utc_text(aware(at)), cause)
            for id_, change, user_id, external_id, at, cause in rows
        ]
        return Batch(batch_id, segment, utc_text(aware(as_of)), told)

    def acknowledge(self, batch_no: int, at: datetime) -> None:
        """The receiver has it: who is in it is forgotten."""
        self._connection.execute("begin")
        self._connection.execute("update batches set acknowledged_at = ? where batch_no = ?", [naive(at), batch_no])
        self._connection.execute("delete from waiting where batch_no = ?", [batch_no])
        self._connection.execute("commit")
        self.has_let_go = True

    def is_gone(self, mark: str) -> None:
        """Notes that the address with this mark is gone for good."""
        self._connection.execute("update streams set gone = ?", [mark])


@contextmanager
def deliveries(file: Path) -> Iterator[Deliveries]:
    """Opens the file of a stream, whose lock the caller holds. Where the last batch was acknowledged, the file is
    written anew in the end, since a deleted row leaves its bytes."""
    with connect(file) as connection:
        opened = Deliveries(connection)
        yield opened
        is_clean = opened.has_let_go and not opened.waiting
    if is_clean:
        rewrite(file)


def write_down(
    connection: duckdb.DuckDBPyConnection, file: Path, stream: str, asked: Wanted, found: Found, beginning: int
) -> None:
    """Puts what was found behind what waits, and moves the place in the feed, all in one transaction.

    `connection` is the open warehouse. Where somebody begins to listen, what waited is dropped.
    """
    rows, values = events(asked, found.since, found.until)
    connection.execute(f"attach {literal(str(file))} as deliveries")
    try:
        connection.execute("begin")
        _prepare(connection, "deliveries.")
        if found.since is None:
            connection.execute("delete from deliveries.batches where acknowledged_at is null")
            connection.execute("delete from deliveries.waiting")
        ((last,),) = connection.execute("select coalesce(max(batch_no), 0) from deliveries.batches").fetchall()
        named = {"stream": stream, "beginning": str(beginning)}
        connection.execute(
            f"""
            insert into deliveries.waiting by name
            select
                {last + 1} + ((place - 1) // {BATCH})::integer as batch_no, place,
                'evt_' || {_digest("$stream", "$beginning", "run_no::varchar", "change", "user_id")} as id,
                change, user_id, external_id, moment, cause
            from ({rows})
            """,
            {**values, **named},
        )
        connection.execute(
            f"""
            insert into deliveries.batches by name
            select
                batch_no, $as_of::timestamp as as_of, count(*) as events,
                'msg_' || {_digest("$stream", "$beginning", "string_agg(id, chr(10) order by place)")} as id
            from deliveries.waiting where batch_no > {last} group by batch_no
            """,
            {**named, "as_of": naive(found.until.as_of)},
        )
        connection.execute("delete from deliveries.streams")
        connection.execute(
            "insert into deliveries.streams values (?, ?, ?, ?, null)",
            [stream, beginning, found.until.run_no, naive(found.until.as_of)],
        )
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    finally:
        connection.execute("detach deliveries")


def hand_over(
    file: Path,
    segment: str,
    hook: Hook,
    clock: Clock,
    *,
    doing: Callable[[str], None] = lambda sentence: None,
    taken: Callable[[Waiting], None] = lambda batch: None,
) -> None:
    """Sends what waits, in order; `taken` hears of each batch that the receiver acknowledged.

    Raises ConnectorError; that batch and those behind it wait on. If it is Gone, the address is noted as such.
    """
    with deliveries(file) as ledger:
        waiting = ledger.waiting
        for number, one in enumerate(waiting, start=1):
            doing(f"delivering batch {number:,} of {len(waiting):,}")
            try:
                hook.post(ledger.batch(one.batch_no, segment))
            except Gone:
                ledger.is_gone(hook.receiver.mark)
                raise
            ledger.acknowledge(one.batch_no, clock.now())
            taken(one)


def _prepare(connection: duckdb.DuckDBPyConnection, database: str = "") -> None:
    for name, columns in TABLES.items():
        connection.execute(f"create table if not exists {database}{name} ({columns})")


def _digest(*parts: str) -> str:
    """SQL of a digest over texts, of which the last alone may hold line ends."""
    return f"left(sha256(concat_ws(chr(10), {', '.join(parts)})), 32)"
