"""Starting a recalculation from outside the UI, so that it is recorded by Dagster like any other run.

Not here: the steps of a recalculation (`recalculation.py`) and the assets (`assets/`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from orchestration.dbt_runner import Built
from orchestration.recalculation import Prepared, recalculate
from orchestration.settings import Settings


def launch(
    settings: Settings,
    as_of: datetime,
    *,
    only: Iterable[str] | None = None,
    on_node: Callable[[Built], None] | None = None,
    waiting: Callable[[], None] | None = None,
) -> Prepared:
    """Recalculates all segments, or those named and what reads them, and returns what was decided and computed."""
    return recalculate(settings, as_of, only=only, on_node=on_node, waiting=waiting)
