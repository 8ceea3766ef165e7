"""Values out of what vendors answer, where a field may be missing or of another type than the documentation says.

Not here: fields that one vendor alone has, and what their absence means.
"""

from __future__ import annotations


def whole(value: object) -> int | None:
    """A JSON number without a fraction; None for everything else, true and false included."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
