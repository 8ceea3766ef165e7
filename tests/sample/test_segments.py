"""The segments that come with the checkout: they load without a word of complaint, and the campaigns know them."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from orchestration.sample.shop import CAMPAIGNS
from orchestration.segment_tests.run import run_tests
from segmentation.language.folder import load_folder

SEGMENTS = Path(__file__).parents[2] / "segments"


def test_the_sample_segments_have_no_errors_and_no_warnings() -> None:
    folder = load_folder(SEGMENTS)
    assert (folder.problems, folder.warnings) == ([], [])
    assert len(folder.definitions) >= 25


def test_every_sample_segment_says_what_it_is_for_and_who_made_it() -> None:
    for name, definition in load_folder(SEGMENTS).definitions.items():
        said = (definition.title, definition.description, definition.created_by, definition.created_on)
        assert all(said), name
        assert definition.labels, name


def test_the_people_in_the_sample_segments_are_in_and_out_as_expected() -> None:
    outcome = run_tests(load_folder(SEGMENTS), ZoneInfo("Asia/Tokyo"), {})
    assert outcome.failures == ()
    assert outcome.segments >= 16


def test_the_campaigns_address_segments_that_exist() -> None:
    named = {name for campaign in CAMPAIGNS for name in (*campaign.segments, *campaign.excluded)}
    assert named <= set(load_folder(SEGMENTS).definitions)
