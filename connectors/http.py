"""One way to speak HTTP with every vendor: what is retried, how long is waited, and what an error says.

429, errors of the server and lost connections are asked again, after what `Retry-After` says or with a growing pause.
Everything else is the final answer. Redirects are never followed by themselves, since the next host must not see the
credentials. Not here: what a vendor's answers mean, and how many calls it allows (budget.py).
"""

from __future__ import annotations

import json
import logging
import re
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn, TypeVar
from urllib.parse import urljoin

import requests
import tenacity
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.exceptions import HTTPError, LocationParseError

from connectors.clock import Clock
from connectors.errors import (
    BadAnswer,
    BrokenStream,
    ConnectorError,
    CredentialsRefused,
    NotAllowed,
    NotConfigured,
    VendorBusy,
    quoted,
)

CHUNK = 1 << 16
_TIMEOUT = (10, 300)  # seconds: to connect, and between two packets; a query may think for minutes
_LONGEST_WAIT = 3600.0  # a vendor that asks for more gets its wish by another run, not by a process that waits
_LONGEST_ERROR = 64 * 1024
_NO_URL = (
    requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema,
    LocationParseError,
)  # fmt: skip
_SECONDS = re.compile(r"[0-9]{1,9}")

Answer = TypeVar("Answer")
Params = Mapping[str, str] | Sequence[tuple[str, str]]
# What a vendor makes of a refusal, given status and its own words; None leaves it to the rules for all vendors.
Judge = Callable[[int, str, str], ConnectorError | None]

# It writes whole URLs at this level, and some of those name people.
if logging.getLogger("urllib3.connectionpool").level == logging.NOTSET:
    logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


@dataclass(frozen=True)
class Backoff:
    """Pauses in seconds before the second attempt, the third and so on: doubling from `first`, at most `most`."""

    first: float
    most: float
    attempts: int = 5


