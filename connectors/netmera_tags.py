"""A tag of Netmera as a destination: who has the external id of a member gets the tag, and loses it.

A tag per segment is how an audience is handed to Netmera, which has no call that makes or fills a segment. Batches are
of 1,000 ids. What it does with an id that it does not know is not documented: where it refuses the batch, the batch is
halved until the unknown ids stand alone, so that all others arrive. Not here: messages to a tag (netmera_messages.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from connectors.accounts import NetmeraAccount
from connectors.clock import Clock
from connectors.destinations import Action, Contact, Identity, Receipt, Verdict
from connectors.errors import BadAnswer
from connectors.netmera import SYSTEMS, VENDOR, Netmera, UnknownPeople, netmera_http

MOST_IDS = 1_000  # unique ids in a call
# So many ids of a large batch that it does not know, and none before them that it does, are no accident.
_STRANGERS, _LARGE = 100, 500
_VERBS: dict[Action, str] = {"add": "/tagUsers", "remove": "/untagUsers"}


class NetmeraTag:
    """One tag; people are their external ids, to the letter."""

    vendor = VENDOR
    most = MOST_IDS

    def __init__(
        self,
        account: NetmeraAccount,
        tag: str,
        clock: Clock,
        on_wait: Callable[[str, float], None] = lambda sentence, seconds: None,
    ) -> None:
        if not tag.strip():
            raise ValueError("found no name of a tag, expected one such as win_back")
        self.tag = tag
        self._http = netmera_http(account, clock, on_wait)
        self._reading = Netmera(account, clock, on_wait)

    def __repr__(self) -> str:
        return f"NetmeraTag({self.tag})"

    def check(self) -> None:
        """Raises ConnectorError if the key is refused, or this machine may not ask: one call that changes nothing."""
        self._http.json("GET", "/getSegments", "whether the key is accepted", headers={"X-netmera-os": SYSTEMS[0]})

    def identity(self, contact: Contact) -> Identity | None:
        """The external id; None if there is none."""
        return (contact.external_id,) if contact.external_id and contact.external_id.strip() else None

    def keys(self, identity: Identity) -> Iterable[str]:
        """The external id, which is one person's."""
        return identity

    @contextmanager
    def sending(self, action: Action, rows: int, batches: int) -> Iterator[_Tagging]:
        """Nothing has to be opened."""
        yield _Tagging(self, action)

    def verdict(self, pending: str) -> Verdict:
        """Batches are done when they are answered."""
        return Verdict("done")

    def read_back(self) -> set[Identity] | None:
        """Who has the tag at Netmera, as far as it tells: no call lists the users of a tag, but if somebody has made a
        segment of the tag's name in the panel, the members of that. None if there is none.

        The panel calculates its segments in its own time, so a difference says that something may be wrong.
        """
        named = [one for one in self._reading.segments() if one.name == self.tag]
        if not named:
            return None
        people = (person for segment in named for person in self._reading.members(segment))
        return {(person.external_id,) for person in people if person.external_id is not None}

    def post(self, action: Action, ids: Sequence[str]) -> int:
        """Sends ids, each once, and returns how many of them Netmera does not know. Raises ConnectorError."""
        known = unknown = 0
        waiting = [list(ids)]
        while waiting:
            some = waiting.pop()
            try:
                self._post(action, some)
                known += len(some)
            except UnknownPeople:
                middle = len(some) // 2
                if middle:
                    waiting += [some[middle:], some[:middle]]
                    continue
                unknown += 1
                if action == "add" and not known and unknown == _STRANGERS and len(ids) >= _LARGE:
                    told = (
                        f"it knows none of the first {unknown} users; is NETMERA_API_KEY that of another application?"
                    )
                    raise BadAnswer(VENDOR, f"tagging {len(ids):,} users", told) from None
        return unknown

    def _post(self, action: Action, ids: list[str]) -> None:
        asked = f"{'tagging' if action == 'add' else 'untagging'} {len(ids):,} users"
        body = {"tag": self.tag, "extIds": ids}
        with self._http.opened("POST", _VERBS[action], asked, json=body, private=ids) as answer:
            for _ in self._http.body(answer, asked):
                pass  # there is nothing to read, only to see that it came whole


@dataclass(frozen=True)
class _Tagging:
    """Batches in one direction."""

    to: NetmeraTag
    action: Action

    def send(self, batch: Sequence[Identity]) -> Receipt:
        """At most 1,000 identities; one that comes twice is sent once. Raises ConnectorError."""
        if len(batch) > MOST_IDS:
            raise ValueError(f"found a batch of {len(batch):,} identities, expected at most {MOST_IDS:,}")
        unique = list(dict.fromkeys(identity[0] for identity in batch))
        return Receipt(len(batch), self.to.post(self.action, unique) if unique else 0)
