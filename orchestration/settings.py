"""Settings of a workspace: environment variables, and names of events and rules of matching from `settings.toml`.

This is the only module that reads the environment. Not here: secrets of vendors, which resources ask for by name.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from orchestration.activation.limits import Limits as ActivationLimits
from orchestration.activation.limits import read_limits as read_sent_limits
from orchestration.gates.limits import Limits as GateLimits
from orchestration.gates.limits import read_limits as read_gate_limits
from orchestration.ingest.limits import Limits, read_limits
from orchestration.matching import DEFAULT, Matching, read_matching
from segmentation.clock import parse_zone

ROOT = Path(__file__).resolve().parent.parent
DBT_SOURCE = ROOT / "dbt_project"

DEFAULT_FIRST_DAY = date(2024, 1, 1)
DEFAULT_LATE_ARRIVAL_DAYS = 3
MOST_LATE_DAYS = 90  # each of them is judged again in every run
DEFAULT_IDLE_DAYS = 90
VENDORS = ("mixpanel", "amplitude", "netmera", "meta", "google")  # sections that are about accounts
DEFAULT_EVENTS = {
    "app_open": "app_open",
    "session_end": "session_end",
    "session_seconds": "seconds",
    "purchase": "purchase",
    "purchase_amount": "amount",
    "page_view": "page_view",
    "page_url": "url",
    "page_referrer": "referrer",
}


@dataclass(frozen=True)
class Settings:
    """Where a workspace lives and how it tells time. Paths are absolute; `landing` is a path or an fsspec URL."""

    home: Path
    landing: str
    segments: Path
    zone: ZoneInfo
    target: str = "duckdb"
    events: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_EVENTS))
    first_day: date = DEFAULT_FIRST_DAY
    matching: Mapping[str, Matching] = field(default_factory=lambda: DEFAULT)
    late_arrival_days: int = DEFAULT_LATE_ARRIVAL_DAYS
    idle_days: int = DEFAULT_IDLE_DAYS  # after so many days without use a segment rests; 0 is never
    pulls: Limits = field(default_factory=Limits)
    gates: GateLimits = field(default_factory=GateLimits)
    activation: ActivationLimits = field(default_factory=ActivationLimits)

    @property
    def warehouse(self) -> Path:
        """The DuckDB file. Its stem is the catalogue's name inside, so it is the same everywhere."""
        return self.home / "warehouse.duckdb"

    @property
    def budgets(self) -> Path:
        """The calls that vendors have counted lately."""
        return self.home / "request_budgets.sqlite3"

    @property
    def project(self) -> Path:
        """The working copy of the dbt project, with the compiled plan in it."""
        return self.home / "dbt"

    @property
    def dagster_home(self) -> Path:
        """The Dagster instance."""
        return self.home / "dagster"


def read_settings(segments: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the environment; an empty variable means the default.

    Raises ValueError in one sentence for an unknown time zone or an unreadable `settings.toml`.
    """
    home = Path(environ.get("SEGMENTS_HOME") or ROOT / "data").expanduser().resolve()
    written = read_file(ROOT / "settings.toml")
    return Settings(
        home=home,
        landing=environ.get("SEGMENTS_LANDING") or str(home / "landing"),
        segments=(segments or default_segments()).resolve(),
        zone=parse_zone(environ.get("SEGMENTS_TIMEZONE") or "UTC"),
        target=environ.get("SEGMENTS_TARGET") or "duckdb",
        events=written.events,
        first_day=written.first_day,
        matching=read_matching(ROOT / "settings.toml"),
        late_arrival_days=written.late_arrival_days,
        idle_days=written.idle_days,
        pulls=written.pulls,
        gates=written.gates,
        activation=written.activation,
    )


def connector_settings(file: Path = ROOT / "settings.toml") -> dict[str, object]:
    """What `settings.toml` says of the vendors' accounts, by section; the connectors judge it."""
    try:
        written = tomllib.loads(file.read_text()) if file.exists() else {}
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{file}: {error}") from None
    return {name: written[name] for name in (*VENDORS, "activation") if name in written}


def default_segments() -> Path:
    """`segments/` of the folder a command runs in, else the checkout's own."""
    here = Path.cwd() / "segments"
    return here if here.is_dir() else ROOT / "segments"


class Written(NamedTuple):
    """`settings.toml`: names of the events and properties that statistics read, the first day of history, for how many
    days live segments wait for late events, after how many days without use a segment rests, and limits of pulls,
    gates and activations."""

    events: Mapping[str, str]
    first_day: date
    late_arrival_days: int
    idle_days: int
    pulls: Limits
    gates: GateLimits
    activation: ActivationLimits


def read_file(file: Path) -> Written:
    """What `settings.toml` says, defaults filled in. Raises ValueError in one sentence."""
    try:
        written = tomllib.loads(file.read_text()) if file.exists() else {}
        first_day = date.fromisoformat(str(written.get("history", {}).get("first_day", DEFAULT_FIRST_DAY)))
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise ValueError(f"{file}: {error}") from None
    late_arrival_days = written.get("live", {}).get("late_arrival_days", DEFAULT_LATE_ARRIVAL_DAYS)
    if not isinstance(late_arrival_days, int) or not 0 <= late_arrival_days <= MOST_LATE_DAYS:
        raise ValueError(
            f"{file}: found late_arrival_days = {late_arrival_days!r}, expected whole days from 0 to {MOST_LATE_DAYS}"
        )
    named = written.get("events", {})
    if unknown := sorted(set(named) - set(DEFAULT_EVENTS)):
        raise ValueError(f"{file}: found {unknown[0]!r} under [events], expected one of {', '.join(DEFAULT_EVENTS)}")
    idle_days = written.get("segments", {}).get("idle_days", DEFAULT_IDLE_DAYS)
    if not isinstance(idle_days, int) or isinstance(idle_days, bool) or idle_days < 0:
        raise ValueError(f"{file}: found idle_days = {idle_days!r} under [segments], expected days such as 90, or 0")
    pulls, gates, sent = read_limits(written, file), read_gate_limits(written, file), read_sent_limits(written, file)
    return Written({**DEFAULT_EVENTS, **named}, first_day, late_arrival_days, idle_days, pulls, gates, sent)
