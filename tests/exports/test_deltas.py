"""Exports over several runs: deltas, lists read again, segments that are not ready, and a process that dies."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from orchestration.exports.request import Request
from orchestration.exports.verify import verify
from orchestration.exports.write import Export, write_export
from orchestration.gates.results import GateClosed, Override
from segmentation.language.export_fields import fields_of
from tests.exports.files import read
from tests.orchestration.workspace import Workspace

pytestmark = pytest.mark.long

AT = datetime(2026, 1, 20, tzinfo=UTC)
BEFORE = {
    "ada": {"external_id": "1", "email": "ada@x.test", "attributes": {"tier": "gold", "points": 7}},
    "bea": {"external_id": "2", "email": "bea@x.test", "attributes": {"tier": "gold"}},
    "cem": {"external_id": "3", "email": "cem@x.test", "attributes": {"tier": "gold"}},
    "dan": {"external_id": "4", "email": "dan@x.test", "attributes": {"tier": "basic"}},
    "eve": {"external_id": "5", "email": "eve@x.test", "attributes": {"tier": "gold"}},
}
AFTER = {
    "ada": {"external_id": "1", "email": "ada@y.test", "attributes": {"tier": "gold", "points": 7.5}},  # moved
    "bea": {"external_id": "2", "email": "bea@y.test", "attributes": {"tier": "basic"}},  # moved, and left
    "cem": BEFORE["cem"],  # blacklisted
    "dan": {"external_id": "4", "email": "dan@x.test", "attributes": {"tier": "gold"}},  # entered
}  # eve is gone
FIELDS = ("external_id", "email")


def land(workspace: Workspace, people: dict[str, Any]) -> None:
    workspace.land("users", *({"user_id": name, **told} for name, told in people.items()))


def export(
    workspace: Workspace, segment: str, into: str, *fields: str, override: Override | None = None, **asked: Any
) -> Export:
    request = Request(segment, workspace.root / into, fields_of(fields or FIELDS), **asked)
    return write_export(workspace.settings, request, AT, override=override)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two runs; `full`, `delta` and `points` hold what was exported after the first, and lists were made of it."""
    workspace = Workspace(tmp_path_factory.mktemp("deltas"))
    land(workspace, BEFORE)
    workspace.land("events", {"user_id": "ada", "event": "visit", "ts": "2026-01-10T00:00:00Z"})
    gold = "[{attribute: tier, equals: gold}]"
    workspace.define(gold=gold, frozen=f"who: {gold}", broken=gold, gone=gold)
    workspace.run("2026-01-15")
    export(workspace, "gold", "full")
    export(workspace, "gold", "points", "attributes.points", format="parquet")
    first = export(workspace, "gold", "delta", delta=True)
    assert first.notes == (
        f"these fields were never exported to {workspace.root / 'delta'} before, so all rows are new",
    )
    assert [row[0] for row in read(first.files[0])[1:]] == ["added"] * 4
    lists = workspace.settings.segments / "lists"
    lists.mkdir()
    for field in ("user_id", "external_id", "email"):
        made = export(workspace, "gold", f"list_{field}", field, as_list=True)
        made.files[0].rename(lists / f"{field}.csv")
        workspace.define(**{f"by_{field}": f"list: {{file: lists/{field}.csv}}"})
    workspace.run("2026-01-15T12:00:00Z", only=["by_user_id", "by_external_id", "by_email"])
    land(workspace, AFTER)
    workspace.land("blacklist", {"user_id": "cem", "channel": "sms", "listed": True, "at": "2026-01-15T13:00:00Z"})
    workspace.define(frozen=f"paused: true\nwho: {gold}", broken="[{attribute: tier, equals: [gold]}]")
    workspace.undefine("gone")
    workspace.run("2026-01-16")
    return workspace


def test_an_export_is_read_again_as_a_list_of_the_same_members(shop: Workspace):
    rows = shop.rows(
        "select segment, string_agg(user_id, ' ' order by user_id) from segments.segment_membership"
        " where segment like 'by_%' and valid_from = '2026-01-15 12:00:00' group by segment order by segment"
    )
    assert rows == [(f"by_{field}", "ada bea cem eve") for field in ("email", "external_id", "user_id")]


