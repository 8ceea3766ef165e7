"""The sending itself: batch by batch, each in doubt before it leaves and settled when it is acknowledged.

Removals go first. Destinations find people by keys, and somebody who is removed may take others along who share one
(a telephone in a family), or themselves under a new address; whatever is added afterwards stays. Those who may have
been taken along are in doubt from the first removal on, so they are added again even if the run dies in between. The
price is that somebody whose address changed is missing at the destination between the two. It also means that whoever
withdrew consent goes first. Not here: what has to be sent (`difference.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from connectors.clock import Clock
from connectors.destinations import Action, Destination, Receipt, Sending, Verdict
from connectors.errors import BadAnswer
from orchestration.activation.difference import Counts, batch, count_of, put_off, send_again, take_up
from orchestration.activation.ledger import Ledger

WAITS = (10, 20, 40, 80, 160)  # seconds between looks at what is pending, at most so many in one run
VERBS: dict[Action, str] = {"add": "adding", "remove": "removing"}


@runtime_checkable
class Replaceable(Protocol):
    """A destination whose people can be replaced as a whole."""

    def replacing(self, rows: int, batches: int) -> AbstractContextManager[Sending]:
        """As `sending`; when it ends well, the destination has these people and nobody else."""
        ...


@dataclass
class Sender:
    """Sends what `todo` says. `counts` grow with what was acknowledged, `remarks` are sentences of the destination."""

    ledger: Ledger
    destination: Destination
    clock: Clock
    counts: dict[str, int]
    remarks: list[str]
    doing: Callable[[str], None]
    _waits: list[int] = field(default_factory=lambda: list(WAITS))
    _pending: dict[str, tuple[str, int]] = field(default_factory=dict)  # of this run
    _done: int = 0

    def ask(self) -> None:
        """What has become of batches that are pending. Raises ConnectorError if that cannot be asked."""
        for name in self.ledger.pending():
            try:
                verdict = self.destination.verdict(name)
            except BadAnswer as error:  # it is not known there any more, so it is in doubt again
                verdict = Verdict("failed", said=str(error))
            if verdict.state == "processing":
                continue
            self.ledger.judge(name, verdict)
            self.counts["invalid"] += verdict.invalid
            counted, rows = self._pending.pop(name, ("added", 0))
            if verdict.state == "failed":
                self.counts[counted] -= rows
            if verdict.said and verdict.said not in self.remarks:
                self.remarks.append(verdict.said)

    def wait(self) -> None:
        """Gives the destination some time for what is pending."""
        while self.ledger.waiting and self._waits and self._waits[0] <= self.clock.patience:
            self.doing(f"waiting for what becomes of {self.ledger.waiting:,} at {self.destination.vendor}")
            self.clock.sleep(self._waits.pop(0))
            self.ask()

    def mirror(self, counts: Counts) -> None:
        """Removes, then adds. Raises ConnectorError; then the batch that was sent last is in doubt."""
        connection = self.ledger.connection
        self.ledger.begin()
        self.ledger.keep_holders()
        self._send("remove", counts.remove, counts.sent, also_again=True)
        send_again(connection)
        late = put_off(connection, self.destination.keys)
        self.ledger.note_late()
        self._send("add", count_of(connection, "add"), counts.sent)
        self.wait()
        if late:
            take_up(connection)
            put_off(connection, self.destination.keys)
            self._send("add", count_of(connection, "add"), counts.sent)
            self.wait()

    def replace(self, counts: Counts, destination: Replaceable) -> None:
        """Sends everybody who is wanted in the place of whoever is there."""
        connection, most = self.ledger.connection, self.destination.most
        connection.execute("update todo set action = 'add' where is_wanted")
        send_again(connection)
        self.ledger.begin()
        self.ledger.keep_holders()
        self.ledger.doubt_all()
        with destination.replacing(counts.identities, -(-counts.identities // most)) as sending:
            for first in range(1, counts.identities + 1, most):
                self._post(sending, "add", first, min(first + most - 1, counts.identities), counts.identities)
        self.ledger.settle_all()

    def _send(self, action: Action, rows: int, of: int, *, also_again: bool = False) -> None:
        if not rows:
            return
        most = self.destination.most
        with self.destination.sending(action, rows, -(-rows // most)) as sending:
            for first in range(1, rows + 1, most):
                last = min(first + most - 1, rows)
                self.ledger.doubt(action, first, last, also_again=also_again and first == 1)
                receipt = self._post(sending, action, first, last, of)
                self.ledger.settle(action, first, last, receipt)

    def _post(self, sending: Sending, action: Action, first: int, last: int, of: int) -> Receipt:
        people = batch(self.ledger.connection, action, first, last)
        self._done += len(people)
        self.doing(f"sending {self._done:,} of {of:,}")
        receipt = sending.send(people)
        self.counts["calls"] += 1
        if receipt.received != len(people):
            told = f"it took {receipt.received:,} of {len(people):,} people, so the batch is sent again next time"
            raise BadAnswer(self.destination.vendor, f"{VERBS[action]} people", told)
        counted = "added" if action == "add" else "removed"
        self.counts[counted] += len(people)
        self.counts["invalid"] += receipt.invalid
        if receipt.pending is not None:
            self._pending[receipt.pending] = (counted, len(people))
        return receipt
