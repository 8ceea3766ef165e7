"""The documents keep their word: examples load and compile, commands exist, links lead somewhere."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from textwrap import indent
from zoneinfo import ZoneInfo

import pytest

from orchestration.cli.app import COMMANDS
from orchestration.segment_tests.run import run_tests
from segmentation.clock import Clock
from segmentation.language import words
from segmentation.language.folder import Folder, load_folder, load_texts
from segmentation.plan.compile import compile_plan
from tests.docs.people import AS_OF, crowd
from tests.plan.engine import differences, members
from tests.reference.evaluator import evaluate
from tests.reference.yaml12 import read_yaml

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
WITH_EXAMPLES = ("README.md", "docs/language.md")
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
COMMAND = re.compile(r"(?:`|\.venv/bin/)segments ([a-z]+(?:-[a-z]+)*)")


def examples() -> Iterator[tuple[str, str]]:
    """File name and text of every example; a rule alone becomes a segment named after its place."""
    for document in WITH_EXAMPLES:
        text = (ROOT / document).read_text()
        for block in BLOCK.finditer(text):
            named = re.search(r"^name: (\w+)", block[1], re.MULTILINE)
            if named:
                yield f"{named[1]}.yml", block[1]
            else:
                name = f"line_{text[: block.start()].count(chr(10)) + 1}"
                yield f"{name}.yml", f"name: {name}\nwho:\n{indent(block[1], '  ')}"


@pytest.fixture(scope="module")
def loaded() -> Folder:
    """The examples, in one folder with the shipped segments that some of them refer to."""
    shipped = {
        Path(one.file).name: Path(one.file).read_text() for one in load_folder(ROOT / "segments").definitions.values()
    }
    return load_texts({**shipped, **dict(examples())})


def test_every_example_is_a_valid_segment(loaded: Folder):
    assert len(list(examples())) > 8
    assert loaded.problems == []


def test_every_example_is_calculated_by_this_version(loaded: Folder):
    names = [file.removesuffix(".yml") for file, _ in examples()]
    slots = {name: number for number, name in enumerate(sorted(loaded.definitions))}
    plan = compile_plan(loaded.definitions, Clock(datetime(2026, 6, 1, tzinfo=UTC), ZoneInfo("UTC")), slots)
    assert {name: plan.failed[name] for name in names if name in plan.failed} == {}


def test_the_people_in_examples_are_in_and_out_as_expected(loaded: Folder):
    outcome = run_tests(loaded, ZoneInfo("UTC"), {}, [file.removesuffix(".yml") for file, _ in examples()])
    assert outcome.failures == ()
    assert outcome.tests >= 2


def conditions(rule: object) -> Iterator[dict[str, object]]:
    """The leaves of a rule."""
    if isinstance(rule, list):
        for child in rule:
            yield from conditions(child)
    elif isinstance(rule, dict):
        group = next((word for word in words.GROUPS if word in rule), None)
        yield from conditions(rule[group]) if group else [rule]


def test_every_condition_shown_holds_for_some_people_and_the_plan_and_the_reference_agree_for_whom():
    shipped = {file.stem: read_yaml(file.read_text()) for file in sorted((ROOT / "segments").glob("*.yml"))}
    whole = {file.removesuffix(".yml"): read_yaml(text) for file, text in examples()}
    shown = {name: definition for name, definition in whole.items() if "who" in definition}
    leaves = {
        f"{name}_{number}": {"name": f"{name}_{number}", "who": leaf}
        for name, definition in shown.items()
        for number, leaf in enumerate(conditions(definition["who"]))
    }
    told = {
        name: {key: value for key, value in one.items() if key != "tests"} for name, one in (shipped | shown).items()
    }
    segments = {name: one for name, one in told.items() if "who" in one} | leaves
    people = crowd(seed=1)
    expected = evaluate(segments, people, AS_OF, "Europe/Istanbul")
    assert differences(expected, members(segments, people, AS_OF, "Europe/Istanbul")) == []
    everybody = len(people["users"])
    divided = {name: len(expected[name]) for name in leaves}
    assert {name: leaves[name]["who"] for name, size in divided.items() if not 0 < size < everybody} == {}


def test_every_word_of_the_rules_has_an_example():
    shown = set(re.findall(r"\b[a-z_]+(?=:)", "\n".join(text for _, text in examples())))
    assert {*words.LEAVES, *words.WINDOWS, *words.AGGREGATES, *words.GROUPS, *words.TEST} - shown == set()


def test_every_operator_is_named():
    text = (ROOT / "docs/language.md").read_text()
    assert [word for word in words.CHECK_WORDS if f"`{word}" not in text and f"{word}:" not in text] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files_that_exist(document: Path):
    targets = [link for link in LINK.findall(document.read_text()) if "://" not in link]
    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_that_are_mentioned_exist(document: Path):
    assert set(COMMAND.findall(document.read_text())) - set(COMMANDS) == set()
