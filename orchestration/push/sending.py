"""The call that sends a message, around which everything is written down, and what follows where its answer is lost.

A message may go out at most once. What is tried again is only what is known not to have gone out.
Not here: who has the tag by then (`activation/to_push.py`), and the files (`outbox.py`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NoReturn

from connectors.clock import Clock
from connectors.errors import BudgetSpent, ConnectorError, VendorBusy
from connectors.netmera_messages import CLOCKS_APART, MaybeSent, NetmeraMessages
from orchestration.push.outbox import Outbox, Push
from orchestration.push.shown import hide, show
from orchestration.settings import Settings
from orchestration.warehouse import WarehouseBusy
from segmentation.clock import utc_text

_LONGEST_PAUSE = timedelta(minutes=15)
_PASSING = (VendorBusy, BudgetSpent, WarehouseBusy)  # what may be over by the next attempt


class InDoubt(ValueError):
    """Nobody knows whether a message went out; a person has to look."""

    def __init__(self, push: Push, why: str) -> None:
        called = utc_text(push.called_at.replace(microsecond=0)) if push.called_at else "some time"
        super().__init__(
            f"{push.segment}: it is not known whether the message “{push.title}” went out. Netmera was asked to send it"
            f" at {called}, and {why}. It is not sent again; look into the panel, then say `segments pushes --settle"
            f" {push.id}` with `--went-out KEY` or `--did-not-go-out`"
        )


def deliver(settings: Settings, push: Push, client: NetmeraMessages, clock: Clock) -> Push:
    """Sends a message that is ours in `sending/`, or makes the draft. Returns it as it is noted in `done/`.

    Raises InDoubt, and ConnectorError if it is known that nothing went out.
    """
    outbox = Outbox(settings.home)
    if push.draft:
        return finish(settings, outbox.write(replace(push, key=client.define(push.message))), clock)
    now = clock.now()
    others = tuple(sorted(client.keys(now, now)))
    push = outbox.write(replace(push, called_at=now, others=others))
    try:
        key = client.send(push.message, push.tag, push.id)
    except MaybeSent as error:
        return settle(settings, push, client, clock, f"what came back was: {error.came}")
    except ConnectorError:
        outbox.write(replace(push, called_at=None, others=()))
        raise
    return finish(settings, outbox.write(replace(push, key=key)), clock)


def settle(settings: Settings, push: Push, client: NetmeraMessages, clock: Clock, why: str) -> Push:
    """Finds out whether a message went out that Netmera was asked for, and finishes it if so. Raises InDoubt."""
    if push.key is not None:
        return finish(settings, push, clock)
    assert push.called_at is not None
    outbox = Outbox(settings.home)
    theirs, _ = _others(outbox, push)
    try:
        key = client.find(push.message, push.called_at, clock.now(), theirs.union(push.others))
    except ConnectorError as error:
        key, why = None, f"{why}, and where it is asked about it: {error}"
    theirs, is_unsure = _others(outbox, push)  # as others go on meanwhile
    if key is not None and (is_unsure or key in theirs):
        key, why = None, f"{why}, and the one of this title that it shows may be another message"
    if key is not None:
        return finish(settings, outbox.write(replace(push, key=key)), clock)
    doubt = InDoubt(push, why)
    show(settings, push)
    outbox.move(replace(push, reason=str(doubt)), "sending", "in_doubt")
    raise doubt


def _others(outbox: Outbox, push: Push) -> tuple[set[str], bool]:
    """Keys of other messages, and whether another one of this title may be out by a key that nobody has noted."""
    assert push.called_at is not None
    since = push.called_at - CLOCKS_APART
    rest = [(state, one) for state, one in outbox.all() if one.id != push.id]
    is_unsure = any(
        state in ("sending", "in_doubt") and one.key is None and one.called_at is not None and one.called_at >= since
        for state, one in rest
        if one.title == push.title
    )
    return {one.key for _, one in rest if one.key is not None}, is_unsure


def finish(settings: Settings, push: Push, clock: Clock) -> Push:
    """Shows a message that went out among those of its segment, and puts its file away. Raises ValueError if it cannot
    be shown; the sensor tries that again."""
    try:
        show(settings, push)
    except OSError as error:
        raise ValueError(
            f"“{push.title}” went out as message {push.key}, and cannot be written into the landing area yet: {error}"
        ) from error
    done = replace(push, ended_at=clock.now(), reason=None)
    Outbox(settings.home).move(done, "sending", "done")
    return done


def stop(settings: Settings, push: Push, error: BaseException, clock: Clock) -> None:
    """A message that did not go out, for a reason: what waits for a moment of its own is tried again as long as the
    reason may pass, and fails for good otherwise; what was to go out now is forgotten, as whoever asked hears of it."""
    outbox = Outbox(settings.home)
    if push.at is None:
        outbox.forget(push)
    elif isinstance(error, _PASSING) and not push.is_too_late(clock.now()):
        pause = min(timedelta(minutes=2**push.attempts), _LONGEST_PAUSE)
        waiting = replace(push, attempts=push.attempts + 1, not_before=clock.now() + pause)
        outbox.move(waiting, "sending", "new")
    else:
        fail(settings, push, str(error), clock.now())


def fail(settings: Settings, push: Push, reason: str, now: datetime) -> None:
    """A message that does not go out any more is no message of its segment."""
    hide(settings, push)
    Outbox(settings.home).move(replace(push, ended_at=now, reason=reason), "sending", "failed")


def too_late(push: Push) -> NoReturn:
    """Raises ValueError: somebody who gets a message hours later may be glad of it, or not."""
    at = utc_text(push.at) if push.at else "now"
    raise ValueError(f"{push.segment}: the message “{push.title}” was to go out at {at}, and nobody could send it then")
