"""YAML as the language reads it: version 1.2, each key once, and every value with its line."""

from __future__ import annotations

import pytest

from segmentation.language.yaml_file import BadYaml, Fields, plain, read_yaml


def value(text: str) -> object:
    node, errors = read_yaml(text)
    assert node is not None
    assert errors == []
    return plain(node)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("on", "on"), ("off", "off"), ("yes", "yes"), ("NO", "NO"), ("y", "y"),
        ("true", True), ("True", True), ("FALSE", False), ("tRUE", "tRUE"), ('"true"', "true"),
        ("null", None), ("~", None), ("NULL", None), ('""', ""), ("nUll", "nUll"),
        ("5", 5), ("-5", -5), ("+5", 5), ("0", 0), ("010", "010"), ("007", "007"), ("-01", "-01"), ('"5"', "5"),
        ("1_000", "1_000"), ("0x1F", "0x1F"), ("0o17", "0o17"), ("12,5", "12,5"), ("1e3", 1000.0), ("5.10", 5.1),
        (".5", 0.5), ("5.", 5.0), ("00.5", "00.5"), ("5.10.2", "5.10.2"), (".", "."),
        ("09:00", "09:00"), ("18:00", "18:00"), ("1:30:00", "1:30:00"),
        ("2026-04-01", "2026-04-01"), ("2026-04-01T09:00:00Z", "2026-04-01T09:00:00Z"), ("=", "="), ("<<", "<<"),
    ],
)  # fmt: skip
def test_a_plain_scalar_means_what_it_looks_like(written: str, read: object) -> None:
    got = value(f"key: {written}\n")
    assert got == {"key": read}
    assert isinstance(got, dict)
    assert type(got["key"]) is type(read)


def test_keys_are_text_whatever_they_look_like() -> None:
    assert value("on: 1\ntrue: 2\n007: 3\n5: 4\nnull: 5\n") == {"on": 1, "true": 2, "007": 3, "5": 4, "null": 5}


def test_values_know_their_line_and_whether_they_were_quoted() -> None:
    node, _ = read_yaml("# a comment\na: 5.10\nb:\n  - '5.10'\n  - |\n    text\n")
    assert isinstance(node, Fields)
    first = node.fields["a"]
    second, third = node.fields["b"].items  # type: ignore[union-attr]
    assert (first.line, first.quoted, first.text) == (2, False, "5.10")  # type: ignore[union-attr]
    assert (second.line, second.quoted, third.quoted) == (4, True, True)  # type: ignore[union-attr]
    assert node.lines == {"a": 2, "b": 3}


def test_a_key_given_twice_is_an_error_and_the_first_stays() -> None:
    node, errors = read_yaml("a: 1\nb: 2\na: 3\n")
    assert node is not None
    assert plain(node) == {"a": 1, "b": 2}
    assert errors == [(3, "found 'a' twice (first in line 1), expected it once")]


def test_an_anchor_can_be_used_again_but_not_inside_itself() -> None:
    assert value("a: &x [1]\nb: *x\n") == {"a": [1], "b": [1]}
    with pytest.raises(BadYaml, match="without an anchor before it"):
        read_yaml("a: &x [*x]\n")


def test_aliases_that_multiply_are_refused() -> None:
    text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    for level in range(1, 9):
        text += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n"
    with pytest.raises(BadYaml, match="more than 100,000 values"):
        read_yaml(text)


def test_values_nested_without_end_are_refused() -> None:
    with pytest.raises(BadYaml, match="nested more than 60 deep"):
        read_yaml("[" * 200_000)
