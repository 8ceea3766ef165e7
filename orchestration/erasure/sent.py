"""What activations have sent (`SEGMENTS_HOME/sent`), without a person.

A ledger of people at a destination forgets who it was and keeps what was sent: without it nobody could take the person
back there, which the next call of the activation does, and then that is gone as well. What waits for a webhook is
dropped. Not here: what a ledger means (`orchestration/activation`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb

from orchestration.activation.locks import SENT
from orchestration.activation.workplace import LEDGER, READING
from orchestration.erasure.person import Person
from orchestration.erasure.warehouse import rewrite
from orchestration.exports.workplace import one_at_a_time
from orchestration.files import locked
from orchestration.warehouse import connect, exclusively

LOCKS = "*.lock"


@contextmanager
def nobody_else(home: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Waits for activations, exports and runs that are under way, and keeps others away, in the order in which those
    take their locks. An activation that began meanwhile may have read members already, so it is waited for as well."""
    while True:
        with ExitStack() as held:
            locks = set((home / SENT).glob(LOCKS))
            for file in sorted(locks):
                held.enter_context(locked(file, waiting))
            held.enter_context(one_at_a_time(home))
            held.enter_context(exclusively(home, waiting))
            if set((home / SENT).glob(LOCKS)) <= locks:
                yield
                return


def sent_people(home: Path, person: Person, *, really: bool) -> dict[Path, int]:
    """Rows of the person by ledger. Whoever asks has the locks (`nobody_else`)."""
    if really:
        for left in (home / SENT).glob(f"*{READING}"):  # of a call that died
            shutil.rmtree(left)
    found = {}
    for file in sorted((home / SENT).glob(f"*{LEDGER}")):
        rows = _rows(file, person, really)
        if rows:
            found[file] = rows
            if really:
                rewrite(file)
    return found


def _rows(file: Path, person: Person, really: bool) -> int:
    rows = 0
    with connect(file) as connection:
        connection.execute("begin")
        for table in _tables(connection):
            asked, bound = f"from {table} where list_contains(?, user_id)", [sorted(person.user_ids)]
            rows += int(connection.execute(f"select count(*) {asked}", bound).fetchall()[0][0])
            if really and table == "sent":
                connection.execute("update sent set user_id = null where list_contains(?, user_id)", bound)
            elif really:
                connection.execute(f"delete {asked}", bound)
        connection.execute("commit")
    return rows


def _tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute("select table_name from duckdb_columns() where column_name = 'user_id' order by 1")
    return [name for (name,) in rows.fetchall()]
