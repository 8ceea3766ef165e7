"""The story of four days, told once for all tests that only read what its runs left."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from tests.orchestration import story
from tests.orchestration.workspace import Workspace, an_event


@dataclass
class Told:
    """The workspace after the story, and what everybody could see on each day: members by segment."""

    workspace: Workspace
    seen: dict[str, dict[str, str]] = field(default_factory=dict)


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Four days as they were planned. Then a rule is edited, a segment deleted, another file broken, and an event of
    the first day arrives at last; a run of the fifth day sees all of it."""
    told = Told(story.begin(Workspace(tmp_path_factory.mktemp("story"), "Europe/Istanbul")))
    workspace = told.workspace
    for midnight in story.MIDNIGHTS:
        story.arrive(workspace, midnight)
        workspace.run(midnight)
        told.seen[midnight] = workspace.members()
    workspace.define(buyers="[{did: purchase, within: 5 days}]", quiet="[{didd: purchase}]")
    workspace.undefine("gold_buyers")
    workspace.land("events/late", an_event("dan", "purchase", "2026-03-01T12:00:00Z"))
    workspace.run("2026-03-06")
    told.seen["2026-03-06"] = workspace.members()
    return told
