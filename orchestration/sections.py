"""A section of settings.toml, and what any of them asks of its values.

Every error is a ValueError in one sentence that names file, section, what was found and what was expected.
Not here: which sections there are, and what their words mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


class Section:
    """What is written under a name; nothing, if it is left out. Raises ValueError if it is no section, or has words
    that are not among those known."""

    def __init__(self, written: Mapping[str, Any], name: str, file: Path, known: Iterable[str]) -> None:
        found = written.get(name, {})
        if not isinstance(found, dict):
            raise ValueError(f"{file}: found {name} = {found!r}, expected a section [{name}]")
        names = list(known)
        if unknown := sorted(set(found) - set(names)):
            raise ValueError(f"{file}: found {unknown[0]!r} under [{name}], expected one of {', '.join(names)}")
        self.values: Mapping[str, Any] = found
        self._name, self._file = name, file

    def require_whole(self, *names: str, least: int = 0) -> None:
        """Each is a whole number from `least` on, where it is written."""
        for name in names:
            value = self.values.get(name, least)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                self.refuse(name, value, f"a whole number from {least}" if least else "a whole number, or 0")

    def require_share(self, *names: str) -> None:
        """Each is from 0 to 1, where it is written."""
        for name in names:
            value = self.values.get(name, 0)
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
                self.refuse(name, value, "a share from 0 to 1")

    def refuse(self, name: str, value: object, expected: str) -> None:
        """Raises ValueError."""
        raise ValueError(f"{self._file}: found {name} = {value!r} under [{self._name}], expected {expected}")
