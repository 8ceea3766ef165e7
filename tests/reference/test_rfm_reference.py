"""The grid of recency and frequency has no gaps, and equal people get equal scores."""

from __future__ import annotations

from tests.reference.patterns import RFM_SEGMENTS, rfm_segment, scores


def test_every_cell_of_the_grid_has_one_of_ten_names() -> None:
    cells = {rfm_segment(recency, frequency) for recency in range(1, 6) for frequency in range(1, 6)}
    assert cells == set(RFM_SEGMENTS)
    assert len(cells) == 10


def test_ties_share_the_higher_score() -> None:
    days = {"a": 1, "b": 2, "c": 3, "d": 3, "e": 5, "f": 6, "g": 7, "h": 8, "i": 9, "j": 10}
    assert list(scores(days).values()) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    days["c"] = 2
    assert [scores(days)[name] for name in "abcd"] == [1, 2, 2, 2]


def test_people_who_are_all_alike_score_five() -> None:
    assert set(scores(dict.fromkeys("abc", 4)).values()) == {5}
