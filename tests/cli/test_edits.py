"""Commands that edit or copy the file of a segment: the file before, the command, the file after.

Random files are edited in `tests/language/test_edit.py`.
"""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration import changes, lifecycle
from orchestration.changes import text_hash
from orchestration.files import Overtaken, create, replace_content
from orchestration.settings import read_settings
from segmentation.clock import parse_as_of
from segmentation.language.folder import load_folder
from tests.cli.conftest import Segments, data, write_definitions

CASES = yaml.safe_load((Path(__file__).parent / "edits.yml").read_text(encoding="utf-8"))
ADA = ["--by", "ada@example.com"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "segments").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGMENTS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEGMENTS_TIMEZONE", "UTC")
    for name in ("SEGMENTS_LANDING", "SEGMENTS_TARGET"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def log(place: Path) -> list[dict[str, Any]]:
    file = place / "home/changes.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def files(place: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(place)): file.read_bytes() for file in (place / "segments").rglob("*") if file.is_file()
    }


# ---------------------------------------------------------------- cases


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_the_file_is_edited_as_a_person_would(segments: Segments, place: Path, case: dict[str, Any]):
    file = place / "segments/gold.yml"
    file.write_bytes(case["before"].encode())
    write_definitions(place / "segments/deleted", case.get("deleted", {}))
    words = case["do"] if isinstance(case["do"], list) else case["do"].split()
    there = files(place)
    result = segments(*words, *ADA)
    if case["after"] is None:
        assert (result.exit_code, result.stdout) == (1, "")
        assert case["says"] in result.stderr
        assert len(result.stderr.splitlines()) == 1
        assert (files(place), log(place)) == (there, [])
        return
    assert (result.exit_code, result.stderr) == (0, "")
    assert case.get("told", "") in result.stdout
    (line,) = log(place)
    name = words[2] if words[0] == "clone" else "gold"
    after = case["after"].replace("TODAY", line["at"][:10]).encode()
    assert files(place) == {**there, f"segments/{name}.yml": after}
    assert (line["by"], line["action"], line["segment"]) == ("ada@example.com", words[0], name)
    assert line["file"] == f"segments/{name}.yml"
    assert line["hash_after"] == load_folder(place / "segments").definitions[name].hash
    assert line["text_after"] == text_hash(after)
    if words[0] == "clone":
        assert (line["source"], line["hash_before"], line["text_before"]) == ("gold", None, None)
        assert line["hash_after"] == load_folder(place / "segments").definitions["gold"].hash
    else:
        assert line["hash_before"] == line["hash_after"]  # the members stay
        assert line["text_before"] == text_hash(there["segments/gold.yml"])


@pytest.mark.parametrize(
    ("words", "text", "told"),
    [
        (["pause"], "paused: true\n", "gold is paused already"),
        (["resume"], "paused: false\n", "gold is not paused (one that rests because nobody uses it comes back by"),
        (["resume"], "", "gold is not paused"),
        (["pin"], "ready_to_use: true\n", "gold is pinned already"),
        (["unpin"], "", "gold is not pinned"),
    ],
)
def test_what_is_so_already_is_said_and_not_logged(
    segments: Segments, place: Path, words: list[str], text: str, told: str
):
    write_definitions(place / "segments", {"gold": f"{text}who: {{tag: a}}\n"})
    there = files(place)
    result = segments(*words, "gold")
    assert (result.exit_code, result.stderr) == (0, "")
    assert told in result.stdout
    assert data(segments(*words, "gold", "--json"))["changed"] is False
    assert (files(place), log(place)) == (there, [])


