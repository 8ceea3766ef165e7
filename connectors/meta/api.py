"""What all calls to Meta's Graph API share: who asks, what is asked again, and how a refusal reads.

Meta tells by a code in the body what went wrong; the status of HTTP says little. Not here: what is asked.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from connectors.accounts import MetaAccount
from connectors.answers import whole
from connectors.clock import Clock
from connectors.errors import (
    BadAnswer,
    ConnectorError,
    CredentialsRefused,
    NotAllowed,
    SessionExpired,
    VendorBusy,
    WindowTooLarge,
)
from connectors.http import Backoff, Http, retry_after

VENDOR = "meta"
_REFUSALS = range(400, 600)  # whose bodies are read here
_TRACE = re.compile(r"[A-Za-z0-9_-]{1,40}")
_TOKEN = "the access token is refused; put a valid one of a system user into META_ACCESS_TOKEN"
_DENIED = (
    "whom the access token is of may not change this audience; give it ads_management and the ad account of"
    " META_AD_ACCOUNT in the Business Manager"
)
_TERMS = "the terms for custom audiences are not accepted for this ad account; accept them in the Audience Manager"
_AGAIN = "begin it anew"
Kind = type[ConnectorError]
# What somebody has to do about a code, or about a code and a subcode; what is not here is told in Meta's words.
_MEANT: Mapping[tuple[int, int | None], tuple[Kind, str]] = {
    (190, None): (CredentialsRefused, _TOKEN),
    (102, None): (CredentialsRefused, _TOKEN),
    (10, None): (NotAllowed, _DENIED),
    (200, None): (NotAllowed, _DENIED),
    (200, 1870090): (NotAllowed, _TERMS),
    (294, None): (NotAllowed, _DENIED),
    (294, 1870090): (NotAllowed, _TERMS),
    (2655, None): (
        NotAllowed,
        "terms of Meta's are not accepted for this account; accept them in the Business Manager",
    ),
    (100, 33): (BadAnswer, "there is no such audience, or whom the access token is of may not see it"),
    (100, 1713230): (NotAllowed, "Meta has flagged the audience; appeal in the Audience Manager, or make a new one"),
    (1487301, None): (NotAllowed, "the audience is not shared with the ad account of META_AD_ACCOUNT"),
    (1487366, None): (BadAnswer, "the audience was deleted; name another in the segment's file"),
    (1, None): (WindowTooLarge, "it is too much for one call"),
    (105, None): (WindowTooLarge, "it is too much for one call"),
    (2650, 1870144): (NotAllowed, "an audience of 100 million people or more cannot be replaced"),
    (2650, 1870145): (VendorBusy, "the audience is being replaced, and cannot be changed meanwhile"),
    (2650, 1870147): (SessionExpired, f"the first batch of the replacement is missing; {_AGAIN}"),
    (2650, 1870148): (SessionExpired, f"the replacement is incomplete; {_AGAIN}"),
    (2650, 1870158): (SessionExpired, f"the replacement took longer than Meta waits; {_AGAIN}"),
    (2650, 1870159): (SessionExpired, f"the replacement is finished already; {_AGAIN}"),
}
_TOO_OFTEN = (4, 17, 32, 613, 80003)  # calls of the app, the user, the page, of this kind, to the ad account
_FAILED = (2,)  # of Meta's own accord


class Graph:
    """The API for one account."""

    def __init__(self, account: MetaAccount, clock: Clock, on_wait: Callable[[str, float], None]) -> None:
        self._account, self._clock = account, clock
        secrets = [account.access_token, *filter(None, [account.app_secret])]
        self._http = Http(
            VENDOR, account.url, clock, backoff=Backoff(first=15, most=600, attempts=6), on_wait=on_wait,
            headers={"Authorization": f"Bearer {account.access_token}"}, secrets=secrets,
        )  # fmt: skip

    def get(self, path: str, asked: str, params: Mapping[str, str]) -> dict[str, Any]:
        """The object at a path."""
        return self._asked("GET", path, asked, lambda unsure: {"params": params})

    def send(
        self, method: str, path: str, asked: str, body: Callable[[bool], Any], private: Sequence[str]
    ) -> dict[str, Any]:
        """The object that answers what is sent. `body` makes it anew for every attempt, and is told whether an earlier
        one may have arrived though it was not answered; no error quotes the `private` texts in it."""
        return self._asked(method, path, asked, lambda unsure: {"json": body(unsure), "private": private})

    def _asked(self, method: str, path: str, asked: str, call: Callable[[bool], dict[str, Any]]) -> dict[str, Any]:
        unsure = seen_page = False

        def attempt() -> dict[str, Any]:
            nonlocal unsure, seen_page
            made = call(unsure)
            made["params"] = {**made.get("params", {}), **self._proof()}
            try:
                return self._once(method, path, asked, made)
            except VendorBusy as error:
                unsure = unsure or error.status is None or error.status >= 500
                raise
            except _Page as error:
                if seen_page:
                    raise BadAnswer(VENDOR, asked, "answered with a web page, twice", error.status) from None
                unsure = seen_page = True
                raise VendorBusy(VENDOR, asked, "answered with a web page", error.status) from None

        return self._http.retrying(attempt)

    def _once(self, method: str, path: str, asked: str, call: dict[str, Any]) -> dict[str, Any]:
        with self._http.call(method, path, asked, also=_REFUSALS, **call) as response:
            status, pause = response.status_code, response.headers.get("Retry-After")
            try:
                content = response.content
            except (requests.RequestException, HTTPError, OSError):
                raise VendorBusy(VENDOR, asked, "the answer was cut") from None
        try:
            found = json.loads(content)
        except ValueError:
            found = None
        if status < 300 and isinstance(found, dict) and "error" not in found:
            return found
        if status == 400 and found is None:
            raise _Page(VENDOR, asked, "answered with a web page", status)
        if status < 300 and not isinstance(found, dict):
            raise BadAnswer(VENDOR, asked, "expected a JSON object; check META_URL", status)
        quote = partial(self._http.quoted, private=call.get("private", ()))
        raise refusal(status, found, asked, quote, retry_after(pause, self._clock.now()))

    def _proof(self) -> dict[str, str]:
        secret = self._account.app_secret
        return {} if secret is None else appsecret_proof(self._account.access_token, secret, self._clock.now())


class _Page(ConnectorError):
    """A page of HTML where JSON was due, which Meta sends now and then."""


def appsecret_proof(access_token: str, app_secret: str, now: datetime) -> dict[str, str]:
    """The parameters that prove that a call comes from whoever has the app's secret."""
    moment = str(int(now.timestamp()))
    made = hmac.new(app_secret.encode(), f"{access_token}|{moment}".encode(), hashlib.sha256).hexdigest()
    return {"appsecret_proof": made, "appsecret_time": moment}


