"""Every story is told to the compiled plan as well, and ends the same way.

The stories beside this file are about edges of single leaves; the reference has to find their members too.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plan.engine import differences, members
from tests.reference.evaluator import evaluate
from tests.reference.stories import Story, load_stories, read_story

OWN = [read_story(path) for path in sorted((Path(__file__).parent / "stories").glob("*.yml"))]
STORIES = [*load_stories(), *OWN]


@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_the_plan_finds_the_members_of_each_story(story: Story) -> None:
    found = members(story.segments, story.tables, story.as_of, story.timezone)
    assert differences(story.expected, found) == []


@pytest.mark.parametrize("story", OWN, ids=[story.name for story in OWN])
def test_the_reference_finds_the_members_of_each_story_too(story: Story) -> None:
    assert differences(story.expected, evaluate(story.segments, story.tables, story.as_of, story.timezone)) == []
