"""A webhook hears of everybody who entered a segment or left it, once each and in order.

A closed gate leaves the place in the feed where it is, and what waits as well, so all of it is told once the gate is
open. Not here: HTTP and signatures (`connectors/hooks`), and which changes there are (`feed.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from connectors.errors import Gone
from connectors.hooks.endpoint import VENDOR, Hook, Receiver, receiver
from orchestration.activation.allowed import why_dry
from orchestration.activation.deliveries import Told, Waiting, deliveries, hand_over, write_down
from orchestration.activation.feed import DIRECTIONS, Found, look, wanted
from orchestration.activation.wish import Outcome
from orchestration.activation.work import Work
from orchestration.activation.workplace import ledger_of
from orchestration.gates.results import Result
from orchestration.published import last_run
from orchestration.warehouse import has_table
from segmentation.clock import utc_text

MOST, BACKLOG = "most_per_run", "backlog"
OLD = 7  # days: whoever starts a journey for people does not want those of last month
BETWEEN = {"daily": 1, "weekly": 7}  # days that pass between two ticks; 31 for other clocks


def deliver(work: Work) -> Outcome:
    """Tells the receiver what changed since it was last told, or says what it would tell.

    Raises ConnectorError: what was not acknowledged by then is sent first the next time. Raises ValueError for what
    cannot be done, and GateClosed.
    """
    activation = work.activation
    if work.wish.withdraw:
        raise ValueError(
            f"{activation.segment}: what {activation.place} was told cannot be taken back from here, as nobody left:"
            " its receiver has to forget it"
        )
    # An address that is missing is told before anything is read.
    target = receiver(work.environ, activation.place) if work.sends else None
    file = ledger_of(work.settings.home, activation.stream)
    told, waiting = _known(file)
    if target and told and told.gone == target.mark and not work.wish.replace:
        raise _gone(target)
    while True:
        with work.reading() as connection:
            asked = wanted(activation, work.wish, work.standing.number)
            if told is None and not work.wish.replace:
                _require_new(connection, work)
            found = look(connection, asked, told.at if told and not work.wish.replace else None)
        due = [] if found.since is None else waiting
        _ask(work, found, due)
        if target is None:
            return _dry(work, found, due)
        # What is written down is what was judged: a run that was published meanwhile is looked at anew.
        with work.reading() as connection:
            if last_run(connection) == (found.until.run_no, found.until.as_of):
                beginning = (told.beginning if told else 0) + (found.since is None)
                write_down(connection, file, activation.stream, asked, found, beginning)
                break
    return _send(work, file, target, found, waiting if found.since is None else [])


def _known(file: Path) -> tuple[Told | None, list[Waiting]]:
    if not file.exists():  # a dry run leaves nothing behind
        return None, []
    with deliveries(file) as ledger:
        return ledger.told, ledger.waiting


def _require_new(connection: duckdb.DuckDBPyConnection, work: Work) -> None:
    """Raises ValueError where something was told before: what it was up to is lost, and so would be what came since."""
    told = "segment = ? and activation = ? and json_extract(details, '$.until_run') is not null"
    named = [work.activation.segment, work.activation.name]
    if (
        has_table(connection, "raw", "activations")
        and connection.execute(f"select 1 from raw.activations where {told} limit 1", named).fetchone()
    ):
        raise ValueError(
            f"{work.activation.segment}: the file of what {work.activation.place} was told is gone from"
            f" {ledger_of(work.settings.home, work.activation.stream).parent}: put it back, or start anew with"
            " --replace"
        )


def _ask(work: Work, found: Found, due: list[Waiting]) -> None:
    """Asks the gates, and whether it is too much or too old; where there is nobody to tell of, nothing leaves."""
    entered, left = found.entered + sum(one.entered for one in due), found.left + sum(one.left for one in due)
    work.counts.update(members=found.members, added=entered, removed=left, held_back=found.held_back, calls=0)
    if entered + left:
        first = min((one for one in (found.first, *(batch.first for batch in due)) if one), default=None)
        days = (found.until.as_of - first).days if first else 0
        work.gates(found.leaving, own=(_most(work, entered + left), _backlog(work, first, days)))


def _most(work: Work, events: int) -> Result:
    most = work.settings.activation.most_per_run
    said = f"{events:,} changes would be sent at once, expected {most:,} or fewer" if events > most else ""
    return work.own(MOST, said, {"sending": events, "most_per_run": most})


def _backlog(work: Work, first: datetime | None, days: int) -> Result:
    """A receiver that was away for long, or is back in a file, is not told of what happened ages ago by itself."""
    most = OLD + max(_days_between(one) for one in work.activation.whens)
    said = (
        f"changes since {utc_text(first)} would be told, {days:,} days ago, expected {most:,} or fewer (--replace drops"
        " them)"
        if first and days > most
        else ""
    )
    return work.own(BACKLOG, said, {"days": days, "most_days": most})


def _days_between(when: str | Mapping[str, Any]) -> int:
    name = when if isinstance(when, str) else next(iter(when))
    return 0 if name in DIRECTIONS or name == "on_change" else BETWEEN.get(name, 31)


def _dry(work: Work, found: Found, due: list[Waiting]) -> Outcome:
    what = _in_words(work.counts["added"], work.counts["removed"])
    told = f"would tell {work.activation.place} of {what}, {why_dry(work.activation, work.wish)}"
    if found.since is None and not found.entered:
        told = f"{_begins(work, found)}, if it was sent; it was not, {why_dry(work.activation, work.wish)}"
    work.details.update(batches_waiting=len(due))
    return Outcome("dry_run", told + _held_back(found) + work.closed_in_words(), work.counts, work.said, work.details)


def _send(work: Work, file: Path, target: Receiver, found: Found, dropped: list[Waiting]) -> Outcome:
    """Sends what waits. Counts follow what was acknowledged."""
    hook = Hook(target, work.clock, work.on_wait)
    work.counts.update(added=0, removed=0)
    work.details.update(until_run=found.until.run_no, batches_dropped=len(dropped))

    def taken(one: Waiting) -> None:
        for name, more in (("added", one.entered), ("removed", one.left), ("calls", 1)):
            work.counts[name] += more

    try:
        hand_over(file, work.activation.segment, hook, work.clock, doing=work.wish.doing, taken=taken)
    except Gone:
        raise _gone(target) from None
    return _told(work, found, dropped)


def _told(work: Work, found: Found, dropped: list[Waiting]) -> Outcome:
    calls, place = work.counts["calls"], work.activation.place
    batches = f"{calls:,} batch{'es' if calls != 1 else ''}"
    if calls:
        said = f"told {place} of {_in_words(work.counts['added'], work.counts['removed'])} in {batches}"
    elif found.since is None:
        said = _begins(work, found)
    else:
        said = f"nothing to tell {place} since the run of {utc_text(found.since.as_of)}"
    if events := sum(one.entered + one.left for one in dropped):
        said += f"; {events:,} changes that it was not told of yet were dropped"
    return Outcome("sent" if calls else "nothing", said + _held_back(found), work.counts, work.said, work.details)


def _begins(work: Work, found: Found) -> str:
    return f"{work.activation.place} is told of what changes after the run of {utc_text(found.until.as_of)}"


def _in_words(entered: int, left: int) -> str:
    return f"{entered:,} who entered and {left:,} who left"


def _held_back(found: Found) -> str:
    return f"; {found.held_back:,} changes of other causes are held back" if found.held_back else ""


def _gone(target: Receiver) -> Gone:
    told = (
        f"the receiver is gone for good; nothing more is sent until {target.variable} holds another address, or"
        " somebody starts anew with --replace"
    )
    return Gone(VENDOR, f"delivery to {target.variable}", told, 410)