@pytest.mark.parametrize("action", ["pause", "resume", "pin", "unpin", "clone"])
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gild", "there is no segment 'gild' in {place}/segments; did you mean 'gold'?"),
        ("old", "segment old is deleted: `segments reopen old` brings it back"),
        ("all_users", "segment all_users exists without a file, so there is nothing to change"),
        ("odd", "segments/odd.yml:2: found unknown word 'when' in a segment, expected name"),
    ],
)
def test_what_cannot_be_edited_is_one_sentence(segments: Segments, place: Path, action: str, name: str, sentence: str):
    write_definitions(place / "segments", {"gold": "who: {tag: a}\n", "odd": "when: now\nwho: {tag: a}\n"})
    write_definitions(place / "segments/deleted", {"old": "who: {tag: a}\n"})
    there = files(place)
    result = segments(action, name, *(["new"] if action == "clone" else []))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(sentence.format(place=place))
    assert len(result.stderr.splitlines()) == 1
    assert (files(place), log(place)) == (there, [])


def test_pausing_tells_who_goes_on_reading(segments: Segments, place: Path):
    readers = {"rich": "who: {segment: gold}\n", "asleep": "paused: true\ninclude: [gold]\nwho: {tag: b}\n"}
    write_definitions(place / "segments", {"gold": "who: {tag: a}\n", **readers})
    assert "Segments that read it go on with these members: rich\n" in segments("pause", "gold").stdout


