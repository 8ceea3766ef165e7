"""The one way in: an activation is done as somebody wishes, by whoever performs it, and what came of it is recorded.

Not here: how members reach a destination (`PERFORMERS`), and when an activation is due.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime

import duckdb

from connectors.clock import Clock, SystemClock
from connectors.errors import ConnectorError
from orchestration.activation.allowed import sends
from orchestration.activation.destinations import FACTORIES, Factory
from orchestration.activation.locks import alone
from orchestration.activation.mirror import mirror
from orchestration.activation.named import Activation
from orchestration.activation.record import Called, record
from orchestration.activation.to_file import write
from orchestration.activation.to_push import push
from orchestration.activation.to_webhook import deliver
from orchestration.activation.wish import Outcome, Wish
from orchestration.activation.work import Work
from orchestration.gates.results import GateClosed
from orchestration.published import NothingPublished
from orchestration.settings import Settings
from orchestration.warehouse import WarehouseBusy, connect, exclusively

PERFORMERS: Mapping[str, Callable[[Work], Outcome]] = {
    "netmera_tag": mirror,
    "meta": mirror,
    "google": mirror,
    "netmera_push": push,
    "file": write,
    "webhook": deliver,
}


def activate(
    settings: Settings,
    activation: Activation,
    wish: Wish,
    environ: Mapping[str, str] = os.environ,
    *,
    clock: Clock | None = None,
    factories: Mapping[str, Factory] = FACTORIES,
) -> Outcome:
    """Does an activation, or says what it would do, and records that.

    A closed gate is an outcome. Waits for a call of the same activation that is under way, and for a recalculation
    while rows are read. Raises ConnectorError, WarehouseBusy, NothingPublished and ValueError, each in one sentence;
    then as much as is known is recorded as `failed`, where there is a warehouse to record it in.
    """
    clock = clock or SystemClock()
    if not settings.warehouse.exists():  # opening would create it
        raise NothingPublished(settings)
    work = Work(settings, activation, wish, environ, clock, sends(activation, wish, environ), factories)
    started_at = clock.now()
    with alone(settings.home, activation.stream, wish.doing):
        try:
            outcome = _perform(work)
        except Exception as error:
            failed = Outcome("failed", _sentence(error), work.counts, work.said, work.details)
            with suppress(WarehouseBusy, duckdb.Error):
                _record(work, failed, started_at, clock)
            raise
        _record(work, outcome, started_at, clock)
    return outcome


def _perform(work: Work) -> Outcome:
    # Before a vendor is asked for anything, so that what fails there is recorded with the run that it is about.
    with work.reading():
        pass
    try:
        return PERFORMERS[work.activation.to](work)
    except GateClosed as closed:
        return Outcome("closed", str(closed), work.counts, closed.results, work.details)


def _record(work: Work, outcome: Outcome, started_at: datetime, clock: Clock) -> None:
    called = Called(
        work.activation, work.wish, work.standing_if_read, outcome, not work.sends, started_at, clock.now()
    )  # fmt: skip
    with exclusively(work.settings.home), connect(work.settings.warehouse) as connection:
        record(connection, called)


def _sentence(error: Exception) -> str:
    """What may be kept: sentences of ours are without people, those of a library need not be."""
    known = (ConnectorError, ValueError, NothingPublished, WarehouseBusy)
    return str(error) if isinstance(error, known) else f"stopped by {type(error).__name__}, see the log"
