"""What a stream has sent: who is at the destination, and of whom nobody knows whether they are.

One row per person and identity as it was sent. A batch is in doubt, and that is on disk, before it leaves; it is
settled once it was acknowledged. So whatever stops a run, the states say what to do next:

| state | means | wanted | not wanted |
| --- | --- | --- | --- |
| `in` | acknowledged | nothing | remove |
| `adding` | sent or about to be | add again | remove |
| `removing` | taken back or about to be | add again | remove again |

With `pending`, the destination has accepted the batch under that name and not said yet what became of it: it is left
alone until it has, and `again` says that it is to be added once more then. A row without a person is one of somebody
who was erased. Not here: what is wanted (`difference.py`), and sending (`sending.py`).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

import duckdb

from connectors.destinations import Action, Receipt, Verdict
from segmentation.plan.sql import literal

MEMORY = "1GB"  # beyond it, the disk
TABLES = (
    "create table sent (identity_no bigint, user_id varchar, identity varchar[], state varchar, pending varchar,"
    " again boolean)",
    "create table about (ledger varchar, runs bigint)",
)
DOING: dict[Action, Literal["adding", "removing"]] = {"add": "adding", "remove": "removing"}


class Mark(NamedTuple):
    """Which ledger it is, and how many runs it has seen: a copy of yesterday has seen fewer."""

    ledger: str
    runs: int


class Ledger:
    """An open ledger, with whatever temporary tables are laid over it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    @property
    def mark(self) -> Mark:
        """Which one it is."""
        found = self.connection.execute("select ledger, runs from about").fetchall()
        return Mark(*found[0])

    @property
    def size(self) -> int:
        """Identities that are at the destination, or may be."""
        return self._number("select count(distinct identity_no) from sent")

    @property
    def waiting(self) -> int:
        """Identities of which the destination has not said yet what became of them."""
        return self._number("select count(distinct identity_no) from sent where pending is not null")

    @property
    def unsettled(self) -> int:
        """Those, and all others of whom nobody knows whether they are there."""
        return self._number("select count(distinct identity_no) from sent where state <> 'in'")

    @property
    def has_erased(self) -> bool:
        """Whether somebody is in it who was erased here, and has to be taken back there."""
        return self._number("select count(*) from sent where user_id is null") > 0

    def begin(self) -> None:
        """Another run that may send something."""
        self.connection.execute("update about set runs = runs + 1")

    def write_people(self, file: Path) -> None:
        """Ids of users who are at the destination, or are being sent there."""
        self.connection.execute(
            "copy (select distinct user_id from sent where user_id is not null and state <> 'removing')"
            f" to {literal(str(file))} (format parquet)"
        )

    def pending(self) -> list[str]:
        """Names of batches that have no verdict yet, the oldest first."""
        rows = self.connection.execute(
            "select pending from sent where pending is not null group by pending order by min(identity_no), pending"
        ).fetchall()
        return [name for (name,) in rows]

    def judge(self, pending: str, verdict: Verdict) -> None:
        """Settles a batch that is pending no longer; one that failed is in doubt again."""
        with self._transaction() as do:
            if verdict.state == "done":
                do.execute("delete from sent where pending = ? and state = 'removing'", [pending])
                do.execute("update sent set state = 'in' where pending = ? and not again", [pending])
            do.execute("update sent set pending = null, again = false where pending = ?", [pending])

    def doubt(self, action: Action, first: int, last: int, *, also_again: bool = False) -> None:
        """Notes that a batch of `todo` is about to leave; `also_again` are those of the table `again`, who may be gone
        with it."""
        chosen = "select identity_no from todo where action = ? and place between ? and ?"
        with self._transaction() as do:
            do.execute(
                f"update sent set state = ?, pending = null where identity_no in ({chosen})",
                [DOING[action], action, first, last],
            )
            if action == "add":
                self._note(f"identity_no in ({chosen})", [action, first, last])
            if also_again:
                do.execute(
                    "update sent set state = 'adding', again = pending is not null"
                    " where identity_no in (select identity_no from again)"
                )

    def settle(self, action: Action, first: int, last: int, receipt: Receipt) -> None:
        """Notes that a batch was acknowledged."""
        chosen = "identity_no in (select identity_no from todo where action = ? and place between ? and ?)"
        bound = [action, first, last]
        with self._transaction() as do:
            if receipt.pending is not None:
                do.execute(f"update sent set pending = ? where {chosen}", [receipt.pending, *bound])
            elif action == "remove":
                do.execute(f"delete from sent where {chosen}", bound)
            else:
                do.execute(f"update sent set state = 'in' where {chosen}", bound)

    def keep_holders(self) -> None:
        """Whoever has an identity that stays at the destination, or is on its way: people come and go behind it.

        Whoever is there and gets another identity is noted with that at once, since the one that they have may be gone
        before the other is sent; and whose removal is in doubt, but wanted again, as somebody to add.
        """
        with self._transaction() as do:
            do.execute(
                "create or replace temp table moved as select distinct identity_no from holders"
                " where user_id in (select user_id from sent where state <> 'removing')"
            )
            do.execute(
                """
                create or replace temp table newcomers as
                select t.identity_no, h.user_id, t.identity, t.state, t.pending, t.again
                from todo as t join holders as h on t.identity_no = h.identity_no
                where not t.is_new and not exists (
                    select 1 from sent as s where s.identity_no = h.identity_no and s.user_id = h.user_id
                )
                """
            )
            do.execute(
                """
                delete from sent where identity_no in (select identity_no from holders)
                and (user_id is null or (identity_no, user_id) not in (select (identity_no, user_id) from holders))
                """
            )
            do.execute("insert into sent from newcomers")
            do.execute(
                "update sent set state = 'adding', again = pending is not null where state = 'removing'"
                " and identity_no in (select identity_no from holders)"
            )
            self._note("identity_no in (select identity_no from moved)")

    def note_late(self) -> None:
        """Whoever is to be added, but not yet, is known from here on."""
        with self._transaction():
            self._note("action = 'late'")

    def _note(self, chosen: str, bound: Sequence[object] = ()) -> None:
        """Newcomers of `todo` are in doubt from here on."""
        self.connection.execute(
            "insert into sent select t.identity_no, h.user_id, t.identity, 'adding', null, false"
            f" from (from todo where is_new and {chosen}) as t join holders as h on t.identity_no = h.identity_no",
            bound,
        )
        self.connection.execute(f"update todo set is_new = false where is_new and {chosen}", bound)

    def doubt_all(self) -> None:
        """Before everything at the destination is replaced: who is wanted may arrive, and everybody else may go."""
        with self._transaction() as do:
            do.execute(
                "update sent set pending = null, again = false, state ="
                " case when identity_no in (select identity_no from holders) then 'adding' else 'removing' end"
            )
            self._note("true")

    def settle_all(self) -> None:
        """After that: the destination is what was wanted."""
        with self._transaction() as do:
            do.execute("delete from sent where state = 'removing'")
            do.execute("update sent set state = 'in'")

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        self.connection.execute("begin")
        try:
            yield self.connection
            self.connection.execute("commit")
        except BaseException:
            with suppress(duckdb.Error):  # it may have been committed before it was stopped
                self.connection.execute("rollback")
            raise

    def _number(self, sql: str) -> int:
        return int(self.connection.execute(sql).fetchall()[0][0])


