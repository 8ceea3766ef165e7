"""Who shops: people arrive in one steady stream, and the latest `users` of them are the shop's crowd on a day.

A person is a number in that stream. Traits are drawn in blocks of `users` people, so they depend on the seed and the
number alone, never on the days somebody asks for. Not here: what people do (visits.py) and how a row looks.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np

from orchestration.sample import shop
from orchestration.sample.draw import Bools, Ints, dice, generator, per_mille, pick

REGULAR, POWER, WEEKEND, OWL, ABANDONER, LAPSING, ONE_OFF = range(7)
_KIND_WEIGHTS = (26, 4, 9, 8, 9, 16, 28)
_VISITS = np.array([110_000, 800_000, 60_000, 100_000, 120_000, 150_000, 5_000])  # per day, in millionths
BUYS_PER_MILLE = np.array([420, 520, 480, 420, 60, 430, 250])
"""How many of the visits with something in the cart end in a purchase, by kind."""

_STAY = 730  # days in the crowd
_FIRST_BLOCK = 1012  # the crowd of 2024 and 2025; keeps the ids of our years short

ANDROID, IOS, WEB = range(3)
PLATFORMS = ("android", "ios", "web")
MAX_DEVICES = 3


@dataclass(frozen=True)
class People:
    """Traits, one element per person, in order of arrival; `platforms` and `lags` have a column per device."""

    number: Ints
    birth: Ints  # ordinal of the day of registration
    birth_second: Ints
    kind: Ints
    eagerness: Ints  # percent of the kind's usual number of visits
    quits: Ints  # age in days at which the visits nearly stop
    returns: Bools  # comes back for two weeks, five months after quitting
    city: Ints  # -1 unknown
    favourite: Ints
    devices: Ints  # how many
    platforms: Ints
    lags: Ints  # releases behind the newest app

    def __len__(self) -> int:
        return len(self.number)

    def __getitem__(self, which: slice | Ints | Bools) -> People:
        return People(**{f.name: getattr(self, f.name)[which] for f in fields(self)})

    @property
    def user_ids(self) -> list[str]:
        """Netmera's ids: text with leading zeros."""
        return [f"u{n:06d}" for n in self.number.tolist()]


def arrived(users: int, day: int) -> int:
    """How many people have ever registered by the end of a day (ordinal); the stream's numbers below it."""
    return int(_arrived(users, np.array([day]))[0])


def _arrived(users: int, day: Ints) -> Ints:
    # The luck of a day moves some registrations to it from the next one, never more than the next one has.
    luck = dice(0, 1, day, 70)
    return -(-(100 * (day + 1) + luck) * users // (100 * _STAY))


def crowd(seed: int, users: int, day: int) -> People:
    """The `users` people who may visit on a day (ordinal), that day's newcomers included."""
    end = arrived(users, day)
    return between(seed, users, end - users, end)


def known(seed: int, users: int, first_day: int, last_day: int) -> People:
    """Everyone in the users table of a sample that began on one day and reaches to another (ordinals)."""
    return between(seed, users, arrived(users, first_day - 1) - users, arrived(users, last_day))


def between(seed: int, users: int, start: int, end: int) -> People:
    """People `[start, end)` of the stream."""
    blocks = [_block(seed, users, b) for b in range(start // users, -(-end // users))]
    blocks = blocks or [_block(seed, users, start // users)]
    joined = People(**{f.name: np.concatenate([getattr(b, f.name) for b in blocks]) for f in fields(People)})
    base = (start // users) * users
    return joined[start - base : end - base]


def usual_visits(people: People) -> Ints:
    """Visits on an ordinary day in a person's good times, in millionths."""
    return _VISITS[people.kind] * people.eagerness // 100


def visits_per_day(people: People, day: int) -> Ints:
    """Expected visits on a day (ordinal), in millionths: kind, eagerness, age and weekend decide."""
    age = day - people.birth
    rate = usual_visits(people)
    weekend = day % 7 in (6, 0)  # ordinal 1 was a Monday
    rate = np.where(people.kind == WEEKEND, rate * 3 if weekend else rate // 4, rate)
    rate = np.where(age < 30, np.maximum(rate, 40_000) * np.where(age < 5, 3, 2), rate)
    gone = age >= people.quits
    back = people.returns & (age >= people.quits + 150) & (age < people.quits + 165)
    rate = np.where(gone & ~back, rate // 40, rate)
    return np.where(age == 0, 1_000_000, np.minimum(rate, 1_500_000))


@lru_cache(maxsize=4)
def _block(seed: int, users: int, block: int) -> People:
    rng = generator(seed, 2, block)
    stream = np.arange(block * users, (block + 1) * users, dtype=np.int64)
    steady = stream * _STAY // users
    kind = pick(rng, _KIND_WEIGHTS, users)
    quits = np.where((kind == LAPSING) | per_mille(rng, 100, users), rng.integers(20, 650, users), np.int64(10 * _STAY))
    city = pick(rng, [c.weight for c in shop.CITIES], users)
    return People(
        number=(stream - _FIRST_BLOCK * users) % 1_000_000,
        birth=np.where(stream < _arrived(users, steady - 1), steady - 1, steady),
        birth_second=rng.integers(0, 80_000, users),
        kind=kind,
        eagerness=rng.integers(40, 161, users),
        quits=quits,
        returns=per_mille(rng, 330, users),
        city=np.where(per_mille(rng, 40, users), -1, city),
        favourite=pick(rng, shop.CATEGORY_WEIGHTS, users),
        devices=1 + pick(rng, (72, 22, 6), users),
        platforms=pick(rng, (48, 34, 18), users * MAX_DEVICES).reshape(users, MAX_DEVICES),
        lags=pick(rng, (48, 18, 10, 7, 5, 4, 3, 2, 1, 1, 1), users * MAX_DEVICES).reshape(users, MAX_DEVICES),
    )
