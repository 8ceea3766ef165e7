"""Stories that say what an explanation has to say: ticks, what was seen, how much evidence, and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestration.questions.explain import Part, explain
from orchestration.questions.recorded import find_person
from tests.questions.small import probe_of
from tests.reference.stories import read_story
from tests.reference.yaml12 import read_yaml

STORIES = sorted((Path(__file__).parent / "stories").glob("*.yml"))


def leaves_of(part: Part) -> dict[str, Part]:
    own = {part.path: part} if part.join == "leaf" else {}
    return {**own, **{path: leaf for child in part.parts for path, leaf in leaves_of(child).items()}}


@pytest.mark.parametrize("file", STORIES, ids=[file.stem for file in STORIES])
def test_an_explanation_says_what_the_story_does(file: Path, tmp_path: Path) -> None:
    story = read_story(file)
    asked: list[dict[str, Any]] = read_yaml(file.read_text(encoding="utf-8"))["asked"]
    with probe_of(tmp_path, story.segments, story.tables, story.as_of, story.timezone) as probe:
        for one in asked:
            person, user_id = find_person(probe, one["user"])
            told = explain(probe, one["segment"], person, user_id, probe.as_of)
            leaves = leaves_of(told.rule)
            assert told.is_member is (one["user"] in story.expected[one["segment"]])
            assert {path: leaf.holds for path, leaf in leaves.items()} == one["ticks"]
            seen = {
                path: leaf.value.text for path, leaf in leaves.items() if leaf.value and path in one.get("seen", {})
            }
            assert seen == one.get("seen", {})
            behind = {path: leaves[path].evidence for path in one.get("evidence", {})}
            assert {path: found and found.total for path, found in behind.items()} == one.get("evidence", {})
            if "missing" in one:
                assert list(told.missing) == one["missing"]
            for path, ticks in one.get("inside", {}).items():
                inside = leaves[path].inside
                assert inside is not None
                assert {place: leaf.holds for place, leaf in leaves_of(inside.rule).items()} == ticks


def test_there_are_ten_of_them() -> None:
    assert len(STORIES) == 10
