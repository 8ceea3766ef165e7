"""`python -m benchmarks.ledger`: who has to be sent, of a million people against a ledger of a million.

The rival is the same difference by sets of Python, without anything on disk: what the ledger costs above that is what a
run that dies needs. Nothing is hashed on either side; the numbers of both must be equal.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.destinations import Contact, Identity
from orchestration.activation.difference import compare
from orchestration.activation.ledger import open_ledger
from orchestration.activation.wanted import make_wanted

ROWS = 100_000  # of a file, at a time


class _Digests:
    """A destination of which only identities matter; they are in the contacts already."""

    def identity(self, contact: Contact) -> Identity | None:
        return (contact.external_id or "", contact.email or "")

    def keys(self, identity: Identity) -> Iterable[str]:
        return identity


def main() -> None:
    """Prints seconds of both sides, their ratio, and the peak of memory before the rival begins."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger", description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    people = parser.parse_args().people
    with tempfile.TemporaryDirectory(prefix="segments-bench-") as folder:
        place, gone = Path(folder), people // 20
        before, now = place / "before.parquet", place / "now.parquet"
        _write(before, 0, people)
        _write(now, gone, people + gone)
        destination = _Digests()
        with open_ledger(place / "ledger.duckdb", place, writing=True) as ledger:
            make_wanted(ledger.connection, before, destination)  # type: ignore[arg-type]
            compare(ledger.connection, destination.keys)
            ledger.doubt("add", 1, people)
            ledger.connection.execute("update sent set state = 'in'")
        began = time.process_time()
        with open_ledger(place / "ledger.duckdb", place, writing=True) as ledger:
            make_wanted(ledger.connection, now, destination)  # type: ignore[arg-type]
            counts = compare(ledger.connection, destination.keys)
            ledger.keep_holders()
            for first in range(1, counts.add + 1, 10_000):
                ledger.doubt("add", first, first + 9_999)
        ours, peak = time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        there = _identities(before)
        began = time.process_time()
        wanted = _identities(now)
        added, removed = wanted - there, there - wanted
        rival = time.process_time() - began
    assert (counts.add, counts.remove) == (len(added), len(removed))
    print(f"{people:,} people, {counts.add:,} to add, {counts.remove:,} to remove")
    print(f"ledger {ours:.1f} s of processor time, {peak:.2f} GiB; sets {rival:.1f} s; ratio {ours / rival:.1f}")


def _write(file: Path, first: int, last: int) -> None:
    names = ("user_id", "external_id", "email", "msisdn", "country")
    schema = pa.schema([*((name, pa.string()) for name in names), ("is_member", pa.bool_())])
    with pq.ParquetWriter(file, schema) as writer:
        for start in range(first, last, ROWS):
            some = range(start, min(start + ROWS, last))
            digests = [hashlib.sha256(str(number).encode()).hexdigest() for number in some]
            ids, nothing = [f"u{number:08}" for number in some], [None] * len(some)
            writer.write_table(pa.table([ids, ids, digests, nothing, nothing, [True] * len(some)], schema=schema))


def _identities(file: Path) -> set[Identity]:
    columns = pq.read_table(file, columns=["external_id", "email"]).to_pydict()
    return set(zip(columns["external_id"], columns["email"], strict=True))


if __name__ == "__main__":
    main()
