"""How connectors' ids are matched with users: the strategies of each connector in their order, and when to warn.

They come from `settings.toml`. Not here: the table that takes them to the models (`audiences.py`), and the matching
itself (`dbt_project/models/identity/matching`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

EVERY = ""  # the connector's name in the table for what holds where nothing else is said
ATTRIBUTE = "attributes."
KINDS = {"external_id": "id", "email": "email", "msisdn": "phone"}  # what of a connector's row each strategy compares
KEYS = ("strategies", "match_rate_below", "ambiguous_above")


@dataclass(frozen=True)
class Matching:
    """`strategies` in order: `external_id`, `email`, `msisdn`, or `attributes.NAME`, the profile attribute that holds
    the connector's id. Warns when the match rate is below, or the ambiguous share of rows above, so much (0 to 1)."""

    strategies: tuple[str, ...] = ("external_id", "email", "msisdn")
    match_rate_below: float = 0.5
    ambiguous_above: float = 0.02


DEFAULT: Mapping[str, Matching] = MappingProxyType({EVERY: Matching()})


def matching_of(matching: Mapping[str, Matching], connector: str) -> Matching:
    """The rules of a connector: its own, or those of every connector."""
    return matching.get(connector, matching[EVERY])


def read_matching(file: Path) -> dict[str, Matching]:
    """The sections `[matching]` and `[matching.CONNECTOR]` of a settings file; what one leaves out is as in the first.

    Raises ValueError in one sentence that names file and section.
    """
    try:
        written = tomllib.loads(file.read_text()) if file.exists() else {}
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{file}: {error}") from None
    section = written.get("matching", {})
    own = {name: said for name, said in section.items() if isinstance(said, dict)}
    every = _read({name: said for name, said in section.items() if name not in own}, Matching(), f"{file}: [matching]")
    return {EVERY: every, **{name: _read(said, every, f"{file}: [matching.{name}]") for name, said in own.items()}}


def _read(said: Mapping[str, Any], otherwise: Matching, where: str) -> Matching:
    if unknown := sorted(set(said) - {one.name for one in fields(Matching)}):
        raise ValueError(f"{where}: found {unknown[0]!r}, expected one of {', '.join(KEYS)}")
    if not isinstance(said.get("strategies", []), list):
        raise ValueError(f"{where}: found strategies = {said['strategies']!r}, expected a list")
    read = replace(otherwise, **{**said, **({"strategies": tuple(said["strategies"])} if "strategies" in said else {})})
    for strategy in read.strategies:
        if strategy not in KINDS and not (str(strategy).startswith(ATTRIBUTE) and strategy != ATTRIBUTE):
            raise ValueError(
                f"{where}: found the strategy {strategy!r}, expected {', '.join(KINDS)} or {ATTRIBUTE}NAME_OF_ONE"
            )
    if not read.strategies or len(set(read.strategies)) < len(read.strategies):
        raise ValueError(f"{where}: found strategies {list(read.strategies)}, expected at least one, and each once")
    for name in KEYS[1:]:
        share = getattr(read, name)
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise ValueError(f"{where}: found {name} = {share!r}, expected a share from 0 to 1")
    return read


def pointers(strategy: str) -> tuple[str | None, str | None]:
    """Where the attribute of a strategy lies, as two JSON pointers: its name as one key, and as a path."""
    if strategy in KINDS:
        return None, None
    name = strategy.removeprefix(ATTRIBUTE).replace("~", "~0").replace("/", "~1")
    return f"/{name}", f"/{name.replace('.', '/')}"
