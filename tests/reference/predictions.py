"""Predictive segments, one person at a time: features at two moments, a fit by Newton's steps, thresholds and bands.

Written from what the words mean: fit at t0 = as_of - `predict` on features of [t0 - `learn_from`, t0), the label being
the target event in [t0, as_of); score everybody at as_of; the threshold is the lowest score whose precision among those
who were held out of the fit is high enough. Not here: universe, include and exclude (`evaluator.py`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from tests.reference.behaviour import matching, named
from tests.reference.landing import Landing, Row
from tests.reference.windows import Clock

ACTIVITIES = ("app_open", "page_view", "purchase")
BANDS = {
    "least": (Fraction(0), Fraction(1, 3)),
    "moderately": (Fraction(1, 3), Fraction(2, 3)),
    "most": (Fraction(2, 3), Fraction(1)),
}
Features = dict[str, float | None]


@dataclass(frozen=True)
class Forecast:
    """Features by user at both moments, the label of those who were there at t0, who is held out, and scores."""

    training: dict[str, Features]
    scoring: dict[str, Features]
    done: dict[str, bool]
    held_out: set[str]
    scores: dict[str, float]  # at as_of; empty if there are fewer than 100 positives
    judged: dict[str, float]  # of the held-out users at t0


def forecast(landing: Landing, word: Mapping[str, Any]) -> Forecast:
    """Everything that follows from `event`, `where`, `learn_from` and `predict`."""
    clock = landing.clock
    t0 = clock.event_window({"within": word["predict"]}).start
    assert t0 is not None
    before = Clock(t0, str(clock.zone))
    there = [user for user, row in landing.users.items() if row.get("created_at") is None or row["created_at"] < t0]
    training = {user: features(landing, user, word, before) for user in there}
    scoring = {user: features(landing, user, word, clock) for user in landing.users}
    done = {user: any(event["ts"] >= t0 for event in _target(landing, user, word, clock)) for user in there}
    held_out = {user for user in landing.users if is_held_out(user)}
    if sum(done.values()) < 100:
        return Forecast(training, scoring, done, held_out, {}, {})
    weights = _fit([(_inputs(training[user]), done[user]) for user in there if user not in held_out])
    return Forecast(
        training, scoring, done, held_out,
        {user: _score(weights, row) for user, row in scoring.items()},
        {user: _score(weights, row) for user, row in training.items() if user in held_out},
    )  # fmt: skip


def is_held_out(user: str) -> bool:
    """Half of all users, by a hash of the id."""
    return int(hashlib.md5(f"held out of the fit:{user}".encode()).hexdigest()[0], 16) < 8


def features(landing: Landing, user: str, word: Mapping[str, Any], clock: Clock) -> Features:
    """What is known at a clock's moment; a feature is None where there is nothing to measure."""
    start = clock.event_window({"within": word["learn_from"]}).start
    target = _target(landing, user, word, clock)
    found = _measures("target", target, start, clock.as_of)
    for name in ACTIVITIES:
        same = name == word["event"] and not word.get("where")
        events = named(landing.events.get(user, []), name)
        found |= dict.fromkeys((f"{name}_recency", f"{name}_gap")) | {f"{name}_frequency": 0.0} if same else (
            _measures(name, events, start, clock.as_of)
        )  # fmt: skip
    registered = landing.users[user].get("created_at")
    known = registered is not None and registered <= clock.as_of
    return {**found, "tenure": _hours(clock.as_of - registered) if known else None}


def _target(landing: Landing, user: str, word: Mapping[str, Any], clock: Clock) -> list[Row]:
    filters = {"where": word["where"]} if word.get("where") else {}
    return matching(named(landing.events.get(user, []), word["event"]), filters, clock)


def _measures(name: str, events: Iterable[Row], start: datetime | None, end: datetime) -> Features:
    times = [event["ts"] for event in events if (start is None or event["ts"] >= start) and event["ts"] < end]
    gaps = [_hours(later - earlier) for earlier, later in pairwise(times)]
    return {
        f"{name}_recency": _hours(end - times[-1]) if times else None,
        f"{name}_frequency": float(len(times)),
        f"{name}_gap": sum(gaps) / len(gaps) if gaps else None,
    }


def _hours(span: timedelta) -> float:
    return span / timedelta(hours=1)


def _inputs(row: Features) -> list[float]:
    values = [math.log(1 + (value or 0)) for value in row.values()]
    return [*values, *(float(value is None) for name, value in row.items() if not name.endswith("_frequency"))]


def _fit(rows: list[tuple[list[float], bool]]) -> Any:
    """Intercept and weights of a logistic regression on standardised inputs, with the usual ridge of 1."""
    values = np.array([inputs for inputs, _ in rows])
    done = np.array([label for _, label in rows], dtype=float)
    mean, spread = values.mean(axis=0), values.std(axis=0)
    told_apart = spread > 1e-9
    scaled = np.where(told_apart, (values - mean) / np.where(told_apart, spread, 1), 0)
    design = np.column_stack([np.ones(len(scaled)), scaled])
    ridge = np.diag([0.0, *([1.0] * scaled.shape[1])])
    weights = np.zeros(design.shape[1])
    for _ in range(60):
        likely = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (likely - done) + ridge @ weights
        weights = weights - np.linalg.solve(design.T @ (design * (likely * (1 - likely))[:, None]) + ridge, slope)
    found = np.where(told_apart, weights[1:] / np.where(told_apart, spread, 1), 0)
    return np.array([weights[0] - found @ mean, *found])


def _score(weights: Any, row: Features) -> float:
    return round(1 / (1 + math.exp(-float(weights @ np.array([1.0, *_inputs(row)])))), 6)


def threshold(judged: Mapping[str, float], done: Mapping[str, bool], wanted: float) -> float | None:
    """The lowest score from which on the held-out users who did it make up the share that is wanted, 20 at least."""
    lines = [line for line in set(judged.values()) if len(chosen(judged, line)) >= 20]
    return min((line for line in lines if precision(judged, done, line) >= wanted), default=None)


def chosen(scores: Mapping[str, float], line: float) -> set[str]:
    """Who reaches a line."""
    return {user for user, score in scores.items() if score >= line}


def precision(judged: Mapping[str, float], done: Mapping[str, bool], line: float) -> float:
    """Of those who reach a line, the share who did it."""
    reached = chosen(judged, line)
    return sum(done[user] for user in reached) / len(reached)


def likely(landing: Landing, word: Mapping[str, Any], group: set[str]) -> set[str]:
    """Members of a predictive segment; `group` is whom a band is ranked among."""
    found = forecast(landing, word)
    if not found.scores:
        return set()
    if "band" not in word:
        line = threshold(found.judged, found.done, word["precision"])
        return chosen(found.scores, line) if line is not None else set()
    above, up_to = BANDS[word["band"]]
    return {
        user
        for user in group
        if above < Fraction(sum(found.scores[o] <= found.scores[user] for o in group), len(group)) <= up_to
    }
