"""A probe answers as the run did, for everybody or for some, and leaves the warehouse as it was."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

import pytest

from orchestration.published import NothingPublished
from orchestration.questions.probe import Probe, Unanswerable, leaf_definitions, probing
from segmentation.language.folder import load_folder, load_texts
from segmentation.language.model import Definition
from segmentation.plan.system import with_system
from tests.orchestration.workspace import Workspace
from tests.questions import shop


def definitions_of(workspace: Workspace) -> Mapping[str, Definition]:
    return with_system(load_folder(workspace.settings.segments), workspace.settings.events).definitions


def members(probe: Probe, relation: str) -> dict[str, str]:
    """Members by segment, such as `ada bea`."""
    rows = probe.connection.execute(
        f"select segment, string_agg(id, ' ' order by id) from {relation} join staging.people using (person_no)"
        " where source = '' group by segment"
    )
    return dict(rows.fetchall())


def number(probe: Probe, user: str) -> int:
    row = probe.connection.execute(
        "select person_no from staging.people where source = '' and id = ?", [user]
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_the_shop_is_what_its_story_says(asked: Workspace):
    assert asked.members() == shop.MEMBERS


def test_everything_computed_at_the_last_moment_is_what_the_run_recorded(asked: Workspace):
    definitions = definitions_of(asked)
    with probing(asked.settings) as probe:
        assert probe.as_of == asked.moment(shop.SECOND)
        found = members(probe, probe.answer(definitions, probe.as_of, compute=definitions))
    assert found == asked.members(*definitions)
    assert {*shop.MEMBERS} < {*found}


@pytest.mark.parametrize("user", ["ada", "bea", "cem", "dan", "eve"])
def test_who_is_asked_for_alone_gets_the_same_answers(asked: Workspace, user: str):
    definitions = definitions_of(asked)
    with probing(asked.settings) as probe:
        relation = probe.answer(definitions, probe.as_of, compute=definitions, people=[number(probe, user)])
        found = members(probe, relation)
    recorded = asked.members(*definitions)
    assert found == {name: user for name, who in recorded.items() if user in who.split()}


def test_segments_that_are_read_and_not_asked_for_are_as_they_were_recorded_then(asked: Workspace):
    definitions = definitions_of(asked)

    def readers(as_of: datetime) -> dict[str, str]:
        return members(probe, probe.answer(definitions, as_of, compute=["gold_buyers", "plain_buyers"]))

    with probing(asked.settings) as probe:
        assert readers(probe.as_of) == {"gold_buyers": "ada", "plain_buyers": "cem dan"}
        # Bea had bought, and was no member of gold yet, whatever her attributes say today.
        assert readers(asked.moment(shop.FIRST)) == {"gold_buyers": "ada", "plain_buyers": "bea cem dan"}


def test_a_segment_that_nobody_had_calculated_by_then_cannot_be_read(asked: Workspace):
    definitions = definitions_of(asked)
    with probing(asked.settings) as probe:
        with pytest.raises(Unanswerable, match="gold_buyers cannot be computed: refers to segment buyers"):
            probe.answer(definitions, asked.moment("2026-02-15"), compute=["gold_buyers"])
        past = probe.answer(definitions, asked.moment("2026-02-27"), compute=["buyers", "gold", "gold_buyers"])
        assert members(probe, past) == {"buyers": "ada cem", "gold": "ada bea", "gold_buyers": "ada"}


def test_a_leaf_is_a_definition_of_its_own_under_the_place_where_it_stands(asked: Workspace):
    leaves = leaf_definitions(definitions_of(asked)["mixed"])
    assert [*leaves] == ["0.0", "0.1.0", "1"]
    with probing(asked.settings) as probe:
        found = members(probe, probe.answer(leaves, probe.as_of, compute=leaves))
    assert found == {"0.0": "ada bea", "0.1.0": "bea cem eve", "1": "dan"}


def test_what_stands_beside_a_rule_or_in_its_place_is_a_part_as_well(asked: Workspace):
    definitions = definitions_of(asked)
    parts = {
        f"{name}:{path}": one
        for name in ("vip_or_gold", "plain_buyers", "phones", "vip", "cohort", "likely", "visitors_of_the_day")
        for path, one in leaf_definitions(definitions[name]).items()
    }
    with probing(asked.settings) as probe:
        found = members(probe, probe.answer(parts, probe.as_of, compute=parts))
    assert {part: found.get(part) for part in parts} == {
        "vip_or_gold:0": "ada bea cem dan eve",
        "vip_or_gold:include.0": "bea dan",
        "vip_or_gold:include.1": "ada bea",
        "plain_buyers:0": "ada bea cem dan",
        "plain_buyers:exclude.0": "ada bea",
        "phones:0": "ada bea",
        "phones:universe": "ada bea cem dan eve",
        "vip:list": "bea dan",
        "cohort:connector": "cem",
        "likely:predict": None,
        "visitors_of_the_day:live": "eve",
    }


def test_a_rule_that_is_one_leaf_stands_at_nought() -> None:
    folder = load_texts({"one.yml": "name: one\nwho: {did: purchase}\n"})
    assert [*leaf_definitions(folder.definitions["one"])] == ["0"]


def test_asking_leaves_the_file_as_it_was_to_the_last_byte(asked: Workspace):
    file = asked.settings.warehouse
    before = hashlib.sha256(file.read_bytes()).hexdigest(), sorted(one.name for one in file.parent.iterdir())
    definitions = definitions_of(asked)
    with probing(asked.settings) as probe:
        probe.answer(definitions, probe.as_of, compute=definitions)
    assert (hashlib.sha256(file.read_bytes()).hexdigest(), sorted(one.name for one in file.parent.iterdir())) == before


def test_a_workspace_without_a_run_has_nothing_to_ask(tmp_path):
    with pytest.raises(NothingPublished), probing(Workspace(tmp_path).settings):
        pass
    assert not Workspace(tmp_path).settings.warehouse.exists()
