"""What the workspace expects of pulls: when they start at night, and what keeps a pulled file from landing.

Read from `[pulls]` of settings.toml. Not here: the checks (`gate.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import time
from pathlib import Path
from typing import Any

from orchestration.sections import Section


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
    section = Section(written, "pulls", file, [one.name for one in fields(Limits)])
    section.require_whole("few", "computed_days")
    section.require_share("without_id_above", "untimely_above", "shrunk_below")
    limits = Limits(**{**section.values, "nightly": str(section.values.get("nightly", Limits.nightly))})
    try:
        starts = time.fromisoformat(str(limits.nightly))
    except ValueError:
        starts = None
    if starts is None or starts.second or starts.tzinfo:
        section.refuse("nightly", limits.nightly, "a time such as '02:30'")
    return limits
