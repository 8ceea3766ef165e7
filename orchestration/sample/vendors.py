"""The vendors of the sample shop, played on loopback: its cohorts and events come in as a real account's would.

Mixpanel and Amplitude are played. Netmera is not: the sample's users, devices and messages are what came from there,
and its REST API would tell them anew with other ids and less about each. Not here: what the vendors hold (cohorts.py,
vendor_events.py), and pulling from them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from connectors.clock import Clock
from connectors.standin import AmplitudeCohort, MixpanelCohort, StandIn, StandInAmplitude, StandInMixpanel
from connectors.standin.amplitude import Faults as AmplitudeFaults
from orchestration.sample import vendor_events
from orchestration.sample.cohorts import COHORTS, Cohort, members
from orchestration.sample.people import People, known
from orchestration.sample.profiles import midnight
from orchestration.sample.write import made_with

PLAYED = ("mixpanel", "amplitude")
_COMPUTED = timedelta(hours=18)  # of the day, when Amplitude computes its cohorts
Key = TypeVar("Key")


@dataclass(frozen=True)
class Shop:
    """A sample as its vendors see it: the people of the landing folder, and the day that is over by the clock."""

    seed: int
    users: int
    first_day: date
    clock: Clock

    @classmethod
    def of(cls, landing: Path, clock: Clock) -> Shop:
        """The shop of a landing folder with a sample in it."""
        said = made_with(landing)
        return cls(said["seed"], said["users"], date.fromisoformat(said["first_day"]), clock)

    @property
    def day(self) -> date:
        """The last UTC day that is over."""
        return (self.clock.now() - timedelta(microseconds=1)).date()

    def people(self, day: date) -> People:
        """Everybody who came up to a day."""
        return known(self.seed, self.users, self.first_day.toordinal(), day.toordinal())

    @property
    def days(self) -> list[date]:
        """The days of which there are events."""
        return [self.first_day + timedelta(days=n) for n in range((self.day - self.first_day).days + 1)]


@dataclass(frozen=True)
class _Now(Sequence[Any]):
    """Cohorts as they are whenever somebody asks, so that those of a server that runs on move on with the days."""

    make: Callable[[date], Sequence[Any]]
    shop: Shop

    def __len__(self) -> int:
        return len(self.make(self.shop.day))

    def __getitem__(self, place: Any) -> Any:
        return self.make(self.shop.day)[place]


@dataclass(frozen=True)
class _Made(Mapping[Key, Sequence[Any]], Generic[Key]):
    """Events by day or hour, made when somebody asks for them."""

    keys_now: Callable[[], Sequence[Key]]
    make: Callable[[Key], Sequence[Any]]

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys_now())

    def __len__(self) -> int:
        return len(self.keys_now())

    def __getitem__(self, key: Key) -> Sequence[Any]:
        if key not in self.keys_now():
            raise KeyError(key)
        return self.make(key)


@dataclass
class Vendors:
    """The vendors of a shop, with credentials of this play alone, so that no ledger takes it for another one."""

    shop: Shop
    mixpanel: StandInMixpanel = field(init=False)
    amplitude: StandInAmplitude = field(init=False)

    def __post_init__(self) -> None:
        shop = self.shop
        by_day = lru_cache(maxsize=2)(partial(_amplitude_uploads, shop))
        self.mixpanel = StandInMixpanel(
            cohorts=_Now(lru_cache(maxsize=1)(partial(_mixpanel_cohorts, shop)), shop),
            events=_Made(lambda: shop.days, partial(_mixpanel_day, shop)),
            project_id=str(secrets.randbelow(10**12)),
            username=f"sample-{secrets.token_hex(4)}",
            secret=secrets.token_hex(16),
            clock=shop.clock,
        )
        self.amplitude = StandInAmplitude(
            cohorts=_Now(lru_cache(maxsize=1)(partial(_amplitude_cohorts, shop)), shop),
            events=_Made(lambda: _hours(shop.days), lambda hour: by_day(_day_of(hour)).get(hour, ())),
            api_key=secrets.token_hex(16),
            secret_key=secrets.token_hex(16),
            clock=shop.clock,
            faults=AmplitudeFaults(polls=0),
        )

    def environ(self, url: str) -> dict[str, str]:
        """The variables that a client of these vendors needs, at the address of their server."""
        return {
            "MIXPANEL_URL": url,
            "MIXPANEL_EXPORT_URL": url,
            "MIXPANEL_USERNAME": self.mixpanel.username,
            "MIXPANEL_SECRET": self.mixpanel.secret,
            "MIXPANEL_PROJECT_ID": self.mixpanel.project_id,
            "AMPLITUDE_URL": url,
            "AMPLITUDE_API_KEY": self.amplitude.api_key,
            "AMPLITUDE_SECRET_KEY": self.amplitude.secret_key,
        }


@contextmanager
def played(landing: Path, clock: Clock) -> Iterator[dict[str, str]]:
    """The vendors of the sample in a landing folder, at their clock, while the block runs; the variables to reach them.

    With the same clock they hand out the same people and events.
    """
    vendors = Vendors(Shop.of(landing, clock))
    with StandIn([vendors.mixpanel, vendors.amplitude]) as server:
        yield vendors.environ(server.url)


def configured(environ: Mapping[str, str]) -> list[str]:
    """The vendors of whose real accounts the environment says anything."""
    vendors = (*PLAYED, "netmera")
    return [one for one in vendors if any(environ[name] for name in environ if name.startswith(f"{one.upper()}_"))]


def _mixpanel_cohorts(shop: Shop, day: date) -> list[MixpanelCohort]:
    return [_mixpanel_cohort(shop, day, one) for one in COHORTS if one.connector == "mixpanel"]


def _mixpanel_cohort(shop: Shop, day: date, cohort: Cohort) -> MixpanelCohort:
    rows = [
        {"$distinct_id": one.user_id, "$properties": _told({"$email": one.email, "$phone": one.msisdn})}
        for one in members(shop.seed, shop.people(day), cohort)
    ]
    counted = len(rows) + cohort.more
    return MixpanelCohort(
        int(cohort.audience_id), cohort.name, len(rows), rows.__getitem__, cohort.description, counted
    )


def _mixpanel_day(shop: Shop, day: date) -> Sequence[vendor_events.Event]:
    return vendor_events.mixpanel_events(shop.seed, shop.people(day), day)


def _amplitude_cohorts(shop: Shop, day: date) -> list[AmplitudeCohort]:
    computed = int((midnight(day) + _COMPUTED).timestamp())
    return [
        AmplitudeCohort(
            one.audience_id, one.name, _amplitude_rows(shop, day, one), computed, description=one.description
        )
        for one in COHORTS
        if one.connector == "amplitude"
    ]


def _amplitude_rows(shop: Shop, day: date, cohort: Cohort) -> list[dict[str, str]]:
    return [
        {
            "amplitude_id": f"{100_000_000_000 + one.number}",
            "user_id": one.user_id,
            **_told({"email": one.email, "phone": one.msisdn}),
        }
        for one in members(shop.seed, shop.people(day), cohort)
    ]


def _amplitude_uploads(shop: Shop, day: date) -> dict[str, list[vendor_events.Event]]:
    return vendor_events.amplitude_events(shop.seed, shop.people(day), day)


def _hours(days: Sequence[date]) -> list[str]:
    return [f"{day:%Y%m%d}T{hour:02d}" for day in days for hour in range(24)]


def _day_of(hour: str) -> date:
    return date.fromisoformat(hour[:8])


def _told(properties: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in properties.items() if value is not None}
