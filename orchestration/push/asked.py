"""Messages that wait for a moment: scheduled by somebody, served when it has come, taken back, and settled by hand.

Netmera can be asked to send a message later, but then it would go to those who have the tag today, past every gate. So
a message waits here, and the tag is brought up to date when its moment has come.
Not here: sending (`activation/to_push.py`), and when it is looked whether a moment has come (`sensors/push.py`).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from connectors.accounts import netmera_account
from connectors.clock import Clock, SystemClock
from connectors.netmera_messages import NetmeraMessages, PushMessage
from orchestration.activation.allowed import VARIABLE, allowed
from orchestration.activation.run import activate
from orchestration.activation.wish import Outcome, Wish
from orchestration.gates.results import Override
from orchestration.inbox import this_process
from orchestration.push.outbox import Outbox, Push, State
from orchestration.push.sending import fail, finish, settle, stop
from orchestration.push.shown import hide, show
from orchestration.push.words import TO, WAITING, message_no, push_activation
from orchestration.segment_folder import segments_of
from orchestration.settings import Settings
from segmentation.clock import utc_text
from segmentation.language.problems import unknown_segment


def schedule(
    settings: Settings,
    segment: str,
    tag: str,
    message: PushMessage,
    at: datetime,
    by: str,
    now: datetime,
    override: Override | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Push:
    """A message that goes out at a moment. Raises ValueError in one sentence for one that never could."""
    if at <= now:
        raise ValueError(f"found {utc_text(at)} as the moment of a message, expected one that is still to come")
    if TO not in allowed(environ):
        raise ValueError(f"{VARIABLE} does not name {TO}, so nobody could send the message at its moment")
    known = segments_of(settings).definitions
    if segment not in known:
        raise ValueError(unknown_segment(segment, known, settings.segments))
    push = Push(
        id=f"{message_no(segment, at)}-{secrets.token_hex(3)}",
        segment=segment,
        tag=tag,
        title=message.title,
        text=message.text,
        platforms=message.platforms,
        by=by,
        asked_at=now,
        at=at,
        override_by=override.by if override else None,
        override_reason=override.reason if override else None,
    )
    show(settings, push)
    try:
        Outbox(settings.home).add(push)
    except OSError:
        hide(settings, push)
        raise
    return push


def serve(
    settings: Settings,
    id: str,
    environ: Mapping[str, str] = os.environ,
    clock: Clock | None = None,
    source_run: str | None = None,
    doing: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Sends a message whose moment has come, or finds out what became of one whose process died.

    Raises what `activate` raises; the outbox says then whether it is tried again.
    """
    clock = clock or SystemClock()
    _, push = _found(settings, id)
    wish = Wish(
        at=push.at or push.asked_at, by=push.by, send=True, override=push.override, source_run=source_run,
        automatic=True, doing=doing,
    )  # fmt: skip
    activation = push_activation(push.segment, push.tag, push.message, **{WAITING: id})
    try:
        outcome = activate(settings, activation, wish, environ, clock=clock)
        if outcome.ending == "dry_run":
            raise ValueError(f"{VARIABLE} does not name {TO} any more, so “{push.title}” was not sent")
        return outcome
    except Exception as error:
        _stop_if_untouched(settings, id, error, clock)
        raise


def cancel(settings: Settings, id: str, by: str, now: datetime) -> Push:
    """A message that waits does not go out, and a draft is no message of its segment any more; in Netmera's panel it
    stays. Raises ValueError for one that cannot be taken back."""
    state, push = _found(settings, id)
    outbox = Outbox(settings.home)
    if state == "new" and (mine := outbox.take(push, this_process(), now)) is not None:
        fail(settings, mine, f"taken back by {by}", now)
        return mine
    if state == "done" and push.draft:
        hide(settings, push)
        return push
    raise ValueError(f"the message {id} cannot be taken back: it is {_STATES[state]}")


def settle_by_hand(
    settings: Settings,
    id: str,
    by: str,
    *,
    key: str | None = None,
    went_out: bool | None = None,
    environ: Mapping[str, str] = os.environ,
    clock: Clock | None = None,
) -> Push:
    """Somebody says of a message in doubt whether it went out, as which message; with `went_out` None it is looked for
    once more. Raises InDoubt if it is not found, and ValueError for a message that is not in doubt."""
    clock = clock or SystemClock()
    state, push = _found(settings, id)
    if state != "in_doubt":
        raise ValueError(f"the message {id} is not in doubt: it is {_STATES[state]}")
    outbox = Outbox(settings.home)
    mine = outbox.take(push, this_process(), clock.now(), "in_doubt")
    if mine is None:
        raise ValueError(f"somebody else is settling the message {id}")
    if went_out is None:
        client = NetmeraMessages(netmera_account(environ), clock)
        return settle(settings, mine, client, clock, "its answer did not come")
    if went_out:
        return finish(settings, outbox.write(replace(mine, key=key)), clock)
    fail(settings, mine, f"it did not go out, says {by}", clock.now())
    return mine


_STATES: dict[State, str] = {
    "new": "waiting", "sending": "on its way", "in_doubt": "in doubt", "done": "done", "failed": "failed"
}  # fmt: skip


def _found(settings: Settings, id: str) -> tuple[State, Push]:
    found = Outbox(settings.home).look_up(id)
    if found is None:
        raise ValueError(f"there is no message {id}: `segments pushes` lists them")
    return found


def _stop_if_untouched(settings: Settings, id: str, error: Exception, clock: Clock) -> None:
    """What went wrong before anybody took the message counts against it as well: it is tried later, or has failed."""
    outbox = Outbox(settings.home)
    found = outbox.look_up(id)
    if found is not None and found[0] == "new" and (found[1].not_before or clock.now()) <= clock.now():
        mine = outbox.take(found[1], this_process(), clock.now())
        if mine is not None:
            stop(settings, mine, error, clock)