@contextmanager
def open_ledger(file: Path, place: Path, *, writing: bool) -> Iterator[Ledger]:
    """The ledger in a file, which is made if it is missing and somebody is going to write; else it stays as it is.

    `place` is a folder for what does not fit into memory. Whoever opens it holds the lock of its stream.
    """
    in_memory = not writing and not _is_made(file)
    connection = duckdb.connect(":memory:" if in_memory else str(file), read_only=not in_memory and not writing)
    try:
        connection.execute(f"set memory_limit = {literal(MEMORY)}")
        connection.execute(f"set temp_directory = {literal(str(place))}")
        if not _has_tables(connection):
            _make(connection)
        yield Ledger(connection)
    finally:
        connection.close()


def is_empty(file: Path) -> bool:
    """Whether nobody is at the destination of a ledger; one that somebody has open is taken for one of somebody."""
    try:
        with duckdb.connect(str(file), read_only=True) as connection:
            return not _has_tables(connection) or Ledger(connection).size == 0
    except duckdb.Error:
        return False


def _is_made(file: Path) -> bool:
    if not file.exists():
        return False
    with duckdb.connect(str(file), read_only=True) as connection:
        return _has_tables(connection)


def _make(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("begin")
    for statement in TABLES:
        connection.execute(statement)
    connection.execute("insert into about values (?, 0)", [secrets.token_hex(8)])
    connection.execute("commit")


def _has_tables(connection: duckdb.DuckDBPyConnection) -> bool:
    """A ledger that died while it was made has none."""
    rows: list[Any] = connection.execute("select 1 from duckdb_tables() where table_name = 'about'").fetchall()
    return bool(rows)
