"""How many members every two segments have in common, counted from bits without a row per pair and person.

People are columns of 64-bit words, one bit per segment. A block of people is a matrix of zeros and ones, and its
product with itself counts pairs; sums this small are exact in single precision, which is twice as fast.
Not here: where the bits are stored, and what is said of a pair (`dbt_project/models/segments/segment_overlap.sql`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

WORD = 64
BLOCK = 1 << 13  # people at once: as many rows as stay in the processor's cache beside some hundred segments

Array = np.ndarray[Any, np.dtype[Any]]


def common(words: Array, places: Sequence[int], chosen: Sequence[int]) -> Array:
    """Members in common, one row per chosen segment and one column per segment, as 64-bit integers.

    `words` has a row per word and a column per person, unsigned 64-bit; `places` are the bits of the segments, counted
    through all words, and `chosen` are indexes into it.
    """
    found = np.zeros((len(chosen), len(places)), dtype=np.int64)
    everything = list(chosen) == list(range(len(places)))
    for start in range(0, words.shape[1], BLOCK):
        block = words[:, start : start + BLOCK]
        block = np.ascontiguousarray(block[:, block.any(axis=0)].T)
        if not len(block):
            continue
        bits = np.unpackbits(block.astype("<u8").view(np.uint8), axis=1, bitorder="little")
        members = bits[:, places].astype(np.float32)
        some = members if everything else members[:, chosen]
        found += (some.T @ members).astype(np.int64)
    return found
