"""Files of one folder against each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from segmentation.language.folder import load_folder, load_texts


def told(*files: str) -> list[str]:
    """The problems of files given as `name: rule`."""
    texts = {
        f"{name}.yml": f"name: {name}\nwho:\n  {who}\n" for name, _, who in (file.partition(": ") for file in files)
    }
    return [str(problem) for problem in load_texts(texts).problems]


def test_an_unknown_segment_is_told_with_the_nearest_name() -> None:
    assert told("power_users: {tag: a}", "b: {segment: power_user}") == [
        "b.yml:3: found unknown segment 'power_user', expected the name of a segment in this folder; "
        "did you mean 'power_users'?"
    ]


def test_system_segments_are_known_without_a_file() -> None:
    assert told("a: {all: [{segment: test_users}, {segment: engaged_users}]}") == []


def test_a_cycle_prints_its_path_in_every_file_of_it() -> None:
    assert told("a: {segment: b}", "b: {segment: c}", "c: {any: [{tag: x}, {segment: a}]}", "d: {segment: a}") == [
        "a.yml:3: found a cycle of segments a -> b -> c -> a, expected none to refer to itself",
        "b.yml:3: found a cycle of segments b -> c -> a -> b, expected none to refer to itself",
        "c.yml:3: found a cycle of segments c -> a -> b -> c, expected none to refer to itself",
    ]


def test_a_segment_that_refers_to_itself_is_a_cycle() -> None:
    assert told("a: {not: {segment: a}}") == [
        "a.yml:3: found a cycle of segments a -> a, expected none to refer to itself"
    ]


def test_include_and_exclude_are_references_too() -> None:
    folder = load_texts(
        {
            "a.yml": "name: a\nwho: {tag: x}\ninclude: [b]\nexclude:\n  - c\n",
            "b.yml": "name: b\nwho: {tag: x}\nexclude: [a]\n",
        }
    )
    assert [(problem.file, problem.line) for problem in folder.problems] == [("a.yml", 5)]
    assert "unknown segment 'c'" in folder.problems[0].message
    assert folder.broken == {"a"}


def test_a_reference_to_a_broken_file_is_not_unknown() -> None:
    folder = load_texts({"a.yml": "name: a\nwho: {segment: b}\n", "b.yml": "name: b\nwho: {didd: x}\n"})
    assert [problem.file for problem in folder.problems] == ["b.yml"]
    assert (list(folder.definitions), folder.broken, folder.order) == (["a"], {"b"}, ["a"])


def test_two_files_of_one_name_are_both_refused(tmp_path: Path) -> None:
    for ending in ("yml", "yaml"):
        (tmp_path / f"a.{ending}").write_text("name: a\nwho: {tag: x}\n")
    folder = load_folder(tmp_path)
    (problem,) = folder.problems
    assert "found a second segment named 'a'" in problem.message
    assert (folder.definitions, folder.broken) == ({}, {"a"})


def test_only_yaml_files_directly_in_the_folder_are_definitions(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "b.yml").write_text("nonsense")
    (tmp_path / "readme.md").write_text("nonsense")
    (tmp_path / "a.yaml").write_text("name: a\nwho: {tag: x}\n")
    folder = load_folder(tmp_path)
    assert (list(folder.definitions), folder.problems) == (["a"], [])


def test_order_puts_a_segment_after_those_it_refers_to() -> None:
    folder = load_texts(
        {
            "a.yml": "name: a\nwho: {all: [{segment: z}, {segment: m}]}\n",
            "m.yml": "name: m\nwho: {segment: z}\n",
            "z.yml": "name: z\nwho: {tag: x}\n",
        }
    )
    assert folder.order == ["z", "m", "a"]
    assert list(folder.definitions) == ["a", "m", "z"]


def test_errors_of_all_files_come_in_one_run() -> None:
    assert [line.partition(": ")[0] for line in told("a: {didd: x}", "b: {tag: y}", "c: {did: x, witin: 3 days}")] == [
        "a.yml:3",
        "c.yml:3",
    ]


def test_bytes_that_are_not_utf8_are_an_error_of_their_line(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_bytes(b"name: a\ntitle: caf\xe9\nwho: {tag: x}\n")
    (problem,) = load_folder(tmp_path).problems
    assert (problem.line, "not UTF-8" in problem.message) == (2, True)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("other", "name: a\nwho: {tag: x}\n", "found 'a', expected 'other', the name of the file"),
        ("Other", "name: other\nwho: {tag: x}\n", "in a file named 'Other', expected the file to be named other.yml"),
        ("two words", "name: two_words\nwho: {tag: x}\n", "expected the file to be named two_words.yml"),
        ("2nd", "who: {tag: x}\n", "found no name, expected a name, and a file that is named after it"),
        (".a", "name: a\nwho: {tag: x}\n", "in a file named '.a', expected the file to be named a.yml"),
    ],
)
def test_a_file_is_named_after_its_segment(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / f"{name}.yml").write_text(text)
    (problem,) = load_folder(tmp_path).problems
    assert (problem.line, said in problem.message) == (1, True), problem.message


@pytest.mark.parametrize(
    ("written", "line", "said"),
    [
        (b"\xef\xbb\xbfname: a\r\nwho: {tag: x}\r\n", None, None),
        ("name: a\nwho: {tag: x}\n".encode("utf-16"), 1, "bytes that are not UTF-8"),
        (b"name: a\nwho: {tag: x\0y}\n", 2, "found the character U+0000, expected text without it"),
        (b'name: a\nwho: {tag: "x\\0y"}\n', 2, "found the character NUL in text"),
        (b"name: a\nwho: {tag: x}\n\x1a", 3, "found the character U+001A"),
        ("name: a\ntitle: x\u2028y\nwho: {tag: x}\n".encode(), 2, "found the line break U+2028"),
        (b'name: a\nwho: {tag: "\\ud800"}\n', 2, "invalid Unicode character"),
        (b"", 1, "found an empty file"),
    ],
)
def test_bytes_are_text_or_told_with_their_line(
    tmp_path: Path, written: bytes, line: int | None, said: str | None
) -> None:
    (tmp_path / "a.yml").write_bytes(written)
    told = [(problem.line, str(said) in problem.message) for problem in load_folder(tmp_path).problems]
    assert told == ([] if line is None else [(line, True)])


def test_a_file_that_cannot_be_read_is_an_error_and_not_a_segment_less(tmp_path: Path) -> None:
    (tmp_path / "a.yml").symlink_to(tmp_path / "gone.yml")
    (tmp_path / "b.yml").symlink_to(tmp_path / "b.yml")
    folder = load_folder(tmp_path)
    assert [problem.message.partition(" (")[0] for problem in folder.problems] == [
        "found a file that cannot be read"
    ] * 2
    assert folder.broken == {"a", "b"}


def test_a_missing_folder_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"found no folder at .*, expected a folder of segment files"):
        load_folder(tmp_path / "none")
