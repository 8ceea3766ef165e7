"""A small world with Meta alone: the stand-in with one audience, a clock that stands still, and us.

Not here: other vendors (world.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from connectors.accounts import meta_account
from connectors.clock import ManualClock
from connectors.destinations import Action, Identity, Receipt
from connectors.meta.audience import MetaAudience
from connectors.standin import StandIn, StandInMeta
from connectors.standin.meta import Audience
from connectors.standin.server import Reply, Request
from tests.connectors.world import NOON

TOKEN, SECRET = "meta-token", "s3cret-of-app"
TURKEY = {"activation": {"default_country": "TR"}}


@dataclass
class Listener:
    """Stands before the stand-in and hears what comes; it answers instead if it has something to say."""

    requests: list[Request] = field(default_factory=list)
    says: Reply | None = None

    def answer(self, request: Request, server: StandIn) -> Reply | None:
        """None, so that the stand-in answers."""
        self.requests.append(request)
        return self.says


@dataclass
class Here:
    """Meta on loopback, and what we say of ourselves; `said` is what was told while somebody waited."""

    url: str
    listener: Listener
    meta: StandInMeta
    clock: ManualClock
    environ: dict[str, str]
    settings: dict[str, Any] = field(default_factory=lambda: TURKEY)
    said: list[str] = field(default_factory=list)

    def audience(self, number: str = "120331") -> MetaAudience:
        """A new process' view of it."""
        account = meta_account(self.environ, self.settings)
        return MetaAudience(account, number, self.clock, lambda told, seconds: self.said.append(told))

    def send(self, action: Action, *people: Identity) -> Receipt:
        """One batch."""
        with self.audience().sending(action, len(people), 1) as sending:
            return sending.send(people)

    @property
    def there(self) -> Audience:
        """The audience at Meta."""
        return self.meta.audiences["120331"]

    @property
    def sessions(self) -> list[dict[str, Any]]:
        """Where each batch that was added said to belong, without the number of its session."""
        came = [request.body.get("session") for request in self.listener.requests if isinstance(request.body, dict)]
        return [{key: value for key, value in one.items() if key != "session_id"} for one in came if one]


@contextmanager
def meta_world() -> Iterator[Here]:
    """Meta with an empty audience 120331, and an ad account that has it."""
    clock = ManualClock(NOON)
    listener, meta = Listener(), StandInMeta(clock=clock, access_token=TOKEN)
    with StandIn([listener, meta]) as server:
        environ = {"META_URL": server.url, "META_ACCESS_TOKEN": TOKEN, "META_AD_ACCOUNT": "act_42"}
        yield Here(server.url, listener, meta, clock, environ)


def one(number: int) -> Identity:
    """A person by external id, address and phone."""
    return (f"cust-{number}", sha256(f"cust-{number}@example.org"), sha256(f"90532{number:07}"))


def sha256(text: str) -> str:
    """The digest in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def known(*people: Identity) -> set[frozenset[str]]:
    """These people as the stand-in holds them."""
    return {frozenset(filter(None, person)) for person in people}
