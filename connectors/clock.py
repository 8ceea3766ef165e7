"""Time as the connectors see it: now, and waiting. Passed in, so that a test can let hours pass in no time.

Not here: time zones of vendors (their own modules).
"""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What a client needs of time."""

    @property
    def patience(self) -> float:
        """Seconds that the caller still has for waiting; what would take longer fails instead."""
        ...

    def now(self) -> datetime:
        """This instant, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Come back after so many seconds."""
        ...


class SystemClock:
    """The machine's own."""

    patience = math.inf

    def now(self) -> datetime:
        """This instant, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Come back after so many seconds."""
        time.sleep(max(0.0, seconds))


class ManualClock:
    """A clock that stands still until somebody waits on it. `slept` holds every wait, in seconds."""

    patience = math.inf

    def __init__(self, now: datetime) -> None:
        self._now = now.astimezone(UTC)
        self.slept: list[float] = []

    def now(self) -> datetime:
        """Where the hands stand, in UTC."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Moves the hands."""
        self.slept.append(seconds)
        self._now += timedelta(seconds=max(0.0, seconds))


class HurriedClock:
    """Another clock, for somebody who has so many seconds for waiting, all waits together."""

    def __init__(self, clock: Clock, patience: float) -> None:
        self._clock, self._left = clock, patience

    @property
    def patience(self) -> float:
        """Seconds that are left for waiting."""
        return self._left

    def now(self) -> datetime:
        """The other clock's instant."""
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        """Sleeps by the other clock."""
        self._left -= seconds
        self._clock.sleep(seconds)
