"""Parquet: every column with its type, numbers as numbers and moments as moments in UTC.

Not here: what is in a column.
"""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestration.exports.cells import BATCH, Rows
from segmentation.language.export_fields import Kind

TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "list": pa.list_(pa.string()),
    "json": pa.string(),
}


def write_parquet(file: Path, rows: Rows) -> None:
    """Writes all rows; the same rows give the same bytes under the same version of the library."""
    schema = pa.schema([(column.name, TYPES[column.kind]) for column in rows.columns])
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for cells in rows.batches():
            typed = [_typed(values, column.kind) for column, values in zip(rows.columns, cells, strict=True)]
            writer.write_table(pa.Table.from_arrays(typed, schema=schema), row_group_size=BATCH)


def _typed(values: pa.Array, kind: Kind) -> pa.Array:
    if kind == "list":
        return pa.array([None if one is None else _texts(one) for one in values.to_pylist()], TYPES["list"])
    return pc.cast(values, TYPES[kind])


def _texts(document: str) -> list[str | None]:
    return [one if one is None or isinstance(one, str) else json.dumps(one) for one in json.loads(document)]


def count_rows(file: Path) -> int:
    """How many rows a file holds."""
    with pq.ParquetFile(file) as parquet:
        return int(parquet.metadata.num_rows)
