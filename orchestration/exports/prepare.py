"""What an export would be, before anything is written: its rows, what is another since the last one, what gates say.

Not here: files (`write.py`), and what gates judge by (`orchestration/gates`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.exports import ledger
from orchestration.exports.cells import Rows
from orchestration.exports.collect import Collected, Standing, collect, standing_of
from orchestration.exports.request import Request
from orchestration.exports.sent import difference, leaving_of, sent_file
from orchestration.gates.facts import Facts, Leaving, read_facts
from orchestration.gates.judge import judge
from orchestration.gates.results import Override, Result
from orchestration.settings import Settings
from segmentation.clock import utc_text

Ask = Callable[[Facts, Leaving | None, int], tuple[Result, ...]]  # the last is how many rows would be written
Reading = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]


@dataclass(frozen=True)
class Prepared:
    """`since` is the export that a delta goes on from, `changes` how many rows of each change it has."""

    standing: Standing
    collected: Collected
    export_no: int
    rows: Rows
    since: dict[str, Any] | None
    changes: dict[str, int] | None
    gates: tuple[Result, ...]


def asking(settings: Settings, override: Override | None) -> Ask:
    """Asks the gates as of the last run."""
    return lambda facts, leaving, _: judge(facts, settings.gates, None, leaving, override)


def prepare(
    settings: Settings, request: Request, workplace: Path, reading: Reading, ask: Ask, doing: Callable[[str], None]
) -> Prepared:
    """Collects the rows of an export in the workplace, and asks the gates about it.

    Raises ValueError in one sentence, and what `reading` and `ask` raise.
    """
    doing("reading members")
    with reading() as connection:
        standing = standing_of(connection, request.segment, settings.segments)
        collected = collect(connection, request, workplace / "rows.parquet")
        export_no = ledger.next_number(connection)
        last = ledger.last_of(connection, request.stream)
        facts = read_facts(connection, settings, request.segment)
    before = sent_file(settings.home, request.stream, last.export_no) if last else None
    leaving = leaving_of(before, collected)
    rows, since, changes = Rows(collected.file, collected.columns, collected.rows), None, None
    if request.delta:
        file = workplace / "changes.parquet"
        columns, changes = difference(before, collected, last.kinds if last else {}, file, workplace)
        rows = Rows(file, columns, sum(changes.values()))
        since = {"export_no": last.export_no, "as_of": utc_text(last.as_of)} if last else None
    doing("asking the gates")
    gates = ask(facts, leaving, rows.count)
    return Prepared(standing, collected, export_no, rows, since, changes, gates)
