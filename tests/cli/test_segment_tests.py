"""What a person, an editor or a hook learns from `segments test`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Segments, data, write_definitions

ABANDONERS = """who:
  all:
    - {did: add_to_cart, within: 24 hours}
    - {did_not: purchase, within: 24 hours}
tests:
  - as_of: 2026-03-01T00:00:00Z
    users: {ann: {}, bob: {}}
    events:
      - [ann, add_to_cart, 2026-02-28T20:00:00Z]
      - [bob, add_to_cart, 2026-02-28T20:00:00Z]
      - [bob, purchase, 2026-02-28T21:00:00Z]
    in: [ann]
    out: [bob]
  - {as_of: 2026-03-01, users: {cem: }, out: [cem]}
"""
MISTAKEN = ABANDONERS.replace("in: [ann]", "in: [bob]").replace("out: [bob]", "out: [ann]")
UNTESTED = "who: {tag: vip}\n"


def test_expectations_that_hold_are_counted(segments: Segments, tmp_path: Path) -> None:
    folder = write_definitions(tmp_path / "rules", {"carts": ABANDONERS, "vips": UNTESTED})
    result = segments("test", "--segments", folder)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "2 tests of 1 segment, 0 failed\n", "")


def test_each_expectation_that_does_not_hold_is_one_line_and_says_what_is_true(
    segments: Segments, tmp_path: Path
) -> None:
    folder = write_definitions(tmp_path / "rules", {"carts": MISTAKEN})
    result = segments("test", "--segments", folder)
    added, idle = "did add_to_cart at least once in the last 24 hours", "did not do purchase in the last 24 hours"
    where, when = f"{folder}/carts.yml:7", "at 2026-03-01T00:00:00Z"
    assert result.stderr.splitlines() == [
        f"{where}: bob is not in carts {when}, expected in; true: {added}; not true: {idle}",
        f"{where}: ann is in carts {when}, expected out; true: {added} | {idle}",
    ]
    assert (result.exit_code, result.stdout) == (1, "2 tests of 1 segment, 1 failed\n")


def test_json_is_all_there_is_on_stdout(segments: Segments, tmp_path: Path) -> None:
    folder = write_definitions(tmp_path / "rules", {"carts": MISTAKEN, "wrong": "who: {didd: a}\n"})
    result = segments("test", "--segments", folder, "--json")
    told = data(result)
    assert isinstance(told, dict)
    assert (told["tests"], told["segments"], told["failed"], result.exit_code) == (2, 1, 1, 1)
    (bob, ann) = told["failures"]
    assert (bob["file"], bob["line"], bob["segment"]) == (f"{folder}/carts.yml", 7, "carts")
    assert (bob["user"], bob["expected"], ann["user"], ann["expected"]) == ("bob", "in", "ann", "out")
    assert bob["as_of"] == "2026-03-01T00:00:00Z"
    assert [bob["message"], ann["message"]] == result.stderr.splitlines()[1:]
    (error,) = told["errors"]
    assert (error["file"], error["line"]) == (f"{folder}/wrong.yml", 2)


def test_names_choose_whose_tests_are_run(segments: Segments, tmp_path: Path) -> None:
    folder = write_definitions(tmp_path / "rules", {"carts": ABANDONERS, "mistaken": MISTAKEN, "vips": UNTESTED})
    assert segments("test", "carts", "--segments", folder).exit_code == 0
    assert segments("test", "carts", "mistaken", "--segments", folder).exit_code == 1
    nothing = segments("test", "vips", "--segments", folder)
    assert (nothing.exit_code, nothing.stdout) == (0, "no tests in 1 segment\n")


def test_a_name_that_is_not_there_is_wrong_usage(segments: Segments, tmp_path: Path) -> None:
    folder = write_definitions(tmp_path / "rules", {"carts": ABANDONERS})
    result = segments("test", "cart", "--segments", folder)
    assert result.exit_code == 2
    assert "there is no segment 'cart'; did you mean 'carts'?" in result.stderr


def test_a_broken_file_is_told_as_validate_tells_it_and_the_others_are_tested(
    segments: Segments, tmp_path: Path
) -> None:
    broken = {"wrong": "who:\n  - {did: purchase, withn: 3 days}\n", "reads": "who: {segment: wrong}\n"}
    reads = broken["reads"] + "tests: [{as_of: 2026-03-01, users: {ann: }, out: [ann]}]\n"
    folder = write_definitions(tmp_path / "rules", {**broken, "reads": reads, "carts": ABANDONERS})
    result = segments("test", "--segments", folder)
    first, second = result.stderr.splitlines()
    assert first == segments("validate", folder).stderr.strip()
    assert first.startswith(f"{folder}/wrong.yml:3: found unknown word 'withn'")
    assert second == (
        f"{folder}/reads.yml:3: reads cannot be tested at 2026-03-01T00:00:00Z: it reads wrong, whose file has an error"
    )
    assert (result.exit_code, result.stdout) == (1, "3 tests of 2 segments, 1 failed\n")
    assert segments("test", "wrong", "--segments", folder).exit_code == 1


def test_a_date_is_a_midnight_where_the_test_or_the_workspace_says(
    segments: Segments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = "who: {did: login, within: yesterday}\n"
    world = "as_of: 2026-03-02, users: {ann: }, events: [[ann, login, 2026-02-28T21:00:00Z]]"
    named = f"{rule}tests: [{{{world}, timezone: Europe/Istanbul, in: [ann]}}]\n"
    unnamed = f"{rule}tests: [{{{world}, in: [ann]}}]\n"
    folder = write_definitions(tmp_path / "rules", {"named": named, "unnamed": unnamed})
    result = segments("test", "--segments", folder)
    assert result.stdout == "2 tests of 2 segments, 1 failed\n"
    assert result.stderr.startswith(f"{folder}/unnamed.yml:3: ann is not in unnamed at 2026-03-02T00:00:00Z")
    monkeypatch.setenv("SEGMENTS_TIMEZONE", "Europe/Istanbul")
    assert segments("test", "--segments", folder).exit_code == 0


READS_A_LIST = """who: {tag: vip}
exclude: [on_list]
tests:
  - as_of: 2026-03-01
    users: {ann: {tags: [vip]}, bob: {tags: [vip]}}
    segments: {on_list: [bob]}
    in: [ann]
    out: [bob]
  - {as_of: 2026-03-01, users: {ann: {tags: [vip]}}, in: [ann]}
