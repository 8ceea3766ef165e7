"""Runs that sensors ask for. Not here: when (the sensors)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import dagster as dg

from orchestration.names import AS_OF_TAG, segment_key
from orchestration.settings import Settings


def recalculation(
    settings: Settings, names: Iterable[str], now: datetime, *, run_key: str, tags: Mapping[str, str], seconds: int
) -> dg.RunRequest:
    """A run of these segments as of now, which ends after so many seconds even if its process died.

    The same `run_key` is run once, even if the daemon dies before it has saved a cursor.
    """
    return dg.RunRequest(
        run_key=run_key,
        asset_selection=[segment_key(name) for name in names],
        partition_key=(now - timedelta(microseconds=1)).astimezone(settings.zone).date().isoformat(),
        tags={AS_OF_TAG: now.isoformat(), "dagster/max_runtime": str(seconds), **tags},
    )
