"""Great-circle distance as school books give it, one pair at a time, on Python floats."""

from __future__ import annotations

import math


def haversine_radians(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Angle between two places of (latitude, longitude) in degrees."""
    (lat1, lon1), (lat2, lon2) = ([math.radians(x) for x in place] for place in (one, other))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * math.asin(math.sqrt(min(1.0, half)))
