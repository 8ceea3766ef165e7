"""A small world with Google alone: the stand-in with one audience, a clock that stands still, and us.

Not here: other vendors (world.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from connectors.accounts import google_account
from connectors.budget import Ledger
from connectors.clock import ManualClock
from connectors.destinations import Action, Identity, Receipt, Verdict
from connectors.google.audience import GoogleAudience
from connectors.standin import StandIn, StandInGoogle
from connectors.standin.server import Reply, Request, as_json
from tests.connectors.world import NOON

ACCEPTED = {"google": {"terms_accepted": True}, "activation": {"default_country": "TR"}}
ACCOUNT = {"accountType": "GOOGLE_ADS", "accountId": "1234567890"}
TOKEN = "google-token"
FIRST = "request dm-ingest-req-id-001"


@dataclass
class Listener:
    """Stands before the stand-in and hears what is posted; it answers instead if it has something to say."""

    bodies: list[Any] = field(default_factory=list)
    says: Any = None

    def answer(self, request: Request, server: StandIn) -> Reply | None:
        """None, so that the stand-in answers."""
        self.bodies.append(request.body)
        return None if self.says is None else as_json(self.says)


@dataclass
class Here:
    """Google on loopback, and what we say of ourselves; `said` is what was told while somebody waited."""

    url: str
    listener: Listener
    google: StandInGoogle
    clock: ManualClock
    environ: dict[str, str]
    settings: dict[str, Any] = field(default_factory=lambda: ACCEPTED)
    ledger: Ledger | None = None
    said: list[str] = field(default_factory=list)

    def audience(self, number: str = "8001") -> GoogleAudience:
        """A new process' view of it."""
        account = google_account(self.environ, self.settings)
        return GoogleAudience(
            account, number, self.clock, lambda told, seconds: self.said.append(told), ledger=self.ledger
        )

    def send(self, action: Action, *people: Identity) -> Receipt:
        """One batch."""
        with self.audience().sending(action, len(people), 1) as sending:
            return sending.send(people)

    def verdict(self, receipt: Receipt) -> Verdict:
        """What became of it."""
        assert receipt.pending
        return self.audience().verdict(receipt.pending)

    @property
    def members(self) -> set[frozenset[str]]:
        """Who is in the audience."""
        return self.google.people["8001"]


@contextmanager
def google_world() -> Iterator[Here]:
    """Google with an empty audience 8001, and an account that may add to it."""
    clock = ManualClock(NOON)
    listener, google = Listener(), StandInGoogle(clock=clock)
    with StandIn([listener, google]) as server:
        environ = {
            "GOOGLE_DATAMANAGER_URL": f"{server.url}/v1", "GOOGLE_ACCESS_TOKEN": TOKEN,
            "GOOGLE_ADS_CUSTOMER_ID": "123-456-7890",
        }  # fmt: skip
        yield Here(server.url, listener, google, clock, environ)


def one(number: int) -> Identity:
    """A person by address and phone."""
    return (sha256(f"cust-{number}@example.org"), "", sha256(f"+90532{number:07}"))


def sha256(text: str) -> str:
    """The digest in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def known(*people: Identity) -> set[frozenset[str]]:
    """These people as the stand-in holds them."""
    return {frozenset(filter(None, person)) for person in people}
