"""What all calls to Google's Data Manager API share: who asks, how often, and how a refusal reads.

Not here: what is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from connectors.accounts import GoogleAccount
from connectors.budget import Allowance, Ledger, rolling
from connectors.clock import Clock
from connectors.errors import BadAnswer, ConnectorError, CredentialsRefused, NotAllowed, VendorBusy
from connectors.http import Backoff, Http

VENDOR = "google"
# Of the Cloud project that the token belongs to. Nobody here knows its name, so all accounts are counted as one.
ALLOWANCE = Allowance(
    "google data manager", "project", (rolling(300, timedelta(minutes=1)), rolling(100_000, timedelta(days=1)))
)
_REFUSALS = (400, 401, 403, 409)  # which are read here; others mean with Google what they mean everywhere
_REASON = re.compile(r"[A-Z][A-Z0-9_]{2,80}")
_FIELD = re.compile(r"[A-Za-z0-9_.\[\]]{1,200}")
_REQUEST = re.compile(r"[A-Za-z0-9_-]{1,100}")
# What somebody has to do, where Google's own word does not say it.
_MEANT = {
    "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED": "campaigns of this account do not say yet whether they carry"
    " political advertising in the EU, and until they do Google takes nobody; declare it for each in Google Ads",
    "TERMS_AND_CONDITIONS_NOT_SIGNED": "the account has not accepted the Customer Match terms; accept them in Google"
    " Ads under Audience manager",
    "INVALID_USER_LIST_TYPE": "the audience is not a customer list for contact information",
    "INVALID_USER_LIST_ID": "the account has no such audience",
    "INVALID_DESTINATION": "the account has no such audience",
    "NOT_ALLOWLISTED": "Google has not opened Customer Match to this account",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": "the access token lacks the scope https://www.googleapis.com/auth/datamanager",
    "PERMISSION_DENIED": "whom the access token is of may not write to this account; check GOOGLE_ADS_CUSTOMER_ID, and"
    " GOOGLE_LOGIN_CUSTOMER_ID if a manager account acts for it",
}


class DataManager:
    """The API for one account. With a ledger its calls are counted across runs, before they are made."""

    def __init__(
        self, account: GoogleAccount, clock: Clock, ledger: Ledger | None, on_wait: Callable[[str, float], None]
    ) -> None:
        self._account, self._clock, self._ledger, self._on_wait = account, clock, ledger, on_wait
        self._http = Http(VENDOR, account.url, clock, backoff=Backoff(first=5, most=80), on_wait=on_wait)

    def post(self, path: str, asked: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The object that answers a posted one."""
        return self._asked("POST", path, asked, json=body)

    def get(self, path: str, asked: str, params: Mapping[str, str]) -> dict[str, Any]:
        """The object at a path."""
        return self._asked("GET", path, asked, params=params)

    def _asked(self, method: str, path: str, asked: str, **call: Any) -> dict[str, Any]:
        def attempt() -> Any:
            token = self._account.access_token()  # a run may take longer than one lasts
            status, found = self._http.answer_once(
                method, path, asked, headers={"Authorization": f"Bearer {token}"}, private=[token], also=_REFUSALS,
                before=lambda: self._spend(asked), **call,
            )  # fmt: skip
            if status in _REFUSALS:
                raise refusal(status, found, asked, partial(self._http.quoted, private=[token]))
            return found

        found = self._http.retrying(attempt)
        if not isinstance(found, dict):
            raise BadAnswer(VENDOR, asked, "expected a JSON object")
        return found

    def _spend(self, asked: str) -> None:
        if self._ledger:
            self._ledger.wait(ALLOWANCE, self._clock, asked, vendor=VENDOR, on_wait=self._on_wait)


def refusal(status: int, found: Any, asked: str, quote: Callable[[str], str]) -> ConnectorError:
    """What is wrong, at which field and by which of Google's reasons, without any value that was sent."""
    error = found.get("error") if isinstance(found, dict) else None
    error = error if isinstance(error, dict) else {}
    if status == 401:
        return CredentialsRefused(
            VENDOR, asked, "the access token is refused; one lasts an hour, so put a fresh one into"
            " GOOGLE_ACCESS_TOKEN, or have a file of GOOGLE_ACCESS_TOKEN_FILE kept fresh", status,
        )  # fmt: skip
    said = _told(error, quote)
    if status == 403:
        return NotAllowed(VENDOR, asked, f"this is not permitted{said}", status)
    if status == 409:
        return VendorBusy(VENDOR, asked, f"it collided with another change{said}", status)
    return BadAnswer(VENDOR, asked, f"refused{said}", status)


def _told(error: Mapping[str, Any], quote: Callable[[str], str]) -> str:
    details = error.get("details")
    details = [one for one in details if isinstance(one, dict)] if isinstance(details, list) else []
    violations = [one for each in details for one in each.get("fieldViolations") or () if isinstance(one, dict)]
    reasons = [*violations, *details]
    first = next((one for one in reasons if one.get("reason") in _MEANT), reasons[0] if reasons else {})
    reason = _only(_REASON, first.get("reason")) or _only(_REASON, error.get("status"))
    field = _only(_FIELD, first.get("field"))
    words = _MEANT.get(reason) or quote(str(first.get("description") or error.get("message") or ""))
    told = f": {words}" if reason in _MEANT else f', saying "{words}"' if words else ""
    named = " at ".join(filter(None, (reason, field)))
    if len(violations) > 1:
        named += f" and {len(violations) - 1:,} more like it"
    request = next((one for each in details if (one := _only(_REQUEST, each.get("requestId")))), "")
    marks = "; ".join(filter(None, (named, request and f"request {request}")))
    return told + (f" ({marks})" if marks else "")


def _only(pattern: re.Pattern[str], found: object) -> str:
    """Text of a vendor that goes into a sentence only if it looks like what it should be."""
    return found if isinstance(found, str) and pattern.fullmatch(found) else ""
