"""Rows on their way into a file: batches of text cells in order, always of the same size.

Bytes of a file must depend on its rows alone, so nothing of how the engine cut them may be seen. Not here: what any
format makes of a cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from segmentation.language.export_fields import Kind

BATCH = 50_000  # rows in memory at a time
LEADING = ("user_id", "external_id")  # before the cells of a row: who it is, and what it is sorted by
CHANGE = "change"


@dataclass(frozen=True)
class Column:
    """A column of an export: its header, what its cells were, and the field that they come from."""

    name: str
    kind: Kind
    key: str


@dataclass
class Rows:
    """Rows in a file of this machine, as text in columns `c0`, `c1` and so on. `empty` counts cells without a value,
    by column, once the batches have been read."""

    file: Path
    columns: tuple[Column, ...]
    count: int
    on_rows: Callable[[int], None] = lambda _: None
    empty: list[int] = field(default_factory=list)

    def batches(self) -> Iterator[list[pa.Array]]:
        """The cells by column, `BATCH` rows at a time but for the last."""
        names = [f"c{place}" for place in range(len(self.columns))]
        self.empty = [0] * len(names)
        done = 0
        for batch in _of_one_size(self.file, names):
            cells = [column.combine_chunks() for column in batch.columns]
            for place, column in enumerate(cells):
                self.empty[place] += column.null_count
            yield cells
            done += batch.num_rows
            self.on_rows(done)


def _of_one_size(file: Path, names: list[str]) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    rows = 0
    with pq.ParquetFile(file) as parquet:
        schema = pa.schema([(name, pa.string()) for name in names])
        for batch in parquet.iter_batches(BATCH, columns=names):
            waiting.append(batch.select(names).cast(schema))
            rows += batch.num_rows
            while rows >= BATCH:
                table = pa.Table.from_batches(waiting, schema)
                yield table.slice(0, BATCH)
                waiting, rows = table.slice(BATCH).to_batches(), rows - BATCH
    if rows:
        yield pa.Table.from_batches(waiting, schema)
