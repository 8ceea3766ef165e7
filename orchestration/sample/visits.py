"""What happens in the shop on one day: visits, and in each visit searching, looking, filling a cart, paying.

Everything here is numbers in columns; `events.py` turns them into rows of the events table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestration.sample import shop
from orchestration.sample.draw import Bools, Ints, Rng, generator, per_mille, pick
from orchestration.sample.people import ABANDONER, BUYS_PER_MILLE, OWL, WEB, People, crowd, visits_per_day

DAY = 86_400
_EVENTS_PER_VISIT = 76  # in tenths, for the expected volume of a day
_WEEK = (97, 94, 92, 95, 98, 107, 113)  # percent, from Sunday: ordinals divisible by 7 are Sundays

_BY_HOUR = (10, 6, 4, 3, 3, 5, 12, 22, 34, 42, 46, 48, 56, 54, 48, 46, 50, 58, 70, 84, 92, 86, 60, 28)
_BY_HOUR_OWLS = (95, 90, 80, 60, 35, 12, 3, 2, 2, 2, 2, 3, 4, 4, 4, 4, 5, 6, 8, 12, 22, 45, 75, 92)


@dataclass(frozen=True)
class Visits:
    """One element per visit; `person` indexes `people`, seconds count from midnight UTC."""

    people: People
    person: Ints
    start: Ints
    platform: Ints
    first: Bools  # the person's very first visit
    city: Ints  # where it happens, -1 unknown

    def __len__(self) -> int:
        return len(self.person)


@dataclass(frozen=True)
class Steps:
    """One kind of event: the visit it belongs to, seconds after the visit's start, and a number that says which."""

    visit: Ints
    after: Ints
    what: Ints  # product, search, page or cents; -1 where nothing is to be said


@dataclass(frozen=True)
class Day:
    """All that happened; `carts` is ordered by visit, `orders.what` are cents, each order takes its visit's carts."""

    visits: Visits
    opens: Steps
    starts: Steps
    registers: Steps
    logins: Steps
    pages: Steps
    searches: Steps
    views: Steps
    carts: Steps
    orders: Steps
    cancels: Steps  # `what` is the place of the cancelled order in `orders`
    ends: Steps  # `what` are the seconds spent


def day_of(seed: int, users: int, events_per_day: int, day: int) -> Day:
    """The shop's day (ordinal); depends on the arguments only. All of it lies before the next midnight."""
    rng = generator(seed, 3, day)
    visits = _visits(rng, seed, users, events_per_day, day)
    count = len(visits)
    everyone = np.arange(count, dtype=np.int64)
    web = visits.platform == WEB
    pages = _some(rng, np.where(web, 1, 0) + pick(rng, (40, 30, 20, 10), count))
    searches = _some(rng, pick(rng, (62, 25, 9, 4), count))
    views = _some(rng, pick(rng, (18, 22, 22, 16, 11, 7, 4), count))

    pages = Steps(pages.visit, pages.after, pick(rng, (60, 9, 9, 4, 8, 4, 3, 3), len(pages.visit)))
    searches = Steps(searches.visit, searches.after, rng.integers(0, len(shop.SEARCHES), len(searches.visit)))
    views = Steps(views.visit, views.after, _products(rng, visits, views.visit))

    kinds = visits.people.kind[visits.person]
    wish = np.where(kinds == ABANDONER, 450, 240)
    taken = np.flatnonzero(per_mille(rng, wish[views.visit], len(views.visit)))
    carts = Steps(views.visit[taken], views.after[taken] + rng.integers(3, 30, len(taken)), views.what[taken])

    latest = np.full(count, 5, dtype=np.int64)
    for steps in (pages, searches, views, carts):
        np.maximum.at(latest, steps.visit, steps.after)
    orders = _orders(rng, kinds, shop.catalogue(seed).cents, carts, latest)
    latest[orders.visit] = np.maximum(latest[orders.visit], orders.after)
    seconds = latest + rng.integers(4, 60, count)

    visits = _before_midnight(visits, seconds)
    newly = np.flatnonzero(visits.first)
    logging = np.flatnonzero(per_mille(rng, 110, count) & ~visits.first)
    mobile = np.flatnonzero(~web)
    return Day(
        visits=visits,
        opens=_at(mobile, 0),
        starts=_at(everyone, 1),
        registers=_at(newly, 3),
        logins=_at(logging, 3),
        pages=pages,
        searches=searches,
        views=views,
        carts=carts,
        orders=orders,
        cancels=_cancels(rng, visits, orders),
        ends=Steps(everyone, seconds, seconds),
    )


