"""A person who is erased leaves no trace in any file, and nobody else notices: not their members, not the next run."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from orchestration.erasure.beside import holds
from orchestration.erasure.person import Person
from orchestration.exports.workplace import one_at_a_time
from orchestration.history.verification import verify
from tests.cli.conftest import call, data
from tests.history import erasure_place as place
from tests.history.erasure_place import EMAIL, NAMESAKE, PERSON, TRACES, everything
from tests.orchestration.workspace import Workspace

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return place.build(tmp_path_factory.mktemp("erasure") / "workspace")


@pytest.fixture(scope="module")
def erased(built: Workspace, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, dict[str, Any]]:
    """The workspace after the command, with what it said and what was there before."""
    before = state_of(built)
    with pytest.MonkeyPatch.context() as patch:
        enter(patch, built)
        dry = call("erase", PERSON, "--json")
        assert state_of(built) == before
        assert not (built.settings.home / "erasures.jsonl").exists()
        done = call("erase", PERSON, "--yes", "--reference", "case 12", "--who", "dpo", "--json")
    assert (dry.exit_code, done.exit_code) == (0, 0), dry.output + done.output
    return built, {"dry": data(dry), "done": data(done), "before": before}


def enter(patch: pytest.MonkeyPatch, workspace: Workspace) -> None:
    patch.chdir(workspace.root)
    patch.setenv("SEGMENTS_HOME", str(workspace.settings.home))
    patch.setenv("SEGMENTS_LANDING", workspace.settings.landing)
    patch.setenv("SEGMENTS_TIMEZONE", "UTC")


def state_of(workspace: Workspace) -> dict[str, Any]:
    """Members, and the content of every file that people write."""
    files = [file for root in ("landing", "segments") for file in (workspace.root / root).rglob("*") if file.is_file()]
    return {"members": all_members(workspace), "files": {str(file): file.read_bytes() for file in files}}


def all_members(workspace: Workspace) -> dict[str, list[str]]:
    rows = workspace.rows(
        "select segment, list(user_id order by user_id) from segments.segment_members group by segment"
    )
    return dict(rows)


def without_her(members: dict[str, list[str]]) -> dict[str, list[str]]:
    kept = {name: [one for one in who if one != PERSON] for name, who in members.items()}
    return {name: who for name, who in kept.items() if who}


def traces(*roots: Path) -> set[tuple[str, str]]:
    """Traces and where; the namesake's own ids are none."""
    found = set()
    for file, text in everything(*roots):
        for trace in TRACES:
            if re.search(rf"(?<![\w.]){re.escape(trace)}(?!\d)", text, re.IGNORECASE):
                found.add((file.name, trace))
    return found


def test_no_file_holds_any_of_it(erased: tuple[Workspace, dict[str, Any]]):
    workspace, _ = erased
    assert traces(workspace.root) == set()


def test_the_search_would_have_found_it(tmp_path: Path):
    place.write(tmp_path / "a.parquet", [{"user_id": PERSON}])
    place.write(tmp_path / "b.csv.gz", [{"user_id": EMAIL}])
    place.write(tmp_path / "c.jsonl", [{"user_id": NAMESAKE}])
    assert traces(tmp_path) == {("a.parquet", PERSON), ("b.csv.gz", EMAIL)}


def test_everything_is_said_before_and_after(erased: tuple[Workspace, dict[str, Any]]):
    _, told = erased
    dry, done = told["dry"], told["done"]
    assert (dry["erased"], done["erased"]) == (False, True)
    assert dry["places"] == done["places"]
    rows = {name: tuple(found.values()) for name, found in done["places"].items() if not name.startswith("warehouse/")}
    assert rows == {
        "lists": (4, 2),
        "exports": (1, 1),
        "exports_sent": (1, 1),
        "sent": (2, 2),
        "webhooks": (2, 1),
        "requests and logs": (2, 2),
        "landing/audience_members": (2, 2),
        "landing/blacklist": (1, 1),
        "landing/consents": (1, 1),
        "landing/devices": (1, 1),
        "landing/events": (4, 3),
        "landing/message_events": (1, 1),
        "landing/users": (2, 1),
    }
    assert done["places"]["warehouse/state.segment_stays"]["rows"] > 5
    assert (done["left"], done["sent"]) == ([], ["abc.1"])
    assert done["activations"] == ["gold.meta_1", "gold.webhook_HOOK"]
    assert [Path(one).name for one in done["exports"]] == ["1_gold.csv"]


