"""The rival: one hand-written SQL query per segment, on the same engine and the same data.

Its table is what a person finds in a warehouse: events in the order in which they happened, with the properties as
typed columns already (taking JSON apart in each query would be slower still). Preparing it is timed apart. With
`by_event` the rows lie in event order instead, which is the half of the plan's idea that a person can copy.
A process of its own, so that its memory is its own: `python -m benchmarks.rival LANDING QUERIES.json OUT.json`.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import duckdb

FINGERPRINT = "count(*), coalesce(bit_xor(hash(user_id)), 0)::varchar"


def run(landing: Path, queries: dict[str, str], database: Path, by_event: bool) -> dict[str, object]:
    """Seconds for all queries, and of each segment the number and a fingerprint of its members."""
    began = time.perf_counter()
    with duckdb.connect(str(database)) as connection:
        connection.execute("set threads = 2")
        connection.execute(
            f"""create table users as select user_id, attributes->>'tier' as tier, (attributes->>'age')::int as age
            from '{landing}/users.parquet'"""
        )
        connection.execute(
            f"""create table events as select user_id, event, ts, (properties->>'amount')::double as amount,
            properties->>'category' as category from '{landing}/events.parquet'
            order by {"event, ts" if by_event else "ts"}"""
        )
        connection.execute("create table members (segment varchar, user_id varchar)")
        started = time.perf_counter()
        prepared = started - began
        for name, sql in queries.items():
            connection.execute(f"insert into members select '{name}', user_id from ({sql})")
        seconds = time.perf_counter() - started
        rows = connection.execute(f"select segment, {FINGERPRINT} from members group by segment").fetchall()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"prepare_seconds": prepared, "seconds": seconds, "peak_bytes": peak, "members": _marks(rows)}


def _marks(rows: list[tuple[str, int, str]]) -> dict[str, list[object]]:
    return {name: [users, mark] for name, users, mark in rows}


if __name__ == "__main__":
    landing, queries, out = (Path(argument) for argument in sys.argv[1:4])
    out.write_text(
        json.dumps(run(landing, json.loads(queries.read_text()), out.with_suffix(".duckdb"), "by_event" in sys.argv))
    )
