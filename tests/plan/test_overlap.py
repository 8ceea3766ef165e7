"""Pairs counted from bits are those of plain sets, for any people, any segments, and any few that are asked for."""

from __future__ import annotations

import random

import numpy as np
import pytest

from segmentation import overlap


@pytest.mark.parametrize("seed", range(30))
def test_members_in_common_are_those_of_sets(seed: int, monkeypatch: pytest.MonkeyPatch):
    rng = random.Random(seed)
    monkeypatch.setattr(overlap, "BLOCK", rng.choice([1, 7, 64, 1 << 12]))
    people, words = rng.choice([1, 50, 300]), rng.randint(1, 3)
    places = rng.sample(range(words * overlap.WORD), rng.randint(1, 40))
    sets = [set(rng.sample(range(people), rng.randint(0, people))) for _ in places]
    bits = np.zeros((words, people), dtype=np.uint64)
    for place, members in zip(places, sets, strict=True):
        for person in members:
            bits[place // overlap.WORD, person] |= np.uint64(1 << place % overlap.WORD)
    for chosen in (range(len(places)), sorted(rng.sample(range(len(places)), rng.randint(0, len(places))))):
        found = overlap.common(bits, places, list(chosen))
        assert found.tolist() == [[len(sets[one] & other) for other in sets] for one in chosen]
