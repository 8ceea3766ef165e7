"""A run that is calculated again gives the same members, or the difference is told with what is behind it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestration.history.verification import Verification, verify
from tests.history.conftest import Told
from tests.orchestration.workspace import Workspace, a_user, an_event

pytestmark = pytest.mark.long


def sizes(found: Verification) -> dict[str, tuple[int, int, int]]:
    return {one.segment: (one.recorded, one.entering, one.leaving) for one in found.compared}


def test_every_day_of_the_story_comes_out_again_though_rules_and_files_went_on(told: Told):
    """Each run on the files it had: the late event of dan is none of theirs, nor the edited rule."""
    settings = told.workspace.settings
    for run_no in (4, 5):
        found = verify(settings, run_no)
        assert found.is_equal
        assert set(sizes(found)) >= {"buyers", "gold"}
        assert (found.changed_files, found.gone_files, found.failed) == ((), (), {})
        assert found.is_same_code
    assert list(found.not_recomputed) == ["quiet"]
    assert "the run could not calculate it" in found.not_recomputed["quiet"]
    earlier = verify(settings, moment=told.workspace.moment("2026-03-03"))
    assert (earlier.run_no, earlier.is_equal) == (2, False)
    assert [Path(url).stem for url in earlier.changed_files] == ["users"], "cem is gold by now"
    assert sizes(earlier)["gold"] == (2, 1, 0)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """Three people; a paused segment and a live one, and one that reads both."""
    workspace = Workspace(tmp_path)
    workspace.define(
        gold="[{attribute: tier, equals: gold}]",
        rests="paused: false\nwho: [{did: purchase}]\n",
        looked="live: {did: visit}\n",
        reads="[{any: [{segment: rests}, {segment: looked}]}]",
        listed="list: {file: listed.csv}\n",
    )
    (workspace.settings.segments / "listed.csv").write_text("Type,Identity\ng,ada\ng,cem\n")
    workspace.land("users", a_user("ada", tier="gold"), a_user("bea"), a_user("cem"))
    workspace.land("events/one", an_event("ada", "purchase", "2026-03-01T10:00:00Z"))
    workspace.land("events/two", an_event("bea", "visit", "2026-03-01T11:00:00Z"))
    workspace.run("2026-03-02")
    workspace.define(rests="paused: true\nwho: [{did: purchase, count: {gte: 5}}]\n")
    workspace.run("2026-03-03")
    return workspace


def test_a_difference_is_counted_and_its_files_are_named(place: Workspace):
    settings = place.settings
    equal = verify(settings)
    assert equal.is_equal
    assert {name: why.split(" ")[1] for name, why in equal.not_recomputed.items()} == {"rests": "was", "looked": "is"}
    assert sizes(equal)["reads"] == (1, 0, 0), "it reads the members that rests had"
    assert sizes(equal)["listed"] == (2, 0, 0)

    file = place.land("users", a_user("ada"), a_user("bea", tier="gold"), a_user("cem", tier="gold"))
    other = verify(settings, users=1)
    assert not other.is_equal
    assert sizes(other)["gold"] == (1, 2, 1)
    gold = next(one for one in other.compared if one.segment == "gold")
    assert (gold.entering_users, gold.leaving_users) == (("bea",), ("ada",))
    assert (other.changed_files, other.gone_files) == ((str(file),), ())

    place.land("users", a_user("ada", tier="gold"), a_user("bea"), a_user("cem"))
    os.remove(place.root / "landing/events/two.jsonl")
    assert verify(settings).gone_files == (str(place.root / "landing/events/two.jsonl"),)
    (settings.segments / "listed.csv").write_text("Type,Identity\ng,bea\n")
    place.land("events/two", an_event("bea", "visit", "2026-03-01T11:00:00Z"))
    place.run("2026-03-04")
    place.run("2026-03-05")
    before = verify(settings, moment=place.moment("2026-03-03"))
    assert (before.run_no, before.is_equal) == (2, True)
    assert "another upload replaces them" in before.not_recomputed["listed"]


def test_a_run_that_is_not_there_is_said_in_a_sentence(told: Told):
    with pytest.raises(ValueError, match="there is no published run 17"):
        verify(told.workspace.settings, 17)
    with pytest.raises(ValueError, match="no run was published up to 2026-02-28T21:00"):
        verify(told.workspace.settings, moment=told.workspace.moment("2026-03-01"))
