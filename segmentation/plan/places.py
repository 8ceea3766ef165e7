"""Places: an exact city name, or a circle on the globe in metres.

Not here: whose place it is; the caller names the relation that has `city`, `lat` and `lon`.
"""

from __future__ import annotations

from segmentation.language.model import Place
from segmentation.plan.sql import Sql, all_of, literal

EARTH_RADIUS_M = 6_371_008.8  # mean radius, IUGG


def at(place: Place, alias: str) -> Sql:
    """True for rows at the place, edge included; a row without a position is nowhere."""
    terms = []
    if place.city is not None:
        terms.append(Sql(f"{alias}.city = {literal(place.city)}"))
    if place.within_m is not None and (distance := metres_from(place, alias)) is not None:
        terms.append(Sql(f"{distance} <= {literal(float(place.within_m))}"))
    return all_of(terms)


def metres_from(place: Place, alias: str) -> Sql | None:
    """Great-circle metres from the middle of a circle, null for a row without a position; None for a city."""
    if place.lat is None or place.lon is None:
        return None
    lat, lon = literal(float(place.lat)), literal(float(place.lon))
    haversine = (
        f"pow(sin(radians({alias}.lat - {lat}) / 2), 2)"
        f" + cos(radians({alias}.lat)) * cos(radians({lat})) * pow(sin(radians({alias}.lon - {lon}) / 2), 2)"
    )
    known = f"{alias}.lat is not null and {alias}.lon is not null"  # `least` skips nulls: nowhere would be far away
    return Sql(f"(case when {known} then {2 * EARTH_RADIUS_M} * asin(least(1.0, sqrt({haversine}))) end)")
