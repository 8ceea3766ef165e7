"""A destination that is a set of people and finds them by keys, as vendors do, and a fuse that stops whoever sends.

Not here: vendors' own rules (`tests/connectors`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.clock import ManualClock
from connectors.destinations import Action, Contact, Identity, Receipt, Verdict
from orchestration.activation.difference import Counts, compare
from orchestration.activation.ledger import open_ledger
from orchestration.activation.sending import Sender
from orchestration.activation.wanted import make_wanted

COLUMNS = ("user_id", "external_id", "email", "msisdn", "country", "is_member")


class Killed(BaseException):
    """What no code catches, as little as the end of a process."""


@dataclass
class Fuse:
    """Kills at its k-th point; counts the points that were passed."""

    at: int | None = None
    passed: int = 0

    def burn(self) -> None:
        self.passed += 1
        if self.passed == self.at:
            raise Killed


@dataclass
class Audience:
    """People are found by each part of their identity. `received` is everything that came, `slow` lets batches wait:
    a batch is worked off when it is asked for, unless the next of `moods` is False."""

    most: int = 2
    vendor: str = "a vendor"
    slow: bool = False
    fuse: Fuse = field(default_factory=Fuse)
    people: set[Identity] = field(default_factory=set)
    received: Counter[tuple[str, Identity]] = field(default_factory=Counter)
    moods: list[bool] = field(default_factory=list)
    waiting: dict[str, tuple[Action, list[Identity]]] = field(default_factory=dict)
    checks: int = 0

    def check(self) -> None:
        self.checks += 1

    def identity(self, contact: Contact) -> Identity | None:
        cells = (contact.email or "", contact.msisdn or "")
        return cells if any(cells) else None

    def keys(self, identity: Identity) -> Iterable[str]:
        return (f"{place}{cell}" for place, cell in enumerate(identity) if cell)

    @contextmanager
    def sending(self, action: Action, rows: int, batches: int) -> Iterator[_Line]:
        assert batches == -(-rows // self.most)
        yield _Line(self, action)

    def verdict(self, pending: str) -> Verdict:
        if self.moods and not self.moods.pop():
            return Verdict("processing")
        if pending in self.waiting:
            self.work_off(*self.waiting.pop(pending))
        return Verdict("done")

    def work_off(self, action: Action, batch: Sequence[Identity]) -> None:
        for identity in batch:
            if action == "add":
                self.people.add(identity)
            else:
                keys = set(self.keys(identity))
                self.people -= {one for one in self.people if keys & set(self.keys(one))}


@dataclass
class _Line:
    audience: Audience
    action: Action

    def send(self, batch: Sequence[Identity]) -> Receipt:
        audience = self.audience
        assert 0 < len(batch) <= audience.most
        audience.fuse.burn()
        audience.received.update((self.action, one) for one in batch)
        if audience.slow:
            name = f"{len(audience.received)}-{sum(audience.received.values())}-{len(audience.waiting)}"
            audience.waiting[name] = (self.action, list(batch))
        else:
            name = None
            audience.work_off(self.action, batch)
        audience.fuse.burn()
        return Receipt(len(batch), pending=name)


class Burning:
    """A connection that may be stopped before and after anything is on disk."""

    def __init__(self, connection: Any, fuse: Fuse) -> None:
        self._connection, self._fuse = connection, fuse

    def execute(self, sql: str, *more: Any) -> Any:
        if sql != "commit":
            return self._connection.execute(sql, *more)
        self._fuse.burn()
        found = self._connection.execute(sql)
        self._fuse.burn()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def write_contacts(file: Path, people: Iterable[Contact]) -> None:
    """People as an activation reads them, all of them members."""
    rows = [{name: getattr(one, name, True) for name in COLUMNS} for one in people]
    schema = pa.schema([(name, pa.bool_() if name == "is_member" else pa.string()) for name in COLUMNS])
    pq.write_table(pa.Table.from_pylist(rows, schema), file)


def bring(file: Path, people: Iterable[Contact], audience: Audience, counts: dict[str, int] | None = None) -> Counts:
    """One run from contacts to the audience, as an activation does it once it has read them."""
    place = file.parent / "place"
    place.mkdir(exist_ok=True)
    write_contacts(place / "contacts.parquet", people)
    counts = counts if counts is not None else {}
    counts |= dict.fromkeys(("added", "removed", "invalid", "calls"), 0)
    with open_ledger(file, place, writing=True) as ledger:
        ledger.connection = Burning(ledger.connection, audience.fuse)  # type: ignore[assignment]
        clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        sender = Sender(ledger, audience, clock, counts, [], lambda _: None)
        sender.ask()
        make_wanted(ledger.connection, place / "contacts.parquet", audience)
        found = compare(ledger.connection, audience.keys)
        sender.mirror(found)
        counts["waiting"] = ledger.waiting
    return found


def wanted_of(people: Iterable[Contact], audience: Audience) -> set[Identity]:
    return {identity for one in people if (identity := audience.identity(one)) is not None}
