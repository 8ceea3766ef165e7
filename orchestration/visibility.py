"""When a segment is shown among those that are ready to use: from the midnight after its file says so, until the
midnight after it no longer does.

Nothing sets this. Every run reads the flag as it is written, and what is shown follows from what the runs found.
Not here: the flag (`ready_to_use` of a definition), and the table that lists such segments (`dbt_project/`).
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Shown(NamedTuple):
    """From when until when a segment is shown, as aware UTC datetimes that may lie ahead; without a start not at all,
    without an end for good."""

    start: datetime | None = None
    end: datetime | None = None


def shown(before: Shown, flag: bool, midnight: datetime) -> Shown:
    """What becomes of it in a run that finds the flag so; `midnight` is the one that ends the run's local day.

    A run at a midnight stands for the day that ends there, so what it finds holds from that very moment. What was
    changed and changed back by the end of the day never happened.
    """
    start, end = before
    if flag:
        gone = end is not None and end < midnight
        return Shown(midnight if start is None or gone else min(start, midnight))
    if start is None or start >= midnight:
        return Shown()
    return Shown(start, midnight if end is None else min(end, midnight))
