"""What a bad file is told: the right lines, and on each what was found, what was expected, and the likely word."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from segmentation.language.parse import parse_text

HERE = Path(__file__).parent


def cases() -> list[Any]:
    rules = yaml.safe_load((HERE / "errors" / "rules.yml").read_text(encoding="utf-8"))
    files = yaml.safe_load((HERE / "errors" / "files.yml").read_text(encoding="utf-8"))
    texts = [(case["rule"], f"name: case\nwho: {case['rule']}\n", case["says"]) for case in rules]
    texts += [(case["text"], case["text"], case["says"]) for case in files]
    return [pytest.param(text, says, id=name[:80].replace("\n", "|")) for name, text, says in texts]


@pytest.mark.parametrize(("text", "says"), cases())
def test_an_error_names_its_line_and_says_what_was_expected(text: str, says: dict[int, list[str]]) -> None:
    parsed = parse_text(text, "segments/case.yml")
    told = defaultdict(list)
    for problem in parsed.problems:
        assert problem.file == "segments/case.yml"
        assert "\n" not in problem.message
        told[problem.line].append(problem.message)
    assert set(told) == set(says), told
    for line, parts in says.items():
        for part in parts:
            assert any(part in message for message in told[line]), (part, told[line])
    assert (parsed.definition is None) == bool(says)


def test_a_rule_of_more_than_50_leaves_is_refused() -> None:
    def rule(count: int) -> str:
        return "name: case\nwho:\n" + "".join(f"  - tag: t{number}\n" for number in range(count))

    assert parse_text(rule(50), "case.yml").problems == ()
    (problem,) = parse_text(rule(51), "case.yml").problems
    assert "found 51 leaves in one rule, expected at most 50" in problem.message


def test_filters_are_not_counted_as_leaves() -> None:
    filters = ", ".join(f"{{property: p{number}, equals: 1}}" for number in range(60))
    assert parse_text(f"name: case\nwho: {{did: a, where: [{filters}]}}\n", "case.yml").problems == ()


def test_a_description_has_at_most_500_characters() -> None:
    assert parse_text(f"name: case\ndescription: {'x' * 500}\nwho: {{did: a}}\n", "case.yml").problems == ()
    (problem,) = parse_text(f"name: case\ndescription: {'x' * 501}\nwho: {{did: a}}\n", "case.yml").problems
    assert (problem.line, "found a description of 501 characters" in problem.message) == (2, True)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{did: a, within: today}", "found 'today' in a daily segment"),
        ("{did: a, within: this month}", "found 'this month' in a daily segment"),
        ("{did: a, count: {equals: 0}}", "this matches nobody"),
        ("{did: a, count: {lt: 1}}", "this matches nobody"),
        ("{did: a, count: {lte: 0}}", "so this matches nobody; say did_not, or include_non_doers: true"),
        ("{did: a, count: {between: [0, 0]}}", "this matches nobody"),
        ("{did_not: a, count: {lte: 0}}", "this matches everybody"),
        ("{regularly: a, every: week, in_last: 8, at_least: 6, count: {lte: 0}}", "no period has it"),
        ("{did: a, within: this week}", "found 'this week' in a daily segment"),
        ("{did: a, within: this year}", "found 'this year' in a daily segment"),
        ("{sequence: [{did: a}], within: today}", "found 'today' in a daily segment"),
        ("{platform: [ios, symbian]}", "found platform 'symbian', the usual ones are ios, android or web"),
        ("{did: a, exactly: in 3 days}", "always empty"),
        ("{platform: iOS}", "did you mean 'ios'?"),
    ],
)
def test_what_is_legal_but_hardly_meant_is_warned_about(rule: str, said: str) -> None:
    parsed = parse_text(f"name: case\nwho: {rule}\n", "case.yml")
    assert parsed.definition is not None
    assert [said in warning.message for warning in parsed.warnings] == [True]


def test_a_live_trigger_that_cancels_itself_is_warned_about() -> None:
    text = "name: case\nlive:\n  did: [open, pay]\n  then_not: [leave, open]\n  within: 1 hour\n"
    parsed = parse_text(text, "case.yml")
    assert parsed.definition is not None
    assert [(one.line, one.message) for one in parsed.warnings] == [
        (4, "open also stands under did: it cancels itself, so nobody qualifies by it")
    ]


@pytest.mark.parametrize(
    ("item", "is_warned"),
    [
        ("{to: meta, audience: '1', when: daily, also: [initial]}", True),
        ("{to: netmera_tag, when: {weekly: mon}, also: [initial]}", True),
        ("{to: netmera_tag, when: 0 9 * * *, also: [initial]}", True),
        ("{to: netmera_tag, when: on_change, also: [initial]}", False),
        ("{to: webhook, url_env: HOOK_URL, when: daily, also: [initial]}", False),  # tells events, not members
    ],
)
def test_causes_beside_a_schedule_that_sends_everybody_are_warned_about(item: str, is_warned: bool) -> None:
    parsed = parse_text(f"name: case\nwho: {{did: a}}\nactivate:\n  - {item}\n", "case.yml")
    assert not parsed.problems
    assert [(one.line, one.message) for one in parsed.warnings] == (
        [(4, "found also beside a schedule, which sends all members as it is")] if is_warned else []
    )


def test_today_is_a_good_window_where_a_filter_is_asked_at_an_instant() -> None:
    parsed = parse_text("name: case\nlive: {did: a, who: {did: b, within: today}}\n", "case.yml")
    assert (parsed.problems, parsed.warnings) == ((), ())


@pytest.mark.parametrize(
    "text",
    [
        "name: case\nrefresh: every 3 hours\nwho: {did: a, within: today}\n",
        "name: case\nwho: {attribute: appointment_on, within: today}\n",
        "name: case\nwho: {did: a, within: yesterday}\n",
        "name: case\nwho: {did: a, count: {equals: 0}, include_non_doers: true}\n",
        "name: case\nwho: {did: a, count: {lt: 2}}\n",
        "name: case\nwho: {attribute: appointment_on, exactly: in 3 days}\n",
    ],
)
def test_what_is_meant_brings_no_warning(text: str) -> None:
    parsed = parse_text(text, "case.yml")
    assert (parsed.problems, parsed.warnings) == ((), ())
