"""Repeatable random draws: every table and day has a generator of its own, so nothing depends on the order of calls.

Draws use integers, table look-ups and plain comparisons only; logarithms and powers differ in the last bit between
processors, and one such bit would give other files. Not here: what is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Texts = npt.NDArray[Any]
"""Object array of `str` or None."""

Rng = np.random.Generator


def generator(seed: int, *parts: int) -> Rng:
    """The generator of one table (and day): the same numbers for the same arguments, on any machine."""
    return np.random.default_rng([seed, *parts])


def pick(rng: Rng, weights: Sequence[int], size: int) -> Ints:
    """Indices into `weights`, each drawn in proportion to its whole-number weight."""
    limits = np.cumsum(np.asarray(weights, dtype=np.int64))
    return np.searchsorted(limits, rng.integers(0, limits[-1], size), side="right").astype(np.int64)


def per_mille(rng: Rng, share: int | Ints, size: int) -> Bools:
    """True with the probability `share` / 1000; one share for all, or one each."""
    return rng.integers(0, 1000, size) < share


def texts(values: Sequence[str | None]) -> Texts:
    """An object array to index with drawn numbers."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def dice(seed: int, salt: int, numbers: Ints, faces: int) -> Ints:
    """A throw in [0, faces) for each number that only seed, salt and the number decide: traits without a table."""
    x = numbers.astype(np.uint64) + np.uint64((seed * 1_000_003 + salt) * 0x9E3779B97F4A7C15 % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    x ^= x >> np.uint64(31)
    return ((x >> np.uint64(20)) % np.uint64(faces)).astype(np.int64)
