"""Activations of several segments to one audience, which would undo each other's work: each takes back what is not its
own. Whoever is there already stays; where nobody is, nobody begins.

Not here: two items of one file, which `named.py` refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from orchestration.activation.ledger import is_empty
from orchestration.activation.locks import SENT
from orchestration.activation.named import Activation, activations_of
from orchestration.activation.workplace import LEDGER, ledger_of
from segmentation.language.model import Definition

MIRRORED = frozenset({"netmera_tag", "meta", "google"})


def rivals(definitions: Iterable[Definition]) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Places that several segments send to, by destination and place, with the segments."""
    found: dict[tuple[str, str], list[str]] = {}
    for definition in definitions:
        with suppress(ValueError):  # of items that contradict each other nothing is sent
            for one in activations_of(definition):
                if one.to in MIRRORED:
                    found.setdefault((one.to, one.place), []).append(one.segment)
    return {place: tuple(segments) for place, segments in found.items() if len(segments) > 1}


def refuse_rivals(home: Path, activation: Activation, definitions: Iterable[Definition]) -> None:
    """Raises ValueError in one sentence if another segment's members are at the place, or may be soon."""
    here = f"{activation.to} {activation.place}"
    ending = f".{activation.name}{LEDGER}"
    mine = ledger_of(home, activation.stream)
    files = sorted(file for file in (home / SENT).glob(f"*{ending}") if file != mine and not is_empty(file))
    there = [file.name.removesuffix(ending) for file in files]
    if there:
        raise ValueError(
            f"{activation.segment}: members of {there[0]} are at {here}: take those back first (`segments activate"
            f" {there[0]} --withdraw`), or give {activation.segment} another place"
        )
    others = rivals(definitions).get((activation.to, activation.place), ())
    others = tuple(segment for segment in others if segment != activation.segment)
    if others and (not mine.exists() or is_empty(mine)):
        raise ValueError(
            f"{activation.segment}: {others[0]} goes to {here} as well, and each would take back the other's members:"
            f" give one of them another place"
        )
