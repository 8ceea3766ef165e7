"""A receiver of ours: its address and secret, and how a batch is posted to it.

Both are secrets, as whoever knows the address may try; people know it by its variable. Not here: when something is
sent, and what a receiver was told already.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from connectors.clock import Clock
from connectors.errors import BadAnswer, ConnectorError, CredentialsRefused, Gone, NotConfigured, VendorBusy
from connectors.hooks.batch import Batch
from connectors.hooks.signature import headers, keys_of
from connectors.http import Backoff, Http

VENDOR = "webhook"
TIMEOUT = (10.0, 30.0)  # seconds: to connect, and until the answer begins
_BACKOFF = Backoff(first=5, most=120, attempts=6)
_ANSWER = 1 << 16  # an answer that is read to its end leaves the connection open for the next batch


@dataclass(frozen=True)
class Receiver:
    """`variable` holds the address, `secret_variable` the secrets that `keys` were read from."""

    variable: str
    secret_variable: str
    url: str = field(repr=False)
    keys: tuple[bytes, ...] = field(repr=False)

    @property
    def mark(self) -> str:
        """By what an address is known again where it must not be written down."""
        return hmac.digest(self.keys[0], self.url.encode(), hashlib.sha256).hex()[:16]


def receiver(environ: Mapping[str, str], variable: str) -> Receiver:
    """The receiver whose address this variable holds. Raises NotConfigured in one sentence that names the variable."""
    url = environ.get(variable, "").strip()
    if not url:
        raise NotConfigured(VENDOR, "settings", f"the environment variable {variable} is missing")
    scheme, colon, rest = url.partition(":")
    url = f"{scheme.lower()}{colon}{rest}"
    if wrong := _wrong(url):
        raise NotConfigured(VENDOR, "settings", f"the environment variable {variable} {wrong}")
    name = secret_of(variable)
    if not environ.get(name, "").strip():
        told = f"the environment variable {name} is missing, by which deliveries to {variable} are signed"
        raise NotConfigured(VENDOR, "settings", told)
    try:
        keys = keys_of(environ[name])
    except ValueError as error:
        raise NotConfigured(VENDOR, "settings", f"the environment variable {name} is no secret: {error}") from None
    return Receiver(variable, name, url, keys)


def secret_of(variable: str) -> str:
    """The variable of the secret that goes with that of an address: one each, as a receiver that shares its secret with
    another could write to it in our name."""
    return f"{variable.removesuffix('_URL')}_SECRET"


def _wrong(url: str) -> str | None:
    """What is wrong with an address, without quoting it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme not in ("http", "https") or not host or re.search(r"[\s\x00-\x1f]", url):
        return "holds no address such as https://example.org/hook"
    if "@" in parts.netloc:
        return "holds a user name, which is not sent: the signature says who we are"
    if parts.scheme == "http" and not _is_loopback(host):
        return "holds an address without https, by which people would go over the net for everybody to read"
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Hook:
    """Posts batches to a receiver; `on_wait(sentence, seconds)` is told before every pause."""

    def __init__(
        self,
        receiver: Receiver,
        clock: Clock,
        on_wait: Callable[[str, float], None] = lambda sentence, seconds: None,
        *,
        timeout: tuple[float, float] = TIMEOUT,
    ) -> None:
        self.receiver, self._clock = receiver, clock
        self._asked = f"delivery to {receiver.variable}"
        self._http = Http(
            VENDOR,
            receiver.url,
            clock,
            backoff=_BACKOFF,
            headers={"Content-Type": "application/json"},
            secrets=(receiver.url,),
            judge=self._judge,
            on_wait=on_wait,
            timeout=timeout,
        )

    def post(self, batch: Batch) -> None:
        """Returns once the receiver has taken the batch, which is any answer of 2xx.

        Raises ConnectorError: Gone if nothing is to be sent there any more, else nobody knows whether it was taken.
        """
        body, people = batch.body, batch.people
        self._http.retrying(lambda: self._once(batch.id, body, people))

    def _once(self, batch_id: str, body: bytes, people: tuple[str, ...]) -> None:
        # Each attempt is signed anew: receivers refuse what was signed minutes ago.
        signed = headers(self.receiver.keys, batch_id, self._clock.now(), body)
        named = {**signed, "Idempotency-Key": batch_id}
        url = self.receiver.url
        with (
            self._http.call("POST", url, self._asked, content=body, headers=named, private=people) as answer,
            suppress(requests.RequestException, HTTPError, OSError),  # taken it is, whatever follows
        ):
            answer.raw.read(_ANSWER)

    def _judge(self, status: int, words: str, asked: str) -> ConnectorError | None:
        mine = self.receiver
        if 300 <= status < 400:
            told = f"redirected, which is not followed; put the address that it leads to into {mine.variable}"
            return BadAnswer(VENDOR, asked, told, status)
        if status == 401:
            told = f"the signature is refused; compare {mine.secret_variable} with the secret of the receiver"
            return CredentialsRefused(VENDOR, asked, told, status)
        if status == 408:
            return VendorBusy(VENDOR, asked, "the receiver did not get it in time", status)
        if status == 410:
            return Gone(VENDOR, asked, "the receiver is gone for good", status)
        return None
