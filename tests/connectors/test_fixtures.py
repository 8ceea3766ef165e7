"""The clients against payloads that the vendors and other projects wrote, where they lie beside the checkout."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.accounts import netmera_account
from connectors.amplitude.export import moment
from connectors.destinations import Action
from connectors.netmera_messages import NetmeraMessages, PushMessage
from connectors.netmera_tags import NetmeraTag
from connectors.standin.server import Reply, Request, StandIn, as_json
from tests.connectors.world import ALL, World

FIXTURES = Path(__file__).parents[3] / "shared" / "fixtures"
pytestmark = pytest.mark.skipif(not FIXTURES.is_dir(), reason="the vendors' payloads do not lie in ../shared/fixtures")


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


class Canned:
    """Answers some paths with given replies, before the stand-ins do."""

    def __init__(self, **replies: Reply) -> None:
        self.replies = replies

    def answer(self, request: Request, server: StandIn) -> Reply | None:
        return next((reply for verb, reply in self.replies.items() if request.path.endswith(f"/{verb}")), None)


def can(here: World, **replies: Reply) -> None:
    here.server._vendors = [Canned(**replies), *here.server._vendors]


@pytest.mark.parametrize(
    ("cohorts", "engage", "ids"),
    [
        ("mixpanel-docs/cohorts_list_200.json", "mixpanel-docs/engage_200.json", ["4"]),
        (
            "airbyte-source-mixpanel/cohorts_response.json",
            "airbyte-source-mixpanel/engage_response.json",
            ["9d35cd7f-3f06-4549-91bf-198ee58bb58a", "cd9d357f-3f06-4549-91bf-158bb598ee8a"],
        ),
    ],
)
def test_documented_cohorts_of_mixpanel(here: World, cohorts: str, engage: str, ids: list[str]) -> None:
    can(here, list=as_json(fixture(cohorts)), engage=as_json(fixture(engage)))
    report = here.pull("mixpanel", "audiences")
    assert report.failures == []
    assert len(report.remarks) == 2  # the lists speak of 150 and 25 members
    assert [row["connector_user_id"] for row in here.rows("audience_members/mixpanel-1000")] == ids
    assert here.rows("audiences/mixpanel-2000")[0]["name"] == "Cohort Two"


def test_documented_events_of_mixpanel(here: World) -> None:
    lines = (FIXTURES / "mixpanel-docs/export_200.jsonl").read_bytes()
    seen = json.dumps(fixture("airbyte-source-mixpanel/export_event.json")).encode()
    can(here, export=Reply(200, lines.rstrip() + b"\n" + seen))
    assert here.pull("mixpanel", "events").failures == []
    first, _, last = here.rows("events/mixpanel-2026-01-14")
    assert (first["event"], first["source_user_id"]) == ("Signed up", None)
    assert first["ts"] == datetime(2020, 10, 13, 17, 48, 31, tzinfo=UTC)
    assert (last["source_user_id"], last["platform"]) == ("1d694fd9-31a5-4b99-9eef-ae63112063ed", "web")


@pytest.mark.parametrize("error", range(7))
def test_errors_of_mixpanel_seen_in_the_wild_are_told_and_end_the_pull(here: World, error: int) -> None:
    seen = fixture("airbyte-source-mixpanel/errors.json")[error]
    body = seen.get("body_contains") or seen.get("body_text")
    reply = Reply(seen["status"], body.encode()) if body else as_json(seen["body"], seen["status"])
    can(here, list=reply, export=reply)
    what = "events" if seen["status"] == 200 or "export" in seen["endpoint"] else "audiences"
    (told,) = here.told("mixpanel", what)
    assert told.startswith("mixpanel, ")
    assert here.files() == {}
    assert (here.clock.slept != []) == (seen["status"] == 429)


def test_a_documented_cohort_of_amplitude_with_a_recorded_file(here: World) -> None:
    steps = fixture("amplitude-docs/cohort_request_and_status.json")
    recorded = (FIXTURES / "amplitude-cohort-file/cohort_file_small.csv").read_bytes()
    done = as_json(steps["status_200_done"])
    can(
        here, cohorts=as_json(fixture("amplitude-docs/cohorts_list_200.json")), file=Reply(200, recorded),
        id_12345=as_json(steps["request_202"], 202), **{"%3Crequest_id%3E": done},
    )  # fmt: skip
    assert here.pull("amplitude", "audiences", choice=ALL).failures == []
    assert [row["connector_user_id"] for row in here.rows("audience_members/amplitude-id_12345")] == ["", ""]
    (audience,) = here.rows("audiences/amplitude-id_12345")
    assert (audience["reported_users"], audience["description"]) == (111, "test description")


def test_windows_are_halved_as_others_halve_them(here: World) -> None:
    given = fixture("airbyte-source-amplitude/window_split_cases.json")
    day = date(2024, 1, 1)
    here.amplitude.events = {}
    for case in given["cases"]:
        refused = case.get("reject") or case["reject_chain_to_floor"]
        status = case["with"][0]
        if status in (403, 404):
            continue  # tests of their own
        for one in case["with"]:
            here.amplitude.faults.too_much_status = one
            here.amplitude.faults.refused_windows = tuple("-".join(window) for window in refused)
            here.amplitude.calls.clear()
            failures = here.pull("amplitude", "events", since=day, until=day).failures
            assert bool(failures) == ("reject_chain_to_floor" in case)
            read = len(case.get("then_read", ())) + len(case.get("half_404", ())) // 2
            assert len(here.amplitude.calls) == len(refused) + read
    for pair in given["datetime_cases"]:
        found = moment(pair["in"])
        assert found == (datetime.fromisoformat(pair["out"]) if pair["out"] else None)


def test_documented_answers_of_netmera(here: World) -> None:
    answers = fixture("netmera-docs/responses.json")
    last = {**answers["getPushResult"], "nextPage": None}
    can(
        here, getSegments=as_json(answers["getSegments"]), getSegmentUsers=as_json(answers["getSegmentUsers"]),
        getProfileAttributes=as_json(answers["getProfileAttributes"]), getDevices=as_json(answers["getDevices"]),
        getPushStats=as_json(answers["getPushStats_by_range"]), getPushResult=as_json(last),
    )  # fmt: skip
    for what in ("audiences", "users", "messages"):
        assert here.pull("netmera", what).failures == []
    (user,) = here.rows("users/netmera")
    assert (user["user_id"], user["msisdn"]) == ("user_123", "+905312345678")
    assert json.loads(user["attributes"]) == answers["getProfileAttributes"]["profile"]
    assert here.rows("audiences/netmera-5883")[0]["reported_users"] == 16572
    assert [row["user_id"] for row in here.rows("message_events/netmera-749")] == [
        "B4A92950-B0FD-43E6-B312-C3EE088890BD"
    ]
    assert here.rows("messages/netmera-748")[0]["status"] == "sent"


def test_what_is_sent_to_netmera_looks_as_its_documentation_shows_it(here: World) -> None:
    documented = fixture("netmera-docs/requests.json")
    account, came = netmera_account(here.environ), []
    answer = here.netmera.written.answer

    def noting(verb: str, request: Request) -> Reply | None:
        came.append((verb, request.body))
        return answer(verb, request)

    here.netmera.written.answer = noting  # type: ignore[method-assign]
    here.netmera.users = {"id1": {}, "id2": {}}
    tag = NetmeraTag(account, "Sport", here.clock)
    directions: tuple[Action, ...] = ("add", "remove")
    for action in directions:
        with tag.sending(action, 2, 1) as tagging:
            tagging.send([("id1",), ("id2",)])
    given = documented["sendBulkNotification_tag"]["message"]
    NetmeraMessages(account, here.clock).send(PushMessage(given["title"], given["text"]), "Sport", "r1")
    (tagged, untagged, (verb, sent)) = came
    assert tagged == ("tagUsers", documented["tagUsers"])
    assert untagged == ("untagUsers", documented["untagUsers"])
    assert (verb, sent["target"]) == ("sendBulkNotification", documented["sendBulkNotification_tag"]["target"])
    assert {word: sent["message"][word] for word in given} == given


def test_every_documented_error_of_netmera_is_told(here: World) -> None:
    for error in fixture("netmera-docs/error_codes.json")["errors"]:
        vendors = here.server._vendors
        can(here, getSegments=as_json({"error": error["message"], "code": error["code"]}, error["http_status"]))
        (told,) = here.told("netmera", "users")
        assert f"(HTTP {error['http_status']})" in told
        here.server._vendors = vendors