def _visits(rng: Rng, seed: int, users: int, events_per_day: int, day: int) -> Visits:
    people = crowd(seed, users, day)
    rate = visits_per_day(people, day)
    wanted = events_per_day * 1_000_000 * 10 * _WEEK[day % 7] // (100 * _EVENTS_PER_VISIT)
    wanted = wanted * int(rng.integers(93, 108)) // 100
    scaled = rate * wanted // int(rate.sum())
    times = (scaled + rng.integers(0, 1_000_000, users)) // 1_000_000
    newborn = people.birth == day
    times = np.where(newborn, np.maximum(times, 1), times)
    person = np.repeat(np.arange(users, dtype=np.int64), times)
    count = len(person)

    owl = people.kind[person] == OWL
    hour = np.where(owl, pick(rng, _BY_HOUR_OWLS, count), pick(rng, _BY_HOUR, count))
    start = hour * 3600 + rng.integers(0, 3600, count)
    first = (np.diff(person, prepend=-1) != 0) & newborn[person]
    # The first visit is the registration; whatever else happens that day comes later.
    start = np.where(newborn[person], people.birth_second[person] + np.where(first, 0, 3000), start)

    second_device = (people.devices[person] > 1) & per_mille(rng, 220, count) & ~first
    platform = people.platforms[person, second_device.astype(np.int64)]
    away = per_mille(rng, 40, count)
    city = np.where(away, pick(rng, [c.weight for c in shop.CITIES], count), people.city[person])
    return Visits(people, person, start, platform, first, city)


def _some(rng: Rng, counts: Ints) -> Steps:
    """`counts` steps per visit at moments of their own; `what` is filled in later."""
    visit = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    return Steps(visit, rng.integers(6, 420, len(visit)), np.zeros(0, dtype=np.int64))


def _at(visit: Ints, after: int) -> Steps:
    return Steps(visit, np.full(len(visit), after, dtype=np.int64), np.full(len(visit), -1, dtype=np.int64))


def _products(rng: Rng, visits: Visits, visit: Ints) -> Ints:
    """Half of what people look at comes from their favourite category."""
    favourite = visits.people.favourite[visits.person[visit]]
    other = pick(rng, shop.CATEGORY_WEIGHTS, len(visit))
    category = np.where(per_mille(rng, 500, len(visit)), favourite, other)
    return shop.product_of(category, pick(rng, shop.PRODUCT_WEIGHTS, len(visit)))


def _orders(rng: Rng, kinds: Ints, cents_of: Ints, carts: Steps, latest: Ints) -> Steps:
    """One order per buying visit, after the last thing put into the cart, over all that is in it."""
    filled = np.unique(carts.visit)
    willing = BUYS_PER_MILLE[kinds[filled]]
    visit = filled[per_mille(rng, willing, len(filled))]
    cents = np.zeros(len(kinds), dtype=np.int64)
    np.add.at(cents, carts.visit, cents_of[carts.what])
    return Steps(visit, latest[visit] + rng.integers(30, 200, len(visit)), cents[visit])


def _cancels(rng: Rng, visits: Visits, orders: Steps) -> Steps:
    """One order in twenty is cancelled within hours; what would fall on the next day does not happen."""
    place = np.flatnonzero(per_mille(rng, 50, len(orders.visit)))
    after = orders.after[place] + rng.integers(600, 9000, len(place))
    today = visits.start[orders.visit[place]] + after < DAY
    place, after = place[today], after[today]
    return Steps(orders.visit[place], after, place)


def _before_midnight(visits: Visits, seconds: Ints) -> Visits:
    start = np.minimum(visits.start, DAY - 1 - seconds)
    return Visits(visits.people, visits.person, start, visits.platform, visits.first, visits.city)
