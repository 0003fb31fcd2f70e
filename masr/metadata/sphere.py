"""Places on the globe as unit vectors, where the antimeridian and the poles need no care.

Shapes: A, B places.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from masr.errors import MetadataError
from masr.types import Float64Array

if TYPE_CHECKING:
    from torch import Tensor


EARTH_RADIUS_KM = 6371.0088
"""The earth's mean radius (IUGG)."""


def unit_vectors(places: Float64Array) -> Float64Array:
    """(A, 2) latitude and longitude in degrees -> (A, 3) unit vectors."""
    latitude, longitude = np.radians(places[:, 0]), np.radians(places[:, 1])
    flat = np.cos(latitude)
    axes = [flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)]
    vectors: Float64Array = np.stack(axes, axis=1)
    return vectors


def degrees(vectors: Float64Array) -> Float64Array:
    """(A, 3) of any length -> (A, 2) latitude and longitude in degrees."""
    x, y, z = vectors.T
    places: Float64Array = np.degrees(np.stack([np.arctan2(z, np.hypot(x, y)), np.arctan2(y, x)], axis=1))
    return places


def invert(shares: Float64Array, points: Float64Array) -> Float64Array:
    """Places (A, 2) from their great-circle distances (A, P) to `points` (P, 2), as shares of pi times the radius.

    The cosine of a distance is the inner product of two unit vectors, so the place solves a linear system.
    """
    solution, *_ = np.linalg.lstsq(unit_vectors(points), np.cos(np.pi * shares).T, rcond=None)
    return degrees(np.asarray(solution.T, dtype=np.float64))


def parse_place(label: str, where: str = "") -> tuple[float, float]:
    """`lat lon` in decimal degrees, a comma between them allowed; MetadataError for anything else."""
    parts = label.replace(",", " ").split()
    try:
        latitude, longitude = (float(part) for part in parts)
    except ValueError:
        raise MetadataError(
            f"{where}{label!r} is not a place",
            why="a place is two numbers, latitude and longitude in decimal degrees",
            fix="write it as 25.0 76.98",
        ) from None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        fix = "give decimal degrees, west and south negative"
        if abs(longitude) <= 90 < abs(latitude) <= 180:
            fix = "latitude comes first: the two look swapped"
        raise MetadataError(
            f"{where}there is no place {label!r}",
            why="latitude lies in -90..90, longitude in -180..180",
            fix=fix,
        )
    return latitude, longitude


def arcs(a: Tensor, b: Tensor) -> Tensor:
    """(A, 3), (B, 3) -> (A, B) angles in radians, 0 to pi, in float64.

    One product of matrices. float64 inside, because the arc cosine of a float32 is off by kilometres for near
    places; the lengths are made exact again after the vectors were stored as float32.
    """
    from torch.nn.functional import normalize

    a, b = normalize(a.double(), dim=1), normalize(b.double(), dim=1)
    return (a @ b.T).clamp(-1.0, 1.0).acos()


def arc_share(arc: Tensor) -> Tensor:
    """An angle as a share of the longest there is, half the circumference."""
    return arc / math.pi
