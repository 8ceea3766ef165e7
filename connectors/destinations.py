"""What a destination of members is to whoever sends: who a person is there, and how batches go in and out.

A destination knows people by identities that it makes itself, by its own rules of writing and hashing; no two
destinations share one. Adding and removing are idempotent at all of them, so whoever does not know whether a batch
arrived sends it again. Not here: any vendor, and what was sent to whom so far.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

Action = Literal["add", "remove"]
Identity = tuple[str, ...]  # one text for each column that the destination takes, "" where it knows nothing


@dataclass(frozen=True)
class Contact:
    """A person as the users table has them, to the letter; None where nothing is known."""

    user_id: str
    external_id: str | None = None
    email: str | None = None
    msisdn: str | None = None
    country: str | None = None


@dataclass(frozen=True)
class Receipt:
    """What the destination says of a batch: how many it took and how many of them it could not use.

    `pending` is what to ask for later if the batch is accepted and not processed yet; None if it is done.
    """

    received: int
    invalid: int = 0
    pending: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What became of a pending batch. `failed` means that nothing of it was taken, or that nobody can say what was, so
    all of it is to be sent again; `said` is a sentence, or empty."""

    state: Literal["processing", "done", "failed"]
    invalid: int = 0
    said: str = ""


class Sending(Protocol):
    """Batches in one direction."""

    def send(self, batch: Sequence[Identity]) -> Receipt:
        """At most `Destination.most` identities. Raises ConnectorError; then nobody knows whether it arrived."""
        ...


class Destination(Protocol):
    """One audience, tag or the like at a vendor."""

    vendor: str
    most: int  # identities in a batch

    def check(self) -> None:
        """Raises ConnectorError if it can be told without sending that nothing can be sent."""
        ...

    def identity(self, contact: Contact) -> Identity | None:
        """What the destination gets of a person; None if it would know nothing to find them by."""
        ...

    def keys(self, identity: Identity) -> Iterable[str]:
        """What the destination finds people by: two identities with a key in common may be one person there."""
        ...

    def sending(self, action: Action, rows: int, batches: int) -> AbstractContextManager[Sending]:
        """Opens what has to be opened for so many rows in so many batches."""
        ...

    def verdict(self, pending: str) -> Verdict:
        """Asks for a batch that was pending."""
        ...


@runtime_checkable
class Remarking(Protocol):
    """A destination that has something to say to whoever sends, before anything is sent."""

    def remarks(self, members: int) -> list[str]:
        """Sentences, given how many people there will be."""
        ...


@runtime_checkable
class ReadsBack(Protocol):
    """A destination that may tell who is there."""

    def read_back(self) -> set[Identity] | None:
        """Who is there by its own account; None if it does not tell. Raises ConnectorError."""
        ...
