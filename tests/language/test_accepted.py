"""What the language has is accepted, by the parser and by the schema that editors use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from orchestration.landing.contract import CONTRACT
from segmentation.language import words
from segmentation.language.describe import as_tree, in_words
from segmentation.language.parse import parse_text
from segmentation.language.schema import as_text, json_schema
from segmentation.language.yaml_file import Node, plain, read_yaml

HERE = Path(__file__).parent
SEGMENTS = HERE.parents[1] / "segments"
EDITOR = jsonschema.Draft202012Validator(json_schema())


def node(text: str) -> Node:
    document, errors = read_yaml(text)
    assert document is not None
    assert errors == []
    return document


def texts() -> list[str]:
    rules: list[object] = plain(node((HERE / "accepted_rules.yml").read_text(encoding="utf-8")))
    files: list[str] = plain(node((HERE / "accepted_files.yml").read_text(encoding="utf-8")))
    return [json.dumps({"name": "case", "who": rule}) for rule in rules] + files


@pytest.mark.parametrize("text", texts())
def test_every_form_of_the_language_is_accepted_and_can_be_told_in_words(text: str) -> None:
    parsed = parse_text(text, "case.yml")
    assert parsed.problems == ()
    assert parsed.definition is not None
    assert [error.message for error in EDITOR.iter_errors(plain(node(text)))] == []
    told = in_words(parsed.definition)
    assert told.endswith(".")
    assert "(" not in told or told.count("(") == told.count(")")
    if parsed.definition.kind == "who":
        assert as_tree(parsed.definition.body).startswith("- ")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "file",
    [
        {"name": "case", "who": {"didd": "a"}},
        {"name": "case", "who": {"did": "a", "witin": "3 days"}},
        {"name": "case", "who": {"did": "a", "within": "last month"}},
        {"name": "case", "who": {"attribute": "a", "in": []}},
        {"name": "case", "who": {"tag": "a"}, "list": {"file": "b.csv"}},
        {"name": "case"},
        {"name": "Case", "who": {"tag": "a"}},
        {"name": "case", "who": {"tag": "a"}, "activate": [{"to": "webhook", "when": "daily"}]},
    ],
)
def test_the_schema_refuses_what_the_parser_refuses(file: dict[str, Any]) -> None:
    assert parse_text(json.dumps(file), "case.yml").problems
    assert not EDITOR.is_valid(file)


def test_the_schema_kept_beside_the_segments_is_the_current_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    kept = (SEGMENTS / "segment.schema.json").read_text(encoding="utf-8")
    assert kept == as_text(), "write it anew: make schema"


@pytest.mark.parametrize("file", sorted(SEGMENTS.glob("*.yml")), ids=lambda file: file.stem)
def test_the_shipped_segments_are_right_in_an_editor_too(file: Path) -> None:
    assert [error.message for error in EDITOR.iter_errors(plain(node(file.read_text(encoding="utf-8"))))] == []


def test_what_a_test_may_say_of_a_user_or_an_event_are_columns_of_the_landing_tables() -> None:
    for table, columns in words.TEST_COLUMNS.items():
        landed = CONTRACT[table].columns
        kinds = {"user": "text", "channel": "text", "object": "json", "texts": "json"}
        assert {name: landed[name] for name in columns} == {
            name: kinds.get(kind, kind) for name, kind in columns.items()
        }
        missing = {*landed} - {*columns}
        assert missing <= {"user_id", "event", "ts", "source_user_id", "segments", "excluded_segments"}