def refusal(
    status: int, found: Any, asked: str, quote: Callable[[str], str], pause: float | None = None
) -> ConnectorError:
    """What is wrong, by Meta's code, without anybody in it."""
    error = found.get("error") if isinstance(found, dict) else None
    error = error if isinstance(error, dict) else {}
    code, subcode = whole(error.get("code")), whole(error.get("error_subcode"))
    words = quote(str(error.get("error_user_msg") or error.get("message") or ""))
    marks = _marks(code, subcode, error.get("fbtrace_id"))
    said = (f', saying "{words}"' if words else "") + marks
    if status == 429 or code in _TOO_OFTEN:
        return VendorBusy(VENDOR, asked, f"too many calls{said}", status, pause)
    if code in _FAILED or error.get("is_transient") is True:
        return VendorBusy(VENDOR, asked, f"the server failed{said}", status, pause)
    kind, told = _MEANT.get((code or 0, subcode)) or _MEANT.get((code or 0, None)) or (None, "")
    if kind:
        words_too = kind in (CredentialsRefused, NotAllowed)  # a reason may be in them that the code does not tell
        return kind(VENDOR, asked, told + (said if words_too else marks), status)
    if status >= 500:
        return VendorBusy(VENDOR, asked, f"the server failed{said}", status, pause)
    if not error:
        return BadAnswer(VENDOR, asked, "the answer is none of the Graph API; check META_URL", status)
    return BadAnswer(VENDOR, asked, f"refused{said}", status)


def _marks(code: int | None, subcode: int | None, trace: object) -> str:
    """What Meta's support asks for."""
    numbers = None if code is None else f"code {code}" if subcode is None else f"code {code}/{subcode}"
    traced = f"trace {trace}" if isinstance(trace, str) and _TRACE.fullmatch(trace) else None
    told = ", ".join(filter(None, (numbers, traced)))
    return f" ({told})" if told else ""
