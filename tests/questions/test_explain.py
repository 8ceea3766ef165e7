"""Explanations of a warehouse that real runs left: the record, the rule of its time, and where the two disagree."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import Result

from orchestration.questions.explain import explain
from orchestration.questions.explanation import Explanation
from orchestration.questions.probe import Unanswerable, probing
from orchestration.questions.recorded import find_person
from tests.cli.conftest import call
from tests.orchestration.workspace import Workspace
from tests.questions import shop


def told(workspace: Workspace, segment: str, user: str, as_of: str = shop.SECOND, **more: Any) -> Explanation:
    with probing(workspace.settings) as probe:
        person, user_id = find_person(probe, user)
        return explain(probe, segment, person, user_id, workspace.moment(as_of), **more)


@pytest.mark.long
@pytest.mark.parametrize("as_of", [shop.FIRST, shop.SECOND])
def test_the_tree_of_everybody_says_what_the_plan_does(asked: Workspace, as_of: str):
    for segment in shop.DEFINITIONS:
        for user in ("ada", "bea", "cem", "dan", "eve"):
            one = told(asked, segment, user, as_of)
            assert one.rule.holds is one.is_member, (segment, user)
            if as_of == shop.SECOND:
                assert one.agrees is True, (segment, user)
                assert one.doubts == ()


def test_every_kind_of_segment_can_be_explained(asked: Workspace):
    users = ("ada", "bea", "cem", "dan", "eve")
    for number, segment in enumerate(shop.DEFINITIONS):
        one = told(asked, segment, users[number % len(users)])
        assert one.rule.holds is one.is_member
        assert one.agrees is True


def test_a_member_is_one_since_the_run_that_saw_it_first(asked: Workspace):
    one = told(asked, "spenders", "cem")
    assert (one.recorded.state, one.recorded.since) == ("member", asked.moment(shop.SECOND))
    assert told(asked, "spenders", "dan").recorded.state == "never"
    gone = told(asked, "visitors_of_the_day", "cem")
    assert (gone.recorded.state, gone.recorded.until) == ("left", asked.moment(shop.SECOND))


def test_a_past_day_is_explained_by_the_rule_of_that_day(asked: Workspace):
    before, now = told(asked, "spenders", "cem", shop.FIRST), told(asked, "spenders", "cem")
    assert (before.is_member, now.is_member) == (False, True)
    assert (before.agrees, before.rule_of, before.doubts) == (True, "run", ())
    assert before.definition_hash != now.definition_hash
    assert before.missing == ("30 more in total amount of purchase events in the last 30 days",)


def test_a_profile_that_has_changed_since_is_said_to_be_what_record_and_rule_differ_by(asked: Workspace):
    one = told(asked, "gold", "bea", shop.FIRST)
    assert (one.is_member, one.recorded.state, one.agrees) == (True, "never", False)
    assert any("attributes" in doubt for doubt in one.doubts)


def test_a_moment_between_two_runs_says_that_nobody_looked_at_it(asked: Workspace):
    one = told(asked, "visitors_of_the_day", "eve", "2026-03-03T12:00:00Z")
    assert (one.is_member, one.recorded.state, one.agrees) == (True, "never", False)
    assert any("what happened after that was not seen" in doubt for doubt in one.doubts)


def test_before_the_first_run_it_is_told_by_the_events_and_said_that_nothing_was_recorded(asked: Workspace):
    one = told(asked, "gold_buyers", "ada", "2026-02-26")
    assert (one.is_member, one.recorded.state, one.agrees) == (True, "nothing", None)
    assert told(asked, "gold_buyers", "ada", "2026-02-25").is_member is False
    assert "nothing had been calculated by then" in one.doubts[0]


def test_events_under_an_id_of_a_connector_are_evidence_of_whose_they_are(asked: Workspace):
    one = told(asked, "spenders", "cem")
    evidence = one.rule.parts[0].evidence
    assert evidence is not None
    assert [(row["ts"].isoformat(), row.get("source")) for row in evidence.rows] == [
        ("2026-02-26T10:00:00+00:00", "mixpanel"), ("2026-02-20T10:00:00+00:00", None),
    ]  # fmt: skip
    assert [evidence.total, len(told(asked, "spenders", "cem", evidence=1).rule.parts[0].evidence.rows)] == [2, 1]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("segment", "user", "seen"),
    [
        ("vip", "bea", "line 2 of lists/vip.csv, matched by user_id"),
        ("vip", "ada", "no row of the list names this user"),
        ("cohort", "cem", "pulled 1 Mar 2026 21:00 as E3, matched by external_id"),
        ("cohort", "dan", "no row of the pulled cohort was matched with this user"),
        ("visitors_of_the_day", "eve", "qualified 3 Mar 2026 13:00"),
        ("visitors_of_the_day", "dan", "never qualified"),
        ("best", "cem", "is loyal users: recency 4 of 5, frequency 5 of 5"),
    ],
)
def test_segments_without_a_rule_say_what_is_on_record(asked: Workspace, segment: str, user: str, seen: str):
    one = told(asked, segment, user)
    leaf = one.rule.parts[0] if one.rule.parts else one.rule
    assert leaf.value is not None
    assert leaf.value.text == seen


def test_a_forecast_without_enough_to_learn_from_says_so(asked: Workspace):
    value = told(asked, "likely", "ada").rule.value
    assert value is not None
    assert value.text.startswith("insufficient_data: ")


def test_segments_that_are_read_are_looked_into_one_level_or_all_the_way(asked: Workspace):
    asked.define(deeper="[{segment: gold_buyers}]")
    try:
        shallow, deep = (told(asked, "deeper", "bea", deep=deep).rule.parts[0].inside for deep in (False, True))
    finally:
        asked.undefine("deeper")
    assert shallow is not None
    assert deep is not None
    assert [part.inside for part in shallow.rule.parts] == [None, None]
    assert [part.inside is not None for part in deep.rule.parts] == [True, True]
    assert shallow.missing == ("is not in segment buyers",)
    assert deep.missing == ("is not in segment buyers: 1 more purchase event in the last 30 days",)


def test_people_are_found_by_other_ids_if_exactly_one_has_them(asked: Workspace):
    with probing(asked.settings) as probe:
        assert find_person(probe, "E3")[1] == "cem"
        with pytest.raises(ValueError, match="2 users have this email"):
            find_person(probe, "twins@shop.test")
        with pytest.raises(ValueError, match="no user has this user_id, external_id or email"):
            find_person(probe, "stranger")  # an id of a connector that belongs to nobody
        with pytest.raises(ValueError, match="no user has this email"):
            find_person(probe, "ada", "email")


def test_a_segment_of_which_neither_run_nor_file_knows_the_rule_cannot_be_explained(asked: Workspace):
    with pytest.raises(Unanswerable, match="nowhere cannot be explained"):
        told(asked, "nowhere", "ada")


@contextmanager
def at(workspace: Workspace) -> Iterator[None]:
    environment = {"SEGMENTS_HOME": str(workspace.settings.home), "SEGMENTS_TIMEZONE": shop.ZONE}
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def ask(workspace: Workspace, *words: str) -> Result:
    with at(workspace):
        return call("explain", *words, "--segments", workspace.settings.segments)


def test_the_command_tells_the_tree_the_evidence_and_what_is_missing(asked: Workspace):
    result = ask(asked, "gold_buyers", "bea")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "bea in gold_buyers, as of 4 Mar 2026 00:00 Europe/Istanbul",
        "recorded: never a member up to then (calculated as of 4 Mar 2026 00:00 Europe/Istanbul)",
        "by the rule: not in",
        "",
        "✗ all of",
        "  ✓ are in the segment gold · is in gold since 4 Mar 2026 00:00",
        "      ✓ all of",
        "        ✓ tier is gold · tier is gold",
        "  ✗ are in the segment buyers · is not in buyers",
        "      ✗ all of",
        "        ✗ did purchase at least 2 times in the last 30 days · once, 28 Feb 2026 13:00",
        '            2026-02-28 13:00:00  purchase  {"amount": 30, "category": "hats"}',
        "",
        "What is missing",
        "  is not in segment buyers: 1 more purchase event in the last 30 days",
    ]


def test_the_command_says_how_many_rows_it_does_not_show(asked: Workspace):
    assert "and 1 more of 2 (--evidence N shows more)" in ask(asked, "spenders", "ada", "--evidence", "1").stdout


def test_the_command_speaks_json(asked: Workspace):
    plain = json.loads(ask(asked, "spenders", "cem", "--as-of", shop.FIRST, "--json").stdout)
    assert (plain["as_of"], plain["is_member"], plain["agrees"]) == ("2026-03-01T21:00:00Z", False, True)
    leaf = plain["rule"]["parts"][0]
    assert (leaf["path"], leaf["holds"], leaf["seen"], leaf["evidence"]["total"]) == ("0", False, 120, 2)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("buyer", "ada"), 1, "there is no segment 'buyer'; did you mean 'buyers'?"),
        (("buyers", "nobody"), 1, "no user has this user_id, external_id or email"),
        (("buyers", "ada", "--as-of", "2026-03-05"), 1, "lies after the last run, which stands for 4 Mar 2026 00:00"),
        (("buyers", "ada", "--as-of", "soon"), 2, "soon"),
    ],
)
def test_the_command_refuses_in_one_sentence(asked: Workspace, words: tuple[str, ...], code: int, said: str):
    result = ask(asked, *words)
    assert (result.exit_code, said in result.stderr) == (code, True)
    assert result.stdout == ""
