"""Predictive segments in whole runs: night after night, on past days, and when their data or their fit goes wrong.

The tests build on each other's workspace in the order of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestration.assets.moments import RunMoment
from orchestration.assets.segments import metadata, read_numbers
from orchestration.evaluation import evaluate
from orchestration.published import PredictionRow, prediction
from segmentation import likelihood
from segmentation.language.folder import load_folder
from segmentation.plan.predictions import INPUTS
from tests.orchestration.workspace import Workspace, a_user
from tests.reference import evaluator
from tests.reference.shop_of_browsers import tables

pytestmark = pytest.mark.long

ZONE = "Europe/Istanbul"
LAST = datetime(2026, 3, 11, 21, tzinfo=UTC)  # midnight in Istanbul; the world's events end here
BUY = "predict: {event: purchase, learn_from: 20 days, predict: 5 days, %s}\n"
DEFINITIONS = {
    "buyers": BUY % "precision: 0.7",
    "most": BUY % "band: most",
    "least": BUY % "band: least" + "include: [lookers]\n",
    "refunds": "predict: {event: refund, learn_from: 20 days, predict: 5 days, precision: 0.5}\n",
    "lookers": "[{did: page_view}]",
    "quiet_buyers": "[{segment: buyers}, {did_not: page_view, within: 2 days}]",
}
PARSED: dict[str, Any] = {
    "buyers": {"predict": {"event": "purchase", "learn_from": "20 days", "predict": "5 days", "precision": 0.7}},
    "most": {"predict": {"event": "purchase", "learn_from": "20 days", "predict": "5 days", "band": "most"}},
    "least": {
        "predict": {"event": "purchase", "learn_from": "20 days", "predict": "5 days", "band": "least"},
        "include": ["lookers"],
    },
    "refunds": {"predict": {"event": "refund", "learn_from": "20 days", "predict": "5 days", "precision": 0.5}},
    "lookers": {"who": [{"did": "page_view"}]},
    "quiet_buyers": {"who": [{"segment": "buyers"}, {"did_not": "page_view", "within": "2 days"}]},
}
NO_REFUNDS = "insufficient_data: 0 users did refund in the last 5 days, at least 100 are needed to learn from"
WORLD = tables(LAST)


def written(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}


def land(workspace: Workspace, until: datetime) -> None:
    """All users, and the events before a moment in a file for each day."""
    workspace.land("users", *map(written, WORLD["users"]))
    by_day: dict[str, list[dict[str, Any]]] = {}
    for event in WORLD["events"]:
        if event["ts"] < until:
            by_day.setdefault(str(event["ts"].date()), []).append(written(event))
    for day, rows in by_day.items():
        workspace.land(f"events/{day}", *rows)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    shop = Workspace(tmp_path_factory.mktemp("predictions"), ZONE)
    shop.define(**DEFINITIONS)
    land(shop, LAST - timedelta(days=1))
    shop.run("2026-03-11")
    land(shop, LAST)
    shop.run("2026-03-12")
    return shop


def expected(as_of: datetime) -> dict[str, set[str]]:
    return evaluator.evaluate(PARSED, WORLD, as_of, ZONE)


def test_members_are_those_of_the_reference_in_the_zone_of_the_workspace(shop: Workspace):
    found = {name: set(users.split()) for name, users in shop.members().items()}
    assert {"refunds": set(), **found} == expected(LAST)
    assert set(shop.statuses().values()) == {"ready"}


def test_what_the_forecasts_are_worth_is_published(shop: Workspace):
    rows = {name: prediction(shop.settings, name) for name in DEFINITIONS}
    buyers = rows["buyers"]
    assert buyers is not None
    assert buyers.status == "ok"
    assert buyers.held_out_precision is not None
    assert buyers.held_out_precision >= 0.7
    assert buyers.trained_on + buyers.held_out == len(WORLD["users"]) - 30  # newcomers were not there yet
    assert rows["most"] is not None
    assert rows["most"].threshold is None
    assert rows["refunds"] == PredictionRow(
        "insufficient_data", 0, buyers.trained_on, buyers.held_out, None, None, None
    )
    assert rows["lookers"] is None
    members = dict(shop.rows("select segment, members from segments.segment_predictions"))
    assert members == dict(
        shop.rows("select segment, users from segments.segments where kind = 'predict' order by segment")
    )
    assert shop.reason("refunds") == NO_REFUNDS
    assert shop.reason("buyers") == "None"


def test_the_page_in_dagster_shows_them_as_numbers_and_a_past_day_does_not(shop: Workspace):
    today = RunMoment(date(2026, 3, 11), LAST, is_past=False, is_finished=True)
    shown = {
        name: {key: value.value for key, value in metadata(one).items()}
        for name, one in read_numbers(shop.settings, list(DEFINITIONS), [today])[0].items()
    }
    names = ("positives", "threshold", "held_out_precision", "held_out_recall")
    row = prediction(shop.settings, "buyers")
    assert row is not None
    assert {name: shown["buyers"][name] for name in names} == {name: getattr(row, name) for name in names}
    assert shown["refunds"]["reason"] == NO_REFUNDS
    assert not {*names} & {*shown["lookers"]}
    past = read_numbers(shop.settings, ["buyers"], [replace(today, day=date(2026, 3, 10), is_past=True)])[0]
    assert past["buyers"].prediction == {}


def test_night_after_night_comes_to_the_same_as_all_at_once(shop: Workspace, tmp_path: Path):
    fresh = Workspace(tmp_path, ZONE)
    fresh.define(**DEFINITIONS)
    fresh.land("users", *map(written, reversed(WORLD["users"])))
    fresh.land("events", *map(written, reversed(WORLD["events"])))
    fresh.run("2026-03-12")
    assert fresh.members() == shop.members()
    assert fresh.public("segment_predictions") == shop.public("segment_predictions")


def test_a_past_day_is_computed_as_if_it_were_today_and_leaves_today_alone(shop: Workspace):
    before = shop.public("segment_members", "segment_predictions", "segments")
    recorded = shop.days("buyers")["2026-03-10"]
    shop.reconstruct("2026-03-10", over_recorded=True)
    assert shop.public("segment_members", "segment_predictions", "segments") == before
    assert shop.days("buyers")["2026-03-10"][0] == recorded[0] == len(expected(LAST - timedelta(days=1))["buyers"])


def test_past_days_in_a_chain_are_forecast_one_by_one(shop: Workspace):
    days = ("2026-03-08", "2026-03-09", "2026-03-10")
    shop.reconstruct(*days, over_recorded=True)
    chained = shop.public("segment_size_daily")
    for day in reversed(days):
        shop.reconstruct(day, over_recorded=True)
    assert shop.public("segment_size_daily") == chained


def test_an_evaluation_finds_the_same_and_says_which_have_too_little_to_learn_from(shop: Workspace, tmp_path: Path):
    folder = load_folder(shop.settings.segments)
    found = evaluate(folder, shop.settings, LAST, tmp_path / "members.csv")
    assert dict(found.members) == {name: len(users) for name, users in expected(LAST).items()}
    assert found.insufficient == {"refunds": NO_REFUNDS}


def test_a_fit_that_fails_takes_down_the_segments_that_rest_on_it_and_no_others(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
):
    shop.define(looks=BUY.replace("purchase", "page_view") % "precision: 0.5")
    before = shop.members()
    honest = likelihood._weights

    def broken(values: likelihood.Column, done: Any, people: likelihood.Column) -> list[float]:
        if not np.ptp(values[:, list(INPUTS).index("purchase_frequency")]):  # as purchases are the target
            raise ValueError("the fit did not end")
        return honest(values, done, people)

    monkeypatch.setattr(likelihood, "_weights", broken)
    run = shop.run("2026-03-12T06:00:00Z", only=["buyers", "most", "looks", "lookers"])
    assert set(run.failures) == {"buyers", "most", "least"}
    assert run.failures["buyers"] == "failed at run time: prediction_weights: ValueError: the fit did not end"
    after = shop.members()
    for name in ("buyers", "most", "least", "lookers"):
        assert after[name] == before[name]
    assert after["looks"]
    assert shop.statuses()["quiet_buyers"] == "stale"
    shop.undefine("looks")


def test_events_that_vanish_empty_the_segment_with_a_reason_and_the_others_go_on(shop: Workspace):
    for file in (shop.root / "landing" / "events").iterdir():
        kept = [line for line in file.read_text().splitlines() if '"purchase"' not in line]
        file.write_text("".join(f"{line}\n" for line in kept))
    shop.run("2026-03-13")
    assert shop.statuses()["buyers"] == "ready"
    assert shop.reason("buyers").startswith("insufficient_data: 0 users did purchase in the last 5 days")
    assert set(shop.members()) == {"lookers"}


def test_a_segment_that_becomes_a_rule_predicts_no_more(shop: Workspace):
    shop.define(buyers="[{did: page_view, within: 3 days}]")
    shop.land("users", a_user("ada"), *map(written, WORLD["users"]))
    shop.run("2026-03-13T06:00:00Z", only=["buyers"])
    assert prediction(shop.settings, "buyers") is None
    assert shop.reason("buyers") == "None"
