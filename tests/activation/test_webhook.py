"""Webhooks as activations, after real runs: what is told, what keeps them from telling, and what is recorded of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.clock import ManualClock
from connectors.errors import BadAnswer, Gone, NotConfigured, VendorBusy
from connectors.standin import StandIn, StandInReceiver
from orchestration.activation.named import activations_of
from orchestration.activation.run import activate
from orchestration.activation.wish import Outcome, Wish
from orchestration.gates.results import Override
from orchestration.segment_folder import segments_of
from orchestration.settings import Settings
from orchestration.warehouse import connect
from tests.orchestration.workspace import Workspace, a_user, an_event

pytestmark = pytest.mark.long

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NIGHT = datetime(2026, 1, 15, tzinfo=UTC)


@dataclass
class Here:
    """A copy of the workspace, and a receiver of its own; `said` is what was told on the way."""

    workspace: Workspace
    receiver: StandInReceiver
    environ: dict[str, str]
    settings: Settings
    said: list[str]

    def deliver(self, segment: str = "gold", **wish: Any) -> Outcome:
        (activation,) = activations_of(segments_of(self.settings).definitions[segment])
        clock = ManualClock(NIGHT + timedelta(hours=33))
        asked = {"send": True, "doing": self.said.append, **wish}
        return activate(self.settings, activation, Wish(clock.now(), "ada", **asked), self.environ, clock=clock)

    @property
    def heard(self) -> list[str]:
        return [f"{one['change']} {one['user_id']} {one['external_id']} {one['cause']}" for one in self.receiver.events]

    def recorded(self) -> list[tuple[Any, ...]]:
        return self.workspace.rows(
            "select segment, ending, dry_run, run_no, members, added, removed, held_back, calls from raw.activations"
            " order by activation_no"
        )


RULE = """who: [{{attribute: {}, equals: {}}}]
activate: [{{to: webhook, url_env: JOURNEY_HOOK_URL, when: on_change}}]
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Receivers listen since the first run. By the second, people changed, one rule did, and a segment is new."""
    workspace = Workspace(tmp_path_factory.mktemp("webhook"))
    workspace.land("events", an_event("ada", "visit", "2026-01-10T00:00:00Z"))
    land(workspace, gold=("ada", "bea", "cem"), crowd=200)
    workspace.define(
        gold=RULE.format("tier", "gold"), edited=RULE.format("tier", "gold"), crowd=RULE.format("team", "crowd")
    )
    workspace.run("2026-01-15")
    with listening(workspace) as here:
        for segment in ("gold", "edited", "crowd"):
            assert here.deliver(segment).ending == "nothing"
    land(workspace, gold=("bea", "cem", "dan"), crowd=150)
    workspace.define(edited=RULE.format("tier", "basic"), fresh=RULE.format("tier", "gold"))
    workspace.run("2026-01-16")
    return workspace


def land(workspace: Workspace, gold: tuple[str, ...], crowd: int) -> None:
    people = [a_user(one, tier="gold" if one in gold else "basic") for one in ("ada", "bea", "cem", "dan")]
    others = [a_user(f"u{number:03}", team="crowd" if number < crowd else "none") for number in range(200)]
    workspace.land("users", *({**one, "external_id": f"crm-{one['user_id']}"} for one in (*people, *others)))


@contextmanager
def listening(workspace: Workspace) -> Iterator[Here]:
    receiver = StandInReceiver(SECRET, clock=ManualClock(NIGHT + timedelta(hours=33)))
    with StandIn([receiver]) as server:
        environ = {
            "JOURNEY_HOOK_URL": f"{server.url}/hook", "JOURNEY_HOOK_SECRET": SECRET, "SEGMENTS_SEND": "meta,webhook",
        }  # fmt: skip
        yield Here(workspace, receiver, environ, workspace.settings, [])


@pytest.fixture
def here(built: Workspace, tmp_path: Path) -> Iterator[Here]:
    """A copy, so that each test starts after the second run."""
    for folder in ("segments", "home/sent"):
        shutil.copytree(built.root / folder, tmp_path / folder)
    shutil.copy(built.settings.warehouse, tmp_path / "home")
    with listening(Workspace(tmp_path)) as found:
        yield found


def test_what_people_did_is_told_and_what_an_edit_did_is_not(here: Here):
    done = here.deliver()
    assert (done.ending, done.said) == ("sent", "told JOURNEY_HOOK_URL of 1 who entered and 1 who left in 1 batch")
    assert here.heard == ["entered dan crm-dan data", "left ada crm-ada data"]
    assert here.deliver().said == "nothing to tell JOURNEY_HOOK_URL since the run of 2026-01-16T00:00:00Z"
    passed = here.deliver("edited")
    assert (passed.ending, passed.counts["held_back"]) == ("nothing", 2)
    assert passed.said.endswith("; 2 changes of other causes are held back")
    begun = here.deliver("fresh")
    assert begun.said == "JOURNEY_HOOK_URL is told of what changes after the run of 2026-01-16T00:00:00Z"
    assert len(here.receiver.posts) == 1
    assert here.recorded()[-4:] == [
        ("gold", "sent", False, 2, 3, 1, 1, 0, 1),
        ("gold", "nothing", False, 2, 3, 0, 0, 0, 0),
        ("edited", "nothing", False, 2, 1, 0, 0, 2, 0),
        ("fresh", "nothing", False, 2, 3, 0, 0, 0, 0),
    ]


def test_what_an_edit_did_is_told_where_somebody_asks(here: Here):
    done = here.deliver("edited", causes=("definition",))
    assert here.heard == ["left bea crm-bea definition", "left cem crm-cem definition"]  # ada is in by either rule
    assert done.counts["held_back"] == 0


def test_a_dry_run_tells_nobody_and_leaves_everything_as_it_was(here: Here):
    before = {file.name: file.read_bytes() for file in (here.settings.home / "sent").iterdir()}
    del here.environ["JOURNEY_HOOK_SECRET"]
    done = here.deliver(send=False)
    assert (done.ending, done.counts["added"], done.counts["removed"]) == ("dry_run", 1, 1)
    assert done.said == (
        "would tell JOURNEY_HOOK_URL of 1 who entered and 1 who left, as nobody asked for more than a dry run"
    )
    assert here.deliver("fresh", send=False).said == (
        "JOURNEY_HOOK_URL is told of what changes after the run of 2026-01-16T00:00:00Z, if it was sent; it was not, as"
        " nobody asked for more than a dry run"
    )
    with pytest.raises(NotConfigured, match="the environment variable JOURNEY_HOOK_SECRET is missing"):
        here.deliver()
    here.environ["SEGMENTS_SEND"] = "meta"
    assert here.deliver().said.endswith("as SEGMENTS_SEND does not name webhook")
    assert here.receiver.posts == []
    after = {file.name: file.read_bytes() for file in (here.settings.home / "sent").iterdir()}
    assert {name: after[name] for name in before} == before
    assert [one for one in after if one.startswith("fresh") and one.endswith("duckdb")] == []


def test_a_closed_gate_keeps_everything_until_somebody_with_a_name_opens_it(here: Here):
    closed = here.deliver("crowd")
    assert closed.ending == "closed"
    too_many = "50 of 200 people who are out there would be taken back (25.0%), expected 30 or fewer"
    assert f"removals: {too_many}" in closed.said
    assert here.deliver("crowd", send=False).said.endswith("; it would not be sent, as gates are closed: removals")
    here.settings = replace(here.settings, activation=replace(here.settings.activation, most_per_run=49))
    closed = here.deliver("crowd")
    assert "most_per_run: 50 changes would be sent at once, expected 49 or fewer" in closed.said
    assert here.receiver.posts == []
    opened = here.deliver("crowd", override=Override("ada", "the team was split"))
    assert (opened.ending, opened.counts["removed"]) == ("sent", 50)
    assert {one.gate for one in opened.gates if one.state == "overridden"} == {"removals", "most_per_run"}
    assert here.recorded()[-1] == ("crowd", "sent", False, 2, 150, 0, 50, 0, 1)


def test_what_happened_long_ago_is_not_told_by_itself(here: Here):
    for table, moment in (("raw.runs", "as_of"), ("state.segment_changes_log", "as_of")):
        here.workspace.rows(f"update {table} set {moment} = {moment} - interval 8 days where run_no < 3")
    here.workspace.rows(
        "insert into raw.runs by name select * replace (3 as run_no, as_of + interval 8 days as as_of)"
        " from raw.runs where run_no = 2"
    )
    file = here.settings.home / "sent/gold.webhook_JOURNEY_HOOK_URL.duckdb"
    with connect(file) as connection:
        connection.execute("update streams set as_of = as_of - interval 8 days")
    closed = here.deliver()
    assert closed.ending == "closed"
    assert "backlog: changes since 2026-01-08T00:00:00Z would be told, 8 days ago, expected 7 or fewer" in closed.said
    opened = here.deliver(override=Override("ada", "the receiver was away"))
    assert (opened.ending, len(here.heard)) == ("sent", 2)


def test_a_file_that_is_gone_is_told_before_anything_is_lost(here: Here):
    here.deliver()
    (here.settings.home / "sent/gold.webhook_JOURNEY_HOOK_URL.duckdb").unlink()
    with pytest.raises(ValueError, match=r"gold: the file of what JOURNEY_HOOK_URL was told is gone from .*/sent: put"):
        here.deliver()
    assert here.deliver(replace=True).ending == "nothing"


def test_a_delivery_that_failed_is_recorded_and_goes_on_with_the_same_batch(here: Here):
    here.receiver.faults.fail_at, here.receiver.faults.after_applying = 1, True
    with pytest.raises(VendorBusy, match="delivery to JOURNEY_HOOK_URL: no connection"):
        here.deliver()
    assert here.recorded()[-1] == ("gold", "failed", False, 2, 3, 0, 0, 0, 0)
    assert here.said[:2] == [
        "delivering batch 1 of 1", "webhook, delivery to JOURNEY_HOOK_URL: no connection; asking again (in 5 s)"
    ]  # fmt: skip
    here.receiver.faults.fail_at = None
    assert here.deliver(send=False).counts["added"] == 1
    done = here.deliver()
    assert (done.ending, done.counts["added"], done.counts["calls"]) == ("sent", 1, 1)
    assert here.heard == ["entered dan crm-dan data", "left ada crm-ada data"]
    assert len(set(zip(here.receiver.posts, here.receiver.bodies, strict=True))) == 1


def test_a_receiver_that_is_gone_is_left_alone_until_it_has_another_address(here: Here):
    here.receiver.faults.status = 410
    for _ in range(2):
        with pytest.raises(Gone, match=r"gone for good; nothing more is sent until JOURNEY_HOOK_URL holds another"):
            here.deliver()
        here.receiver.faults.status = None
    assert here.receiver.posts == []
    here.environ["JOURNEY_HOOK_URL"] += "?moved=1"
    assert here.deliver().ending == "sent"
    assert here.heard == ["entered dan crm-dan data", "left ada crm-ada data"]


def test_whoever_starts_anew_may_tell_of_all_members(here: Here):
    here.receiver.faults.status = 422
    with pytest.raises(BadAnswer, match="refused"):
        here.deliver()
    here.receiver.faults.status = None
    done = here.deliver(replace=True, causes=("initial",))
    assert done.said == (
        "told JOURNEY_HOOK_URL of 3 who entered and 0 who left in 1 batch; 2 changes that it was not told of yet were"
        " dropped"
    )
    assert here.receiver.people == {"bea", "cem", "dan"}
    with pytest.raises(ValueError, match="gold: what JOURNEY_HOOK_URL was told cannot be taken back from here"):
        here.deliver(withdraw=True)
