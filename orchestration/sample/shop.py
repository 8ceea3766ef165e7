"""The invented shop: its catalogue, cities, app releases and campaigns. Constants, and look-ups on them.

Add a product line, a city or a campaign here. Not here: who buys what, and when.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from orchestration.sample.draw import Ints, Texts, generator, texts

CATEGORIES = ("shoes", "dresses", "electronics", "beauty", "home", "kids", "sports", "books")
CATEGORY_WEIGHTS = (20, 18, 14, 14, 12, 9, 8, 5)
_PRICE_FROM_TO = ((35, 160), (25, 140), (20, 650), (8, 70), (12, 220), (10, 60), (15, 180), (5, 35))
_PRODUCTS_PER_CATEGORY = 30

SEARCHES = (
    "sneakers", "running shoes", "black dress", "summer dress", "headphones", "phone case", "lipstick", "sun cream",
    "lamp", "coffee table", "toy train", "school bag", "yoga mat", "football", "cookbook", "crime novel",
)  # fmt: skip
PAGES = ("/", "/sale", "/new-in", "/stores", "/account", "/help/returns", "/gift-cards", "/magazine/spring")
REFERRERS = ("https://www.google.com/", "https://www.instagram.com/", "https://news.example.org/shopping", None)
REFERRER_WEIGHTS = (40, 18, 6, 36)
PAYMENTS = ("card", "cash", "wallet", "transfer")
PAYMENT_WEIGHTS = (64, 15, 16, 5)


@dataclass(frozen=True)
class City:
    """A place people shop from; `lat` and `lon` in units of 0.0001 degrees, `weight` is its share of people."""

    name: str
    region: str
    country: str
    language: str
    lat: int
    lon: int
    weight: int


CITIES = (
    City("Istanbul", "Marmara", "TR", "tr", 410082, 289784, 34),
    City("Ankara", "Central Anatolia", "TR", "tr", 399334, 328597, 12),
    City("Izmir", "Aegean", "TR", "tr", 384237, 271428, 9),
    City("Bursa", "Marmara", "TR", "tr", 401885, 290610, 6),
    City("Antalya", "Mediterranean", "TR", "tr", 368969, 307133, 6),
    City("London", "England", "GB", "en", 515074, -1278, 9),
    City("Berlin", "Berlin", "DE", "de", 525200, 134050, 7),
    City("Amsterdam", "North Holland", "NL", "en", 523676, 49041, 4),
    City("Paris", "Île-de-France", "FR", "fr", 488566, 23522, 4),
    City("New York", "New York", "US", "en", 407128, -740060, 5),
    City("Baku", "Absheron", "AZ", "tr", 404093, 498671, 4),
)


@dataclass(frozen=True)
class Catalogue:
    """Products by number: category number, price in cents, and the JSON members that describe one."""

    category: Ints
    cents: Ints
    members: Texts

    @property
    def size(self) -> int:
        return len(self.cents)


@lru_cache(maxsize=2)
def catalogue(seed: int) -> Catalogue:
    """The shop's products, in blocks of one category each; prices end in .90."""
    rng = generator(seed, 1)
    category: list[int] = []
    cents: list[int] = []
    members: list[str] = []
    for number, name in enumerate(CATEGORIES):
        low, high = _PRICE_FROM_TO[number]
        for whole in rng.integers(low, high, _PRODUCTS_PER_CATEGORY).tolist():
            product = f"p{len(cents) + 1:04d}"
            category.append(number)
            cents.append(whole * 100 + 90)
            members.append(f'"product_id":"{product}","category":"{name}","price":{whole}.9')
    return Catalogue(np.array(category, dtype=np.int64), np.array(cents, dtype=np.int64), texts(members))


def product_of(category: Ints, rank: Ints) -> Ints:
    """Product number from a category and a popularity rank in [0, 30)."""
    return category * _PRODUCTS_PER_CATEGORY + rank


PRODUCT_WEIGHTS = tuple(2 * _PRODUCTS_PER_CATEGORY - rank for rank in range(_PRODUCTS_PER_CATEGORY))

_FIRST_RELEASE = 739_360
_DAYS_PER_RELEASE = 50


def app_version(day: int, lag: int, patch: int) -> str:
    """The version on a device that is `lag` releases behind on a day (ordinal); a release comes every 50 days."""
    newest = (day - _FIRST_RELEASE) // _DAYS_PER_RELEASE
    return f"5.{max(0, newest - lag)}.{patch}"


@dataclass(frozen=True)
class Campaign:
    """A message of the campaign calendar; the names in `segments` are files of the segments folder."""

    title: str
    channel: str
    segments: tuple[str, ...]
    excluded: tuple[str, ...] = ()


CAMPAIGNS = (
    Campaign("You left something behind", "push", ("cart_abandoners_24h",), ("power_users",)),
    Campaign("We miss you", "email", ("inactive_loyal_customers", "lapsed_30d")),
    Campaign("Weekend picks", "push", ("weekend_shoppers",)),
    Campaign("Newsletter", "email", ("newsletter_readers",)),
    Campaign("15 % on your next order", "sms", ("discount_audience",), ("power_users",)),
    Campaign("Update the app", "push", ("ios_on_old_version",)),
    Campaign("Gold and platinum preview", "email", ("gold_and_platinum",)),
    Campaign("Welcome", "push", ("new_registrations_7d",)),
)
DAYS_BETWEEN_CAMPAIGNS = 9
