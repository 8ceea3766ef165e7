"""Audiences of Customer Match, against the stand-in."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.budget import Ledger
from connectors.destinations import Contact, Destination, Receipt
from connectors.errors import ConnectorError, NotConfigured, VendorBusy
from connectors.google.api import ALLOWANCE
from connectors.standin.google_requests import Violation
from connectors.standin.server import Busy
from tests.connectors.google_world import ACCEPTED, ACCOUNT, TOKEN, Here, google_world, known, one, sha256
from tests.connectors.world import NOON

FAULTS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("google_faults.yml").read_text("utf-8"))


@pytest.fixture
def here() -> Iterator[Here]:
    with google_world() as made:
        yield made


def test_a_request_holds_what_the_reference_says_and_nothing_else(here: Here) -> None:
    destination: Destination = here.audience()
    ece = destination.identity(Contact("u", email="Ece.A+shop@gmail.com", msisdn="0532 123 45 67"))
    assert ece
    hashes = [sha256("ecea+shop@gmail.com"), sha256("ecea@gmail.com"), sha256("+905321234567")]
    assert [*destination.keys(ece)] == hashes
    here.send("add", ece)
    here.environ["GOOGLE_LOGIN_CUSTOMER_ID"] = here.google.manager_id = "555"
    here.send("remove", ece)
    names = ("emailAddress", "emailAddress", "phoneNumber")
    member = {"userData": {"userIdentifiers": [{name: value} for name, value in zip(names, hashes, strict=True)]}}
    added = {
        "destinations": [{"operatingAccount": ACCOUNT, "productDestinationId": "8001"}],
        "audienceMembers": [member],
        "encoding": "HEX",
        "consent": {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"},
        "termsOfService": {"customerMatchTermsOfServiceStatus": "ACCEPTED"},
    }
    manager = {"accountType": "GOOGLE_ADS", "accountId": "555"}
    removed = {
        "destinations": [{"operatingAccount": ACCOUNT, "productDestinationId": "8001", "loginAccount": manager}],
        "audienceMembers": [member],
        "encoding": "HEX",
    }
    assert here.listener.bodies == [added, removed]


def test_whoever_is_added_is_in_and_whoever_is_removed_is_out(here: Here) -> None:
    assert here.send("add", one(1), one(2), one(3)) == Receipt(3, pending="dm-ingest-req-id-001")
    assert here.send("remove", one(2), one(4)) == Receipt(2, pending="dm-remove-req-id-002")
    here.send("add", one(3))  # once more
    assert here.members == known(one(1), one(3))
    assert here.google.received["add", frozenset(filter(None, one(3)))] == 2


def test_whoever_shares_a_key_with_somebody_removed_is_out_as_well(here: Here) -> None:
    """Google knows nothing of users: a household with one phone is one person to it."""
    household = (sha256("the-other@example.org"), "", one(1)[2])
    here.send("add", one(1), household, one(2))
    here.send("remove", one(1))
    assert here.members == known(one(2))
    assert {*here.audience().keys(one(1))} & {*here.audience().keys(household)}


@pytest.mark.parametrize("after_applying", [False, True])
def test_where_the_service_goes_away_the_batch_is_there_or_not_and_nobody_knows(
    here: Here, after_applying: bool
) -> None:
    here.google.faults.fail_at, here.google.faults.after_applying = 2, after_applying
    here.send("add", one(1))
    for number in (2, 3):
        with pytest.raises(VendorBusy):
            here.send("add", one(number))
    assert here.members == known(one(1), *([one(2)] if after_applying else []))
    here.google.faults.fail_at = None
    for number in (2, 3):
        here.send("add", one(number))
    assert here.members == known(one(1), one(2), one(3))


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: str(case["title"]))
def test_a_fault_is_told_in_one_sentence_without_anybody_in_it(
    here: Here, case: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    here.environ.update({name: value.format(url=here.url) for name, value in case.get("environ", {}).items()})
    here.settings = case.get("settings", ACCEPTED)
    here.google.faults.busy = Busy(**case.get("busy", {}))
    here.google.faults.token_expired = case.get("token_expired", False)
    if violation := case.get("violation"):
        here.google.faults.violation = Violation(*violation)
    said = kind = ""
    try:
        with here.audience(case.get("audience", "8001")).sending("add", 1, 1) as sending:
            sending.send([one(1)])
    except ConnectorError as error:
        said, kind = str(error), type(error).__name__
    assert (said, kind) == (case.get("says", ""), case.get("error", ""))
    assert here.clock.slept == case.get("waits", [])
    assert len(here.google.calls) == case["calls"]
    assert here.members == (set() if said else known(one(1)))
    everything = " ".join([said, *here.said, caplog.text])
    assert not [text for text in (TOKEN, *filter(None, one(1))) if text in everything]


def test_members_can_be_taken_back_without_the_terms(here: Here) -> None:
    here.send("add", one(1))
    here.settings = {}
    here.audience().check()
    here.send("remove", one(1))
    assert here.members == set()


def test_whoever_asks_beforehand_hears_what_is_missing(here: Here) -> None:
    few = "an audience is used by Google from 100 members on, and this one has 99"
    assert (here.audience().remarks(100), here.audience().remarks(99)) == ([], [few])
    here.settings = {}
    (terms,) = here.audience().remarks(1000)
    assert "terms_accepted = true under [google]" in terms
    with pytest.raises(NotConfigured, match="google, settings: found 'buyers' as audience, expected its number"):
        here.audience("buyers").check()


def test_a_token_that_is_kept_fresh_in_a_file_is_read_for_every_call(here: Here, tmp_path: Path) -> None:
    file = tmp_path / "token"
    here.environ["GOOGLE_ACCESS_TOKEN_FILE"] = str(file)
    file.write_text(f"{TOKEN}\n")
    with here.audience().sending("add", 2, 2) as sending:
        sending.send([one(1)])
        here.google.access_token = "the-next"
        file.write_text("the-next")
        sending.send([one(2)])
    assert here.members == known(one(1), one(2))


def test_no_more_calls_go_out_in_a_minute_than_the_project_may_make(here: Here, tmp_path: Path) -> None:
    for run in range(2):
        here.ledger = Ledger(tmp_path / "budgets.sqlite3")
        with here.audience().sending("add", 200, 200) as sending:
            for number in range(200):
                sending.send([one(200 * run + number)])
    assert (here.clock.slept, len(here.members)) == ([61.0], 400)
    assert here.said == ["google: the allowance google data manager has its next call at 12:01:01 UTC"]
    assert here.google.calls.count("audienceMembers:ingest") == 400


def test_what_is_allowed_in_a_day_is_counted_as_well() -> None:
    assert [(rate.calls, rate.per) for rate in ALLOWANCE.rates] == [
        (300, timedelta(minutes=1, seconds=1)),
        (100_000, timedelta(days=1, seconds=1)),
    ]


def test_attempts_that_google_refuses_count_as_calls(here: Here, tmp_path: Path) -> None:
    here.ledger = Ledger(tmp_path / "budgets.sqlite3")
    here.google.faults.busy.times = 2
    here.send("add", one(1))
    assert here.ledger.left(ALLOWANCE, NOON) == 300 - 3


def test_ten_thousand_members_go_at_once_and_one_more_does_not(here: Here) -> None:
    people = [one(number) for number in range(10_000)]
    assert here.send("add", *people).received == here.audience().most == 10_000 == len(here.members)
    for batch in ([*people, one(10_000)], []):
        with pytest.raises(ValueError, match="expected 1 to 10,000"):
            here.send("add", *batch)
    assert len(here.google.calls) == 1
