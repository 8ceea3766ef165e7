"""Values set at a place of a definition: how places are spelled, and what is refused."""

from __future__ import annotations

import json

import pytest

from orchestration.questions.settable import Setting, changed, parse_setting

BARE = (
    "name: one\nwho:\n  - did: purchase\n    within: 30 days\n    count: {gte: 5}\n  - {attribute: tier, in: [gold]}\n"
)
GROUPED = (
    "name: one\nwho:\n  any:\n    - all: [{did: purchase, count: {gte: 5}}]\n    - {did: visit, count: {gte: 2}}\n"
)


@pytest.mark.parametrize(
    ("told", "path", "values"),
    [
        ("who.0.count.gte=3", "who.0.count.gte", (3,)),
        ("who.0.count.gte=3,4, 5.5", "who.0.count.gte", (3, 4, 5.5)),
        ("who.1.in=[gold, silver]", "who.1.in", (["gold", "silver"],)),
        ("who.0.within=60 days", "who.0.within", ("60 days",)),
        ("who.0.app_version.gte='5.10'", "who.0.app_version.gte", ("5.10",)),
        ("exclude=[a]", "exclude", (["a"],)),
    ],
)
def test_a_setting_is_a_place_and_values_as_yaml_reads_them(told: str, path: str, values: tuple[object, ...]):
    assert parse_setting(told) == Setting(path, values)


@pytest.mark.parametrize("told", ["who.0.count.gte", "=3", "who=", "who.0={a"])
def test_anything_else_is_no_setting(told: str):
    with pytest.raises(ValueError, match=r"expected|who"):
        parse_setting(told)


@pytest.mark.parametrize(
    ("text", "path", "where"),
    [
        (BARE, "who.0.count.gte", ("who", 0, "count", "gte")),
        (BARE, "who.all.0.count.gte", ("who", 0, "count", "gte")),
        (GROUPED, "who.any.1.count.gte", ("who", "any", 1, "count", "gte")),
        (GROUPED, "who.1.count.gte", ("who", "any", 1, "count", "gte")),
        (GROUPED, "who.0.0.count.gte", ("who", "any", 0, "all", 0, "count", "gte")),
    ],
)
def test_the_words_of_groups_may_be_left_out(text: str, path: str, where: tuple[str | int, ...]):
    ((one),) = changed(text, [Setting(path, (7,))])
    found = json.loads(one.text)
    for key in where:
        found = found[key]
    assert (found, one.label) == (7, f"{path} = 7")


def test_every_combination_of_values_is_a_variant_of_its_own():
    made = changed(BARE, [Setting("who.0.count.gte", (3, 4)), Setting("who.0.within", ("7 days",))])
    assert [one.label for one in made] == [
        'who.0.count.gte = 3, who.0.within = "7 days"', 'who.0.count.gte = 4, who.0.within = "7 days"',
    ]  # fmt: skip
    assert json.loads(made[1].text)["who"][0] == {"did": "purchase", "within": "7 days", "count": {"gte": 4}}


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (
            Setting("who.0.count.gt", (3,)),
            "there is no who.0.count.gt in the definition; did you mean 'who.0.count.gte'?",
        ),
        (Setting("who.2.in", (3,)), "there is no who.2.in in the definition; did you mean 'who.1.in'?"),
        (Setting("name", ("two",)), "there is no name in the definition"),
        (Setting("who.0.count.gte", tuple(range(1, 22))), "found 21 combinations of values, expected 20 at most"),
    ],
)
def test_a_place_that_is_not_there_is_an_error_with_the_nearest(setting: Setting, said: str):
    with pytest.raises(ValueError, match=r"there is no|combinations") as error:
        changed(BARE, [setting])
    assert str(error.value) == said
