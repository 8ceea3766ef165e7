"""Editing the text of a file: one key changes, and everything else stays as it was, in files nobody thought of.

Single cases are told through the commands, in `tests/cli/edits.yml`.
"""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.language.edit import CannotEdit, Value, edited
from segmentation.language.model import Definition
from segmentation.language.parse import parse_text
from segmentation.language.yaml_file import Fields, plain, read_yaml

PIECES = {
    "title": ["Gold tier", "'Ann''s: gold'", '"Gold \\"tier\\""', ">-\n  Gold\n  tier", "Gold\n  tier"],
    "description": ["All of them.", "|\n  paused: true\n  # text", ">+\n  All\n\n  of them.\n", "'a\n\n  b'"],
    "created_by": ["crm@example.com", '"crm"', "'c r m'"],
    "created_on": ["2026-01-02", "'2026-01-02'"],
    "labels": ["[value, 'top tier']", "\n  - value\n  - tier   # of the card", "[\n  a,\n  b\n  ]"],
    "ready_to_use": ["true", "false", "True"],
    "refresh": ["daily", "every 3 hours", '"0 6 * * *"'],
    "paused": ["true", "false", "FALSE", "\n  true"],
    "universe": ["known", "{reachable: push}", "\n  reachable: push"],
    "who": [
        "{tag: a}",
        "\n  - tag: a\n  # more\n  - {tag: b}",
        "\n  all:\n    - {attribute: x, equals: 'paused: true'}",
    ],
    "exclude": ["[test_users]"],
    "tests": ["\n  - {as_of: 2026-03-01, users: {ann: {}}, out: [ann]}"],
    "activate": ["[{to: netmera_tag, when: daily}]", "\n  - to: netmera_tag\n    when: daily"],
}
CHANGES: list[tuple[str, Value]] = [
    ("paused", True), ("paused", False), ("ready_to_use", True), ("ready_to_use", False), ("created_by", "ada"),
    ("created_on", "2026-02-03"), ("title", "Other: 'gold'"), ("activate", None),
]  # fmt: skip
COMMENTS = st.sampled_from(["", "", "", "# a word\n", "\n", "   # aside\n", "\n# paused: true\n\n"])
BESIDE = st.sampled_from(["", "", " # beside", "   # paused: true", " "])


@st.composite
def random_files(draw: st.DrawFn) -> str:
    keys = draw(st.lists(st.sampled_from([key for key in PIECES if key != "who"]), unique=True))
    text = draw(COMMENTS)
    for key in draw(st.permutations(["name", "who", *keys])):
        value = "gold" if key == "name" else draw(st.sampled_from(PIECES[key]))
        gap = "" if value.startswith("\n") else draw(st.sampled_from([" ", "   "]))
        beside = draw(BESIDE) if not value.startswith(("|", ">")) else ""
        text += f"{key}:{gap}{value}{beside}\n{draw(COMMENTS)}"
    if draw(st.booleans()):
        text = text.rstrip("\n")
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


def defined(text: str) -> Definition:
    parsed = parse_text(text, "gold.yml")
    assert parsed.problems == ()
    assert parsed.definition is not None
    return parsed.definition


def said(definition: Definition) -> dict[str, object]:
    values = {one.name: getattr(definition, one.name) for one in fields(Definition)}
    return {**values, "tests": [replace(test, line=0) for test in definition.tests]}


def comments(text: str) -> list[str]:
    """What stands behind the signs of comments, in quotes or not."""
    return [line.partition("#")[2].strip() for line in text.splitlines() if "#" in line]


def keys_of(text: str) -> dict[str, object]:
    document, errors = read_yaml(text)
    assert isinstance(document, Fields)
    assert errors == []
    return dict(plain(document))


@given(random_files(), st.sampled_from(CHANGES))
@settings(max_examples=200)
def test_an_edit_changes_one_key_and_no_comment(text: str, change: tuple[str, Value]):
    key, value = change
    result = edited(text, {key: value})
    before, after = keys_of(text), keys_of(result)
    assert {**after, key: None} == {**before, key: None}
    assert after.get(key, False if value is False else None) == value
    if value is not None:
        assert comments(result) == comments(text)


@given(random_files())
@settings(max_examples=120)
def test_pausing_and_resuming_gives_back_what_there_was(text: str):
    before = defined(text)
    paused = edited(text, {"paused": True})
    assert said(defined(paused)) == {**said(before), "paused": True}
    resumed = edited(paused, {"paused": False})
    assert said(defined(resumed)) == {**said(before), "paused": False}
    if "paused" not in keys_of(text):
        assert resumed == text


def test_only_a_mapping_whose_keys_are_words_can_be_edited():
    for text in ("- a\n", "? [a]\n: b\n", "a: 1\na: 2\n", "name: [a]\n", "name:\n"):
        with pytest.raises(CannotEdit):
            edited(text, {"name": "gold"})
