"""Lists from upload to upload: who is on them, what became of every row, and files that are no good.

The tests of a class build on each other's workspace in the order of the file.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from orchestration import recalculation
from orchestration.assets.moments import RunMoment
from orchestration.assets.segments import metadata, read_numbers
from orchestration.dbt_runner import DbtFailed
from orchestration.decisions import Decision
from tests.orchestration.workspace import Workspace, an_event

USERS = (
    {"user_id": "ann", "external_id": "007", "email": "Ann@Example.com", "attributes": {"tier": "gold"}},
    {"user_id": "bob", "external_id": "7", "msisdn": "+90 532 123-4567"},
    {"user_id": "cem", "email": "twins@example.com"},
    {"user_id": "dan", "email": " TWINS@example.com", "external_id": None},
    {"user_id": "Eve", "external_id": "shared"},
    {"user_id": "eve", "external_id": "shared", "email": "shared"},
    {"user_id": "fay", "external_id": "ann", "email": "fay@example.com"},
)
VIP = """\ufeffidentity,TYPE
ann,g
007,i
ann@example.COM,i
+905321234567,i
7,i
twins@example.com,i
shared,i
EVE,g
stranger@example.com,i
stranger@example.com,i
ann,x
,i
"""


def upload(workspace: Workspace, name: str, content: str | bytes) -> Path:
    file = workspace.settings.segments / "lists" / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def begin(root: Path) -> Workspace:
    workspace = Workspace(root)
    workspace.land("users", *USERS)
    workspace.land("events", an_event("bob", "purchase", "2026-01-01T10:00:00Z"),
                   an_event("ghost", "purchase", "2026-01-01T10:00:00Z"))  # fmt: skip
    return workspace


def outcomes(workspace: Workspace, segment: str) -> list[tuple[object, ...]]:
    return workspace.rows(
        "select upload_no, line, outcome, strategy, user_id from segments.list_rows"
        f" where segment = '{segment}' order by upload_no, line"
    )


def totals(workspace: Workspace, segment: str) -> list[tuple[object, ...]]:
    return workspace.rows(
        "select state, rows, matched, duplicates, not_found, ambiguous, bad from segments.list_uploads"
        f" where segment = '{segment}' order by upload_no"
    )


class TestReplace:
    @pytest.fixture(scope="class")
    def workspace(self, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
        workspace = begin(tmp_path_factory.mktemp("replace"))
        workspace.define(
            vip="list: {file: lists/vip.csv}\n",
            buyers_on_it="[{segment: vip}, {did: purchase}]",
            others="[{not: {segment: vip}}]",
            without="list: {file: lists/vip.csv}\nexclude: [buyers_on_it]\n",
            gold_only="list: {file: lists/vip.csv}\ninclude: [gold]\n",
            gold="[{attribute: tier, equals: gold}]",
        )
        upload(workspace, "vip.csv", VIP)
        workspace.run("2026-01-02")
        return workspace

    def test_every_row_has_an_outcome(self, workspace: Workspace):
        number = workspace.rows("select upload_no from segments.list_uploads where segment = 'vip'")[0][0]
        assert outcomes(workspace, "vip") == [
            (number, 2, "matched", "user_id", "ann"),
            (number, 3, "duplicate", "external_id", "ann"),  # the same person by another identity counts once
            (number, 4, "duplicate", "email", "ann"),
            (number, 5, "matched", "msisdn", "bob"),
            (number, 6, "duplicate", "external_id", "bob"),  # 7 is not 007
            (number, 7, "ambiguous", "email", None),
            (number, 8, "ambiguous", "external_id", None),  # an e-mail does not settle whose external id it is
            (number, 9, "not_found", None, None),  # ids have case
            (number, 10, "not_found", None, None),
            (number, 11, "duplicate", None, None),
            (number, 12, "bad_type", None, None),
            (number, 13, "no_identity", None, None),
        ]
        assert totals(workspace, "vip") == [("current", 12, 2, 4, 2, 2, 2)]

    def test_its_page_in_dagster_shows_the_counts_of_the_last_upload(self, workspace: Workspace):
        now = RunMoment(date(2026, 1, 1), workspace.moment("2026-01-02"), is_past=False, is_finished=True)
        (numbers,) = read_numbers(workspace.settings, ["vip", "gold"], [now])
        counts = {name: value.value for name, value in metadata(numbers["vip"]).items() if name.startswith("upload_")}
        assert counts == {
            "upload_rows": 12, "upload_matched": 2, "upload_duplicates": 4, "upload_not_found": 2,
            "upload_ambiguous": 2, "upload_bad": 2,
        }  # fmt: skip
        assert not any(name.startswith("upload_") for name in metadata(numbers["gold"]))

    def test_a_list_is_read_by_rules_and_joined_with_other_segments(self, workspace: Workspace):
        assert workspace.members() == {
            "vip": "ann bob", "buyers_on_it": "bob", "others": "Eve cem dan eve fay", "without": "ann", "gold": "ann",
            "gold_only": "ann",
        }  # fmt: skip
        assert set(workspace.statuses().values()) == {"ready"}

    def test_nobody_is_created_and_who_comes_later_is_found_later(self, workspace: Workspace):
        workspace.land("users", *USERS, {"user_id": "new", "email": "Stranger@Example.com"})
        workspace.run("2026-01-03")
        assert workspace.members()["vip"] == "ann bob new"
        assert totals(workspace, "vip") == [("current", 12, 3, 4, 1, 2, 2)]
        assert workspace.changes("2026-01-03") == [
            ("vip", "entered", "data", "new"), ("without", "entered", "data", "new"),
        ]  # fmt: skip

    def test_an_upload_replaces_the_list_and_its_rows_go_while_their_totals_stay(self, workspace: Workspace):
        upload(workspace, "vip.csv", "Type,Identity\ng,cem\ni,7\n")
        workspace.run("2026-01-04")
        assert workspace.members()["vip"] == "bob cem"
        assert totals(workspace, "vip") == [("replaced", 12, 3, 4, 1, 2, 2), ("current", 2, 2, 0, 0, 0, 0)]
        assert [row[1:3] for row in outcomes(workspace, "vip")] == [(2, "matched"), (3, "matched")]

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("Type,Identity\nx,ann\ny,bob\ng,dan\n", "lists/vip.csv:2: found 2 bad rows of 3, expected at most half"),
            ("", "lists/vip.csv: found no identifiers, expected at least one"),
            (b"Type,Identity\ng,\xff\n", "lists/vip.csv:2: found bytes that are not UTF-8"),
            (
                None,
                "found no file 'lists/vip.csv', expected a path relative to the segment file; did you mean 'vp.csv'?",
            ),
        ],
    )
    def test_a_file_that_is_no_good_fails_its_segments_alone_and_the_last_good_list_stays(
        self, workspace: Workspace, content: str | bytes | None, reason: str
    ):
        before = workspace.members()
        if content is None:
            (workspace.settings.segments / "lists/vip.csv").rename(workspace.settings.segments / "lists/vp.csv")
        else:
            upload(workspace, "vip.csv", content)
        workspace.land("users", *USERS, {"user_id": "gus", "attributes": {"tier": "gold"}})
        prepared = workspace.run("2026-01-05", only=["vip", "gold"])
        assert prepared.failures["vip"].startswith(reason)
        assert workspace.reason("vip").startswith(reason)
        assert workspace.statuses()["vip"] == "failed"
        assert workspace.statuses()["buyers_on_it"] == "stale"
        after = workspace.members()
        assert after["vip"] == before["vip"] == "bob cem"
        assert after["gold"] == "ann gus"

    def test_a_refused_file_is_in_the_ledger_and_was_read_once(self, workspace: Workspace):
        told = workspace.rows(
            "select state, reason, rows, bad from segments.list_uploads where segment = 'vip' and state = 'refused'"
            " order by upload_no"
        )
        assert [(state, rows, bad) for state, _, rows, bad in told] == [
            ("refused", 3, 2), ("refused", 0, 0), ("refused", 0, 0)
        ]  # fmt: skip
        workspace.run("2026-01-06")
        assert len(totals(workspace, "vip")) == 5

    def test_the_old_file_put_back_makes_the_list_whole_again(self, workspace: Workspace):
        upload(workspace, "vip.csv", VIP)
        workspace.run("2026-01-07")
        assert workspace.statuses()["vip"] == "ready"
        assert workspace.members()["vip"] == "ann bob"


class TestAdd:
    @pytest.fixture(scope="class")
    def workspace(self, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
        workspace = begin(tmp_path_factory.mktemp("add"))
        workspace.define(guests="list: {file: lists/guests.txt, on_upload: add}\n")
        upload(workspace, "guests.txt", "007\r\n\r\nghost\r\n")
        workspace.run("2026-01-02")
        assert workspace.members() == {"guests": "ann"}  # an event of somebody unknown makes no user
        return workspace

    def test_an_upload_adds_to_the_list(self, workspace: Workspace):
        upload(workspace, "guests.txt", "+905321234567\nfay@example.com\nAnn@example.com\n")
        workspace.run("2026-01-03")
        assert workspace.members() == {"guests": "ann bob fay"}
        assert totals(workspace, "guests") == [("current", 2, 1, 0, 1, 0, 0), ("current", 3, 2, 1, 0, 0, 0)]

    def test_a_file_that_was_only_touched_or_moved_is_no_upload(self, workspace: Workspace):
        file = workspace.settings.segments / "lists/guests.txt"
        file.write_bytes(file.read_bytes())
        file.rename(file.with_name("moved.txt"))
        workspace.define(guests="list: {file: lists/moved.txt, on_upload: add}\n")
        workspace.run("2026-01-04")
        assert workspace.members() == {"guests": "ann bob fay"}
        assert len(totals(workspace, "guests")) == 2

    @pytest.mark.parametrize("step", ["a model", "the publishing"])
    def test_an_upload_of_a_run_that_dies_changes_nothing(
        self, workspace: Workspace, step: str, monkeypatch: pytest.MonkeyPatch
    ):
        before = workspace.public(*workspace.public(), "list_uploads", "list_rows")
        upload(workspace, "moved.txt", f"cem\nEve {step}\n")  # another file each time: neither is ever on the list

        def dies(*_: object, **__: object) -> None:
            raise DbtFailed("killed")

        if step == "a model":
            whole = recalculation.dbt
            monkeypatch.setattr(recalculation, "dbt", lambda settings, command, **more: dies(
                whole(settings, "run", ["+list_counts", "+segment_stays"])))  # fmt: skip
        else:
            monkeypatch.setattr(recalculation, "publish", dies)
        with pytest.raises(DbtFailed, match="killed"):
            workspace.run("2026-01-05")
        assert workspace.public(*workspace.public(), "list_uploads", "list_rows") == before

    def test_the_next_run_reads_the_file_as_it_is_then(self, workspace: Workspace):
        upload(workspace, "moved.txt", "g,dan\n")
        upload(workspace, "moved.txt", "Type,Identity\ng,dan\n")
        workspace.run("2026-01-06")
        assert workspace.members() == {"guests": "ann bob dan fay"}
        assert [row[0] for row in totals(workspace, "guests")] == ["current"] * 3

    def test_a_past_day_sees_the_file_as_it_is_and_shows_no_upload(self, workspace: Workspace):
        public = ("segments", "segment_members", "segment_changes", "list_uploads", "list_rows")
        before = workspace.public(*public)
        upload(workspace, "moved.txt", "Type,Identity\ng,Eve\n")
        workspace.reconstruct("2025-12-30", "2025-12-31")
        assert workspace.public(*public) == before
        days = workspace.days("guests")
        assert (days["2025-12-30"], days["2025-12-31"]) == ((5, 0, 0), (5, 0, 0))

    def test_from_add_to_replace_the_file_at_hand_is_the_list(self, workspace: Workspace):
        workspace.define(guests="list: {file: lists/moved.txt, on_upload: replace}\n")
        workspace.run("2026-01-07")
        assert workspace.members() == {"guests": "Eve"}
        assert [row[0] for row in totals(workspace, "guests")] == ["replaced"] * 3 + ["current"]
        assert {cause for *_, cause, _ in workspace.changes("2026-01-07")} == {"definition"}


class TestAtRest:
    """What runs decide, without building any model: nobody is asked who is on the list."""

    @pytest.fixture(scope="class")
    def workspace(self, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
        workspace = begin(tmp_path_factory.mktemp("rest"))
        workspace.land("messages", {"message_id": "m", "title": "m", "channel": "push", "status": "sent",
                                     "created_at": "2026-01-01T00:00:00Z"})  # fmt: skip
        workspace.define(vip="list: {file: lists/vip.csv}\ninclude: [gold]\n", gold="[{attribute: tier, equals: gold}]")
        upload(workspace, "vip.csv", "ann\n")
        assert self.decided(workspace, "2026-01-01").outcome == "computed"
        return workspace

    @staticmethod
    def decided(workspace: Workspace, as_of: str, *, dies: bool = False, segment: str = "vip") -> Decision:
        prepared = recalculation.prepare(workspace.settings, workspace.moment(as_of))
        if not dies:
            recalculation.publish(workspace.settings, prepared, staged=False)
        return next(one for one in prepared.decisions if one.segment == segment)

    def test_a_list_that_nobody_used_rests_with_what_it_reads(self, workspace: Workspace):
        told = self.decided(workspace, "2026-04-15")
        assert told.outcome == "idle"
        assert "nobody edited, refreshed or uploaded it (last on 2026-01-01)" in str(told.reason)
        assert self.decided(workspace, "2026-04-15", segment="gold").outcome == "idle"

    def test_neither_a_file_that_was_touched_nor_one_that_is_gone_is_an_upload(self, workspace: Workspace):
        file = upload(workspace, "vip.csv", "ann\n")
        assert self.decided(workspace, "2026-04-16").outcome == "idle"
        file.rename(file.with_name("away.csv"))
        told = self.decided(workspace, "2026-04-17")
        assert (told.outcome, str(told.reason).endswith("any of these brings it back")) == ("idle", True)

    def test_a_refused_upload_wakes_nothing_and_is_said_in_every_run(self, workspace: Workspace):
        upload(workspace, "vip.csv", "bob\n")
        assert self.decided(workspace, "2026-04-18", dies=True).outcome == "computed"
        upload(workspace, "vip.csv", "Type,Identity\nx,ann\n")  # in place of the upload that nobody has seen
        for day in ("2026-04-18", "2026-04-19"):
            told = self.decided(workspace, day)
            assert told.outcome == "idle"
            assert "; lists/vip.csv:2: found 1 bad rows of 1, expected at most half" in str(told.reason)
            assert told.memory.touched_at == workspace.moment("2026-01-01")

    def test_a_good_upload_wakes_it_and_what_it_reads(self, workspace: Workspace):
        upload(workspace, "vip.csv", "bob\n")
        told = self.decided(workspace, "2026-04-20")
        assert (told.outcome, told.reason) == ("computed", None)
        assert told.memory.touched_at == workspace.moment("2026-04-20")
        assert self.decided(workspace, "2026-04-21", segment="gold").outcome == "computed"

    def test_an_upload_to_a_list_in_use_is_use_as_well(self, workspace: Workspace):
        upload(workspace, "vip.csv", "bob\nann\n")
        assert self.decided(workspace, "2026-06-20").memory.touched_at == workspace.moment("2026-06-20")
        assert self.decided(workspace, "2026-09-18").outcome == "computed"
        assert self.decided(workspace, "2026-09-19").outcome == "idle"
