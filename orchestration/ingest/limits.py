"""What the workspace expects of pulls: when they start at night, and what keeps a pulled file from landing.

Read from `[pulls]` of settings.toml. Not here: the checks (`gate.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import time
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Limits:
    """`[pulls]` of settings.toml. Shares are from 0 to 1, and say something only of more than `few` rows."""

    nightly: str = "02:30"
    few: int = 20
    without_id_above: float = 0.9
    untimely_above: float = 0.1
    shrunk_below: float = 0.5
    computed_days: int = 7

    @property
    def starts(self) -> time:
        """When pulls start, in the workspace's zone."""
        return time.fromisoformat(self.nightly)


def read_limits(written: Mapping[str, Any], file: Path) -> Limits:
    """`written` is all of settings.toml; what it leaves out is as in `Limits`. Raises ValueError in one sentence."""
    section = written.get("pulls", {})
    names = [one.name for one in fields(Limits)]
    if unknown := sorted(set(section) - set(names)):
        raise ValueError(f"{file}: found {unknown[0]!r} under [pulls], expected one of {', '.join(names)}")
    for name in ("few", "computed_days"):
        value = section.get(name, 0)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ValueError(f"{file}: found {name} = {value!r} under [pulls], expected a whole number, or 0")
    for name in ("without_id_above", "untimely_above", "shrunk_below"):
        value = section.get(name, 0)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
            raise ValueError(f"{file}: found {name} = {value!r} under [pulls], expected a share from 0 to 1")
    limits = Limits(**{**section, "nightly": str(section.get("nightly", Limits.nightly))})
    try:
        starts = time.fromisoformat(str(limits.nightly))
    except ValueError:
        starts = None
    if starts is None or starts.second or starts.tzinfo:
        raise ValueError(f"{file}: found nightly = {limits.nightly!r} under [pulls], expected a time such as '02:30'")
    return limits