class _NoAuth(AuthBase):
    """Keeps requests from looking into ~/.netrc for a host that is to see no credentials."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class Http:
    """Calls to one vendor's API. `on_wait(sentence, seconds)` is told before every pause."""

    def __init__(
        self,
        vendor: str,
        base: str,
        clock: Clock,
        *,
        backoff: Backoff,
        basic: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
        judge: Judge | None = None,
        on_wait: Callable[[str, float], None] = lambda sentence, seconds: None,
        timeout: tuple[float, float] = _TIMEOUT,
    ) -> None:
        self.vendor, self.base, self._clock, self._backoff = vendor, base.rstrip("/"), clock, backoff
        self._params, self._secrets, self._judge, self._on_wait = dict(params or {}), tuple(secrets), judge, on_wait
        self._timeout = timeout
        self._session = requests.Session()
        self._session.auth = HTTPBasicAuth(*(part.encode() for part in basic)) if basic else _NoAuth()
        self._session.headers.update({"User-Agent": "segment-pipeline", "Accept-Encoding": "gzip", **(headers or {})})
        self._strangers = requests.Session()
        self._strangers.auth = _NoAuth()

    def __repr__(self) -> str:
        return f"Http({self.vendor})"

    def json(self, method: str, path: str, asked: str, **call: Any) -> Any:
        """The JSON of an answer with status 2xx. Takes what `call` takes."""
        return self.answer(method, path, asked, **call)[1]

    def answer(self, method: str, path: str, asked: str, **call: Any) -> tuple[int, Any]:
        """Status and JSON of an answer with status 2xx. Takes what `call` takes."""
        return self.retrying(lambda: self.answer_once(method, path, asked, **call))

    def answer_once(self, method: str, path: str, asked: str, **call: Any) -> tuple[int, Any]:
        """As `answer`, and whatever goes wrong is final."""
        with self.call(method, path, asked, **call) as response:
            try:
                body = response.content
            except (requests.RequestException, HTTPError, OSError):
                raise VendorBusy(self.vendor, asked, "the answer was cut") from None
            try:
                return response.status_code, json.loads(body)
            except ValueError:
                raise BadAnswer(
                    self.vendor, asked, "the answer is no JSON; check the base URL", response.status_code
                ) from None

    @contextmanager
    def call(
        self,
        method: str,
        path: str,
        asked: str,
        *,
        params: Params | None = None,
        form: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        before: Callable[[], None] | None = None,
        also: Sequence[int] = (),
        private: Sequence[str] = (),
    ) -> Iterator[requests.Response]:
        """One call, not retried; the body is not read yet.

        `before` runs first (it spends the budget), `also` are statuses to hand over besides 2xx, `private` are texts
        that no error may quote. Raises ConnectorError for any other status.
        """
        if before:
            before()
        url = path if path.startswith(("http://", "https://")) else f"{self.base}{path}"
        pairs = [*self._params.items(), *(params.items() if isinstance(params, Mapping) else params or ())]
        # Somebody in a hurry waits for an answer no longer than for anything else.
        most = max(1.0, self._clock.patience)
        try:
            response = self._session.request(
                method, url, params=pairs, data=form if content is None else content, json=json, headers=headers,
                stream=True, allow_redirects=False, timeout=(min(most, self._timeout[0]), min(most, self._timeout[1])),
            )  # fmt: skip
        except _NO_URL:
            raise NotConfigured(self.vendor, asked, "the base URL is not a URL of http or https") from None
        except requests.RequestException as error:
            self._no_answer(asked, error)
        with response:
            if not (200 <= response.status_code < 300 or response.status_code in also):
                raise self._refusal(response, asked, private)
            yield response

    @contextmanager
    def opened(self, method: str, path: str, asked: str, **call: Any) -> Iterator[requests.Response]:
        """As `call`, retried until the answer begins; what comes then is read once."""
        with ExitStack() as stack:
            yield self.retrying(lambda: stack.enter_context(self.call(method, path, asked, **call)))

    @contextmanager
    def elsewhere(self, url: str, asked: str) -> Iterator[requests.Response]:
        """A GET of an address that the vendor named, without any credentials. The status is the caller's to judge."""
        no_address = BadAnswer(self.vendor, asked, "the answer points to an address that is not http or https")
        if not url.startswith(("http://", "https://")):
            raise no_address
        try:
            response = self._strangers.get(
                url, headers={"Accept-Encoding": "gzip"}, timeout=_TIMEOUT, stream=True, allow_redirects=False
            )
        except _NO_URL:
            raise no_address from None
        except requests.RequestException as error:
            self._no_answer(asked, error)
        with response:
            yield response

    def quoted(self, words: str, private: Sequence[str] = ()) -> str:
        """The vendor's own words, fit for an error: without the secrets of this client and the `private` of a call."""
        return quoted(words, (*self._secrets, *private))

    def absolute(self, path: str, link: str) -> str:
        """The address that a `Location` means, in the answer to a path of this API."""
        return urljoin(f"{self.base}{path}", link)

    def body(self, response: requests.Response, asked: str) -> Iterator[bytes]:
        """The bytes as they were sent, still compressed if they were. Raises BrokenStream if they end too early."""
        try:
            yield from response.raw.stream(CHUNK, decode_content=False)
        except (requests.RequestException, HTTPError, OSError):
            raise BrokenStream(self.vendor, asked, "the connection was cut in the middle of the answer") from None

    def retrying(self, attempt: Callable[[], Answer]) -> Answer:
        """What `attempt` returns, which is called anew as long as it raises VendorBusy and patience lasts."""
        retry = tenacity.Retrying(
            retry=tenacity.retry_if_exception(self._worth_waiting),
            stop=self._enough,
            wait=self._pause,
            sleep=self._clock.sleep,
            before_sleep=self._tell,
            reraise=True,
        )
        return retry(attempt)

    @staticmethod
    def _worth_waiting(error: BaseException) -> bool:
        return isinstance(error, VendorBusy) and (error.retry_after or 0) <= _LONGEST_WAIT

    def _enough(self, state: tenacity.RetryCallState) -> bool:
        return state.attempt_number >= self._backoff.attempts or bool(state.upcoming_sleep > self._clock.patience)

    def _pause(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, VendorBusy) and error.retry_after is not None:
            return error.retry_after
        return float(min(self._backoff.most, self._backoff.first * 2 ** (state.attempt_number - 1)))

    def _tell(self, state: tenacity.RetryCallState) -> None:
        seconds = state.next_action.sleep if state.next_action else 0.0
        error = state.outcome.exception() if state.outcome else None
        self._on_wait(f"{error}; asking again", seconds)

    def _no_answer(self, asked: str, error: requests.RequestException) -> NoReturn:
        if _is_of_a_certificate(error):
            raise NotConfigured(self.vendor, asked, "the certificate of the server is not trusted here") from None
        if isinstance(error, requests.exceptions.SSLError):
            raise BadAnswer(self.vendor, asked, "the encrypted connection failed; check the base URL") from None
        told = "no answer in time" if isinstance(error, requests.Timeout) else "no connection"
        raise VendorBusy(self.vendor, asked, told) from None

    def _refusal(self, response: requests.Response, asked: str, private: Sequence[str]) -> ConnectorError:
        status = response.status_code
        words = _words_of(response)
        if self._judge and (judged := self._judge(status, words, asked)):
            return judged
        said = self.quoted(words, private)
        if 300 <= status < 400:
            return BadAnswer(self.vendor, asked, "redirected to another address; check the base URL", status)
        if status == 401:
            return CredentialsRefused(self.vendor, asked, f"the credentials are refused{_because(said)}", status)
        if status == 402:
            return NotAllowed(self.vendor, asked, f"the plan of this account does not include it{_because(said)}", 402)
        if status == 403:
            return NotAllowed(self.vendor, asked, f"this is not permitted{_because(said)}", status)
        if status == 429 or status >= 500:
            told = "too many calls" if status == 429 else "the server failed"
            wait = retry_after(response.headers.get("Retry-After"), self._clock.now())
            return VendorBusy(self.vendor, asked, f"{told}{_because(said)}", status, wait)
        return BadAnswer(self.vendor, asked, f"refused{_because(said)}", status)


def _is_of_a_certificate(error: requests.RequestException) -> bool:
    """Whether the connection was given up before anything was sent, as the server is not who it should be."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, HTTPError) and any(isinstance(one, ssl.SSLCertVerificationError) for one in reason.args)


def _because(said: str) -> str:
    return f', saying "{said}"' if said else ""


def _words_of(response: requests.Response) -> str:
    """What an error answer says, wherever the vendor puts it: JSON of several shapes, or text; HTML says nothing."""
    try:
        raw = response.raw.read(_LONGEST_ERROR, decode_content=True)
    except (requests.RequestException, HTTPError, OSError):
        return ""
    text = raw.decode("utf-8", "replace")
    try:
        found = json.loads(text)
    except ValueError:
        return "" if text.lstrip().startswith("<") else text
    for _ in range(3):
        if not isinstance(found, dict):
            break
        found = next((found[key] for key in ("error", "message", "metadata", "details") if found.get(key)), "")
    return found if isinstance(found, str) else ""


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds to wait, from a header that holds seconds or a date; None if it is missing or neither, or more years than
    anybody can mean."""
    if header is None:
        return None
    if _SECONDS.fullmatch(header):
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
