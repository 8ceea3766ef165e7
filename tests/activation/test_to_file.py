"""Segments go to files: to a folder whoever asks, to a store where sending is allowed, and never the same twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import CredentialsRefused
from orchestration.activation.limits import Limits
from orchestration.activation.named import activations_of
from orchestration.activation.run import activate
from orchestration.activation.wish import Outcome, Wish
from orchestration.erasure.erase import look
from orchestration.exports.verify import verify
from orchestration.gates.results import Override
from segmentation.language.folder import load_folder
from tests.exports.files import read
from tests.exports.servers import SftpServer, sftp_server
from tests.orchestration.workspace import Workspace, a_user

pytestmark = pytest.mark.long

AT = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
GOLD = """who: [{attribute: tier, equals: gold}]
activate:
  - {to: file, path: out/, when: on_change}
  - {to: file, path: delta, fields: [user_id], delta: true, when: on_change}
  - {to: file, path: "SFTP/sent", format: parquet, fields: [user_id], when: daily}
"""


@pytest.fixture(scope="module")
def sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sftp_server(tmp_path_factory.mktemp("sftp")) as server:
        yield server


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, sftp: SftpServer) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("to_file"))
    workspace.land("events", {"user_id": "ada", "event": "visit", "ts": "2026-01-10T00:00:00Z"})
    land(workspace, "ada bea cem", "dan")
    workspace.define(gold=GOLD.replace("SFTP", sftp.url))
    workspace.run("2026-01-15")
    return workspace


def land(workspace: Workspace, gold: str, basic: str) -> None:
    workspace.land(
        "users",
        *(a_user(name, tier="gold") for name in gold.split()),
        *(a_user(name, tier="basic") for name in basic.split()),
    )


def send(shop: Workspace, place: int, environ: dict[str, str] | None = None, **wished: Any) -> Outcome:
    definition = load_folder(shop.settings.segments).definitions["gold"]
    settings = replace(shop.settings, activation=Limits(wished.pop("most", 500_000)))
    wish = Wish(AT, "ada@example.com", **wished)
    return activate(settings, activations_of(definition)[place], wish, environ or {})


def last(shop: Workspace) -> Any:
    (row,) = shop.rows(
        "select ending, said, dry_run, members, details from raw.activations order by activation_no desc limit 1"
    )
    return row


def test_a_folder_gets_its_file_without_leave_and_the_same_only_once(shop: Workspace):
    done = send(shop, 0)
    folder = shop.settings.home / "out"
    (file,) = folder.glob("*.csv")
    assert (done.ending, done.said) == ("sent", f"gold: 3 rows as of 2026-01-15T00:00:00Z in {file}")
    assert verify(shop.settings, file).differences == ()
    ending, said, dry_run, members, details = last(shop)
    assert (ending, said, dry_run, members) == ("sent", done.said, False, 3)
    told = json.loads(details)
    assert (told["rows"], told["blacklisted"], told["manifest"]) == (3, 0, f"{file}.manifest.json")
    assert json.loads(Path(told["manifest"]).read_text())["gate_results"] == [one.told() for one in done.gates]
    again = send(shop, 0)
    assert (again.ending, again.said) == ("nothing", f"gold: nothing is another than in what was exported to {folder}")
    assert sorted(one.name for one in folder.iterdir()) == [file.name, f"{file.name}.manifest.json"]
    for one in folder.iterdir():
        one.unlink()  # as somebody does who takes it away
    assert send(shop, 0).ending == "sent"


def test_a_store_gets_nothing_unless_somebody_asks_and_it_is_allowed(shop: Workspace, sftp: SftpServer):
    for environ, wished, why in (
        ({"SEGMENTS_SEND": "file"}, {}, "as nobody asked for more than a dry run"),
        ({"SEGMENTS_SEND": "meta"}, {"send": True}, "as SEGMENTS_SEND does not name file"),
    ):
        done = send(shop, 2, environ, **wished)  # and it needs no password to say so
        assert (done.ending, done.said) == (
            "dry_run", f"gold: 3 rows would go to {sftp.url}/sent; nothing was sent, {why}"
        )  # fmt: skip
    assert not (sftp.root / "exports/sent").exists()
    assert (shop.rows("select count(*) from raw.exports where path like 'sftp%'"), last(shop)[2]) == ([(0,)], True)
    environ = {**sftp.environ, "SEGMENTS_SEND": "file"}
    closed = send(shop, 2, environ, send=True, most=2)
    assert closed.ending == "closed"
    assert "most_per_run: 3 rows would be sent, and at most 2 are in one run" in closed.said
    with pytest.raises(CredentialsRefused):
        send(shop, 2, {**environ, "SEGMENTS_SFTP_PASSWORD": "wrong"}, send=True)
    assert (last(shop)[0], (sftp.root / "exports/sent").exists()) == ("failed", False)
    done = send(shop, 2, environ, send=True, most=2, override=Override("ada@example.com", "a big day"))
    assert (done.ending, done.gates[-1].state) == ("sent", "overridden")
    assert read(next((sftp.root / "exports/sent").glob("*.parquet"))) == [["user_id"], ["ada"], ["bea"], ["cem"]]
    assert send(shop, 2, environ, send=True).ending == "nothing"


def test_an_erasure_names_the_files_at_stores_that_have_the_person(shop: Workspace, sftp: SftpServer):
    send(shop, 2, {**sftp.environ, "SEGMENTS_SEND": "file"}, send=True)
    (file,) = (sftp.root / "exports/sent").glob("*.parquet")
    assert f"{sftp.url}/sent/{file.name}" in look(shop.settings, ["ada"]).sent
    assert look(shop.settings, ["dan"]).sent == []


def test_what_cannot_be_is_one_sentence_and_recorded(shop: Workspace):
    with pytest.raises(ValueError, match=r"^gold") as error:
        send(shop, 0, withdraw=True)
    assert str(error.value) == "gold: files are not taken back; remove them at out/"
    assert last(shop)[:2] == ("failed", str(error.value))


def test_a_delta_has_what_changed_since_whatever_was_sent_last(shop: Workspace):
    assert read(Path(files(send(shop, 1))[0]))[1:] == [["added", name] for name in ("ada", "bea", "cem")]
    assert send(shop, 1).ending == "nothing"
    land(shop, "ada bea dan eve", "cem")
    shop.run("2026-01-16")
    done = send(shop, 1)
    assert read(Path(files(done)[0]))[1:] == [["removed", "cem"], ["added", "dan"], ["added", "eve"]]
    assert (done.counts["added"], done.counts["removed"]) == (2, 1)
    assert done.said.startswith("gold: 3 changes as of 2026-01-16T00:00:00Z in ")
    whole = send(shop, 1, replace=True)
    assert read(Path(files(whole)[0]))[1:] == [[name] for name in ("ada", "bea", "dan", "eve")]
    assert send(shop, 1).ending == "nothing"  # the whole list is what the next delta goes on from


def files(done: Outcome) -> list[str]:
    return [file["path"] for file in done.details["files"]]
