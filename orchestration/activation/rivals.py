"""Activations of several segments to one audience, which would undo each other's work: each takes back what is not its
own. Whoever is there already stays; where nobody is, nobody begins.

Not here: two items of one file, which `named.py` refuses.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from orchestration.activation.named import Activation
from orchestration.activation.places import others_at
from orchestration.activation.workplace import holding
from segmentation.language.model import Definition


def refuse_rivals(home: Path, activation: Activation, definitions: Iterable[Definition]) -> None:
    """Raises ValueError in one sentence if another segment's members are at the place, or may be soon."""
    here = f"{activation.to} {activation.place}"
    there = holding(home, f"*.{activation.name}")
    if first := next((stream.partition(".")[0] for stream in there if stream != activation.stream), None):
        raise ValueError(
            f"{activation.segment}: members of {first} are at {here}: take those back first (`segments activate"
            f" {first} --withdraw`), or give {activation.segment} another place"
        )
    others = others_at(activation, definitions)
    if others and activation.stream not in there:
        raise ValueError(
            f"{activation.segment}: {others[0]} goes to {here} as well, and each would take back the other's members:"
            f" give one of them another place"
        )
