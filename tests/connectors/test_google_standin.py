"""The stand-in for Google: what it refuses, and that it speaks as Google was heard to speak."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.errors import quoted
from connectors.google.api import refusal
from connectors.standin import StandIn, StandInGoogle

RESPONSES = Path(__file__).parents[3] / "shared" / "fixtures" / "google-customer-match" / "google_api_responses.json"


@dataclass
class Google:
    """The stand-in and where it listens."""

    vendor: StandInGoogle
    url: str

    def post(self, body: dict[str, Any]) -> requests.Response:
        """Adds members."""
        headers = {"Authorization": f"Bearer {self.vendor.access_token}"}
        return requests.post(f"{self.url}/v1/audienceMembers:ingest", json=body, headers=headers, timeout=10)


@pytest.fixture
def google() -> Iterator[Google]:
    vendor = StandInGoogle()
    with StandIn([vendor]) as server:
        yield Google(vendor, server.url)


def members(*identifiers: dict[str, Any], times: int = 1) -> dict[str, Any]:
    """The field of a request that holds so many members with these identifiers."""
    return {"audienceMembers": [{"userData": {"userIdentifiers": [*identifiers]}}] * times}


HASHED = {"emailAddress": "0" * 64}
MEMBER = "audience_members[0]"
IDENTIFIER = f"{MEMBER}.user_data.user_identifiers[0]"


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        (members(HASHED, times=10_001), "audience_members", "TOO_MANY_AUDIENCE_MEMBERS"),
        (members(*[HASHED] * 11), f"{MEMBER}.user_data.user_identifiers", "TOO_MANY_USER_IDENTIFIERS"),
        (members({"addressInfo": {"regionCode": "TR"}}), IDENTIFIER, None),
        (members({"address": {"regionCode": "TR"}}), f"{IDENTIFIER}.address.given_name", "REQUIRED_FIELD_MISSING"),
        (members({"emailAddress": "ece@example.org"}), f"{IDENTIFIER}.email_address", "INVALID_HEX_ENCODING"),
        (members({"phoneNumber": "00ff"}), f"{IDENTIFIER}.phone_number", "INVALID_SHA256_FORMAT"),
        (members(), MEMBER, "INVALID_AUDIENCE_MEMBER"),
        (members({**HASHED, "phoneNumber": "0" * 64}), IDENTIFIER, "INVALID_FORMAT"),
        ({"audienceMembers": []}, "audience_members", "REQUIRED_FIELD_MISSING"),
        ({"termsOfService": {}}, "terms_of_service", "TERMS_AND_CONDITIONS_NOT_SIGNED"),
        ({"consent": {"adUserData": "CONSENT_GRANTED"}}, "consent.ad_personalization", "INVALID_ENUM_VALUE"),
        ({"encoding": "BASE64"}, "encoding", "INVALID_ENUM_VALUE"),
        ({"encodings": "HEX"}, "", None),
    ],
)
def test_the_stand_in_takes_nothing_that_google_would_refuse(
    google: Google, change: dict[str, Any], field: str, reason: str | None
) -> None:
    body = {
        "destinations": [
            {
                "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "1234567890"},
                "productDestinationId": "8001",
            }
        ],
        "audienceMembers": [{"userData": {"userIdentifiers": [{"emailAddress": "0" * 64}]}}],
        "encoding": "HEX",
        "consent": {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"},
        "termsOfService": {"customerMatchTermsOfServiceStatus": "ACCEPTED"},
    }
    answer = google.post({**body, **change})
    assert answer.status_code == 400
    (violation,) = answer.json()["error"]["details"][-1]["fieldViolations"]
    assert (violation["field"], violation.get("reason")) == (field, reason)
    assert google.vendor.people == {"8001": set()}
    assert google.post(body).json() == {"requestId": "dm-ingest-req-id-001"}


@pytest.mark.skipif(not RESPONSES.is_file(), reason="Google's own files do not lie in ../shared/fixtures")
def test_answers_that_were_recorded_are_told_and_the_stand_in_gives_the_same(google: Google) -> None:
    seen = [one for one in json.loads(RESPONSES.read_text("utf-8")) if "datamanager" in one["request"]["url"]]
    assert [one["status"] for one in seen] == [200, 200, 400, 503, 409, 401]
    refusals = [one for one in seen if one["status"] != 200]
    told = {one["status"]: str(refusal(one["status"], one["body"], "adding", quoted)) for one in refusals}
    assert told[400] == (
        "google, adding (HTTP 400): refused: the audience is not a customer list for contact information"
        " (INVALID_USER_LIST_TYPE at audience_members[0]; request t-59f8b5bc-d4da-4d55-bf2b-0c6215a21b67)"
    )
    for one in seen:
        if one["status"] in (401, 409, 503):
            google.vendor.faults.token_expired = one["status"] == 401
            google.vendor.faults.busy.times, google.vendor.faults.busy.status = 1, one["status"]
            mine, theirs = google.post({}).json()["error"], one["body"]["error"]
            assert {**mine, "details": None} == {**theirs, "details": None}
            assert mine["details"][0].keys() == theirs["details"][0].keys()
