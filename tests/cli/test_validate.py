"""What a person, an editor or a hook learns from `segments validate`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Segments, data, write_definitions

WRONG = {
    "misspelt": "who:\n  - {did: purchase, withn: 3 days}\n",
    "stranger": "who:\n  - {segment: nobody_knows}\n",
    "fine": "who:\n  - {tag: vip}\n",
}
WARNED = {"fresh": "who:\n  - {did: purchase, within: today}\n"}


def test_a_good_folder_is_said_to_be_good(segments: Segments, tmp_path: Path):
    result = segments("validate", write_definitions(tmp_path / "rules"))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "4 segments are valid\n", "")


def test_each_error_is_one_line_with_file_and_line(segments: Segments, tmp_path: Path):
    folder = write_definitions(tmp_path / "rules", WRONG)
    result = segments("validate", folder)
    first, second = result.stderr.splitlines()
    assert first.startswith(f"{folder}/misspelt.yml:3: found unknown word 'withn'")
    assert "expected" in first
    assert first.endswith("did you mean 'within'?")
    assert second.startswith(f"{folder}/stranger.yml:3: found unknown segment 'nobody_knows'")
    assert result.stdout == "2 errors in 2 files; 1 segment is valid\n"
    assert result.exit_code == 1


def test_json_is_a_list_of_errors_and_all_there_is_on_stdout(segments: Segments, tmp_path: Path):
    folder = write_definitions(tmp_path / "rules", WRONG)
    result = segments("validate", folder, "--json")
    told = data(result)
    assert [set(one) for one in told] == [{"file", "line", "message"}] * 2
    assert [(one["file"], one["line"]) for one in told] == [
        (f"{folder}/misspelt.yml", 3),
        (f"{folder}/stranger.yml", 3),
    ]
    assert result.exit_code == 1


def test_json_of_a_good_folder_is_an_empty_list(segments: Segments, tmp_path: Path):
    result = segments("validate", write_definitions(tmp_path / "rules"), "--json")
    assert (result.exit_code, data(result)) == (0, [])


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_warning_is_marked_and_does_not_fail(segments: Segments, tmp_path: Path, flags: list[str]):
    folder = write_definitions(tmp_path / "rules", WARNED)
    result = segments("validate", folder, *flags)
    assert result.stderr.startswith(f"{folder}/fresh.yml:3: warning: ")
    assert len(result.stderr.splitlines()) == 1
    assert result.exit_code == 0
    assert result.stdout == ("[]\n" if flags else "1 segment is valid\n")


def test_a_folder_that_is_not_there_is_one_sentence(segments: Segments, tmp_path: Path):
    result = segments("validate", tmp_path / "nowhere")
    assert result.exit_code == 1
    assert result.stderr == f"found no folder at {tmp_path}/nowhere, expected a folder of segment files (*.yml)\n"


def test_without_a_folder_the_one_beside_is_checked(
    segments: Segments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_definitions(tmp_path / "segments", WRONG)
    monkeypatch.chdir(tmp_path)
    assert segments("validate").stderr.startswith("segments/misspelt.yml:3: ")


def test_an_empty_folder_is_said_to_be_empty(segments: Segments, tmp_path: Path):
    result = segments("validate", tmp_path)
    assert (result.exit_code, result.stdout) == (0, f"no segment files (*.yml) in {tmp_path}\n")


def test_two_segments_at_one_place_are_a_warning_in_both_files(segments: Segments, tmp_path: Path):
    item = "who: [{tag: x}]\nactivate:\n  - {to: meta, audience: '7', when: daily}\n"
    tagged = "who: [{tag: x}]\nactivate:\n  - {to: netmera_tag, when: daily}\n"  # tags are the names of segments
    folder = write_definitions(tmp_path / "rules", {"one": item, "two": item, "three": tagged, "four": tagged})
    result = segments("validate", folder)
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        f"{folder}/{name}.yml:3: warning: found that {folder}/{other}.yml sends to the Meta audience '7' as well,"
        " expected one segment for a place"
        for name, other in (("one", "two"), ("two", "one"))
    ]
    assert result.stdout == "4 segments are valid\n"


def test_one_folder_may_get_files_of_several_formats(segments: Segments, tmp_path: Path):
    items = "".join(f"  - {{to: file, path: out/, format: {one}, when: daily}}\n" for one in ("csv", "parquet"))
    folder = write_definitions(tmp_path / "rules", {"one": f"who: [{{tag: x}}]\nactivate:\n{items}"})
    assert segments("validate", folder).exit_code == 0


def test_messages_to_a_tag_that_stays_with_whoever_has_left_are_an_error(segments: Segments, tmp_path: Path):
    push, told = "  - {to: netmera_push, title: a, text: b, when: daily}\n", "who: [{tag: x}]\nactivate:\n"
    tagging = "  - {to: netmera_tag, when: daily%s}\n"
    rules = {"kept": f"{told}{push}{tagging % ', mode: add_only'}", "mirrored": f"{told}{push}{tagging % ''}"}
    folder = write_definitions(tmp_path / "rules", rules)
    result = segments("validate", folder)
    assert result.exit_code == 1
    assert result.stderr == (
        f"{folder}/kept.yml:3: found that kept leaves the tag kept with whoever is out of it (add_only), and a message"
        " to it takes it from them; expected another tag for the message\n"
    )


def test_two_ways_to_one_place_are_an_error(segments: Segments, tmp_path: Path):
    twice = "".join(f"  - {{to: meta, audience: '7', when: {when}}}\n" for when in ("daily", "daily, mode: add_only"))
    folder = write_definitions(tmp_path / "rules", {"one": f"who: [{{tag: x}}]\nactivate:\n{twice}"})
    result = segments("validate", folder)
    assert result.exit_code == 1
    assert result.stderr == (
        f"{folder}/one.yml:3: found that one goes to meta 7 in two ways, expected one, or another place\n"
    )
