"""Gates of a workspace over two runs: what they judge by is read from what runs left, and exports obey.

After the first run, events and an audience are old, and few of that audience and of a list are known. Before the
second, users vanish, a file breaks, and another is edited.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.exports.request import Request
from orchestration.exports.write import write_export
from orchestration.gates.facts import Events, Facts, read_facts
from orchestration.gates.judge import judge_segment
from orchestration.gates.results import GateClosed, Result
from orchestration.published import NothingPublished
from orchestration.warehouse import connect
from segmentation.language.export_fields import fields_of
from tests.cli.conftest import call, data
from tests.identity.test_connector_segments import pull, rows
from tests.orchestration.workspace import Workspace, a_user, an_event

pytestmark = pytest.mark.long

PEOPLE = [
    {**a_user(f"u{number:02}", tier="gold", most=number < 29), "external_id": f"E{number}"} for number in range(30)
]
FIRST_DAY = datetime(2025, 12, 15, 9, tzinfo=UTC)
VISITS = [an_event("u00", "visit", f"{FIRST_DAY + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}") for day in range(29)]
AT = datetime(2026, 1, 20, tzinfo=UTC)
RECORDED = """
insert into state.segment_size_log
select run_no, segment_no, as_of, day - past::integer, 100, 0, 0, 0, 0, 0, 0
from state.segment_size_log join state.segment_names using (segment_no), unnest(range(1, 11)) as days(past)
where segment in ('everyone', 'edited') and run_no = 1
"""


def facts(workspace: Workspace, segment: str) -> Facts:
    with connect(workspace.settings.warehouse) as connection:
        return read_facts(connection, workspace.settings, segment)


def results(workspace: Workspace, *segments: str, at: datetime | None = None) -> dict[str, dict[str, Result]]:
    with connect(workspace.settings.warehouse) as connection:
        return {
            name: {one.gate: one for one in judge_segment(connection, workspace.settings, name, at)}
            for name in segments
        }


def closed(found: dict[str, Result]) -> dict[str, str]:
    return {gate: one.said for gate, one in found.items() if one.state == "closed"}


def request(workspace: Workspace, segment: str) -> Request:
    return Request(segment, workspace.root / "out", fields_of(["user_id"]))


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, dict[str, Any]]:
    """The workspace, and what was found after its first run."""
    workspace = Workspace(tmp_path_factory.mktemp("gates"))
    workspace.land("users", *PEOPLE)
    workspace.land("events", *VISITS, an_event("u00", "visit", "2026-03-01T00:00:00Z"))
    workspace.land("audiences", pull("1", "PN_lapsed", "2026-01-10", 40))
    ids = [*(f"E{number}" for number in range(10)), *(f"X{number}" for number in range(30))]
    workspace.land("audience_members", *rows("1", "2026-01-10", *ids))
    lists = workspace.settings.segments / "lists"
    lists.mkdir()
    lines = [f"i,E{number}" for number in (1, 1, 2)] + [f"i,Y{number}" for number in range(19)]
    (lists / "press.csv").write_text("\n".join(["Type,Identity", *lines, ""]), encoding="utf-8")
    gold = "[{attribute: tier, equals: gold}]"
    workspace.define(
        everyone=gold,
        most="[{attribute: most, equals: true}]",
        seen="[{did: visit}]",
        lapsed="connector: {mixpanel: {cohort: PN_lapsed}}",
        press="list: {file: lists/press.csv}",
        both="[{segment: lapsed}, {segment: everyone}]",
        chain="[{segment: both}]\nexclude: [press]",
        edited=gold,
        frozen=gold,
        over_frozen="[{segment: frozen}]",
    )
    workspace.run("2026-01-15")
    return workspace, {
        "results": results(workspace, "everyone", "seen", "lapsed", "press", "both", "chain"),
        "events": facts(workspace, "seen").events,
        "everyone": facts(workspace, "everyone"),
    }


@pytest.fixture(scope="module")
def second(first: tuple[Workspace, dict[str, Any]]) -> Workspace:
    workspace, _ = first
    for name in ("everyone", "most"):
        write_export(workspace.settings, request(workspace, name), AT)
    workspace.land("users", *PEOPLE[:9])
    workspace.define(
        seen="[{did: visti, at_lest: 1}]",
        again="[{segment: seen}]",
        over_again="[{segment: again}]",
        edited="[{attribute: tier, in: [gold, silver]}]",
        frozen="paused: true\nwho: [{attribute: tier, equals: gold}]",
    )
    workspace.run("2026-01-16")
    with connect(workspace.settings.warehouse) as connection:
        connection.execute(RECORDED)  # ten days more, as the first run would have left them
    return workspace


AUDIENCE = "the audience was fetched at 2026-01-10T02:00:00Z, expected 2026-01-12T00:00:00Z or later"
MATCHED = "10 of 40 users that Mixpanel reports were found (25.0%, expected 50% or more)"
LISTED = "2 of 21 identities on it were found (9.5%, expected 50% or more)"
UNIVERSE = "9 users have landed, expected 10 or more: the last recorded day had 30"


def test_old_inputs_and_poor_matches_close_what_rests_on_them(first: tuple[Workspace, dict[str, Any]]):
    assert {name: closed(one) for name, one in first[1]["results"].items()} == {
        "everyone": {},  # asks for no events
        "seen": {
            "freshness": "the newest event is of 2026-01-12T09:00:00Z, and there were events on 28 of the 28 days"
            " before; expected one of 2026-01-13T00:00:00Z or later"
        },
        "lapsed": {"freshness": AUDIENCE, "match_rate": MATCHED},
        "press": {"match_rate": LISTED},
        "both": {
            "freshness": f"lapsed, which it reads: {AUDIENCE}",
            "match_rate": f"lapsed, which it reads: {MATCHED}",
        },
        "chain": {
            "freshness": f"lapsed, which it reads: {AUDIENCE}",
            "match_rate": f"press, which it reads: {LISTED}",
        },
    }


def test_events_are_told_as_of_the_moment_of_the_members(first: tuple[Workspace, dict[str, Any]]):
    newest = datetime(2026, 1, 12, 9, tzinfo=UTC)  # and not the one of March
    assert first[1]["events"] == Events(newest, 28, timedelta(days=1, minutes=15))


@pytest.mark.parametrize(
    ("segment", "told"),
    [
        ("everyone", {"size_band": "9 users, expected 70 to 130: the median of 11 recorded days is 100"}),
        ("edited", {}),  # its history is that of another rule
        ("frozen", {}),
        ("over_frozen", {}),
    ],
)
def test_what_became_of_the_day_after(second: Workspace, segment: str, told: dict[str, str]):
    assert closed(results(second, segment)[segment]) == {**told, "universe": UNIVERSE}


def test_a_segment_is_compared_with_days_of_its_own_definition(second: Workspace):
    assert facts(second, "everyone").sizes == [*[100] * 10, 30]  # and not the day that is judged
    assert facts(second, "edited").sizes == []


def test_what_reads_a_broken_segment_names_it(second: Workspace):
    found = results(second, "seen", "again", "over_again")
    assert found["seen"]["upstream"].said.startswith(
        f"it is failed ({second.settings.segments}/seen.yml:2: found unknown"
    )
    reads = "it is stale (reads segment seen, whose last recalculation failed: its last good members were used)"
    assert found["again"]["upstream"].said == f"{reads}; and 1 more"
    assert found["over_again"]["upstream"].said == f"{reads}; and 2 more"


def test_by_hand_the_wall_clock_closes_nothing_and_by_the_clock_it_does(second: Workspace):
    late = results(second, "everyone", "frozen", at=AT)
    said = "members are of 16 Jan 2026 00:00, but `daily` promises 19 Jan 2026 00:00 or later"
    assert (late["everyone"]["freshness"].said, late["frozen"]["freshness"].state) == (said, "unknown")


def test_a_file_that_would_take_back_too_many_is_not_written_and_the_one_before_stays(second: Workspace):
    out = {file: file.read_bytes() for file in (second.root / "out").iterdir()}
    told = "21 of 30 people who are out there would be taken back (70.0%), expected 20 or fewer"
    with pytest.raises(GateClosed) as raised:
        write_export(second.settings, request(second, "everyone"), AT)
    assert closed({one.gate: one for one in raised.value.results})["removals"] == told
    with pytest.raises(GateClosed) as raised:  # twenty of twenty-nine
        write_export(second.settings, request(second, "most"), AT)
    (removals,) = [one for one in raised.value.results if one.gate == "removals"]
    assert (removals.state, removals.numbers) == ("open", {"removed_allowed": 20, "removed": 20, "before": 29})
    assert {file: file.read_bytes() for file in (second.root / "out").iterdir()} == out
    assert second.rows("select count(*) from segments.exports where as_of > '2026-01-15'") == [(0,)]


def test_a_delta_is_held_to_the_same_cap(second: Workspace):
    with pytest.raises(GateClosed, match=r"removals: 21 of 30 people who are out there would be taken back \(70.0%\)"):
        write_export(second.settings, replace(request(second, "everyone"), delta=True), AT)


@pytest.fixture
def here(second: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEGMENTS_HOME", str(second.settings.home))
    monkeypatch.chdir(second.root)
    return second.root


def test_the_command_tells_what_the_gates_say(here: Path):
    result = call("gates", "edited")
    assert (result.exit_code, result.stderr) == (
        0,
        "removals are asked for where members go to, against what is out there\n",
    )
    assert "closed: universe; an override needs a name and a reason" in result.stdout
    told = data(call("gates", "edited", "--at", "2026-01-20", "--json"))
    assert (told["closed"], told["at"]) == (["freshness", "universe"], "2026-01-20T00:00:00Z")
    result = call("gates", "edit")
    assert (result.exit_code, result.stderr) == (1, "there is no segment 'edit'; did you mean 'edited'?\n")


def test_an_export_obeys_until_somebody_overrides_it_once(here: Path, second: Workspace):
    result = call("export", "edited", "--into", "by_hand")
    assert (result.exit_code, result.stdout, (here / "by_hand").exists()) == (1, "", False)
    assert result.stderr == (
        f"edited stays where it is, with what was sent before: universe: {UNIVERSE};"
        " an override needs a name and a reason\n"
    )
    result = call("export", "edited", "--into", "by_hand", "--override", "we moved house", "--by", "ada@example.com")
    assert result.exit_code == 0
    assert f"universe: {UNIVERSE}; opened by ada@example.com: we moved house" in result.stderr
    manifest = json.loads((here / result.stdout.splitlines()[1]).read_text(encoding="utf-8"))
    (kept,) = second.rows("select gate_results from segments.exports where path like '%/by_hand/%'")
    assert json.loads(kept[0]) == manifest["gate_results"]
    opened = [one for one in manifest["gate_results"] if one["state"] == "overridden"]
    assert [(one["gate"], one["by"], one["reason"]) for one in opened] == [
        ("universe", "ada@example.com", "we moved house")
    ]
    assert call("export", "edited", "--into", "by_hand").exit_code == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--by", "ada"), "--by says who overrides, and there is no --override"),
        (("--override", " "), "an override needs a name and a reason"),
    ],
)
def test_an_override_by_nobody_or_for_nothing_is_wrong_usage(here: Path, words: tuple[str, ...], sentence: str):
    result = call("export", "edited", *words)
    assert (result.exit_code, sentence in result.stderr) == (2, True)


def test_a_workspace_without_a_run_has_nothing_to_judge(tmp_path: Path):
    workspace = Workspace(tmp_path)
    with connect(workspace.settings.warehouse) as connection, pytest.raises(NothingPublished):
        read_facts(connection, workspace.settings, "gold")
