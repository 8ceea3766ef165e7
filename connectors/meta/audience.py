"""A custom audience of Meta as a destination: members are added in sessions, removed, or replaced as a whole.

Not here: how people are written and hashed (identity.py), and how a refusal reads (api.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from connectors.accounts import MetaAccount
from connectors.answers import whole
from connectors.clock import Clock
from connectors.destinations import Action, Contact, Identity, Receipt, Sending, Verdict
from connectors.errors import (
    BadAnswer,
    ConnectorError,
    NotAllowed,
    NotConfigured,
    ShortRead,
    VendorBusy,
    WindowTooLarge,
)
from connectors.meta.api import VENDOR, Graph
from connectors.meta.identity import SCHEMA, identity
from connectors.meta.sessions import Sessions

MOST_ROWS = 10_000
_FEWEST_ROWS = 100  # a batch that is refused as too large is halved as long as more are left
_FLAGGED, _BEING_REPLACED = 471, "replace_in_progress"


class MetaAudience:
    """The custom audience with this number."""

    vendor = VENDOR
    most = MOST_ROWS

    def __init__(
        self,
        account: MetaAccount,
        audience: str,
        clock: Clock,
        on_wait: Callable[[str, float], None] = lambda sentence, seconds: None,
    ) -> None:
        self._account, self._audience, self._clock = account, audience, clock
        self._graph = Graph(account, clock, on_wait)

    def __repr__(self) -> str:
        return f"MetaAudience({self._audience})"

    def check(self) -> None:
        """Raises ConnectorError if there is no such audience in the ad account, it takes no members from a file, is
        flagged, or is being replaced: one call that changes nothing."""
        if not (self._audience.isascii() and self._audience.isdecimal()):
            raise NotConfigured(
                VENDOR, "settings", f"found {self._audience!r} as audience, expected its number at Meta"
            )
        asked = f"state of audience {self._audience}"
        found = self._graph.get(
            f"/{self._audience}", asked, {"fields": "id,account_id,subtype,operation_status"}
        )  # fmt: skip
        owner, subtype = str(found.get("account_id", self._account.ad_account)), found.get("subtype", "CUSTOM")
        if owner != self._account.ad_account:
            raise NotAllowed(VENDOR, asked, "it belongs to another ad account than the one of META_AD_ACCOUNT")
        if subtype != "CUSTOM":
            raise NotAllowed(VENDOR, asked, "it is no audience of a customer list, so nobody can be added to it")
        status = found.get("operation_status")
        told = [*status.values()] if isinstance(status, dict) else [status]
        if _FLAGGED in told:
            raise NotAllowed(
                VENDOR, asked, "Meta has flagged it; appeal in the Audience Manager, or make a new audience"
            )
        if _BEING_REPLACED in told:
            raise VendorBusy(VENDOR, asked, "it is being replaced, and cannot be changed meanwhile")

    def identity(self, contact: Contact) -> Identity | None:
        """The external id, and hashes of the e-mail address and the phone number; None without either hash."""
        return identity(contact, self._account.default_country)

    def keys(self, identity: Identity) -> Iterable[str]:
        """Every column alone, by its name, as Meta finds a person by any of them."""
        return (f"{key} {value}" for key, value in zip(SCHEMA, identity, strict=True) if value)

    @contextmanager
    def sending(self, action: Action, rows: int, batches: int) -> Iterator[Sending]:
        """Members are added in a session, or in several where it takes longer than Meta keeps one open."""
        if action == "remove":
            yield _Batches(batches, lambda some, last: self._remove(some))
        else:
            sessions = Sessions(self._clock, rows)
            yield _Batches(batches, lambda some, last: self._put("users", some, last, sessions))

    @contextmanager
    def replacing(self, rows: int, batches: int) -> Iterator[Sending]:
        """What is sent takes the place of everybody in the audience, once the last batch has come; until then, and if
        it never comes, all stay as they are.

        All has to come within 90 minutes. Raises SessionExpired where it has to be begun anew, ValueError if nobody is
        to be sent, or the block ends well before all batches were.
        """
        if rows <= 0 or batches <= 0:
            raise ValueError("nobody is to replace an audience, expected somebody; its members can be removed")
        sessions = Sessions(self._clock, rows, only_one=True)
        replacement = _Batches(batches, lambda some, last: self._put("usersreplace", some, last, sessions))
        yield replacement
        if replacement.left > 0:
            raise ValueError(f"found {batches - replacement.left:,} batches of a replacement, expected {batches:,}")

    def verdict(self, pending: str) -> Verdict:
        """Batches are done when they are answered, though it may take a day until ads follow."""
        return Verdict("done")

    def _put(self, edge: str, rows: Sequence[Identity], last: bool, sessions: Sessions) -> Receipt:
        doing = "replacing members of" if edge == "usersreplace" else "adding members to"
        asked = f"{doing} audience {self._audience}"

        def body(unsure: bool) -> dict[str, Any]:
            return {"session": sessions.place(asked, last, unsure), "payload": _payload(rows)}

        try:
            found = self._graph.send("POST", f"/{self._audience}/{edge}", asked, body, _plain(rows))
        except WindowTooLarge:
            raise
        except ConnectorError:
            sessions.leave()
            raise
        return sessions.arrived(asked, len(rows), *_counts(found, asked))

    def _remove(self, rows: Sequence[Identity]) -> Receipt:
        asked = f"removing members from audience {self._audience}"
        found = self._graph.send(
            "DELETE", f"/{self._audience}/users", asked, lambda unsure: {"payload": _payload(rows)}, _plain(rows)
        )
        received, invalid = _counts(found, asked)
        if received < len(rows):
            raise ShortRead(VENDOR, asked, f"{received:,} of {len(rows):,} members came")
        return Receipt(len(rows), invalid)


class _Batches:
    """Batches of a known number; `left` are still to come. Once Meta has refused one as too large, they are cut."""

    def __init__(self, batches: int, put: Callable[[Sequence[Identity], bool], Receipt]) -> None:
        self.left, self._put, self._fitting = batches, put, MOST_ROWS

    def send(self, batch: Sequence[Identity]) -> Receipt:
        """At most 10,000 identities. Raises ConnectorError; then nobody knows how many of them arrived."""
        if not 0 < len(batch) <= MOST_ROWS:
            raise ValueError(f"found a batch of {len(batch):,} members, expected 1 to {MOST_ROWS:,}")
        waiting, invalid = [batch], 0
        while waiting:
            some = waiting.pop()
            if len(some) > self._fitting:
                waiting += [some[self._fitting :], some[: self._fitting]]
                continue
            try:
                invalid += self._put(some, self.left <= 1 and not waiting).invalid
            except WindowTooLarge:
                if len(some) <= _FEWEST_ROWS:
                    raise
                self._fitting = (len(some) + 1) // 2
                waiting.append(some)
        self.left -= 1
        return Receipt(len(batch), invalid)


def _payload(rows: Sequence[Identity]) -> dict[str, Any]:
    return {"schema": SCHEMA, "data": [*rows]}


def _plain(rows: Sequence[Identity]) -> list[str]:
    """Whose ids the request holds as they are."""
    return [row[SCHEMA.index("EXTERN_ID")] for row in rows]


def _counts(found: dict[str, Any], asked: str) -> tuple[int, int]:
    """How many members came and how many of them are invalid; Meta writes some of its numbers as text."""
    numbers = [found.get("num_received"), found.get("num_invalid_entries", 0)]
    received, invalid = (int(one) if isinstance(one, str) and one.isdecimal() else whole(one) for one in numbers)
    if received is None or invalid is None:
        raise BadAnswer(VENDOR, asked, "the answer does not tell how many members came")
    return received, invalid
