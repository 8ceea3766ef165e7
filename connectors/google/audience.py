"""An audience of Customer Match as a destination: members come and go in batches, which Google works off later.

That a batch is accepted means no more than that it is well-formed; what became of it is asked for by the id of the
request. Not here: how people are written and hashed (identity.py), and how a refusal reads (api.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from connectors.accounts import GoogleAccount
from connectors.budget import Ledger
from connectors.clock import Clock
from connectors.destinations import Action, Contact, Identity, Receipt, Sending, Verdict
from connectors.errors import BadAnswer, NotConfigured
from connectors.google.api import VENDOR, DataManager
from connectors.google.identity import identity

MOST_MEMBERS = 10_000
SHOWN_FROM = 100  # members that an audience has to have before an ad is shown to any
_FIELDS = ("emailAddress", "emailAddress", "phoneNumber")  # of the columns of an identity
_VERBS: Mapping[Action, str] = {"add": "ingest", "remove": "remove"}
_DOING: Mapping[Action, str] = {"add": "adding members to", "remove": "removing members from"}
_STATES: Mapping[str, Literal["processing", "done", "failed"]] = {
    "REQUEST_STATUS_UNKNOWN": "processing", "PROCESSING": "processing", "SUCCESS": "done", "PARTIAL_SUCCESS": "done",
    "FAILED": "failed",
}  # fmt: skip
_UNKNOWN = "INVALID_REQUEST_ID"
_REASON = re.compile(r"PROCESSING_(?:ERROR|WARNING)_(?:REASON_)?([A-Z0-9_]{1,100})")
_NOT_ACCEPTED = (
    "Google takes people only for an account that accepted the Customer Match terms; accept them in Google Ads and say"
    " so by terms_accepted = true under [google]"
)


class GoogleAudience:
    """The audience with this number in an account of Google Ads."""

    vendor = VENDOR
    most = MOST_MEMBERS

    def __init__(
        self,
        account: GoogleAccount,
        audience: str,
        clock: Clock,
        on_wait: Callable[[str, float], None] = lambda sentence, seconds: None,
        *,
        ledger: Ledger | None = None,
    ) -> None:
        self._account, self._audience = account, audience
        self._api = DataManager(account, clock, ledger, on_wait)

    def check(self) -> None:
        """Raises NotConfigured if the audience cannot be one, or no access token is there.

        Terms that were not accepted are no reason: without them nobody is added, and people can be taken back.
        """
        if not (self._audience.isascii() and self._audience.isdecimal()):
            raise NotConfigured(
                VENDOR, "settings", f"found {self._audience!r} as audience, expected its number in Google Ads"
            )
        self._account.access_token()

    def remarks(self, members: int) -> list[str]:
        """What whoever sends should know beforehand, given how many people the audience will have had from here."""
        said = [] if self._account.terms_accepted else [_NOT_ACCEPTED]
        if members < SHOWN_FROM:
            said.append(f"an audience is used by Google from {SHOWN_FROM} members on, and this one has {members}")
        return said

    def identity(self, contact: Contact) -> Identity | None:
        """Hashes of the e-mail address, of its mailbox if that is another, and of the phone number."""
        return identity(contact, self._account.default_country)

    def keys(self, identity: Identity) -> Iterable[str]:
        """Every hash alone: Google finds a person by any of them."""
        return filter(None, identity)

    @contextmanager
    def sending(self, action: Action, rows: int, batches: int) -> Iterator[Sending]:
        """Raises NotConfigured before anybody is added for an account that has not accepted the terms."""
        if action == "add" and not self._account.terms_accepted:
            raise NotConfigured(VENDOR, "settings.toml", _NOT_ACCEPTED)
        yield _Batches(self, action)

    def send(self, action: Action, batch: Sequence[Identity]) -> Receipt:
        """Posts one batch. Raises ConnectorError; then nobody knows whether it arrived."""
        if not 0 < len(batch) <= MOST_MEMBERS:
            raise ValueError(f"found a batch of {len(batch):,} identities, expected 1 to {MOST_MEMBERS:,}")
        asked = f"{_DOING[action]} audience {self._audience}"
        found = self._api.post(f"/audienceMembers:{_VERBS[action]}", asked, self._request(action, batch))
        request = found.get("requestId")
        if not isinstance(request, str) or not request:
            raise BadAnswer(VENDOR, asked, "the answer has no requestId")
        return Receipt(received=len(batch), pending=request)

    def verdict(self, pending: str) -> Verdict:
        """What became of the request with this id. Google asks for half an hour of patience before the first look."""
        asked = f"status of request {pending}"
        try:
            found = self._api.get("/requestStatus:retrieve", asked, {"requestId": pending})
        except BadAnswer as error:
            if _UNKNOWN not in str(error):
                raise
            # It may have been worked off long ago; sending all of it again does no harm, and waiting no good.
            return Verdict("failed", 0, f"Google does not know request {pending} any more")
        each = found.get("requestStatusPerDestination")
        if not isinstance(each, list) or len(each) != 1 or not isinstance(each[0], dict):
            raise BadAnswer(VENDOR, asked, "expected the status of one destination")
        if str(each[0].get("requestStatus")) not in _STATES:
            raise BadAnswer(VENDOR, asked, f"expected one of {', '.join(_STATES)} as requestStatus")
        return _verdict(each[0], f"request {pending}")

    def _request(self, action: Action, batch: Sequence[Identity]) -> dict[str, Any]:
        destination = {
            "operatingAccount": _account(self._account.customer_id),
            "productDestinationId": self._audience,
        }
        if self._account.login_customer_id:
            destination["loginAccount"] = _account(self._account.login_customer_id)
        request: dict[str, Any] = {
            "destinations": [destination],
            "audienceMembers": [{"userData": {"userIdentifiers": _identifiers(one)}} for one in batch],
            "encoding": "HEX",
        }
        if action == "add":
            # Only those who consented are ever sent here, and `sending` has asked for the terms.
            request["consent"] = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
            request["termsOfService"] = {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
        return request


@dataclass(frozen=True)
class _Batches:
    audience: GoogleAudience
    action: Action

    def send(self, batch: Sequence[Identity]) -> Receipt:
        return self.audience.send(self.action, batch)


def _verdict(status: Mapping[str, Any], request: str) -> Verdict:
    state, word = _STATES[status["requestStatus"]], status["requestStatus"]
    if state == "processing":
        return Verdict(state)
    errors, warnings = _counts(status, "error"), _counts(status, "warning")
    invalid, said = sum(errors.values()), []
    if word == "FAILED":
        said.append(f"Google did nothing of {request}{_because(errors)}")
    elif word == "PARTIAL_SUCCESS":
        some = f"{invalid:,}" if invalid else "some"
        said.append(f"Google could not use {some} of the members of {request}{_because(errors)}")
        if "audienceMembersRemovalStatus" in status:
            # Nobody may stay who should not; whoever is out already is none the worse for being removed again.
            state = "failed"
            said.append("who was not removed is not said")
    if warnings:
        said.append(f"Google warns of {request}{_because(warnings)}")
    # Of what is sent again, nobody is lost.
    return Verdict(state, invalid if state == "done" else 0, "; ".join(said))


def _account(number: str) -> dict[str, str]:
    return {"accountType": "GOOGLE_ADS", "accountId": number}


def _identifiers(one: Identity) -> list[dict[str, str]]:
    return [{field: value} for field, value in zip(_FIELDS, one, strict=True) if value]


def _counts(status: Mapping[str, Any], kind: str) -> dict[str, int]:
    """How many members by reason; counts come as text, and not in all cases."""
    info = status.get(f"{kind}Info")
    listed = info.get(f"{kind}Counts") if isinstance(info, dict) else None
    counts: dict[str, int] = {}
    for one in (each for each in listed if isinstance(each, dict)) if isinstance(listed, list) else ():
        named = _REASON.fullmatch(str(one.get("reason")))
        reason = named.group(1).replace("_", " ").lower() if named else "a reason without a name"
        count = str(one.get("recordCount", 0))
        counts[reason] = counts.get(reason, 0) + (int(count) if count.isdecimal() else 0)
    return counts


def _because(counts: Mapping[str, int]) -> str:
    return f": {', '.join(f'{reason} ({count:,})' for reason, count in counts.items())}" if counts else ""
