"""Whatever a rule is made of: its tree says what the plan computes, and each tick is what the reference says of it.

The leaves are found in what the files say, by a walk of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestration.questions.explain import Explanation, Part, explain
from orchestration.questions.recorded import find_person
from tests.questions.small import probe_of
from tests.reference.evaluator import evaluate
from tests.reference.stories import Story, load_stories

STORIES = load_stories()


def leaves_of(rule: Any, path: tuple[int, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Leaves of a rule as it is written, by their place."""
    if isinstance(rule, list):
        rule = {"all": rule}
    group = next((word for word in ("all", "any", "not") if word in rule and len(rule) == 1), None)
    if group is None or (group == "not" and isinstance(rule[group], str)):
        yield ".".join(map(str, path or (0,))), rule
        return
    for number, child in enumerate([rule["not"]] if group == "not" else rule[group]):
        yield from leaves_of(child, (*path, number))


def ticks(part: Part) -> dict[str, bool]:
    """Ticks of leaves by place."""
    own = {part.path: part.holds} if part.join == "leaf" else {}
    return {**own, **{path: holds for child in part.parts for path, holds in ticks(child).items()}}


@pytest.mark.long
@pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])
def test_every_tick_of_a_story_is_the_references(story: Story, tmp_path: Path) -> None:
    questions = {
        (name, path): leaf
        for name, segment in story.segments.items()
        if "who" in segment
        for path, leaf in leaves_of(segment["who"])
    }
    alone = {f"leaf_{n}": {"name": f"leaf_{n}", "who": leaf} for n, leaf in enumerate(questions.values())}
    truths = evaluate({**story.segments, **alone}, story.tables, story.as_of, story.timezone)
    expected = dict(zip(questions, (truths[name] for name in alone), strict=True))
    users = [row["user_id"] for row in story.tables["users"]]
    with probe_of(tmp_path, story.segments, story.tables, story.as_of, story.timezone) as probe:
        for number, name in enumerate(story.segments):
            # One who is in and one who is not, a different pair for each segment.
            inside = sorted(story.expected[name])
            outside = [user for user in users if user not in story.expected[name]]
            for user in {one[number % len(one)] for one in (inside, outside) if one}:
                person, user_id = find_person(probe, user, "user_id")
                told = explain(probe, name, person, user_id, probe.as_of)
                assert told.is_member is told.rule.holds is (user in story.expected[name]), (name, user)
                assert told.is_member is not bool(told.missing)
                if "who" in story.segments[name]:
                    of_the_rule = {path: holds for path, holds in ticks(told.rule).items() if path[0].isdigit()}
                    wanted = {path: user in who for (one, path), who in expected.items() if one == name}
                    assert of_the_rule == wanted, (name, user)
                assert_everything_is_told(told)


def assert_everything_is_told(told: Explanation) -> None:
    """A leaf says what it saw; the root says nothing that its leaves do not."""

    def walk(part: Part) -> None:
        assert part.words
        if part.join == "leaf":
            assert part.value is not None
            assert part.value.text
        if part.evidence:
            assert part.evidence.total >= len(part.evidence.rows)
        for child in part.parts:
            walk(child)

    walk(told.rule)