"""


def test_a_test_says_who_is_in_segments_that_do_not_follow_from_events(segments: Segments, tmp_path: Path) -> None:
    deep = "who: {segment: vips}\ntests: [{as_of: 2026-03-01, users: {ann: }, out: [ann]}]\n"
    definitions = {"on_list": "list: {file: vip.csv}\n", "vips": READS_A_LIST, "deep": deep}
    folder = write_definitions(tmp_path / "rules", definitions)
    (folder / "vip.csv").write_text("Type,Identity\n")
    result = segments("test", "--segments", folder)
    assert result.stdout == "3 tests of 2 segments, 2 failed\n"
    by_way_of, direct = result.stderr.splitlines()
    assert "it reads on_list, a segment of kind list, whose members do not follow from events" in direct
    assert direct.endswith("say who they are under segments: {on_list: [...]}")
    assert "it reads on_list by way of vips" in by_way_of
    assert by_way_of.endswith("{vips: [...]}")


def test_what_is_said_of_a_segment_counts_wherever_it_is_read(segments: Segments, tmp_path: Path) -> None:
    both = """who: [{segment: gold}, {segment: golden_too}]
tests:
  - {as_of: 2026-03-01, users: {ann: {tier: basic}, bob: {tier: gold}}, segments: {gold: [ann]}, in: [ann], out: [bob]}
"""
    definitions = {
        "gold": "who: {attribute: tier, equals: gold}\n", "golden_too": "who: {segment: gold}\n", "both": both
    }  # fmt: skip
    result = segments("test", "--segments", write_definitions(tmp_path / "rules", definitions))
    assert (result.exit_code, result.stderr) == (0, "")


def test_people_of_one_test_are_strangers_to_another(segments: Segments, tmp_path: Path) -> None:
    # rfm ranks all who did the event against each other: with zoe of the first test, ann would not be on top
    test = "{{as_of: 2026-03-01, users: {{{0}: }}, events: [[{0}, buy, {1}]], in: [{0}]}}"
    tests = ", ".join([test.format("zoe", "2026-02-20"), test.format("ann", "2026-02-01")])
    rule = "who: {rfm: {event: buy, within: 60 days, segment: champions}}\n"
    folder = write_definitions(tmp_path / "rules", {"best": f"{rule}tests: [{tests}]\n"})
    result = segments("test", "--segments", folder)
    assert (result.exit_code, result.stdout) == (0, "2 tests of 1 segment, 0 failed\n")


def test_paused_and_built_in_segments_are_computed_like_any(segments: Segments, tmp_path: Path) -> None:
    text = """paused: true
who: {segment: engaged_users}
tests:
  - as_of: 2026-03-01
    users: {ann: {}, bob: {}}
    events:
      - [ann, app_open, 2026-02-25]
      - [ann, app_open, 2026-02-26]
      - [ann, app_open, 2026-02-27]
      - [ann, app_open, 2026-02-28]
      - [bob, app_open, 2026-02-28]
    in: [ann]
    out: [bob]
"""
    folder = write_definitions(tmp_path / "rules", {"engaged": text})
    assert segments("test", "--segments", folder).exit_code == 0


def test_whoever_qualified_for_a_live_segment_on_that_day_is_in(segments: Segments, tmp_path: Path) -> None:
    text = """live: {did: add_to_cart, then_not: purchase, within: 10 minutes, who: {tag: vip}}
tests:
  - as_of: 2026-03-02
    users: {ann: {tags: [vip]}, bob: {tags: [vip]}, cem: {tags: [vip]}, dora: {tags: []}, eve: }
    events:
      - [ann, add_to_cart, 2026-03-01T10:00:00Z]
      - [ann, purchase, 2026-03-01T10:10:01Z]
      - [bob, add_to_cart, 2026-03-01T10:00:00Z]
      - [bob, purchase, 2026-03-01T10:10:00Z]
      - [cem, add_to_cart, 2026-02-28T10:00:00Z]
      - [dora, add_to_cart, 2026-03-01T10:00:00Z]
    in: [ann]
    out: [bob, cem, dora, eve]
"""
    result = segments("test", "--segments", write_definitions(tmp_path / "rules", {"left": text}))
    assert (result.exit_code, result.stderr) == (0, "")


def test_rows_of_a_stranger_are_warned_about(segments: Segments, tmp_path: Path) -> None:
    text = "who: {did: a}\ntests: [{as_of: 2026-03-01, users: {ann: }, events: [[anna, a, 2026-02-01]], out: [ann]}]\n"
    folder = write_definitions(tmp_path / "rules", {"case": text})
    result = segments("test", "--segments", folder)
    assert result.exit_code == 0
    assert result.stderr.startswith(f"{folder}/case.yml:3: warning: found 'anna', who is none of the test's users")
    assert result.stderr.endswith("did you mean 'ann'?\n")
