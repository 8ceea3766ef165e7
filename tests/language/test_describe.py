"""Rules in plain English."""

from __future__ import annotations

import pytest

from segmentation.language.describe import as_tree, in_words
from segmentation.language.model import Definition
from segmentation.language.parse import parse_text


def definition(text: str) -> Definition:
    parsed = parse_text(f"name: case\n{text}\n", "case.yml")
    assert parsed.definition is not None, parsed.problems
    return parsed.definition


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "who: {did: purchase, within: 30 days, where: [{property: category, equals: shoes}]}",
            "Users who did purchase at least once in the last 30 days where category is shoes.",
        ),
        (
            "who: [{attribute: total_spent, gt: 1000}, {did_not: purchase, within: 60 days}]",
            "Users whose total_spent is more than 1000 and who did not do purchase in the last 60 days.",
        ),
        (
            "who: {any: [{tag: vip}, {all: [{platform: ios}, {reachable: push}]}]}\nexclude: [test_users]",
            "Users who have the tag vip or (who have a device whose platform is ios and who can be reached by push). "
            "Nobody in test_users is a member.",
        ),
        (
            "who: {did: a, distinct: {of: days, gte: 3}, weekdays: [sat, sun], hours: [09:00, 18:00]}",
            "Users who did a between 09:00 and 18:00 on Sat or Sun on at least 3 different days.",
        ),
        (
            "who: {sequence: [{did: view}, {did_not: purchase, after: 10 minutes}], within: 7 days}",
            "Users who did view, then did not do purchase within 10 minutes of that, in the last 7 days.",
        ),
        (
            "who: {interest: {event: purchase, property: category, equals: shoes, at_least: 30%}, within: 90 days}",
            "Users who did purchase in the last 90 days, of which at least 30% have category that is shoes.",
        ),
        ("connector: {mixpanel: {cohort: PN_lapsed}}", "Users in the Mixpanel cohort PN_lapsed."),
        ("list: {file: vip.csv}", "Users listed in vip.csv; an upload replaces the list."),
        (
            "live: {did: add_to_cart, then_not: purchase, within: 10 minutes}",
            "Users who do add_to_cart and do not do purchase within 10 minutes.",
        ),
    ],
)
def test_a_definition_is_told_in_one_paragraph(text: str, told: str) -> None:
    assert in_words(definition(text)) == told


def test_a_rule_is_drawn_as_nested_bullets() -> None:
    rule = definition("who: {all: [{attribute: tier, in: [gold, silver]}, {not: {tag: staff}}]}").body
    assert as_tree(rule).splitlines() == [  # type: ignore[arg-type]
        "- all of:",
        "  - tier is one of gold or silver",
        "  - not:",
        "    - have the tag staff",
    ]
