"""What somebody who waits for a run wants to hear: finished dbt nodes and past days, that it has to wait, and what was
decided.

Not here: showing it (`cli/`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from orchestration.dbt_runner import Built
from orchestration.past_days import Reconstructed
from orchestration.recalculation import Prepared


@dataclass
class Watch:
    """`prepared` and `reconstructed` are filled in by the step that decides what is computed, `staged` by the one that
    builds staging: its nodes count among the costs of the run that is published after it."""

    on_node: Callable[[Built], None] | None = None
    waiting: Callable[[], None] | None = None
    on_day: Callable[[date], None] | None = None
    prepared: Prepared | None = None
    reconstructed: Reconstructed | None = None
    staged: Sequence[Built] = ()