def test_the_log_has_who_and_how_much_and_nothing_that_tells_whom(erased: tuple[Workspace, dict[str, Any]]):
    workspace, told = erased
    line = json.loads((workspace.settings.home / "erasures.jsonl").read_text())
    assert (line["by"], line["reference"], line["purged"]) == ("dpo", "case 12", told["done"]["places"])
    assert set(line) == {"at", "by", "reference", "purged", "left"}


def test_what_was_sent_of_a_person_stays_known_until_it_is_taken_back(erased: tuple[Workspace, dict[str, Any]]):
    home = erased[0].settings.home / "sent"
    with place.connect(home / "gold.meta_1.duckdb") as ledger:
        rows = ledger.execute("select user_id, identity, state from sent order by identity").fetchall()
    assert rows == [(None, ["#0"], "in"), (NAMESAKE, ["#1"], "in")]
    with place.connect(home / "gold.webhook_HOOK.duckdb") as hook:
        assert hook.execute("select user_id from waiting").fetchall() == [("bea",)]
    assert not (home / "gold.meta_1.reading").exists()


def test_nobody_else_lost_a_byte(erased: tuple[Workspace, dict[str, Any]]):
    workspace, told = erased
    assert all_members(workspace) == without_her(told["before"]["members"])
    exports = workspace.settings.home / "exports"
    assert sorted(file.name for file in exports.iterdir()) == ["2_buyers.csv", "2_buyers.csv.manifest.json"]
    now = state_of(workspace)["files"]
    assert set(now) == set(told["before"]["files"])
    for name, before in told["before"]["files"].items():
        if name.endswith((".csv", ".jsonl", ".txt", ".yml")):
            hers = rf"(?i)(?<![\w.])({'|'.join(map(re.escape, TRACES))})(?!\d)".encode()
            left = [line for line in before.splitlines(True) if not re.search(hers, line)]
            assert now[name] == b"".join(left), name


def test_sizes_of_earlier_runs_are_those_of_the_others(erased: tuple[Workspace, dict[str, Any]]):
    workspace, _ = erased
    counted = workspace.rows(
        """
        select l.run_no, n.segment, l.users, l.test_users, count(s.person_no)
        from state.segment_size_log as l join state.segment_names as n using (segment_no)
        left join state.segment_stays as s on s.segment_no = l.segment_no and s.run_from <= l.run_no
            and coalesce(s.run_to > l.run_no, true)
        group by all
        """
    )
    assert len(counted) > 10
    assert [row for row in counted if row[2] != row[4] or row[3]] == []
    wrong = """
        with pairs as (
            select a.segment, b.segment as other, count(*) as both_users
            from segments.segment_members as a join segments.segment_members as b using (user_id) group by all
        )
        select segment, other from segments.segment_overlap as o left join pairs as p using (segment, other)
        where o.both <> p.both_users or o.users <> (select users from segments.segments where segment = o.segment)
        union all
        select segment, null from segments.segment_metrics as m join segments.segments as s using (segment)
        where m.users <> s.users
    """
    assert workspace.rows(wrong) == []
    assert workspace.rows("select sum(matched), sum(rows) from segments.list_uploads") == [(4, 4)]


def test_the_same_past_comes_out_again(erased: tuple[Workspace, dict[str, Any]]):
    workspace, _ = erased
    found = verify(workspace.settings, 2)
    assert (found.is_equal, found.changed_files, found.gone_files) == (True, (), ())
    assert len(found.erased_files) == 12
    assert [one.recorded for one in found.compared if one.segment == "press"] == [2]


def test_the_next_run_reads_nothing_again_and_finds_the_same_others(erased: tuple[Workspace, dict[str, Any]]):
    workspace, told = erased
    files = dict(workspace.rows("select url, file_no from raw.landing_files"))
    numbers = workspace.rows("select count(*), count(distinct fingerprint) from raw.landing_files")
    run = workspace.run("2026-03-03")
    assert run.failures == {}
    assert dict(workspace.rows("select url, file_no from raw.landing_files")) == files
    assert workspace.rows("select count(*), count(distinct fingerprint) from raw.landing_files") == numbers
    others = without_her(told["before"]["members"])
    assert all_members(workspace) == others
    assert workspace.statuses()["only_hers"] == "ready"
    assert traces(workspace.root) == set()


