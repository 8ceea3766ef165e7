"""What gates say of a segment, in the form that is kept with whatever left, or did not.

Not here: how it is found out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["open", "closed", "overridden", "unknown"]


@dataclass(frozen=True)
class Override:
    """Somebody lets members leave although a gate is closed. Raises ValueError if either is missing."""

    by: str
    reason: str

    def __post_init__(self) -> None:
        if not self.by.strip() or not self.reason.strip():
            raise ValueError("an override needs a name and a reason")


@dataclass(frozen=True)
class Result:
    """One gate: `said` is a sentence of counts if it is not open, or why there is nothing to judge by (`unknown`, which
    lets members leave). `numbers` are what was compared. `override` is who opened it, and why, if it is `overridden`.
    """

    gate: str
    state: State
    said: str
    numbers: Mapping[str, int | float]
    override: Override | None = None

    def told(self) -> dict[str, Any]:
        """For manifests and tables."""
        told = {"gate": self.gate, "state": self.state, "said": self.said, "numbers": dict(self.numbers)}
        if self.override is not None:
            told |= {"by": self.override.by, "reason": self.override.reason}
        return told


def answer(gate: str, said: str, numbers: Mapping[str, int | float], override: Override | None) -> Result:
    """A gate with nothing to say is open; any other is closed, unless somebody opens it."""
    if not said:
        return Result(gate, "open", "", numbers)
    return Result(gate, "overridden" if override else "closed", said, numbers, override)


class GateClosed(ValueError):
    """Nothing leaves: one sentence that names every closed gate and what would open it."""

    def __init__(self, segment: str, results: Sequence[Result]) -> None:
        self.segment, self.results = segment, tuple(results)
        closed = "; ".join(f"{one.gate}: {one.said}" for one in results if one.state == "closed")
        super().__init__(
            f"{segment} stays where it is, with what was sent before: {closed}; an override needs a name and a reason"
        )
