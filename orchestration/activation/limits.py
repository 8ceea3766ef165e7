"""What holds for whatever is sent, read from `[activation]` of settings.toml.

Not here: what gates ask of a segment (`gates/limits.py`), and accounts, of which `default_country` is a part
(`connectors/accounts.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from orchestration.sections import Section

OF_ACCOUNTS = ("default_country",)


@dataclass(frozen=True)
class Limits:
    """`[activation]` of settings.toml. `most_per_run` counts who is added and who is removed, both together."""

    most_per_run: int = 500_000


def read_limits(written: Mapping[str, Any], file: Path) -> Limits:
    """`written` is all of settings.toml; what it leaves out is as in `Limits`. Raises ValueError in one sentence."""
    own = [one.name for one in fields(Limits)]
    section = Section(written, "activation", file, [*own, *OF_ACCOUNTS])
    section.require_whole(*own, least=1)
    return Limits(**{name: value for name, value in section.values.items() if name in own})
