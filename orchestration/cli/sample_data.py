"""When the sample shop takes the place of data that is not there yet.

Not here: what the sample is made of (`orchestration/sample`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.cli.words import Progress
from orchestration.settings import Settings

if TYPE_CHECKING:
    from orchestration.sample import SampleReport

EVENTS_PER_USER_AND_DAY = 0.835
USERS = 20_000


def last_day_before(moment: datetime) -> date:
    """The UTC day that holds the instant before a moment: with it, a sample is complete up to the moment."""
    return (moment.astimezone(UTC) - timedelta(microseconds=1)).date()


def may_hold_sample(settings: Settings) -> Path | None:
    """The landing folder if it is a sample's or has nothing in it, else None."""
    from orchestration.sample import is_sample

    if "://" in settings.landing:
        return None
    landing = Path(settings.landing).expanduser().resolve()
    if is_sample(landing):
        return landing
    holds_data = any(file.is_file() and not file.name.startswith(".") for file in landing.rglob("*"))
    return None if holds_data else landing


def write_or_extend(landing: Path, last_day: date, users: int | None, shown: Progress) -> SampleReport:
    """Makes a sample up to a day, or brings an existing one up to it with the settings it was made with.

    Raises ValueError for a folder with other data, or a sample of another number of users.
    """
    from orchestration.sample import is_sample, made_with, write_sample

    shown.doing("writing sample data")
    chosen = {"users": users or USERS, "events_per_day": max(1, round((users or USERS) * EVENTS_PER_USER_AND_DAY))}
    if is_sample(landing):
        said = made_with(landing)
        if users not in (None, said["users"]):
            raise ValueError(f"{landing} holds a sample of {said['users']:,} users; remove it to make another")
        chosen = {name: said[name] for name in ("users", "events_per_day", "seed")}
    return write_sample(landing, last_day, **chosen, progress=shown.days)
