"""The one model that is fitted: how likely somebody is to do something, as a weighted sum of what is known of them.

A logistic regression, because its scores are probabilities as they are, its fit has one answer whatever the order of
rows, and what comes out is a row of weights: the database scores a million people with them, and people can read them.
Not here: what is known of people (`segmentation/plan/predictions.py`), and who is likely enough (dbt).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float64]
TOLERANCE = 1e-8  # far below the decimals that are kept
DECIMALS = 9  # of a weight: what is beyond them depends on how many cores added up


def fit(rows: Mapping[str, Column], inputs: Sequence[str]) -> dict[str, list[float]]:
    """Weights by column: `forecast`, `intercept`, and one column per input; one row per forecast in `rows`.

    `rows` are columns of equal length: `forecast`, `has_done` (the label), `people` (the weight of the row), inputs.
    """
    forecasts = np.asarray(rows["forecast"])
    fitted: dict[str, list[float]] = {name: [] for name in ("forecast", "intercept", *inputs)}
    for forecast in np.unique(forecasts):
        mine = forecasts == forecast
        values = np.column_stack([np.asarray(rows[name], dtype=np.float64)[mine] for name in inputs])
        done = np.asarray(rows["has_done"], dtype=bool)[mine]
        people = np.asarray(rows["people"], dtype=np.float64)[mine]
        for name, weight in zip(("forecast", "intercept", *inputs), (forecast, *_weights(values, done, people)),
                                strict=True):  # fmt: skip
            fitted[name].append(float(weight))
    return fitted


def _weights(values: Column, done: npt.NDArray[np.bool_], people: Column) -> list[float]:
    """Intercept and one weight per column of `values`, in the units of the columns."""
    if done.all() or not done.any():  # nothing to tell apart: everybody is as likely as the others
        share = min(max(float(done.mean()), 1e-6), 1 - 1e-6)
        return [round(float(np.log(share / (1 - share))), DECIMALS), *([0.0] * values.shape[1])]
    from sklearn.linear_model import LogisticRegression  # seconds to import, and most runs predict nothing

    mean = np.average(values, axis=0, weights=people)
    spread = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=people))
    spread[spread < 1e-12] = np.inf  # the same for everybody: it says nothing, and its weight becomes 0
    model = LogisticRegression(solver="newton-cholesky", tol=TOLERANCE, max_iter=200)
    model.fit((values - mean) / spread, done, sample_weight=people)
    weights = model.coef_[0] / spread
    intercept = model.intercept_[0] - weights @ mean
    return [round(float(one), DECIMALS) for one in (intercept, *weights)]
