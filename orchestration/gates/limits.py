"""What the workspace expects of members before they leave, read from `[gates]` of settings.toml.

The floor of match rates is not here: `[matching]` has it, by connector. Nor are the checks (`judge.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from orchestration.sections import Section

SHARES = ("removal_cap", "universe_drop", "identified_below")
WHOLE = ("few", "events_missing_days", "audience_days")


@dataclass(frozen=True)
class Limits:
    """`[gates]` of settings.toml. Shares are from 0 to 1, and say nothing of `few` people or fewer; days are of 24
    hours, and 0 asks for nothing."""

    removal_cap: float = 0.15
    few: int = 20
    universe_drop: float = 0.10
    identified_below: float = 0.1
    events_missing_days: int = 2
    audience_days: int = 3


def read_limits(written: Mapping[str, Any], file: Path) -> Limits:
    """`written` is all of settings.toml; what it leaves out is as in `Limits`. Raises ValueError in one sentence."""
    section = Section(written, "gates", file, [one.name for one in fields(Limits)])
    section.require_whole(*WHOLE)
    section.require_share(*SHARES)
    return Limits(**section.values)