@pytest.mark.parametrize("into", ["full", "delta"])
def test_a_delta_takes_back_what_was_sent_and_adds_what_is_new(shop: Workspace, into: str):
    done = export(shop, "gold", into, delta=True)
    assert read(done.files[0]) == [
        ["change", "external_id", "email"],
        ["removed", "1", "ada@x.test"],
        ["removed", "2", "bea@x.test"],  # as it was sent: nobody knows the new address there
        ["removed", "3", "cem@x.test"],
        ["removed", "5", "eve@x.test"],
        ["added", "1", "ada@y.test"],
        ["added", "4", "dan@x.test"],
    ]
    told = done.told
    assert (told["mode"], told["changes"]) == ("delta", {"added": 2, "removed": 4})
    assert told["since"]["as_of"] == "2026-01-15T00:00:00Z"
    assert (told["members"], told["dropped"]["blacklisted"]) == (3, 1)
    again = export(shop, "gold", into, delta=True)
    assert read(again.files[0]) == [["change", "external_id", "email"]]
    assert done.files[0].exists()  # the next delta of the same moment has another name
    assert verify(shop.settings, done.files[0]).differences == verify(shop.settings, again.files[0]).differences == ()


def test_numbers_that_became_fractions_are_fractions_in_a_delta(shop: Workspace):
    done = export(shop, "gold", "points", "attributes.points", format="parquet", delta=True)
    assert read(done.files[0])[1:] == [
        ["removed", 7.0], ["removed", None], ["removed", None], ["removed", None], ["added", 7.5], ["added", None],
    ]  # fmt: skip


def test_a_segment_that_is_not_ready_goes_out_as_of_its_last_calculation(shop: Workspace):
    override = Override("ada", "the rule is mended tomorrow")
    for name, told in (("frozen", "frozen is not_active:"), ("broken", "broken is failed (")):
        done = export(shop, name, name, override=override)
        (note,) = [note for note in done.notes if note.startswith(told)]
        assert note.endswith("these are its members as of 2026-01-15T00:00:00Z")
        opened = [(one["gate"], one["by"], one["reason"]) for one in done.told["gate_results"] if "by" in one]
        assert opened == ([("upstream", override.by, override.reason)] if name == "broken" else [])
        assert done.files[0].name.endswith(f"_{name}_20260115T000000Z.csv")
        assert (done.told["as_of"], done.told["profiles_as_of"]) == ("2026-01-15T00:00:00Z", "2026-01-16T00:00:00Z")
        # eve is a member as of then, and no user any more
        assert done.told["dropped"] == {"blacklisted": 1, "no_longer_a_user": 1}
        assert [row[0] for row in read(done.files[0])[1:]] == ["1", "2"]


def test_a_failed_segment_is_not_exported_and_what_was_exported_stays(shop: Workspace):
    first = export(shop, "broken", "kept", override=Override("ada", "once"))
    before = {file: file.read_bytes() for file in first.files[0].parent.iterdir()}
    with pytest.raises(GateClosed, match=r"^broken stays where it is, .*: upstream: it is failed \("):
        export(shop, "broken", "kept")  # an override is for one export
    assert {file: file.read_bytes() for file in first.files[0].parent.iterdir()} == before
    assert shop.rows("select count(*) from segments.exports where path like '%/kept/%'") == [(1,)]
    assert not (shop.settings.home / "exporting").exists()


def test_a_deleted_segment_has_nobody_to_export(shop: Workspace):
    with pytest.raises(ValueError, match=r"^segment gone is deleted: it has no members to export"):
        export(shop, "gone", "gone")


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_process_that_dies_leaves_nothing_under_a_name_of_an_export(shop: Workspace, form: str):
    into = shop.root / "dies" / form
    script = (
        "import os, signal, sys; from datetime import UTC, datetime; from pathlib import Path\n"
        "from orchestration.exports.request import Request; from orchestration.exports.write import write_export\n"
        "from tests.orchestration.workspace import Workspace\n"
        "def doing(what): what.startswith('writing') and os.kill(os.getpid(), signal.SIGKILL)\n"
        "settings = Workspace(Path(sys.argv[1])).settings\n"
        "request = Request('gold', Path(sys.argv[2]), format=sys.argv[3])\n"
        "write_export(settings, request, datetime(2026, 1, 20, tzinfo=UTC), doing=doing)\n"
    )
    died = subprocess.run([sys.executable, "-c", script, str(shop.root), str(into), form], check=False)
    assert died.returncode == -signal.SIGKILL
    left = list(into.iterdir())
    in_parts = (shop.settings.home / "exporting/parts").exists()
    assert (bool(left), in_parts) == ((True, False) if form == "csv" else (False, True))  # parts stay home
    assert all(file.name.startswith(".") for file in left)
    count = f"select count(*) from segments.exports where path like '%/dies/{form}/%'"
    assert shop.rows(count) == [(0,)]
    done = export(shop, "gold", f"dies/{form}", format=form)
    assert sorted(into.iterdir()) == sorted([*done.files, done.manifest])
    assert not (shop.settings.home / "exporting").exists()
    assert shop.rows(count) == [(1,)]
