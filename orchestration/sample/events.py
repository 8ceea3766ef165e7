"""A day of the shop as rows of the events table, with the blemishes real feeds have.

Some rows come a day late, some twice, some belong to people nobody knows. Not here: what happens on a day (visits.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.sample import shop
from orchestration.sample.draw import Ints, Texts, generator, per_mille, pick, texts
from orchestration.sample.people import PLATFORMS, WEB
from orchestration.sample.visits import DAY, Day, Steps

SCHEMA = pa.schema(
    [
        ("event_id", pa.string()),
        ("user_id", pa.string()),
        ("event", pa.string()),
        ("ts", pa.timestamp("us", tz="UTC")),
        ("properties", pa.string()),
        ("platform", pa.string()),
        ("session_id", pa.string()),
        ("city", pa.string()),
        ("region", pa.string()),
        ("country", pa.string()),
        ("lat", pa.float64()),
        ("lon", pa.float64()),
        ("ingested_at", pa.timestamp("us", tz="UTC")),
    ]
)
_EPOCH = 719_163  # ordinal of 1970-01-01
_PLATFORM_NAMES = texts(PLATFORMS)


@dataclass(frozen=True)
class Purchases:
    """Who bought on a day: user ids, cents, and seconds after midnight UTC, in the order of time."""

    user_ids: list[str]
    cents: list[int]
    seconds: list[int]


def micros(day: int, seconds: Ints | int) -> Ints:
    """Microseconds since 1970 of seconds after a day's midnight UTC."""
    return ((day - _EPOCH) * DAY + np.asarray(seconds, dtype=np.int64)) * 1_000_000


def purchases_of(happened: Day) -> Purchases:
    """The day's buyers, for their profiles."""
    orders, visits = happened.orders, happened.visits
    second = visits.start[orders.visit] + orders.after
    order = np.argsort(second, kind="stable")
    buyers = visits.people[visits.person[orders.visit[order]]]
    return Purchases(buyers.user_ids, orders.what[order].tolist(), second[order].tolist())


def events_table(seed: int, day: int, happened: Day) -> pa.Table:
    """All rows of a day (ordinal) by time; `ts` lies in that UTC day, `ingested_at` may lie in the next."""
    rng = generator(seed, 4, day)
    visits = happened.visits
    parts = _parts(seed, day, happened)
    visit = np.concatenate([steps.visit for _, steps, _ in parts])
    after = np.concatenate([steps.after for _, steps, _ in parts])
    name = np.repeat(texts([name for name, _, _ in parts]), [len(steps.visit) for _, steps, _ in parts])
    properties = pa.concat_arrays([p for _, _, p in parts])

    # One fraction of a second per visit keeps the order of what happens in it.
    at = micros(day, visits.start[visit] + after) + 1000 * rng.integers(0, 1000, len(visits))[visit]
    order = np.argsort(at, kind="stable")
    # Two re-sent rows in a thousand, each right behind its original.
    again = np.sort(np.concatenate([np.arange(len(order)), np.flatnonzero(per_mille(rng, 2, len(order)))]))
    repeated = np.diff(again, prepend=-1) == 0
    order = order[again]
    visit, at = visit[order], at[order]
    size = len(order)

    users = texts(visits.people.user_ids)[visits.person[visit]]
    strangers = np.flatnonzero(rng.integers(0, 4000, size) == 0)
    users[strangers] = texts([f"guest-{n:05d}" for n in rng.integers(0, 100_000, len(strangers)).tolist()])

    delay = np.where(per_mille(rng, 8, size), rng.integers(20, 30, size) * 3600, rng.integers(1, 90, size))
    delay = np.where(repeated, delay + 400, delay)
    city = visits.city[visit]
    known = city >= 0
    located = known & per_mille(rng, 620, size)
    lat, lon = (
        np.array([getattr(c, axis) for c in shop.CITIES])[city] + rng.integers(-600, 601, size)
        for axis in ("lat", "lon")
    )
    return pa.table(
        [
            _labels(f"e{day}-", again),
            pa.array(users, pa.string()),
            pa.array(name[order], pa.string()),
            pa.array(at, pa.timestamp("us", tz="UTC")),
            properties.take(pa.array(order)),
            pa.array(_PLATFORM_NAMES[visits.platform[visit]], pa.string()),
            _labels(f"s{day}-", visit),
            _of_city("name", city),
            _of_city("region", city),
            _of_city("country", city),
            pa.array(lat / 10_000, mask=~located),
            pa.array(lon / 10_000, mask=~located),
            pa.array(at + delay * 1_000_000, pa.timestamp("us", tz="UTC")),
        ],
        schema=SCHEMA,
    )


