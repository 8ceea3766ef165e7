"""What an edit would do, told by ten stories and by the shop, and counted again by the reference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestration.published import NothingPublished
from orchestration.questions.diff import differences
from orchestration.questions.diff_markdown import as_markdown, because
from orchestration.questions.difference import Difference
from orchestration.questions.moves import Flow
from segmentation.language.folder import Folder, load_folder, load_texts
from tests.orchestration.workspace import Workspace
from tests.questions import shop
from tests.questions.edit_stories import Edited, load_edits
from tests.reference.evaluator import evaluate
from tests.reference.landing_files import write_segments, write_tables

EDITS = load_edits()
AS_OF = "2026-03-04"
MESSAGE = {"channel": "push", "created_at": "2026-03-01T10:00:00Z"}
MESSAGES = (
    {**MESSAGE, "message_id": "m1", "title": "Spring", "status": "draft", "segments": ["often_readers"]},
    {**MESSAGE, "message_id": "m2", "title": "Winter", "status": "sent", "segments": ["often", "often_readers"]},
    {**MESSAGE, "message_id": "m3", "status": "scheduled", "segments": ["freed"], "excluded_segments": ["often"]},
)
TARGETS = [name for story in EDITS for name in story.diffs]


def together(side: str) -> dict[str, dict[str, Any]]:
    rules: dict[str, dict[str, Any]] = {}
    for story in EDITS:
        told: dict[str, dict[str, Any]] = getattr(story, side)
        assert not rules.keys() & told.keys(), "names of segments are unique among the stories"
        rules |= told
    return rules


def all_tables() -> dict[str, list[dict[str, Any]]]:
    return {table: [row for story in EDITS for row in story.tables[table]] for table in ("users", "events")}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, dict[str, Difference]]:
    """The old rules calculated, the new ones written over them, and what differs."""
    workspace = Workspace(tmp_path_factory.mktemp("edits"))
    write_tables(all_tables(), Path(workspace.settings.landing))
    workspace.land("messages", *MESSAGES)
    write_segments(together("old"), workspace.settings.segments)
    workspace.run(AS_OF)
    for file in workspace.settings.segments.glob("*.yml"):
        file.unlink()
    write_segments(together("new"), workspace.settings.segments)
    at, found = differences(workspace.settings, TARGETS, None, load_folder(workspace.settings.segments), people=100)
    assert at == workspace.moment(AS_OF)
    return workspace, {one.segment: one for one in found}


def quoted(text: str) -> str:
    return f'"{text}"'


def cases() -> Iterator[Any]:
    for story in EDITS:
        for name in story.diffs:
            yield pytest.param(story, name, id=f"{story.name}-{name}")


@pytest.mark.parametrize(("story", "name"), cases())
def test_who_moves_does_so_for_the_reasons_of_the_story(story: Edited, name: str, told: Any):
    found = told[1][name]
    expected = story.diffs[name]
    for word, enters in (("entering", True), ("leaving", False)):
        people = {one.user_id: one.because for one in found.people if one.enters is enters}
        mine = {one: people[f"{story.name}.{one}"] for one in story.own({*people})}
        reasons = {one: [because([reason], quoted) for reason in some] for one, some in mine.items()}
        assert reasons == expected.get(word, {}), word
    assert [reader.segment for reader in found.readers] == expected.get("dependants", [])


@pytest.mark.parametrize(("story", "name"), cases())
def test_every_number_is_what_the_reference_counts(story: Edited, name: str, told: Any):
    workspace, found = told
    before, after = (evaluate(together(side), all_tables(), workspace.moment(AS_OF)) for side in ("old", "new"))

    def numbers(one: str) -> tuple[int, ...]:
        old, new = before.get(one, set()), after.get(one, set())
        return len(old), len(new), len(new - old), len(old - new), len(old & new)

    one = found[name]
    assert tuple(vars(one.flow).values()) == numbers(name)
    assert story.own(before.get(name, set()) & after.get(name, set())) == set(story.diffs[name].get("staying", []))
    if one.old is not None and one.new is not None:
        assert sum(why.users for why in one.why if why.enters) == one.flow.entering
        assert sum(why.users for why in one.why if not why.enters) == one.flow.leaving
    for reader in one.readers:
        if reader.segment != "resting":
            assert tuple(vars(reader.flow).values()) == numbers(reader.segment)
    assert one.data in (None, (0, 0)), "nothing has landed since the run"


def test_there_are_at_least_ten_stories():
    assert len(EDITS) >= 10


def test_messages_that_are_to_be_sent_are_told_also_where_they_use_a_reader(told: Any):
    used = {name: [(segment, one.message_id) for segment, one in found.messages] for name, found in told[1].items()}
    assert {name: some for name, some in used.items() if some} == {
        "often": [("often", "m3"), ("often_readers", "m1")],
        "freed": [("freed", "m3")],
    }


def test_a_segment_at_rest_is_told_apart_and_not_counted(told: Any):
    (resting,) = told[1]["ranked"].readers
    assert (resting.flow, resting.note) == (None, "paused: it keeps its members")


# ---------------------------------------------------------------- the shop: other kinds, other moments


def shop_with(workspace: Workspace, **rules: str) -> Folder:
    texts = {file.name: file.read_text() for file in workspace.settings.segments.glob("*.yml")}
    return load_texts({**texts, **{f"{name}.yml": f"name: {name}\n{text}" for name, text in rules.items()}})


def test_the_files_that_were_calculated_change_nothing(asked: Workspace):
    folder = load_folder(asked.settings.segments)
    _, found = differences(asked.settings, sorted(folder.definitions), None, folder, people=10)
    recorded = asked.members()
    for one in found:
        assert (one.change, one.edits, one.why, one.people) == ("same", (), (), ()), one.segment
        users = len(recorded.get(one.segment, "").split())
        assert one.flow == Flow(users, users, 0, 0, users), one.segment
        assert one.data == (0, 0), one.segment


def test_people_whom_a_run_recorded_by_other_data_are_told_apart_from_the_edit(asked: Workspace):
    now = shop_with(asked, gold="who: [{attribute: tier, equals: gold}, {not: {did: purchase, within: 5 days}}]\n")
    at, (one,) = differences(asked.settings, ["gold"], None, now, as_of=asked.moment(shop.FIRST))
    assert at == asked.moment(shop.FIRST)
    assert one.data is None, "what was recorded at the last run says nothing of another moment"
    assert one.flow == Flow(before=2, after=0, entering=0, leaving=2, staying=0)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("vip", "list: {file: lists/other.csv}\n", "who is in this list is not known here: the next run reads it"),
        ("cohort", "connector: {mixpanel: {cohort: other}}\n", "who is in this cohort is not known here"),
        ("gold", "list: {file: lists/gold.csv}\n", "who is in this list is not known here"),
    ],
)
def test_members_that_only_a_run_can_list_are_not_guessed(asked: Workspace, name: str, text: str, said: str):
    now = shop_with(asked, **{name: text})
    readers = {one for one, definition in now.definitions.items() if name in definition.references}
    _, (one, other) = differences(asked.settings, [name, "buyers"], None, now)
    assert one.flow is None
    assert said in (one.uncounted or "")
    assert {reader.segment for reader in one.readers} >= readers
    assert all(reader.flow is None and "not known here" in (reader.note or "") for reader in one.readers)
    assert other.flow is not None, "others are counted all the same"


def test_what_stands_around_a_list_or_a_cohort_is_counted(asked: Workspace):
    now = shop_with(
        asked, vip="list: {file: lists/vip.csv}\nexclude: [gold]\n",
        cohort="connector: {mixpanel: {cohort: PN_people}}\ninclude: [gold]\n",
    )  # fmt: skip
    _, (vip, cohort) = differences(asked.settings, ["vip", "cohort"], None, now, people=10)
    assert [(one.user_id, because(one.because, quoted)) for one in vip.people] == [
        ("bea", 'fails "are not in the segment gold", which is new')
    ]
    assert [one.user_id for one in cohort.people] == ["cem"]
    (reader,) = vip.readers
    assert reader.segment == "vip_or_gold"
    assert reader.flow == Flow(3, 3, 0, 0, 3)


def test_an_edited_live_segment_and_one_that_became_a_rule_say_what_they_are_compared_by(asked: Workspace):
    now = shop_with(asked, visitors_of_the_day="live: {did: purchase}\n")
    _, (one,) = differences(asked.settings, ["visitors_of_the_day"], None, now, people=10)
    assert [person.user_id for person in one.people] == ["eve"]
    assert any("by the events of the moment's own day" in note for note in one.notes)
    now = shop_with(asked, visitors_of_the_day="who: [{did: visit}]\n")
    _, (one,) = differences(asked.settings, ["visitors_of_the_day"], None, now)
    assert any("kind changes from live to who" in note for note in one.notes)


def test_without_a_run_rules_are_compared_in_words_alone(tmp_path: Path):
    workspace = Workspace(tmp_path)
    old = load_texts({"a.yml": "name: a\nwho: [{tag: x}]\n", "b.yml": "name: b\nwho: [{segment: a}]\n"})
    new = load_texts({"a.yml": "name: a\nwho: [{tag: x}, {tag: y}]\n", "b.yml": "name: b\nwho: [{segment: a}]\n"})
    at, (one,) = differences(workspace.settings, ["a"], old, new)
    assert at is None
    assert one.flow is None
    assert [(edit.change, edit.new) for edit in one.edits] == [("added", "have the tag y")]
    assert [reader.segment for reader in one.readers] == ["b"]
    assert not workspace.settings.warehouse.exists()
    with pytest.raises(NothingPublished):
        differences(workspace.settings, ["a"], None, new)


def test_markdown_shows_text_of_people_as_text_and_no_ids(asked: Workspace):
    now = shop_with(
        asked,
        gold='title: "`@team` | <b>"\nactivate: [{to: meta, audience: "1|2", when: {weekly: mon}}]\n'
        "who: [{attribute: tier, equals: '|silver` @you'}]\n",
    )
    at, found = differences(asked.settings, ["gold"], None, now)
    assert at is not None
    text = as_markdown(found, "main (1234567)", at.isoformat())
    assert (Path(__file__).parent / "gold.md").read_text() == text
    assert not {"ada", "bea"} & set(text.replace("`", " ").split())
