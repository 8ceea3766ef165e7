"""Cities and circles on the globe."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

EARTH_RADIUS_M = 6_371_008.8


def metres_between(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great-circle distance of two points given in degrees."""
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    half_lat, half_lon = (phi2 - phi1) / 2, math.radians(lon2 - lon1) / 2
    h = math.sin(half_lat) ** 2 + math.cos(phi1) * math.cos(phi2) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(h)))


def is_near(row: Mapping[str, Any], place: Mapping[str, Any]) -> bool:
    """Whether a row's own city or position lies at the place; without one it does not."""
    if "city" in place and row.get("city") != place["city"]:
        return False
    if "lat" not in place:
        return True
    lat, lon = row.get("lat"), row.get("lon")
    if lat is None or lon is None:
        return False
    return metres_between(lat, lon, place["lat"], place["lon"]) <= float(place["within_m"])
