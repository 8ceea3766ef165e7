"""What has to be sent so that a destination has exactly those who are wanted there: the ledger against `wanted`.

Everything is said of identities, as the destination knows nobody else: two people with the very same one are one there,
which stays as long as either is wanted. Not here: the ledger's states (`ledger.py`), and the sending (`sending.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from connectors.destinations import Action, Identity

FETCHED = 50_000
TODO = """
    create or replace temp table todo as
    with there as (
        select
            identity, any_value(identity_no) as identity_no, any_value(state) as state, any_value(pending) as pending,
            bool_or(again) as again
        from sent group by identity
    ),
    wants as (
        select distinct identity from wanted
    ),
    judged as (
        select
            t.identity_no, coalesce(t.identity, w.identity) as identity, t.state, t.pending, t.again,
            w.identity is not null as is_wanted,
            case
                when t.pending is not null then 'wait'
                when w.identity is null then 'remove'
                when t.state = 'in' then 'keep'
                else 'add'
            end as action
        from there as t full join wants as w on t.identity = w.identity
    ),
    numbered as (
        select
            * exclude (identity_no), identity_no is null as is_new,
            coalesce(identity_no, (select coalesce(max(identity_no), 0) from sent)
                + row_number() over (partition by identity_no is null)) as identity_no
        from judged
    )
    select *, row_number() over (partition by action order by identity_no) as place from numbered order by identity_no
"""
HOLDERS = """
    create or replace temp table holders as
    select t.identity_no, w.user_id from wanted as w join todo as t on w.identity = t.identity order by t.identity_no
"""
PLACED = """
    create or replace temp table todo as
    select * exclude (place), row_number() over (partition by action order by identity_no) as place
    from todo order by identity_no
"""
Keys = Callable[[Identity], Iterable[str]]


@dataclass(frozen=True)
class Counts:
    """Identities, of which `add`, `remove` and `again` are to be sent, `again` being those who may go with somebody who
    is removed; `keep` stay as they are, and `wait` are pending. `people` have `identities`, `there` are in the ledger.
    """

    add: int
    remove: int
    again: int
    keep: int
    wait: int
    identities: int
    people: int
    there: int

    @property
    def sent(self) -> int:
        """How many are sent, one way or the other."""
        return self.add + self.remove + self.again


def compare(connection: duckdb.DuckDBPyConnection, keys: Keys) -> Counts:
    """Fills `todo` (what becomes of each identity, and its place among those of the same action), `holders` (whose
    identity is wanted), and `again` (identities that stay, but share a key with one that is removed)."""
    connection.execute(TODO)
    connection.execute(HOLDERS)
    connection.execute("create or replace temp table again (identity_no bigint)")
    removed = _keys(connection, "from todo where action = 'remove'", keys)
    if removed:
        _note(connection, "again", _sharing(connection, "is_wanted and action in ('keep', 'wait')", keys, removed))
        connection.execute(
            "update todo set action = 'again' where action = 'keep' and identity_no in (select identity_no from again)"
        )
    counts = dict(connection.execute("select action, count(*) from todo group by action").fetchall())
    found = connection.execute(
        "select count(*) filter (is_wanted), (select count(*) from wanted), count(*) filter (not is_new) from todo"
    ).fetchall()[0]
    return Counts(*(counts.get(name, 0) for name in ("add", "remove", "again", "keep", "wait")), *map(int, found))


def send_again(connection: duckdb.DuckDBPyConnection) -> None:
    """From here on, those who may be gone with others are to be added as everybody else."""
    connection.execute("update todo set action = 'add' where action = 'again'")
    connection.execute(PLACED)


def put_off(connection: duckdb.DuckDBPyConnection, keys: Keys) -> int:
    """Makes those of the additions `late` who share a key with somebody whose removal is pending, as that might be done
    after them; so is that of some who are wanted `again`. Returns how many they are."""
    removing = _keys(connection, "from sent where pending is not null and (state = 'removing' or again)", keys)
    if not removing:
        return 0
    connection.execute("create or replace temp table later (identity_no bigint)")
    _note(connection, "later", _sharing(connection, "action = 'add'", keys, removing))
    connection.execute("update todo set action = 'late' where identity_no in (select identity_no from later)")
    connection.execute(PLACED)
    return count_of(connection, "late")


def take_up(connection: duckdb.DuckDBPyConnection) -> None:
    """Those who were late are next, and nobody else."""
    connection.execute("update todo set action = 'done' where action = 'add'")
    connection.execute("update todo set action = 'add' where action = 'late'")
    connection.execute(PLACED)


def batch(connection: duckdb.DuckDBPyConnection, action: Action, first: int, last: int) -> list[Identity]:
    """Identities by their places."""
    rows = connection.execute(
        "select identity from todo where action = ? and place between ? and ? order by place", [action, first, last]
    ).fetchall()
    return [tuple(identity) for (identity,) in rows]


def count_of(connection: duckdb.DuckDBPyConnection, action: str) -> int:
    """How many there are of an action."""
    return int(connection.execute("select count(*) from todo where action = ?", [action]).fetchall()[0][0])


def _keys(connection: duckdb.DuckDBPyConnection, chosen: str, keys: Keys) -> set[int]:
    """Keys of chosen identities, as hashes: one too many does no harm."""
    return {hash(key) for _, identity in _rows(connection, chosen) for key in keys(identity)}


def _sharing(connection: duckdb.DuckDBPyConnection, chosen: str, keys: Keys, of: set[int]) -> list[int]:
    """Numbers of those chosen in `todo` that have one of the keys."""
    rows = _rows(connection, f"from todo where {chosen}")
    return [number for number, identity in rows if any(hash(key) in of for key in keys(identity))]


def _rows(connection: duckdb.DuckDBPyConnection, chosen: str) -> Iterator[tuple[int, Identity]]:
    """Numbers and identities; nothing else may be asked of the connection meanwhile."""
    found = connection.execute(f"select identity_no, identity {chosen}")
    while rows := found.fetchmany(FETCHED):
        for number, identity in rows:
            yield number, tuple(identity)


def _note(connection: duckdb.DuckDBPyConnection, table: str, numbers: Sequence[int]) -> None:
    connection.register("noted", pa.table({"identity_no": pa.array(numbers, pa.int64())}))
    connection.execute(f"insert into {table} from noted")
    connection.unregister("noted")
