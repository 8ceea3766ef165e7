"""Audiences that are pushed: pages in any order and any number of times, differences, restarts, and who may post."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.accounts import members_of
from connectors.clock import ManualClock
from connectors.errors import NotConfigured
from connectors.landing_writer import LandingFolder
from connectors.webhooks.held import Held, Superseded
from connectors.webhooks.messages import Unusable, amplitude_batch, mixpanel_page
from connectors.webhooks.service import Doors, doors, service
from tests.connectors.test_fixtures import FIXTURES
from tests.connectors.world import NOON, World, serving

MEMBERS = members_of("amplitude", {})


def page(action: str, session: str, number: int, of: int, *ids: str) -> dict[str, Any]:
    """What Mixpanel posts."""
    return {
        "action": action,
        "parameters": {
            "mixpanel_project_id": "77", "mixpanel_cohort_id": "41001", "mixpanel_cohort_name": "PN_lapsed_30d",
            "mixpanel_cohort_description": "", "mixpanel_session_id": session,
            "page_info": {"total_pages": of, "page_count": number},
            "members": [{"mixpanel_distinct_id": one, "email": f"{one}@example.org", "first_name": "E"} for one in ids],
        },
    }  # fmt: skip


def batch(message: str, entered: bool, computed: datetime, *ids: str | None) -> dict[str, Any]:
    """What Amplitude posts."""
    return {
        "cohort_name": "High intent", "cohort_id": "k3vq81m", "in_cohort": entered, "message_id": message,
        "computed_time": str(int(computed.timestamp())),
        "users": [{"user_id": one, "user_properties": {"country": "TR"}} if one else {} for one in ids],
    }  # fmt: skip


class Desk:
    """Takes messages in, and says who has landed."""

    def __init__(self, root: Path) -> None:
        self.root, self.now = root, NOON
        self.folder = LandingFolder(root / "landing")
        self.restart()

    def restart(self) -> None:
        self.held = Held(self.root / "webhooks.sqlite3", self.folder)

    def mixpanel(self, *posted: dict[str, Any]) -> list[bool]:
        return [self.held.page(mixpanel_page(one)) for one in posted]

    def amplitude(self, *posted: dict[str, Any]) -> list[bool]:
        return [self.held.batch(amplitude_batch(one, MEMBERS), self.now) for one in posted]

    def landed(self, name: str = "mixpanel-41001") -> list[str] | None:
        self.now += timedelta(minutes=1)
        self.held.land(self.now)
        return self.there(name)

    def there(self, name: str) -> list[str] | None:
        if self.folder.rows("audience_members", name) is None:
            return None
        ids: list[str] = (
            pq.read_table(self.folder.path("audience_members", name)).column("connector_user_id").to_pylist()
        )
        return ids


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_full_copy_takes_effect_with_its_last_page(desk: Desk) -> None:
    assert desk.mixpanel(page("members", "s1", 3, 3, "e"), page("members", "s1", 1, 3, "a", "b")) == [False, False]
    assert desk.landed() is None
    desk.restart()  # pages outlive the process
    assert desk.mixpanel(page("members", "s1", 1, 3, "a", "b"), page("members", "s1", 2, 3, "c", "d")) == [False, True]
    assert desk.landed() == ["a", "b", "c", "d", "e"]
    audience = desk.folder.first_row("audiences", "mixpanel-41001")
    assert audience is not None
    assert (audience["name"], audience["reported_users"]) == ("PN_lapsed_30d", 5)


def test_differences_add_and_remove_and_a_copy_replaces(desk: Desk) -> None:
    desk.mixpanel(page("members", "s1", 1, 1, "a", "b", "c"))
    desk.mixpanel(page("add_members", "s2", 1, 1, "d"), page("remove_members", "s2", 1, 1, "a", "unknown"))
    assert desk.landed() == ["b", "c", "d"]
    desk.mixpanel(page("add_members", "s3", 1, 1))  # empty pages do occur
    assert desk.landed() == ["b", "c", "d"]
    desk.mixpanel(page("members", "s4", 1, 1, "z"))
    assert desk.landed() == ["z"]
    desk.mixpanel(page("members", "s5", 1, 1))
    assert desk.landed() == []


def test_a_first_sync_may_come_as_an_addition(desk: Desk) -> None:
    desk.mixpanel(page("add_members", "s1", 1, 2, "a"), page("add_members", "s1", 2, 2, "b"))
    assert desk.landed() == ["a", "b"]


def test_a_session_that_was_left_half_done_is_over_when_a_newer_one_begins(desk: Desk) -> None:
    desk.mixpanel(page("members", "old", 1, 2, "x"))
    desk.mixpanel(page("members", "new", 1, 2, "a"))
    with pytest.raises(Superseded):
        desk.mixpanel(page("members", "old", 2, 2, "y"))
    assert desk.mixpanel(page("members", "new", 2, 2, "b")) == [True]
    assert desk.landed() == ["a", "b"]


def test_a_session_that_comes_again_changes_nothing(desk: Desk) -> None:
    first = [page("members", "s1", 1, 1, "a", "b")]
    change = [page("remove_members", "s2", 1, 1, "a")]
    desk.mixpanel(*first, *change)
    assert desk.mixpanel(*first, *change) == [False, False]
    assert desk.landed() == ["b"]


@settings(max_examples=20)
@given(st.data())
def test_pages_in_any_order_and_any_number_of_times_lead_to_the_same_members(data: st.DataObject) -> None:
    ids = st.lists(st.sampled_from("abcdefgh"), max_size=6)
    expected: set[str] = set()
    with tempfile.TemporaryDirectory() as root:
        desk = Desk(Path(root))
        for number in range(data.draw(st.integers(1, 4))):
            action = data.draw(st.sampled_from(["members", "add_members", "remove_members"]))
            parts = data.draw(st.lists(ids, min_size=1, max_size=3))
            pages = [page(action, f"s{number}", n + 1, len(parts), *part) for n, part in enumerate(parts)]
            again = data.draw(st.lists(st.sampled_from(pages), max_size=3))
            desk.mixpanel(*data.draw(st.permutations([*pages, *again])))
            those = {one for part in parts for one in part}
            expected = {"members": those, "add_members": expected | those, "remove_members": expected - those}[action]
        assert desk.landed() == sorted(expected)


def test_differences_alone_do_not_take_the_place_of_a_pull(here: World) -> None:
    here.pull("mixpanel", "audiences")
    desk = Desk(here.root)
    desk.mixpanel(page("add_members", "s7", 1, 1, "a"))
    (note,) = desk.held.land(NOON + timedelta(hours=1))
    assert note.reason is not None
    assert "1 members came as differences where a pull has landed 2,500" in note.reason
    assert desk.held.land(NOON + timedelta(hours=2)) == []  # it is said once
    assert len(desk.there("mixpanel-41001") or []) == 2500
    desk.mixpanel(page("members", "s8", 1, 1, "a"))
    assert desk.landed() == ["a"]


# ---- Amplitude


def test_users_enter_and_leave_once_per_message(desk: Desk) -> None:
    first, second = batch("m1", True, NOON, "a", "b", None), batch("m2", False, NOON, "a")
    assert desk.amplitude(first, second, first, second) == [True, True, False, False]
    assert desk.landed("amplitude-k3vq81m") == ["b"]
    audience = desk.folder.first_row("audiences", "amplitude-k3vq81m")
    assert audience is not None
    assert (audience["name"], audience["source_updated_at"]) == ("High intent", NOON)


def test_differences_go_onto_what_a_pull_has_landed(here: World) -> None:
    here.pull("amplitude", "audiences")
    desk = Desk(here.root)
    desk.amplitude(batch("m1", True, NOON, "z"), batch("m0", False, datetime(2024, 1, 1, tzinfo=UTC), "cust-90017"))
    assert desk.landed("amplitude-k3vq81m") == ["cust-90017", "z"]  # an older difference was in the pull already
    desk.amplitude(batch("m3", False, NOON, "cust-90017"))
    assert desk.landed("amplitude-k3vq81m") == ["z"]


def test_a_pull_in_between_is_taken_over_with_what_came_since_it_was_computed(here: World) -> None:
    desk = Desk(here.root)
    computed = datetime.fromtimestamp(1763690000, UTC)  # of the stand-in's cohort
    before, after = computed - timedelta(hours=1), computed + timedelta(hours=1)
    desk.amplitude(batch("m1", True, before, "gone_since"), batch("m2", True, after, "new"))
    assert desk.landed("amplitude-k3vq81m") == ["gone_since", "new"]
    here.clock.sleep(3600)
    here.pull("amplitude", "audiences")
    desk.amplitude(batch("m3", True, after, "newer"))
    assert desk.landed("amplitude-k3vq81m") == ["cust-90017", "new", "newer"]


# ---- the service


@pytest.fixture
def served(desk: Desk) -> Iterator[str]:
    """The address of the service in a thread, with doors for both vendors."""
    let_in = Doors(("mix", "p:w"), "shh")
    app = service(desk.held, let_in, MEMBERS, ManualClock(NOON), land_every=0.05, largest=2000)
    with serving(app) as address:
        yield address


BASIC = ("mix", "p:w")
SHOWN = {"X-Webhook-Secret": "shh"}


def test_a_page_is_answered_as_mixpanel_expects_and_lands(served: str, desk: Desk) -> None:
    answer = requests.post(f"{served}/mixpanel", json=page("members", "s1", 1, 1, "a"), auth=BASIC, timeout=5)
    assert (answer.status_code, answer.json()) == (200, {"action": "members", "status": "success"})
    answer = requests.post(f"{served}/amplitude", json=batch("m", True, NOON, "b"), headers=SHOWN, timeout=5)
    assert answer.status_code == 200
    for _ in range(200):
        if (found := (desk.there("mixpanel-41001"), desk.there("amplitude-k3vq81m"))) == (["a"], ["b"]):
            break
        time.sleep(0.02)
    assert found == (["a"], ["b"])


@pytest.mark.parametrize("auth", [None, ("mix", "wrong"), ("other", "p:w"), ("mix", ""), ("mix", "p:w\u00ff")])
def test_nobody_posts_without_the_credentials(served: str, auth: tuple[str, str] | None, desk: Desk) -> None:
    signed = tuple(part.encode() for part in auth) if auth else None
    answer = requests.post(f"{served}/mixpanel", json=page("members", "s1", 1, 1, "a"), auth=signed, timeout=5)  # type: ignore[arg-type]
    assert answer.status_code == 401
    assert answer.json()["status"] == "failure"
    headers = {"X-Webhook-Secret": auth[1].encode()} if auth else {}
    answer = requests.post(f"{served}/amplitude", json=batch("m", True, NOON, "b"), headers=headers, timeout=5)
    assert answer.status_code == 401
    assert desk.landed() is None


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_long_is_refused_however_its_length_is_told(served: str, chunked: bool) -> None:
    content = json.dumps(page("members", "s1", 1, 1, *(str(n) for n in range(100)))).encode()
    body: Any = (content[n : n + 100] for n in range(0, len(content), 100)) if chunked else content
    answer = requests.post(f"{served}/mixpanel", data=body, auth=BASIC, timeout=5)
    assert answer.status_code == 413
    assert requests.get(f"{served}/health", timeout=5).json() == {"status": "ok"}


def test_what_no_retry_mends_is_400_and_what_may_pass_is_503(served: str, desk: Desk) -> None:
    def status(found: Any) -> tuple[int, str]:
        answer = requests.post(f"{served}/mixpanel", data=found, auth=BASIC, timeout=5)
        return answer.status_code, answer.json()["error"]["message"]

    assert status("{") == (400, "the body is no JSON")
    assert status("[]") == (400, "the message has no action")
    assert status(json.dumps({**page("members", "s", 1, 1), "action": "delete_members"})) == (
        400, "action is none of members, add_members, remove_members",
    )  # fmt: skip
    assert status(json.dumps(page("members", "s", 3, 2))) == (400, "page_count is 3 of 2")
    desk.mixpanel(page("members", "old", 1, 2, "x"), page("members", "new", 1, 2, "a"))
    assert status(json.dumps(page("members", "old", 2, 2, "y")))[0] == 503
    desk.held._con.close()
    assert status(json.dumps(page("members", "new", 2, 2, "y"))) == (503, "the page could not be kept")


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, "set MIXPANEL_WEBHOOK_USERNAME and MIXPANEL_WEBHOOK_PASSWORD, or AMPLITUDE_WEBHOOK_SECRET"),
        ({"MIXPANEL_WEBHOOK_USERNAME": "a"}, "MIXPANEL_WEBHOOK_PASSWORD is missing"),
        ({"MIXPANEL_WEBHOOK_PASSWORD": "a"}, "MIXPANEL_WEBHOOK_USERNAME is missing"),
    ],
)
def test_a_service_without_doors_does_not_open(environ: dict[str, str], told: str) -> None:
    with pytest.raises(NotConfigured, match=told):
        doors(environ)


def test_doors_show_no_secret() -> None:
    shown = repr(
        doors({"AMPLITUDE_WEBHOOK_SECRET": "shh", "MIXPANEL_WEBHOOK_USERNAME": "a", "MIXPANEL_WEBHOOK_PASSWORD": "b"})
    )
    assert "shh" not in shown


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="the vendors' payloads do not lie in ../shared/fixtures")
def test_documented_messages_are_understood() -> None:
    posted = json.loads((FIXTURES / "mixpanel-docs/webhook_members_request.json").read_text())
    found = mixpanel_page(posted)
    assert (found.action, found.page, found.pages, len(found.members)) == ("members", 6, 10, 2)
    assert found.members[0].msisdn == "xxx-xxx-xxxxx"
    for name in ("cohort_webhook_user_ids", "cohort_webhook_user_properties"):
        understood = amplitude_batch(json.loads((FIXTURES / f"amplitude-docs/{name}.json").read_text()), MEMBERS)
        assert (understood.audience_id, understood.entered, len(understood.members)) == ("7khm89cz", True, 3)


def test_a_sentence_about_a_bad_message_names_nobody() -> None:
    bad = page("members", "s", 1, 1, "cust-90017")
    del bad["parameters"]["members"][0]["mixpanel_distinct_id"]
    with pytest.raises(Unusable) as raised:
        mixpanel_page(bad)
    assert str(raised.value) == "there is no mixpanel_distinct_id"
