"""Where sending is allowed at all, which only an environment can say: a checkout on a laptop must not reach customers.

Not here: whether somebody asked for it (`wish.py`), and whether members may leave (`gates/`).
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.activation.named import PLACES, Activation
from orchestration.activation.wish import Wish
from segmentation.language.problems import did_you_mean

VARIABLE = "SEGMENTS_SEND"
ALL = "all"


def allowed(environ: Mapping[str, str]) -> frozenset[str]:
    """The words of `to` that may be sent to; nothing by default. Raises ValueError for a word that is none."""
    words = {word.strip() for word in environ.get(VARIABLE, "").split(",")} - {""}
    if unknown := sorted(words - {*PLACES, ALL}):
        hint = did_you_mean(unknown[0], [*PLACES, ALL])
        raise ValueError(f"found {unknown[0]!r} in {VARIABLE}, expected {', '.join(PLACES)} or {ALL}{hint}")
    return frozenset(PLACES) if ALL in words else frozenset(words)


def stays_here(activation: Activation) -> bool:
    """Whether it only writes to a folder of this machine."""
    return activation.to == "file" and "://" not in activation.place


def sends(activation: Activation, wish: Wish, environ: Mapping[str, str]) -> bool:
    """Whether something leaves: somebody asks for it, and the environment allows it. Files that stay on this machine
    need neither. Raises ValueError as `allowed` does."""
    permitted = activation.to in allowed(environ)
    return stays_here(activation) or (wish.send and permitted)


def why_dry(activation: Activation, wish: Wish) -> str:
    """What is missing for something to be sent, as the end of a sentence."""
    if not wish.send:
        return "as nobody asked for more than a dry run"
    return f"as {VARIABLE} does not name {activation.to}"
