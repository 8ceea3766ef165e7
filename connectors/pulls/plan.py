"""Which audiences are pulled tonight, for how many calls, and which follow: thought through before anything is spent.

Those that were pulled longest ago come first, so that whatever does not fit comes first next time.
Not here: pulling (audiences.py), and counting calls that were made (budget.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from connectors.budget import Pretended, next_month

When = Literal["tonight", "later", "too large", "unchanged"]
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Wanted:
    """An audience: what the vendor says of its size, what it costs, and when it was last pulled well (None: never)."""

    id: str
    name: str
    users: int | None
    calls: int
    last: datetime | None = None
    unchanged: bool = False


@dataclass(frozen=True)
class Planned:
    """An audience's place: `starts` and `ends` only for those of tonight."""

    wanted: Wanted
    when: When
    starts: datetime | None = None
    ends: datetime | None = None


@dataclass(frozen=True)
class Plan:
    """All audiences in the order in which they are pulled; `left` calls could be made at once.

    `follows` is a sentence about those that are for later.
    """

    planned: tuple[Planned, ...]
    left: int
    follows: str

    @property
    def tonight(self) -> list[Planned]:
        """Those that are pulled now."""
        return [one for one in self.planned if one.when == "tonight"]

    @property
    def calls(self) -> int:
        """Calls that tonight costs."""
        return sum(one.wanted.calls for one in self.tonight)


def _in_order(wanted: Sequence[Wanted]) -> list[Wanted]:
    return sorted(wanted, key=lambda one: (one.last or _NEVER, one.calls, one.id))


def plan_by_the_hour(
    wanted: Sequence[Wanted], calls: Pretended, hours: float, pace: Callable[[int, int], timedelta]
) -> Plan:
    """For an allowance of rolling windows: what can be read within so many hours.

    `pace(users, left)` is the least time between the calls of one audience. What would not fit into a night of its own
    is too large rather than later.
    """
    until = calls.at + timedelta(hours=hours)
    left = calls.left()
    planned = []
    for one in _in_order(wanted):
        if one.unchanged:
            planned.append(Planned(one, "unchanged"))
            continue
        trial = calls.copy()
        apart = pace(one.users or 0, trial.left())
        starts = ends = trial.call(apart)
        for _ in range(one.calls - 1):
            ends = trial.call(apart)
            if ends > until:
                break
        if ends <= until:
            calls = trial
            planned.append(Planned(one, "tonight", starts, ends))
        else:
            alone = apart * (one.calls - 1)
            planned.append(Planned(one, "too large" if apart and alone > timedelta(hours=hours) else "later"))
    follows = f"What is for later comes first in the next pull; this one may last until {until:%Y-%m-%d %H:%M} UTC."
    return Plan(tuple(planned), left, follows)


def plan_by_the_month(wanted: Sequence[Wanted], left: int, now: datetime, today: int = 0) -> Plan:
    """For an allowance of a calendar month: a day's fair share of what is left, and at least one.

    `today` calls of the day's share are made already.
    """
    until = next_month(now)
    days = max(1, -(-(until - now) // timedelta(days=1)))
    share = max(0, min(left, max(1, (left + today) // days) - today))
    planned = []
    for one in _in_order(wanted):
        if one.unchanged:
            planned.append(Planned(one, "unchanged"))
        elif share >= one.calls:
            share -= one.calls
            planned.append(Planned(one, "tonight"))
        else:
            planned.append(Planned(one, "later"))
    follows = f"What is for later follows day by day: {left} downloads have to last until {until:%Y-%m-%d}."
    return Plan(tuple(planned), left, follows)
