"""Identities of those who should be at a destination, made in batches of bounded size into a table of the ledger's
connection.

Not here: who they are (`members.py`), and how a destination writes and hashes people (`connectors/`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.destinations import Contact, Destination, Identity

ROWS = 50_000  # at a time
_COLUMNS = ("user_id", "external_id", "email", "msisdn", "country", "is_member")
_SCHEMA = pa.schema([("user_id", pa.string()), ("identity", pa.list_(pa.string()))])
TABLE = "create or replace temp table wanted (user_id varchar, identity varchar[])"


@dataclass(frozen=True)
class Wanted:
    """How many people have an identity, and how many members have none."""

    people: int
    without_identifier: int


def make_wanted(connection: duckdb.DuckDBPyConnection, contacts: Path | None, destination: Destination) -> Wanted:
    """Fills the temporary table `wanted`, one row per person; nobody is wanted if there are no contacts."""
    connection.execute(TABLE)
    people = without = 0
    for user_ids, identities, nameless in _batches(contacts, destination) if contacts else ():
        people, without = people + len(user_ids), without + nameless
        batch = pa.table([user_ids, identities], schema=_SCHEMA)
        connection.register("batch_of_wanted", batch)
        connection.execute("insert into wanted from batch_of_wanted")
        connection.unregister("batch_of_wanted")
    return Wanted(people, without)


def _batches(contacts: Path, destination: Destination) -> Iterator[tuple[list[str], list[Identity], int]]:
    """Ids, identities, and how many members had none."""
    with pq.ParquetFile(contacts) as file:
        for batch in file.iter_batches(ROWS, columns=list(_COLUMNS)):
            user_ids, identities, nameless = [], [], 0
            columns = [batch.column(name).to_pylist() for name in _COLUMNS]
            for user_id, external_id, email, msisdn, country, is_member in zip(*columns, strict=True):
                identity = destination.identity(Contact(user_id, external_id, email, msisdn, country))
                if identity is None:
                    nameless += is_member
                    continue
                user_ids.append(user_id)
                identities.append(identity)
            yield user_ids, identities, nameless
