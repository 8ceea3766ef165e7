"""What somebody who waits for a run wants to hear: finished dbt nodes, that it has to wait, and what was decided.

Not here: showing it (`cli/`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orchestration.dbt_runner import Built
from orchestration.recalculation import Prepared


@dataclass
class Watch:
    """`prepared` is filled in by the step that decides what is computed."""

    on_node: Callable[[Built], None] | None = None
    waiting: Callable[[], None] | None = None
    prepared: Prepared | None = None
