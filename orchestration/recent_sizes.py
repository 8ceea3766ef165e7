"""The last days of segments: what trends are drawn of and sizes are compared with.

Not here: what is expected of a size (`health/expectations.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby
from typing import NamedTuple

import duckdb

from orchestration.health.expectations import HISTORY_DAYS


class Size(NamedTuple):
    """Users at the end of a local day, as a run recorded them or as they were reconstructed later."""

    day: date
    users: int
    is_reconstructed: bool = False


Sizes = Sequence[Size]


def recent_sizes(connection: duckdb.DuckDBPyConnection, names: Iterable[str]) -> dict[str, Sizes]:
    """Last day and the 28 before it by segment, oldest first: so many of recorded days, and of reconstructed ones."""
    rows = connection.execute(
        "select segment, day, users, reconstructed from segments.segment_size_daily where list_contains(?, segment)"
        " qualify row_number() over (partition by segment, reconstructed order by day desc) <= ? order by segment, day",
        [list(names), HISTORY_DAYS + 1],
    ).fetchall()
    return {name: [Size(*row[1:]) for row in some] for name, some in groupby(rows, key=lambda row: row[0])}


def recorded(sizes: Sizes) -> list[int]:
    """Users of the days that runs recorded, oldest first: what messages went by."""
    return [size.users for size in sizes if not size.is_reconstructed]
