"""What holds for whatever is sent, read from `[activation]` of settings.toml.

Not here: what gates ask of a segment (`gates/limits.py`), and accounts, of which `default_country` is a part
(`connectors/accounts.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

OF_ACCOUNTS = ("default_country",)


@dataclass(frozen=True)
class Limits:
    """`[activation]` of settings.toml. `most_per_run` counts who is added and who is removed, both together."""

    most_per_run: int = 500_000


def read_limits(written: Mapping[str, Any], file: Path) -> Limits:
    """`written` is all of settings.toml; what it leaves out is as in `Limits`. Raises ValueError in one sentence."""
    section = written.get("activation", {})
    own = [one.name for one in fields(Limits)]
    names = [*own, *OF_ACCOUNTS]
    if unknown := sorted(set(section) - set(names)):
        raise ValueError(f"{file}: found {unknown[0]!r} under [activation], expected one of {', '.join(names)}")
    values = {name: value for name, value in section.items() if name in own}
    for name, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{file}: found {name} = {value!r} under [activation], expected a whole number from 1")
    return Limits(**values)
