"""Dropping a request into the inbox and waiting for what comes of it: by Dagster if it serves the inbox, else here.

Not here: the inbox (`orchestration/inbox.py`), and the sensor that serves it (`orchestration/sensors/inbox.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from orchestration.cli.words import Progress, wall_clock
from orchestration.inbox import Inbox, Request, this_process
from orchestration.settings import Settings

if TYPE_CHECKING:
    from orchestration.published import RunRow
    from orchestration.recalculation import Prepared

PATIENCE = timedelta(seconds=45)  # several looks of the sensor; who has not looked for so long is not there
SECONDS_BETWEEN_LOOKS = 0.5


def serve(settings: Settings, request: Request, shown: Progress) -> Prepared | RunRow:
    """Comes back when the request is done. Raises ValueError or RunFailed with the reason if it failed."""
    inbox = Inbox(settings.home)
    if inbox.is_served(settings.segments, request.segments, wall_clock(), PATIENCE):
        shown.doing("waiting for Dagster to take the request")
        if (run := _wait(inbox, settings, request, shown)) is not None:
            return run
    return _calculate(inbox, settings, request, shown)


def _wait(inbox: Inbox, settings: Settings, request: Request, shown: Progress) -> RunRow | None:
    """What Dagster made of a request; None if it did not take it, or gave it back."""
    from orchestration.launch import RunFailed
    from orchestration.published import run_of

    left_alone_until = wall_clock() + PATIENCE
    while True:
        found = inbox.look_up(request.id)
        if found is None:
            raise RunFailed(f"the request {request.id} is not in the inbox any more")
        state, now = found
        if state == "failed":
            raise RunFailed(now.reason or "the request failed")
        if state == "done":
            run = run_of(settings, now.run) if now.run else None
            if run is None:
                raise RunFailed(f"the run {now.run} published nothing")
            return run
        if state == "new" and wall_clock() > left_alone_until:
            return None
        if state == "taken":
            left_alone_until = wall_clock() + PATIENCE
            shown.doing("Dagster calculates")
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _calculate(inbox: Inbox, settings: Settings, request: Request, shown: Progress) -> Prepared | RunRow:
    """Serves the request in this process, unless somebody else takes it in this moment."""
    from orchestration.cli.tables import moment_text
    from orchestration.launch import launch

    if not inbox.take(request, this_process()):
        run = _wait(inbox, settings, request, shown)
        return _calculate(inbox, settings, request, shown) if run is None else run
    moment = request.as_of or wall_clock()
    shown.doing(f"calculating as of {moment_text(moment, settings.zone)}")
    with _ending(inbox, request, wall_clock):
        return launch(
            settings, moment, only=request.segments, on_node=shown.node, waiting=shown.waiting, request=request.id
        )


@contextmanager
def _ending(inbox: Inbox, request: Request, now: Callable[[], datetime]) -> Iterator[None]:
    """Records how a request that is served here ends; interrupted by whoever asked, it is not wanted any more."""
    try:
        yield
    except BaseException as error:
        inbox.end(request, now(), reason=" ".join(str(error).split()) or type(error).__name__)
        raise
    inbox.end(request, now())
