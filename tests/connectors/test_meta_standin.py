"""The stand-in for Meta: what it refuses, and that it speaks as Meta was heard to speak."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.clock import ManualClock
from connectors.errors import quoted
from connectors.meta.api import refusal
from connectors.standin import StandIn, StandInMeta
from connectors.standin.meta_refusals import REFUSALS
from tests.connectors.meta_world import known, one
from tests.connectors.world import NOON

RESPONSES = Path(__file__).parents[3] / "shared" / "fixtures" / "meta-custom-audience" / "graph_responses.json"
SCHEMA = ["EXTERN_ID", "EMAIL", "PHONE"]


@dataclass
class Meta:
    """The stand-in and where it listens."""

    vendor: StandInMeta
    clock: ManualClock
    url: str

    def send(
        self, *people: Any, session: Any = None, method: str = "POST", edge: str = "users", **payload: Any
    ) -> tuple[int, Any]:
        """A request with one batch, as somebody might write it who knows nothing of our client."""
        body = {"payload": {"schema": SCHEMA, "data": [*people], **payload}}
        if session is not None:
            body["session"] = session
        answer = requests.request(
            method, f"{self.url}/v25.0/120331/{edge}", json=body, timeout=10,
            headers={"Authorization": f"Bearer {self.vendor.access_token}"},
        )  # fmt: skip
        found = answer.json()
        return answer.status_code, found.get("error", found)

    @property
    def people(self) -> set[frozenset[str]]:
        return self.vendor.audiences["120331"].people


@pytest.fixture
def meta() -> Iterator[Meta]:
    clock = ManualClock(NOON)
    vendor = StandInMeta(clock=clock)
    with StandIn([vendor]) as server:
        yield Meta(vendor, clock, server.url)


def batch(number: int, session: int = 7301, *, last: bool = False) -> dict[str, Any]:
    return {"session_id": session, "batch_seq": number, "last_batch_flag": last, "estimated_num_total": 9}


def test_what_came_is_counted_over_the_session(meta: Meta) -> None:
    plain = ["cust-5", "ece@example.org", ""]
    assert meta.send(one(1), one(2), session=batch(1)) == (
        200,
        {"audience_id": "120331", "session_id": "7301", "num_received": 2, "num_invalid_entries": 0,
         "invalid_entry_samples": {}},
    )  # fmt: skip
    _, told = meta.send(one(3), plain, session=batch(2, last=True))
    assert (told["num_received"], told["num_invalid_entries"]) == (4, 1)
    assert [json.loads(row) for row in told["invalid_entry_samples"].values()] == [plain]
    assert meta.people == known(one(1), one(2), one(3))
    _, told = meta.send(one(1), ["", "", one(3)[2]], method="DELETE")
    assert (told["num_received"], meta.people) == (2, known(one(2)))


@pytest.mark.parametrize(
    ("before", "session", "says"),
    [
        ([], batch(2), "The first batch of a session must have batch_seq 1"),
        ([], batch(0), "must have a positive session_id and a batch_seq from 1"),
        ([], batch(1, session=0), "must have a positive session_id"),
        ([], batch(1, session=2**63), "must have a positive session_id"),
        ([], "7301", "must have a positive session_id"),
        ([batch(1)], batch(3), "A batch_seq of the session is missing"),
        ([batch(1, last=True)], batch(2), "The session was closed by its last batch"),
        ([batch(1), 90 * 60], batch(2), "The session has expired"),
    ],
)
def test_a_session_goes_from_one_to_its_last_batch_within_90_minutes(
    meta: Meta, before: list[Any], session: Any, says: str
) -> None:
    for earlier in before:
        meta.clock.sleep(earlier) if isinstance(earlier, int) else meta.send(one(1), session=earlier)
    status, told = meta.send(one(2), session=session)
    assert (status, told["code"]) == (400, 100)
    assert says in told["message"]
    assert meta.people == (known(one(1)) if before else set())


@pytest.mark.parametrize(
    ("before", "session", "subcode"),
    [
        ([], batch(2), 1870147),
        ([batch(1)], batch(1, session=8), 1870145),
        ([batch(1)], batch(3), 1870148),
        ([batch(1, last=True)], batch(2), 1870159),
        ([batch(1), 90 * 60], batch(2), 1870158),
    ],
)
def test_a_replacement_has_refusals_of_its_own(meta: Meta, before: list[Any], session: Any, subcode: int) -> None:
    for earlier in before:
        if isinstance(earlier, int):
            meta.clock.sleep(earlier)
        else:
            assert meta.send(one(1), session=earlier, edge="usersreplace")[0] == 200
    status, told = meta.send(one(2), session=session, edge="usersreplace")
    assert (status, told["code"], told["error_subcode"]) == (400, 2650, subcode)


@pytest.mark.parametrize(
    ("request_of", "code"),
    [
        ({"data": [[*one(1)]] * 10_001}, 105),
        ({"data": []}, 100),
        ({"data": [["cust-1", one(1)[1]]]}, 100),
        ({"schema": ["EXTERN_ID", "EMAIL_ADDRESS", "PHONE"]}, 100),
        ({"schema": "EMAIL"}, 100),
    ],
)
def test_a_batch_has_at_most_ten_thousand_rows_with_a_cell_for_each_column(
    meta: Meta, request_of: dict[str, Any], code: int
) -> None:
    status, told = meta.send(one(1), session=batch(1), **request_of)
    assert (status, told["code"], meta.people) == (400, code, set())


def test_without_a_session_members_can_only_be_removed(meta: Meta) -> None:
    meta.vendor.audiences["120331"].people = known(one(1), one(2))
    assert meta.send(one(3))[0] == 400
    assert meta.send(one(1), method="DELETE")[0] == 200
    body = {"method": "delete", "payload": {"schema": SCHEMA, "data": [[*one(2)]]}}
    headers = {"Authorization": f"Bearer {meta.vendor.access_token}"}
    requests.post(f"{meta.url}/v25.0/120331/users", json=body, headers=headers, timeout=10)
    assert meta.people == set()


@pytest.mark.skipif(not RESPONSES.is_file(), reason="Meta's answers do not lie in ../shared/fixtures")
def test_every_refusal_that_was_recorded_is_one_of_the_stand_in_and_is_understood() -> None:
    recorded = json.loads(RESPONSES.read_text(encoding="utf-8"))
    ours = [(one.status, one.body.decode()) for one in REFUSALS.values() if isinstance(one.body, bytes)]
    spoken = {(status, json.loads(body)["error"]["message"]) for status, body in ours if body.startswith("{")}
    kinds = {}
    for case in recorded:
        body = case["body"]
        if case["status"] == 200:
            continue
        if isinstance(body, str):
            assert (case["status"], body) in ours
            continue
        if case["case"] != "accessTokenInvalidError-2":  # whose like is there
            assert (case["status"], body["error"]["message"]) in spoken
        kinds[case["case"]] = type(refusal(case["status"], body, "adding members", quoted)).__name__
    assert kinds == {
        "permissionMissingError": "NotAllowed", "audienceUnavailableError": "NotAllowed",
        "audienceDeletedError": "BadAnswer", "failedToUpdateAudienceError": "BadAnswer",
        "parameterExceededError": "WindowTooLarge", "tooManyCallsError": "VendorBusy",
        "code200PermissionError": "NotAllowed", "accessTokenInvalidError": "CredentialsRefused",
        "accessTokenInvalidError-2": "CredentialsRefused", "validAccessToken": "BadAnswer",
        "messagingTOSNotAccepted": "NotAllowed",
    }  # fmt: skip