def test_the_day_of_a_copy_is_that_of_the_workspace(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SEGMENTS_TIMEZONE", "Asia/Tokyo")
    write_definitions(place / "segments", {"gold": "who: {tag: a}\n"})
    settings = read_settings()
    lifecycle.clone(settings, "gold", "silver", "ada", parse_as_of("2026-03-01T16:00:00Z", settings.zone))
    assert "created_on: 2026-03-02\n" in (place / "segments/silver.yml").read_text()


def test_an_owner_that_looks_like_a_number_is_still_text(segments: Segments, place: Path):
    write_definitions(place / "segments", {"gold": "who: {tag: a}\n"})
    assert segments("clone", "gold", "silver", "--by", "007").exit_code == 0
    assert segments("clone", "gold", "bronze", "--by", "7 # of us\t☂").exit_code == 0
    assert segments("clone", "gold", "copper", "--by", "7").exit_code == 0
    owners = {name: one.created_by for name, one in load_folder(place / "segments").definitions.items()}
    assert owners == {"gold": None, "silver": "007", "bronze": "7 # of us\t☂", "copper": "7"}


# ---------------------------------------------------------------- files


def test_the_mode_of_a_file_stays_and_a_link_leads_where_it_led(segments: Segments, place: Path):
    write_definitions(place / "elsewhere", {"gold": "who: {tag: a}\n"})
    target, link = place / "elsewhere/gold.yml", place / "segments/gold.yml"
    target.chmod(0o640)
    link.symlink_to(target)
    assert segments("pause", "gold").exit_code == 0
    assert link.is_symlink()
    assert "paused: true" in target.read_text()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert [file.name for file in (place / "elsewhere").iterdir()] == ["gold.yml"]


def test_an_edit_that_somebody_else_makes_meanwhile_is_not_lost(tmp_path: Path):
    file = tmp_path / "gold.yml"
    file.write_bytes(b"theirs")
    with pytest.raises(Overtaken, match="has just been changed by somebody else"):
        replace_content(file, b"as it was read", b"ours")
    with pytest.raises(FileExistsError):
        create(file, b"ours")
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == {"gold.yml": b"theirs"}


def test_a_log_that_cannot_be_written_changes_nothing(segments: Segments, place: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError("no space left")

    write_definitions(place / "segments", {"gold": "who: {tag: a}\n"})
    there = files(place)
    monkeypatch.setattr(changes, "append", full)
    assert segments("pause", "gold").exit_code == 1
    assert segments("clone", "gold", "silver").exit_code == 1
    assert files(place) == there


def test_many_at_once_lose_no_edit(place: Path):
    """Eight people do four things to one segment and copy it; each finds what those before it have left."""
    write_definitions(place / "segments", {"gold": "who: {tag: a}\n"})
    settings, at = read_settings(), parse_as_of("2026-03-01T00:00:00Z", read_settings().zone)
    refused: list[str] = []

    def act(number: int) -> None:
        try:
            lifecycle.clone(settings, "gold", f"copy_{number % 4}", f"ada{number}", at)
        except ValueError as error:
            refused.append(str(error))
        (lifecycle.pause, lifecycle.resume)[number % 2](settings, "gold", f"ada{number}", at)
        (lifecycle.unpin, lifecycle.pin)[number % 2](settings, "gold", f"ada{number}", at)

    threads = [threading.Thread(target=act, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(refused) == [f"segment copy_{number} is there already: choose another name" for number in range(4)]
    folder = load_folder(place / "segments")
    assert (sorted(folder.definitions), folder.problems) == (["copy_0", "copy_1", "copy_2", "copy_3", "gold"], [])
    told = [change for change in changes.read(settings.home) if change.segment == "gold"]
    text = text_hash(b"name: gold\nwho: {tag: a}\n")
    for change in told:  # a chain: nobody wrote over what another wrote
        assert change.text_before == text
        text = str(change.text_after)
    assert text == text_hash((place / "segments/gold.yml").read_bytes())


# ---------------------------------------------------------------- the log


def test_the_log_is_read_by_segment_and_whole(segments: Segments, place: Path):
    write_definitions(place / "segments", {"gold": "who: {tag: a}\n", "quiet": "who: {tag: b}\n"})
    assert segments("changes").stdout == "0 changes\n"
    for words in (["pause", "gold"], ["resume", "gold"], ["clone", "gold", "silver"], ["delete", "silver"]):
        assert segments(*words, *ADA).exit_code == 0
    assert [(one["segment"], one["action"]) for one in data(segments("changes", "--json"))] == [
        ("gold", "pause"), ("gold", "resume"), ("silver", "clone"), ("silver", "delete"),
    ]  # fmt: skip
    pause, resume = data(segments("changes", "gold", "--json"))
    assert pause["hash_before"] == pause["hash_after"] == resume["hash_after"]
    assert (pause["text_before"], pause["text_after"]) == (resume["text_after"], resume["text_before"])
    read = segments("changes", "silver").stdout
    assert "clone of gold" in read
    assert read.endswith("2 changes\n")
    assert segments("changes", "quiet").stdout == "0 changes\n"
    unknown = segments("changes", "sliver")
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert unknown.stderr == "there is no segment 'sliver'; did you mean 'silver'?\n"


def test_a_segment_tells_its_last_changes_and_where_the_others_are(segments: Segments, place: Path):
    write_definitions(place / "segments", {"gold": "who: {tag: a}\n"})
    for action in ("pause", "resume", "pin", "unpin", "pause", "resume"):
        segments(action, "gold", *ADA)
    shown = segments("show", "gold").stdout
    told = shown[shown.index("Last changes") :].split()
    assert [word for word in told if word in ("pin", "unpin", "pause", "resume")] == [
        "resume", "pin", "unpin", "pause", "resume",
    ]  # fmt: skip
    assert "1 earlier change: `segments changes gold`" in shown
    assert [one["action"] for one in data(segments("show", "gold", "--json"))["changes"]][:2] == ["pause", "resume"]


def test_lines_of_earlier_and_later_versions_are_read(segments: Segments, place: Path):
    line = {
        "at": "2026-01-02T03:04:05Z", "by": "eda", "action": "delete", "segment": "gold",
        "file": "segments/deleted/gold.yml", "hash_before": "abc", "hash_after": None,
    }  # fmt: skip
    (place / "home").mkdir()
    file = place / "home/changes.jsonl"
    file.write_text(f"{json.dumps(line)}\n{json.dumps({**line, 'weather': 'fine'})}\n")
    first, second = data(segments("changes", "--json"))
    assert first == second == {**line, "text_before": None, "text_after": None, "source": None}
    file.write_text(f"{json.dumps(line)}\n[]\n")
    broken = segments("changes")
    assert broken.stderr == f"{file}:2: found a line that is no change, expected one as JSON\n"
