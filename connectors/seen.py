"""What came before: keys already seen, and which of several versions of a row is the newest.

Kept in a nameless SQLite file beyond some megabytes, so that two million keys cost no more memory than two.
Not here: the files that are written in the end (landing_writer.py).
"""

from __future__ import annotations

import hashlib
import sqlite3


class Seen:
    """Which keys came already, on disk beyond some megabytes, so that two million cost no more memory than two."""

    def __init__(self) -> None:
        self._con = _scratch("create table seen (key blob primary key) without rowid")

    def add(self, key: str) -> bool:
        """True the first time that a key comes."""
        return self._con.execute("insert or ignore into seen values (?)", [_digest(key)]).rowcount == 1

    def __len__(self) -> int:
        return int(self._con.execute("select count(*) from seen").fetchone()[0])

    def close(self) -> None:
        """Lets go of the scratch space."""
        self._con.close()


class Versions:
    """Which rows are older versions of others. Rows are known by their number, from 0."""

    def __init__(self) -> None:
        self._con = _scratch(
            "create table newest (key blob primary key, version integer, row integer) without rowid;"
            "create table outdated (row integer primary key)"
        )

    def add(self, key: str, version: int, row: int) -> None:
        """A row with its key; the largest version stays, of equal ones the first."""
        digest = _digest(key)
        before = self._con.execute("select version, row from newest where key = ?", [digest]).fetchone()
        if before is None or version > before[0]:
            self._con.execute("insert or replace into newest values (?, ?, ?)", [digest, version, row])
        if before is not None:
            self._con.execute("insert into outdated values (?)", [before[1] if version > before[0] else row])

    def outdated(self, rows: range) -> set[int]:
        """Those of the rows that have a newer version, or an equal one before them."""
        found = self._con.execute("select row from outdated where row >= ? and row < ?", [rows.start, rows.stop])
        return {row for (row,) in found}

    def count_outdated(self) -> int:
        """How many rows do not stay."""
        return int(self._con.execute("select count(*) from outdated").fetchone()[0])

    def close(self) -> None:
        """Lets go of the scratch space."""
        self._con.close()


def _scratch(tables: str) -> sqlite3.Connection:
    con = sqlite3.connect(
        "", isolation_level=None
    )  # a nameless file that SQLite removes, used once memory is not enough
    con.execute("pragma cache_size = -16384")
    con.executescript(f"pragma journal_mode = off; pragma synchronous = off; {tables}; begin")
    return con


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
