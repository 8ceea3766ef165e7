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
BLOCK = 1 << 12  # people at once: enough for a product to be worth its call, few enough to stay near the processor

Array = np.ndarray[Any, np.dtype[Any]]


def common(words: Array, places: Sequence[int], chosen: Sequence[int]) -> Array:
    """Members in common, one row per chosen segment and one column per segment, as 64-bit integers.

    `words` has a row per word and a column per person, unsigned 64-bit; `places` are the bits of the segments, counted
    through all words, and `chosen` are indexes into it.
    """
    bits = words.shape[0] * WORD
    rows = np.array([places[n] for n in chosen], dtype=np.intp)
    everything = len(rows) * 2 > bits  # taking all columns is faster then than picking some
    asked = np.zeros(words.shape[0], dtype=np.uint64)
    for place in rows:
        asked[place // WORD] |= np.uint64(1 << int(place % WORD))
    found = np.zeros((bits if everything else len(rows), bits), dtype=np.int64)
    for start in range(0, words.shape[1], BLOCK):
        block = words[:, start : start + BLOCK]
        block = np.ascontiguousarray(block[:, (block & asked[:, None]).any(axis=0)].T)
        if len(block):
            flags = np.unpackbits(block.astype("<u8", copy=False).view(np.uint8), axis=1, bitorder="little")
            members = flags.astype(np.float32)
            found += ((members if everything else members[:, rows]).T @ members).astype(np.int64)
    return (found[rows] if everything else found)[:, list(places)]
