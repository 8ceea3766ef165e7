"""Activations that somebody names, and whether they may be sent from here. Not here: sending them (`run.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestration.activation.allowed import ALL, VARIABLE, allowed, stays_here
from orchestration.activation.named import Activation, activations_of
from segmentation.language.model import Definition
from segmentation.language.problems import did_you_mean


def chosen(definition: Definition, name: str | None) -> tuple[Activation, ...]:
    """The activation of this name, or all of the segment. Raises ValueError in one sentence if there is none."""
    found = activations_of(definition)
    names = [one.name for one in found]
    if not found:
        raise ValueError(f"{definition.name} goes nowhere: its file has no `activate`")
    if name is not None and name not in names:
        raise ValueError(
            f"{definition.name} has no activation {name!r}, expected {' or '.join(names)}{did_you_mean(name, names)}"
        )
    return tuple(one for one in found if name in (None, one.name))


def require_allowed(activations: Iterable[Activation], environ: Mapping[str, str]) -> None:
    """Raises ValueError naming what to set if something would leave the machine that may not."""
    permitted = allowed(environ)
    for one in activations:
        if one.to not in permitted and not stays_here(one):
            raise ValueError(
                f"{one.stream} is not sent from here: set {VARIABLE}={one.to} (several with commas, or {ALL}) where"
                " members may leave the house"
            )
