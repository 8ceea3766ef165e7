"""Public data sets with known answers, where they lie beside the checkout: members to the letter, and a month of days.

A data set is a folder with landing files, segments, and `expected.json`: counts and SHA-256 of the member ids sorted as
text, and, where it has one, the daily series of one rule.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from orchestration.evaluation import evaluate
from orchestration.partitions import end_of
from orchestration.recalculation import recalculate
from orchestration.settings import ROOT, Settings
from segmentation.clock import parse_as_of
from segmentation.language.folder import load_folder
from tests.orchestration.workspace import Workspace

pytestmark = pytest.mark.long

DATA = ROOT.parent / "shared" / "data"
UTC = ZoneInfo("UTC")
SETS = sorted(file.parent for file in DATA.glob("*/expected.json"))
NONE = [pytest.param(None, marks=pytest.mark.skip(f"no data sets with an expected.json in {DATA}"))]


def expected(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "expected.json").read_text())
    return told


def questions() -> Iterator[Any]:
    for folder in SETS:
        for as_of in sorted({one["as_of"] for one in expected(folder)["segments"]}):
            yield pytest.param(folder, as_of, id=f"{folder.name}-{as_of[:10]}")


@pytest.mark.parametrize(("folder", "as_of"), list(questions()) or [pytest.param(None, None, marks=NONE[0].marks)])
def test_members_are_the_known_ones(folder: Path, as_of: str, tmp_path: Path):
    settings = Settings(tmp_path, str(folder), folder / "segments", UTC)
    told = evaluate(load_folder(settings.segments), settings, parse_as_of(as_of, UTC), tmp_path / "members.csv")
    assert not told.failed
    members = defaultdict(list)
    for row in csv.DictReader((tmp_path / "members.csv").open()):
        members[row["segment"]].append(row["user_id"])
    asked = [one for one in expected(folder)["segments"] if one["as_of"] == as_of]
    found = {
        name: (len(ids), hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()) for name, ids in members.items()
    }
    nobody = (0, hashlib.sha256(b"").hexdigest())
    assert {one["segment"]: found.get(one["segment"], nobody) for one in asked} == {
        one["segment"]: (one["users"], one["members_sha256"]) for one in asked
    }


@pytest.mark.parametrize("folder", [one for one in SETS if "daily" in expected(one)] or NONE)
def test_the_daily_series_is_the_known_one(folder: Path, tmp_path: Path):
    series = expected(folder)["daily"]
    workspace = Workspace(tmp_path)
    workspace.define(series=yaml.safe_dump({"who": series["rule"]}))
    settings = Settings(tmp_path / "home", str(folder), tmp_path / "segments", UTC)
    # `as_of` names the day; its numbers are those of the run at the midnight that ends it.
    last_day_before = date.fromisoformat(series["days"][0]["as_of"]) - timedelta(days=1)
    for day in [last_day_before, *(date.fromisoformat(one["as_of"]) for one in series["days"])]:
        recalculate(settings, end_of(day, settings))
    days = workspace.days("series")
    assert [(one["as_of"], *days[one["as_of"]]) for one in series["days"]] == [
        (one["as_of"], one["size"], one["entered"], one["left"]) for one in series["days"]
    ]
