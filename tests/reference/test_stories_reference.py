"""The judge itself is judged: every story's members, worked out by hand, are what the reference evaluator finds."""

from __future__ import annotations

import pytest

from tests.reference.evaluator import evaluate
from tests.reference.stories import Story, load_stories

STORIES = load_stories()


@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_reference_finds_the_members_of_each_story(story: Story) -> None:
    assert evaluate(story.segments, story.tables, story.as_of, story.timezone) == story.expected


def test_there_are_stories_to_tell() -> None:
    assert len(STORIES) >= 40
