"""What a performer gets to work with: the activation, who is in the segment, and a way to ask whether they may leave.

Not here: performers (`mirror.py` and its neighbours), and who calls them (`run.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb

from connectors.clock import Clock
from orchestration.activation.destinations import FACTORIES, Factory
from orchestration.activation.named import Activation
from orchestration.activation.wish import Wish
from orchestration.exports.collect import Standing, standing_of
from orchestration.gates.facts import Facts, Leaving, Reach, read_facts
from orchestration.gates.judge import judge
from orchestration.gates.results import GateClosed, Result, answer
from orchestration.published import held
from orchestration.settings import Settings


@dataclass
class Work:
    """One call of an activation. `sends` is False in a dry run. `standing` and `facts` are of the run whose members are
    read. `counts` and `details` are what is known so far, and are told however the call ends."""

    settings: Settings
    activation: Activation
    wish: Wish
    environ: Mapping[str, str]
    clock: Clock
    sends: bool
    factories: Mapping[str, Factory] = field(default_factory=lambda: FACTORIES)
    counts: dict[str, int] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    said: tuple[Result, ...] = ()
    _standing: Standing | None = None
    _facts: Facts | None = None

    @property
    def standing(self) -> Standing:
        """The segment as the last run left it."""
        assert self._standing is not None
        return self._standing

    @property
    def standing_if_read(self) -> Standing | None:
        """The same, None before the warehouse was read."""
        return self._standing

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The warehouse, held by nobody else meanwhile; whoever reads members in it reads those that `standing` and
        the gates are about. Raises NothingPublished, WarehouseBusy, and ValueError as `standing_of` does."""
        waiting = "waiting for a recalculation to end"
        with held(self.settings, lambda: self.wish.doing(waiting)) as connection:
            self._look(connection)
            yield connection

    def _look(self, connection: duckdb.DuckDBPyConnection) -> None:
        """What is taken back needs no members, so a segment that is deleted can be taken back as well."""
        try:
            standing = standing_of(connection, self.activation.segment, self.settings.segments)
        except ValueError:
            if self.wish.withdraw:
                return
            raise
        if standing != self._standing:
            self._facts = read_facts(connection, self.settings, self.activation.segment)
            self._standing = standing

    def gates(
        self, leaving: Leaving | None = None, reach: Reach | None = None, own: tuple[Result, ...] = ()
    ) -> tuple[Result, ...]:
        """Asks the gates, which is after `reading`, and keeps what they say; `own` are results of the performer's own.

        Raises GateClosed if one is closed and something would leave: a dry run goes on, and says what it met.
        """
        judged: tuple[Result, ...] = ()
        if self._facts is not None:  # as of a segment that is deleted
            at = self.wish.at if self.wish.automatic else None
            judged = judge(self._facts, self.settings.gates, at, leaving, self.wish.override, reach)
        self.said = (*judged, *own)
        if self.sends and any(one.state == "closed" for one in self.said):
            raise GateClosed(self.activation.segment, self.said)
        return self.said

    def own(self, gate: str, said: str, numbers: Mapping[str, int | float]) -> Result:
        """A gate of the performer's own, which is open if there is nothing to say."""
        return answer(gate, said, numbers, self.wish.override)

    @property
    def remarks(self) -> list[str]:
        """Sentences of the destination, to add to."""
        return self.details.setdefault("remarks", [])

    def on_wait(self, sentence: str, seconds: float) -> None:
        """Hears that a client waits."""
        self.wish.doing(f"{sentence} (in {seconds:,.0f} s)")

    def closed_in_words(self) -> str:
        """`; closed: removal_cap`, or nothing: what a dry run adds to its sentence."""
        closed = ", ".join(one.gate for one in self.said if one.state == "closed")
        return f"; it would not be sent, as gates are closed: {closed}" if closed else ""
