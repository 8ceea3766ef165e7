"""The fit by itself: it finds the one optimum, whatever way the same people are told."""

from __future__ import annotations

import numpy as np
import pytest

from segmentation.likelihood import fit

INPUTS = ("often", "always", "noise")


def rows(many: int = 400) -> dict[str, np.ndarray]:
    dice = np.random.default_rng(1)
    often = dice.integers(0, 6, many).astype(float)
    likely = 1 / (1 + np.exp(-(often - 3)))
    return {
        "forecast": np.zeros(many, dtype=np.int32), "has_done": dice.random(many) < likely, "people": np.ones(many),
        "often": often, "always": np.full(many, 7.0), "noise": dice.integers(0, 3, many).astype(float),
    }  # fmt: skip


def test_the_weights_are_where_the_penalised_likelihood_has_no_slope():
    told = rows()
    weights = fit(told, INPUTS)
    assert weights["always"] == [0.0]
    assert weights["often"][0] > 0.5
    sums = weights["intercept"][0] + sum(weights[name][0] * told[name] for name in INPUTS)
    wrong = 1 / (1 + np.exp(-sums)) - told["has_done"]
    assert wrong.sum() == pytest.approx(0, abs=1e-4)
    for name in ("often", "noise"):
        spread = told[name].std()
        slope = (wrong * (told[name] - told[name].mean()) / spread).sum() + weights[name][0] * spread
        assert slope == pytest.approx(0, abs=1e-4)


def test_a_row_with_a_weight_is_as_good_as_that_many_rows_and_their_order_does_not_matter():
    told = rows()
    keys = sorted(set(zip(*(told[name].tolist() for name in ("has_done", *INPUTS)), strict=True)), reverse=True)
    people = [
        float(sum(all(told[name][n] == value for name, value in zip(("has_done", *INPUTS), key, strict=True))
                  for n in range(400)))
        for key in keys
    ]  # fmt: skip
    columns = dict(zip(("has_done", *INPUTS), (np.array(column) for column in zip(*keys, strict=True)), strict=True))
    together = {"forecast": np.zeros(len(keys)), "people": np.array(people), **columns}
    assert len(keys) < 400
    assert fit(together, INPUTS) == fit(told, INPUTS)


def test_forecasts_are_fitted_apart_and_where_all_did_it_everybody_is_as_likely():
    one, other = rows(), rows()
    both = {name: np.concatenate([one[name], other[name]]) for name in one}
    both["forecast"] = np.repeat([3, 8], 400)
    both["has_done"] = np.concatenate([one["has_done"], np.ones(400, dtype=bool)])
    weights = fit(both, INPUTS)
    assert weights["forecast"] == [3.0, 8.0]
    assert {name: values[0] for name, values in weights.items()} == {
        **{name: values[0] for name, values in fit(one, INPUTS).items()}, "forecast": 3.0
    }  # fmt: skip
    assert [weights[name][1] for name in INPUTS] == [0.0, 0.0, 0.0]
    assert weights["intercept"][1] > 10


def test_of_nothing_comes_nothing():
    assert fit({name: np.array([]) for name in rows()}, INPUTS) == {
        name: [] for name in ("forecast", "intercept", *INPUTS)
    }
