"""What became of batches that Google accepted, and which of them are sent again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.destinations import Receipt, Verdict
from connectors.errors import BadAnswer, CredentialsRefused
from tests.connectors.google_world import FIRST, Here, google_world, known, one


@pytest.fixture
def here() -> Iterator[Here]:
    with google_world() as made:
        yield made


@pytest.mark.parametrize(
    ("faults", "states"),
    [
        ({}, [Verdict("done")]),
        ({"processing_for": 2}, [Verdict("processing"), Verdict("processing"), Verdict("done"), Verdict("done")]),
        (
            {"unusable": one(1) + one(2)[:1]},  # of the second, the phone is found
            [Verdict("done", 1, f"Google could not use 1 of the members of {FIRST}: invalid format (1)")],
        ),
        (
            {"failing": {1}},
            [Verdict("failed", 0, f"Google did nothing of {FIRST}: internal error (3)")],
        ),
        (
            {"unusable": one(1) + one(2) + one(3), "processing_for": 1},
            [
                Verdict("processing"),
                Verdict("failed", 0, f"Google did nothing of {FIRST}: invalid format (3)"),
            ],
        ),
    ],
)
def test_what_became_of_a_batch_is_asked_for_later(here: Here, faults: dict[str, Any], states: list[Verdict]) -> None:
    for name, value in faults.items():
        setattr(here.google.faults, name, value)
    receipt = here.send("add", one(1), one(2), one(3))
    assert receipt == Receipt(3, pending="dm-ingest-req-id-001")
    assert [here.verdict(receipt) for _ in states] == states
    assert len(here.members) == (3 - states[-1].invalid if states[-1].state == "done" else 0)


def test_a_batch_of_which_nothing_was_taken_arrives_when_it_is_sent_again(here: Here) -> None:
    here.google.faults.failing = {1}
    assert here.verdict(here.send("add", one(1), one(2))).state == "failed"
    assert here.verdict(here.send("add", one(1), one(2))).state == "done"
    assert here.members == known(one(1), one(2))


def test_removals_of_which_some_failed_are_to_be_sent_again(here: Here) -> None:
    """Google does not say who is still in the audience, and nobody may stay there who should not."""
    here.send("add", one(1), one(2))
    here.google.faults.unusable = one(1)
    verdict = here.verdict(here.send("remove", one(1), one(2)))
    told = "Google could not use 1 of the members of request dm-remove-req-id-002: invalid format (1)"
    assert verdict == Verdict("failed", 0, f"{told}; who was not removed is not said")
    assert here.members == known(one(1))
    here.google.faults.unusable = ()
    assert here.verdict(here.send("remove", one(1), one(2))) == Verdict("done")
    assert here.members == set()


@pytest.mark.parametrize(
    ("says", "verdict"),
    [
        ({"requestStatus": "REQUEST_STATUS_UNKNOWN"}, Verdict("processing")),
        (
            {"requestStatus": "PARTIAL_SUCCESS"},
            Verdict("done", 0, f"Google could not use some of the members of {FIRST}"),
        ),
        (
            {"requestStatus": "FAILED", "errorInfo": {"errorCounts": [{"recordCount": 7}, {"recordCount": "1"}, None]}},
            Verdict("failed", 0, f"Google did nothing of {FIRST}: a reason without a name (8)"),
        ),
        (
            {"requestStatus": "SUCCESS", "warningInfo": {"warningCounts": [
                {"reason": "PROCESSING_WARNING_REASON_INTERNAL_ERROR", "recordCount": "2"}]}},
            Verdict("done", 0, f"Google warns of {FIRST}: internal error (2)"),
        ),
    ],
)  # fmt: skip
def test_a_status_may_leave_out_what_it_likes(here: Here, says: dict[str, Any], verdict: Verdict) -> None:
    receipt = here.send("add", one(1))
    here.listener.says = {"requestStatusPerDestination": [says]}
    assert here.verdict(receipt) == verdict


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ([], "expected a JSON object"),
        ({}, "expected the status of one destination"),
        ({"requestStatusPerDestination": []}, "expected the status of one destination"),
        (
            {"requestStatusPerDestination": [{"requestStatus": ["DONE"]}]},
            "expected one of REQUEST_STATUS_UNKNOWN, PROC",
        ),
    ],
)
def test_an_answer_that_is_none_says_nothing_of_a_batch(here: Here, says: Any, told: str) -> None:
    receipt = here.send("add", one(1))
    here.listener.says = says
    with pytest.raises(BadAnswer, match=f"google, status of {FIRST}: {told}"):
        here.verdict(receipt)
    with pytest.raises(BadAnswer, match="google, adding members to audience 8001: "):
        here.send("add", one(2))


def test_a_request_that_google_has_forgotten_is_sent_again(here: Here) -> None:
    receipt = here.send("add", one(1))
    here.google.faults.requests_forgotten = True
    assert here.verdict(receipt) == Verdict("failed", 0, f"Google does not know {FIRST} any more")


def test_a_refused_token_says_nothing_of_a_batch(here: Here) -> None:
    receipt = here.send("add", one(1))
    here.google.faults.token_expired = True
    with pytest.raises(CredentialsRefused, match=rf"google, status of {FIRST} \(HTTP 401\)"):
        here.verdict(receipt)