def test_somebody_unknown_and_a_remote_landing_area_are_refused_before_anything(
    erased: tuple[Workspace, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
):
    workspace, _ = erased
    enter(monkeypatch, workspace)
    before = state_of(workspace)
    again = call("erase", PERSON, "--yes")
    assert (again.exit_code, again.stderr) == (
        1, "nobody is known by the user_id given, neither in the landing area nor in the warehouse\n",
    )  # fmt: skip
    monkeypatch.setenv("SEGMENTS_LANDING", "s3://bucket/landing")
    remote = call("erase", "bea", "--yes")
    assert remote.exit_code == 1
    assert "is no folder of this machine" in remote.stderr
    monkeypatch.setenv("SEGMENTS_LANDING", workspace.settings.landing)
    assert call("erase", "x", "--by", "email", "--source", "mixpanel").exit_code == 2
    assert state_of(workspace) == before


# ---------------------------------------------------------------- without a whole workspace


@pytest.fixture
def landed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A landing area that no run has seen: ann, ann2, and two who share an e-mail and a phone."""
    workspace = Workspace(tmp_path)
    enter(monkeypatch, workspace)
    monkeypatch.chdir(workspace.settings.segments.parent)
    landing, at = tmp_path / "landing", "2026-03-01"
    place.write(landing / "users.csv", [
        {"user_id": "ann", "email": "ann@x.test", "msisdn": "+905550000009"}, {"user_id": "ann2", "external_id": "ann"},
        {"user_id": "dad", "email": "home@x.test"}, {"user_id": "mum", "email": " Home@x.test", "external_id": "m"},
    ])  # fmt: skip
    place.write(landing / "events.jsonl", [place.an_event(one, 1) for one in ("ann", "ann2", "dad", "mum")])
    place.write(landing / "audience_members.csv", [
        {"connector": "mixpanel", "audience_id": "1", "connector_user_id": id_, "email": email, "fetched_at": at}
        for id_, email in (("1", "home@x.test"), ("2", ""), ("m", ""), ("ann", ""), ("5", "Ann@X.test"))
    ])  # fmt: skip
    listed = "Type,Identity\ng,ann\ni,ann\ni,ann2\ng,ann2\ni,home@x.test\n"
    (workspace.settings.segments / "some.csv").write_text(listed)
    return workspace


def ids(file: Path, column: str = "user_id") -> str:
    read = "read_json" if file.suffix == ".jsonl" else "read_csv"
    rows = place.duckdb.sql(f"select {column}::varchar from {read}('{file}')").fetchall()
    return " ".join(one for (one,) in rows)


def test_a_namesake_keeps_everything(landed: Workspace):
    """`i,ann` in a list, and the id `ann` at Mixpanel, are external ids, which here is one of ann2."""
    assert call("erase", "ann", "--yes").exit_code == 0
    landing = landed.root / "landing"
    assert ids(landing / "users.csv") == "ann2 dad mum"
    assert ids(landing / "events.jsonl") == "ann2 dad mum"
    assert ids(landing / "audience_members.csv", "connector_user_id") == "1 2 m ann"
    assert (landed.root / "segments/some.csv").read_text() == "Type,Identity\ni,ann\ni,ann2\ng,ann2\ni,home@x.test\n"


def test_an_address_of_two_removes_nothing_by_itself(landed: Workspace):
    refused = call("erase", "HOME@x.test", "--by", "email", "--yes")
    assert (refused.exit_code, refused.stderr) == (1, "2 users have the email given: erase each by its user_id\n")
    assert call("erase", "m", "--by", "external_id", "--yes").exit_code == 0
    landing = landed.root / "landing"
    assert ids(landing / "users.csv") == "ann ann2 dad"
    assert ids(landing / "audience_members.csv", "connector_user_id") == "1 2 ann 5"
    assert "home@x.test" in (landed.root / "segments/some.csv").read_text()
    assert call("erase", "home@x.test", "--by", "email", "--yes").exit_code == 0, "now it is dad's alone"
    assert "home@x.test" not in (landed.root / "segments/some.csv").read_text()
    assert ids(landing / "audience_members.csv", "connector_user_id") == "2 ann 5"


def test_an_erasure_waits_for_an_export_whose_rows_are_in_no_table_yet(landed: Workspace):
    """Without that, the file would appear after the erasure, with the person in it."""
    home, file = landed.settings.home, landed.settings.home / "exports/1_all.csv"

    def erasing() -> int:
        return call("erase", "ann", "--yes").exit_code

    with ThreadPoolExecutor(1) as thread:
        with one_at_a_time(home) as workplace:
            (workplace / "rows.csv").write_text("user_id\nann\nann2\n")
            erasure = thread.submit(erasing)
            with pytest.raises(TimeoutError):
                erasure.result(timeout=1)
            file.parent.mkdir()
            (workplace / "rows.csv").rename(file)
        assert erasure.result() == 0
    assert not file.exists()


def test_somebody_is_erased_who_is_no_user(landed: Workspace):
    assert call("erase", "2", "--source", "amplitude", "--yes").exit_code == 1
    assert call("erase", "2", "--source", "mixpanel", "--yes").exit_code == 0
    assert ids(landed.root / "landing/audience_members.csv", "connector_user_id") == "1 m ann 5"
    assert ids(landed.root / "landing/users.csv") == "ann ann2 dad mum"


@pytest.mark.parametrize("dies_at", ["lists", "users", "warehouse"])
def test_an_erasure_that_died_is_completed_by_the_same_command(
    landed: Workspace, monkeypatch: pytest.MonkeyPatch, dies_at: str
):
    """By then the files that told the e-mail are gone; the note has it."""
    from orchestration.erasure import erase as module
    from orchestration.erasure import files

    def die(*_: object, **__: object) -> None:
        raise RuntimeError("out of power")

    put_in_place = files.put_in_place
    with monkeypatch.context() as patch:
        if dies_at == "warehouse":
            patch.setattr(module, "erase_rows", die)
        else:
            patch.setattr(files, "put_in_place", lambda draft, file: (
                die() if dies_at in ("lists", file.stem) else put_in_place(draft, file)
            ))  # fmt: skip
        assert call("erase", "ann", "--yes").exit_code == 1
    home = landed.settings.home
    assert (home / ".erasure.json").stat().st_mode & 0o777 == 0o600
    assert call("erase", "ann", "--yes").exit_code == 0
    assert not (home / ".erasure.json").exists()
    landing = landed.root / "landing"
    assert ids(landing / "users.csv") == "ann2 dad mum"
    assert ids(landing / "audience_members.csv", "connector_user_id") == "1 2 m ann"
    assert sorted(file.name for file in landing.iterdir()) == ["audience_members.csv", "events.jsonl", "users.csv"]
    assert len((home / "erasures.jsonl").read_text().splitlines()) == 1


def test_what_has_to_be_edited_by_hand_is_named(landed: Workspace):
    landed.define(hers="[{attribute: email, equals: ann@x.test}]", hers2="[{attribute: email, equals: ann@x.test2}]")
    result = call("erase", "ann", "--yes")
    assert result.exit_code == 0
    assert result.stderr == (
        f"{landed.settings.segments / 'hers.yml'} still names this person: look at it, and edit or remove it by hand\n"
    )


def test_a_file_of_any_kind_is_looked_into(tmp_path: Path):
    person = Person(frozenset({"ann"}), emails=frozenset({"ann@x.test"}))
    for name in ("a.parquet", "a.csv", "a.csv.gz", "a.jsonl"):
        place.write(tmp_path / name, [{"n": 1, "of": {"who": ["Ann@X.test"]}}])
        place.write(tmp_path / f"other.{name}", [{"n": 1, "of": {"who": ["ann2", "ann@x.test.tr"]}}])
        assert (holds(tmp_path / name, person), holds(tmp_path / f"other.{name}", person)) == (True, False)
    place.pq.write_table(place.pa.table({"who": [["ann"]], "at": [1]}), tmp_path / "nested.parquet")
    assert holds(tmp_path / "nested.parquet", person)
    (tmp_path / "torn.gz").write_bytes(b"of ann")
    assert holds(tmp_path / "torn.gz", person)
