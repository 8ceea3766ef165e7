"""Activations of several segments to one audience, which would undo each other's work: each takes back what is not its
own. Whoever is there already stays; where nobody is, nobody begins.

Not here: two items of one file, which `named.py` refuses.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from orchestration.activation.ledger import is_empty
from orchestration.activation.locks import SENT
from orchestration.activation.named import Activation
from orchestration.activation.places import others_at
from orchestration.activation.workplace import LEDGER, ledger_of
from segmentation.language.model import Definition


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
    others = others_at(activation, definitions)
    if others and (not mine.exists() or is_empty(mine)):
        raise ValueError(
            f"{activation.segment}: {others[0]} goes to {here} as well, and each would take back the other's members:"
            f" give one of them another place"
        )