def _labels(prefix: str, numbers: Ints) -> pa.Array:
    return pc.binary_join_element_wise(pa.scalar(prefix), pa.array(numbers).cast(pa.string()), pa.scalar(""))


def _of_city(field: str, city: Ints) -> pa.Array:
    names = texts([*(getattr(c, field) for c in shop.CITIES), None])
    return pa.array(names[city], pa.string())


def _parts(seed: int, day: int, happened: Day) -> list[tuple[str, Steps, pa.Array]]:
    """Event name, steps and the JSON of each step."""
    rng = generator(seed, 5, day)
    visits = happened.visits
    goods = shop.catalogue(seed)
    web = visits.platform == WEB

    def same(steps: Steps, text: str) -> pa.Array:
        return pa.array(np.full(len(steps.visit), text, dtype=object), pa.string())

    sources = texts(['{"source":"direct"}', '{"source":"push"}', '{"source":"link"}'])
    methods = texts(['{"method":"email"}', '{"method":"google"}', '{"method":"apple"}'])
    queries = texts([json.dumps({"query": q, "results": 3 + 7 * i}) for i, q in enumerate(shop.SEARCHES)])
    viewed = texts(["{" + m + "}" for m in goods.members])
    added = texts(["{" + m.replace('"price"', '"amount"') + ',"quantity":1}' for m in goods.members])
    urls = [f'"url":"https://shop.example.com{page}"' for page in shop.PAGES]
    referrers = ["" if r is None else f',"referrer":"{r}"' for r in shop.REFERRERS]
    page_views = texts(["{" + u + r + "}" for u in urls for r in referrers])
    # Only a web visit comes from somewhere; in the app a page has no referrer.
    referrer = np.where(web, pick(rng, shop.REFERRER_WEIGHTS, len(visits)), len(referrers) - 1)
    page = happened.pages.what * len(referrers) + referrer[happened.pages.visit]
    orders, paid = _order_properties(seed, day, happened)
    cancels = [f'{{"order_id":"o{day}-{p}","amount":{paid[p]},"reason":"changed_mind"}}' for p in happened.cancels.what]
    seconds = pa.array(happened.ends.what).cast(pa.string())

    def drawn(steps: Steps, choices: Texts, weights: Sequence[int]) -> pa.Array:
        return pa.array(choices[pick(rng, weights, len(steps.visit))], pa.string())

    return [
        ("app_open", happened.opens, drawn(happened.opens, sources, (70, 18, 12))),
        ("session_start", happened.starts, same(happened.starts, "{}")),
        ("register", happened.registers, drawn(happened.registers, methods, (60, 25, 15))),
        ("login", happened.logins, drawn(happened.logins, methods, (60, 25, 15))),
        ("page_view", happened.pages, pa.array(page_views[page], pa.string())),
        ("search", happened.searches, pa.array(queries[happened.searches.what], pa.string())),
        ("product_view", happened.views, pa.array(viewed[happened.views.what], pa.string())),
        ("add_to_cart", happened.carts, pa.array(added[happened.carts.what], pa.string())),
        ("purchase", happened.orders, pa.array(orders, pa.string())),
        ("order_cancelled", happened.cancels, pa.array(cancels, pa.string())),
        ("session_end", happened.ends, pc.binary_join_element_wise('{"seconds":', seconds, "}", "")),
    ]


def _order_properties(seed: int, day: int, happened: Day) -> tuple[list[str], list[str]]:
    """JSON and paid amount of every order; one order in a hundred reports no amount."""
    rng = generator(seed, 6, day)
    goods, orders, carts = shop.catalogue(seed), happened.orders, happened.carts
    first = np.searchsorted(carts.visit, orders.visit, side="left").tolist()
    last = np.searchsorted(carts.visit, orders.visit, side="right").tolist()
    payments = pick(rng, shop.PAYMENT_WEIGHTS, len(first)).tolist()
    silent = per_mille(rng, 10, len(first)).tolist()
    rows, amounts = [], []
    for n, cents in enumerate(orders.what.tolist()):
        bought = carts.what[first[n] : last[n]].tolist()
        items = ",".join("{" + goods.members[p] + ',"quantity":1}' for p in bought)
        category = shop.CATEGORIES[goods.category[bought[0]]]
        amount = f"{cents // 100}.{cents % 100:02d}"
        said = "" if silent[n] else f'"amount":{amount},'
        rows.append(
            f'{{"order_id":"o{day}-{n}",{said}"category":"{category}",'
            f'"payment":"{shop.PAYMENTS[payments[n]]}","items":[{items}]}}'
        )
        amounts.append(amount)
    return rows, amounts
