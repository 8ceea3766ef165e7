"""Every story is told to the compiled plan as well, and ends the same way."""

from __future__ import annotations

import pytest

from tests.plan.engine import differences, members
from tests.reference.stories import Story, load_stories

STORIES = load_stories()


@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_the_plan_finds_the_members_of_each_story(story: Story) -> None:
    found = members(story.segments, story.tables, story.as_of, story.timezone)
    assert differences(story.expected, found) == []
