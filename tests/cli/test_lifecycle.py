"""Deleting a segment and taking it back: what forbids it, what it moves, and what the log says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestration import changes
from orchestration.activation.ledger import open_ledger
from orchestration.activation.locks import sent_folder
from segmentation.language.folder import load_folder
from tests.cli.conftest import Segments, data, write_definitions, write_landing

RULE = "who:\n  - {attribute: tier, equals: gold}\n"
SENT, SCHEDULED, DRAFT = "sent", "scheduled", "draft"


def a_message(message_id: str, status: str, **more: Any) -> dict[str, Any]:
    when = {"created_at": "2026-01-01T00:00:00Z"}
    return {"message_id": message_id, "title": None, "channel": "push", "status": status, **when, **more}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One segment in a workspace where nothing was calculated yet."""
    write_definitions(tmp_path / "segments", {"gold": RULE})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGMENTS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEGMENTS_TIMEZONE", "UTC")
    for name in ("SEGMENTS_LANDING", "SEGMENTS_TARGET"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def land_messages(place: Path, *messages: dict[str, Any]) -> None:
    landing = place / "home" / "landing"
    if not landing.exists():
        write_landing(landing)
    (landing / "messages.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in messages), encoding="utf-8")


def log(place: Path) -> list[dict[str, Any]]:
    file = place / "home" / "changes.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


# ---------------------------------------------------------------- there and back


def test_a_deleted_file_is_out_of_the_way_and_comes_back_as_it_was(segments: Segments, place: Path):
    text = (place / "segments/gold.yml").read_bytes()
    defined = load_folder(place / "segments").definitions["gold"].hash
    result = segments("delete", "gold", "--by", "eda@example.com")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "its file is now segments/deleted/gold.yml" in result.stdout
    assert load_folder(place / "segments").definitions == {}
    assert segments("validate").exit_code == 0
    assert (place / "segments/deleted/gold.yml").read_bytes() == text
    back = data(segments("reopen", "gold", "--by", "can@example.com", "--json"))
    assert (back["file"], back["hash_after"]) == ("segments/gold.yml", defined)
    assert (place / "segments/gold.yml").read_bytes() == text
    assert [
        (one["by"], one["action"], one["segment"], one["hash_before"], one["hash_after"]) for one in log(place)
    ] == [
        ("eda@example.com", "delete", "gold", defined, None),
        ("can@example.com", "reopen", "gold", None, defined),
    ]
    assert [change.at.isoformat().replace("+00:00", "Z") for change in changes.read(place / "home")] == [
        one["at"] for one in log(place)
    ]


def test_whoever_was_sent_somewhere_stays_there_which_is_said_without_the_warehouse(segments: Segments, place: Path):
    items = ("{to: meta, audience: '7', when: daily}", "{to: netmera_push, title: A, text: B, when: daily}")
    items += ("{to: google, audience: '8', when: daily}",)
    (place / "segments/gold.yml").write_text(
        "name: gold\n" + RULE + "activate:\n" + "".join(f"  - {one}\n" for one in items)
    )
    home = place / "home"
    for stream in ("gold.meta_7", "gold.netmera_tag_gold", "gold.meta_6", "golden.meta_5"):
        with open_ledger(sent_folder(home) / f"{stream}.duckdb", place, writing=True) as ledger:
            ledger.connection.execute("insert into sent values (1, 'ada', ['x'], 'in', null, false)")
    with open_ledger(sent_folder(home) / "gold.google_8.duckdb", place, writing=True):
        pass  # everybody has been taken back there
    (home / "warehouse.duckdb").write_text("whoever opens this fails")
    result = segments("delete", "gold")
    assert result.exit_code == 0
    taken_back = "stays there: `segments activate gold --to {} --withdraw --send` takes it back"
    assert " ".join(result.stdout.split()).replace(" What", "\nWhat").splitlines()[1:] == [
        f"What was sent earlier {taken_back.format('meta_6')}",
        f"What was sent to meta 7 {taken_back.format('meta_7')}",
        f"What was sent to netmera_push gold {taken_back.format('netmera_push_gold')}",
    ]


def test_the_log_names_the_user_of_the_machine_unless_told_otherwise(
    segments: Segments, place: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LOGNAME", "nur")
    segments("delete", "gold")
    assert [one["by"] for one in log(place)] == ["nur"]


def test_a_segment_with_an_error_in_its_file_can_be_deleted_and_not_opened_again(segments: Segments, place: Path):
    write_definitions(place / "segments", {"odd": "when: now\n"})
    assert segments("delete", "odd").exit_code == 0
    result = segments("reopen", "odd")
    assert result.exit_code == 1
    assert "segments/deleted/odd.yml:2: found unknown word 'when'" in result.stderr
    assert (place / "segments/deleted/odd.yml").exists()
    assert [(one["action"], one["hash_before"]) for one in log(place)] == [("delete", None)]


def test_a_log_that_cannot_be_written_moves_nothing(place: Path, monkeypatch: pytest.MonkeyPatch, segments: Segments):
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(changes, "append", full)
    assert segments("delete", "gold").exit_code == 1
    assert [file.name for file in (place / "segments").glob("**/*.yml")] == ["gold.yml"]
    assert load_folder(place / "segments").definitions


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["delete", "gild"], "there is no segment 'gild' in {place}/segments; did you mean 'gold'?"),
        (["delete", "old"], "segment old is deleted already"),
        (["delete", "all_users"], "segment all_users exists without a file, so there is nothing to change"),
        (["reopen", "gold"], "segment gold is not deleted"),
        (["reopen", "odl"], "there is no segment 'odl' in {place}/segments/deleted; did you mean 'old'?"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_is_one_sentence(segments: Segments, place: Path, words: list[str], sentence: str):
    write_definitions(place / "segments/deleted", {"old": RULE})
    result = segments(*words)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", sentence.format(place=place) + "\n")
    assert log(place) == []


def test_a_second_deletion_does_not_lose_the_file_of_the_first(segments: Segments, place: Path):
    write_definitions(place / "segments/deleted", {"gold": "who:\n  - {tag: gold}\n"})
    result = segments("delete", "gold")
    assert result.exit_code == 1
    assert "is there already, from an earlier deletion" in result.stderr
    assert "{tag: gold}" in (place / "segments/deleted/gold.yml").read_text()
    (place / "segments/deleted/gold.yml").rename(place / "segments/deleted/gold.yaml")  # of which reopen knows as well
    assert "gold.yaml is there already" in segments("delete", "gold").stderr


# ---------------------------------------------------------------- what forbids it


def test_golden_26_a_segment_that_a_scheduled_message_uses_is_not_deleted(segments: Segments, place: Path):
    land_messages(
        place,
        a_message("m1", SCHEDULED, title="Spring sale", segments=["other", "gold"]),
        a_message("m2", SENT, title="Winter sale", segments=["gold"]),
        a_message("m3", DRAFT, excluded_segments=["gold"]),
        a_message("m4", DRAFT, title="gold", segments=["golden"]),
        a_message("m5", SCHEDULED),
    )
    result = segments("delete", "gold")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "gold is not deleted: message m1 (Spring sale), scheduled, uses it",
        "gold is not deleted: message m3, draft, uses it",
    ]
    told = segments("delete", "gold", "--json")
    assert told.exit_code == 1
    assert data(told) == {
        "segment": "gold",
        "deleted": False,
        "messages": [
            {"message_id": "m1", "title": "Spring sale", "status": SCHEDULED},
            {"message_id": "m3", "title": None, "status": DRAFT},
        ],
        "readers": [],
        "paused_readers": [],
    }
    assert (place / "segments/gold.yml").exists()
    assert log(place) == []
    land_messages(place, a_message("m1", SENT, segments=["gold"]))
    assert segments("delete", "gold").exit_code == 0


def test_the_later_file_says_whether_a_message_is_still_to_be_sent(segments: Segments, place: Path):
    land_messages(place)
    landing = place / "home/landing"
    (landing / "messages.jsonl").unlink()
    (landing / "messages").mkdir()
    for name, status in (("2026-01-01", SCHEDULED), ("2026-01-02", SENT)):
        row = a_message("m1", status, segments=["gold"])
        (landing / f"messages/{name}.jsonl").write_text(json.dumps(row) + "\n")
    assert segments("delete", "gold").exit_code == 0
    assert segments("reopen", "gold").exit_code == 0
    (landing / "messages/2026-01-03.jsonl").write_text(json.dumps(a_message("m1", DRAFT, segments=["gold"])) + "\n")
    result = segments("delete", "gold")
    assert result.stderr == "gold is not deleted: message m1, draft, uses it\n"


def test_a_segment_that_another_reads_is_not_deleted_unless_that_one_is_paused(segments: Segments, place: Path):
    readers = {
        "rich": "who:\n  - {segment: gold}\n",
        "poor": "exclude: [gold]\nwho:\n  - {tag: a}\n",
        "asleep": "paused: true\ninclude: [gold]\nwho:\n  - {tag: a}\n",
        "crooked": "who:\n  - {segmnt: gold}\n",
        "golden": "who:\n  - {tag: golden}\n",
    }
    write_definitions(place / "segments", readers)
    told = data(segments("delete", "gold", "--json"))
    assert (told["readers"], told["paused_readers"]) == (["crooked", "poor", "rich"], ["asleep"])
    for name in ("rich", "poor", "crooked"):
        (place / f"segments/{name}.yml").unlink()
    result = segments("delete", "gold")
    assert result.exit_code == 0
    assert "cannot be calculated again before it is back: asleep" in result.stdout
    folder = load_folder(place / "segments")
    assert (set(folder.definitions), folder.problems) == ({"asleep", "golden"}, [])
    assert "which is deleted (`segments reopen gold` brings it back)" in folder.warnings[0].message
    write_definitions(place / "segments", {"asleep": readers["asleep"].replace("true", "false")})
    awake = segments("validate")
    assert awake.exit_code == 1
    assert "found segment 'gold', which is deleted" in awake.stderr


def test_what_cannot_be_looked_at_is_not_taken_for_unused(segments: Segments, place: Path):
    land_messages(place, a_message("m1", SENT))
    (place / "home/landing/messages.jsonl").write_text('{"message_id": "m1", "status": "draft"}\n')
    result = segments("delete", "gold")
    assert result.exit_code == 1
    assert "whether a message uses gold cannot be seen" in result.stderr
    assert (place / "segments/gold.yml").exists()


# ---------------------------------------------------------------- what runs make of it


@pytest.mark.long
def test_members_leave_with_the_next_run_and_come_back_with_the_one_after(segments: Segments, place: Path):
    """And beside it: a copy has the same members, a paused one keeps its own, a resumed one is calculated."""

    def after_a_run(day: str) -> dict[str, tuple[str, int, bool]]:
        told = data(segments("run", "--as-of", day, "--json"))
        assert told["failed"] == {}
        return {row["segment"]: (row["status"], row["users"], row["ready_to_use"]) for row in told["segments"]}

    def promote() -> None:
        users = place / "home/landing/users.jsonl"
        users.write_text(users.read_text().replace("basic", "gold"))

    land_messages(place, a_message("m1", DRAFT, segments=["gold"]))
    after_a_run("2026-01-13")
    assert segments("delete", "gold").exit_code == 1
    assert segments("clone", "gold", "card").exit_code == 0
    land_messages(place, a_message("m1", SENT, segments=["gold"]))
    assert after_a_run("2026-01-14")["card"] == ("ready", 2, False)
    assert segments("delete", "gold").exit_code == 0
    assert segments("pause", "card").exit_code == 0
    assert segments("pin", "card").exit_code == 0
    promote()
    assert after_a_run("2026-01-15")["card"] == ("not_active", 2, True)
    assert [(row["status"], row["users"]) for row in data(segments("list", "--json", "--search", "gold"))] in (
        [],
        [("deleted", 0)],
    )
    assert segments("reopen", "gold").exit_code == 0
    assert segments("resume", "card").exit_code == 0
    back = after_a_run("2026-01-16")
    assert (back["gold"], back["card"]) == (("ready", 3, False), ("ready", 3, True))
