"""What the workspace expects of members before they leave, read from `[gates]` of settings.toml.

The floor of match rates is not here: `[matching]` has it, by connector. Nor are the checks (`judge.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

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
    section = written.get("gates", {})
    if not isinstance(section, dict):
        raise ValueError(f"{file}: found gates = {section!r}, expected a section [gates]")
    names = [one.name for one in fields(Limits)]
    if unknown := sorted(set(section) - set(names)):
        raise ValueError(f"{file}: found {unknown[0]!r} under [gates], expected one of {', '.join(names)}")
    for name in WHOLE:
        value = section.get(name, 0)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ValueError(f"{file}: found {name} = {value!r} under [gates], expected a whole number, or 0")
    for name in SHARES:
        value = section.get(name, 0)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
            raise ValueError(f"{file}: found {name} = {value!r} under [gates], expected a share from 0 to 1")
    return Limits(**section)
