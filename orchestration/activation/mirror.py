"""A set of people at a destination becomes equal to a segment.

Not here: destinations (`connectors/`).
"""

from __future__ import annotations

from orchestration.activation.wish import Outcome
from orchestration.activation.work import Work


def mirror(work: Work) -> Outcome:
    """Makes the set at the destination of an activation equal to its segment."""
    raise ValueError(f"{work.activation.segment}: nothing can be sent to {work.activation.to} yet")
