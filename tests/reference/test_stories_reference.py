"""The judge itself is judged: every story's members, worked out by hand, are what the reference evaluator finds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from segmentation.language import words
from tests.reference.evaluator import evaluate
from tests.reference.stories import Story, load_stories

STORIES = load_stories()


@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_reference_finds_the_members_of_each_story(story: Story) -> None:
    assert evaluate(story.segments, story.tables, story.as_of, story.timezone) == story.expected


def test_there_are_stories_to_tell() -> None:
    assert len(STORIES) >= 60


def test_every_word_of_the_rules_is_in_a_story_where_it_divides_people() -> None:
    told: set[str] = set()
    for story in STORIES:
        for name, segment in story.segments.items():
            if 0 < len(story.expected[name]) < len(story.tables["users"]):
                told |= set(words_of(segment))
    beside = {"include", "exclude", "include_mode", "universe", "same", "every", "in_last", "predominantly"}
    rules = {*words.GROUPS, *words.LEAVES, *words.DID, *words.CHECK_WORDS, *words.PLACE, *words.BUCKET, *words.RFM}
    assert {*rules, *beside} - told == set()
    named = {*words.CONVERSIONS, *words.CALENDAR, *words.ANNIVERSARIES, *words.CHANNELS, *words.RFM_SEGMENTS}
    values = {*named, *words.PERIODS, *words.PLATFORMS, "any", "days"}
    assert values - told == set()


def words_of(value: object) -> Iterator[str]:
    """Every key and every text inside a value."""
    if isinstance(value, dict):
        yield from value
    for inside in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from [inside] if isinstance(inside, str) else words_of(inside)
