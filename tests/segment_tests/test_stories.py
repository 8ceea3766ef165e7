"""Every story can be told in the `tests` of segment files, and comes to the same end there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestration.segment_tests.run import run_tests
from segmentation.clock import parse_zone
from segmentation.language.folder import Folder, load_texts
from tests.reference.stories import FOLDER
from tests.reference.yaml12 import read_yaml

SAME_WORDS = ("timezone", "devices", "consents", "blacklist", "messages")


def as_folder(path: Path, text: str | None = None) -> Folder:
    """A story as segment files, each with one test that expects its members in and everybody else out."""
    told = read_yaml(text or path.read_text(encoding="utf-8"))
    everybody = list(told["users"])
    world = {
        "as_of": told["as_of"],
        **{word: told[word] for word in SAME_WORDS if word in told},
        "users": told["users"],
        "events": [as_event(event) for event in told.get("events", [])],
        "message_events": [[user, message, kind, at] for message, user, kind, at in told.get("message_events", [])],
    }
    files = {}
    for name, segment in told["segments"].items():
        outside = [user for user in everybody if user not in segment["in"]]
        test = {**world, "in": segment["in"], "out": outside}
        files[f"{name}.yml"] = json.dumps({"name": name, **segment["rule"], "tests": [test]}, ensure_ascii=False)
    return load_texts(files)


def as_event(told: Any) -> list[Any]:
    """`[user, event, ts, {columns and properties}]`."""
    if isinstance(told, list):
        user, event, at, *properties = told
        return [user, event, at, {"properties": properties[0] if properties else {}}]
    rest = {key: value for key, value in told.items() if key not in ("user_id", "event", "ts")}
    return [told["user_id"], told["event"], told["ts"], rest]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yml")), ids=lambda path: path.stem)
def test_a_story_ends_the_same_way_in_segment_files(path: Path) -> None:
    folder = as_folder(path)
    assert folder.problems == []
    outcome = run_tests(folder, parse_zone("UTC"), {})
    assert outcome.failures == ()
    assert outcome.tests == len(folder.definitions) > 0


def test_an_expectation_that_is_mistaken_fails_for_that_person_alone() -> None:
    path = FOLDER / "golden_01_last_7_days.yml"
    text = path.read_text(encoding="utf-8").replace("in: [first_instant, last_second]", "in: [last_second, at_the_run]")
    outcome = run_tests(as_folder(path, text), parse_zone("UTC"), {}, ["seen"])
    assert [(one.user, one.expected) for one in outcome.failures] == [("at_the_run", "in"), ("first_instant", "out")]
    assert (outcome.tests, outcome.segments, outcome.failed) == (1, 1, 1)
