"""Places on the globe, as a map with equal areas (Equal Earth: Savric, Patterson and Jenny 2018) cut to what is shown.

The land is Natural Earth's at 1:110 million, in the public domain, with every corner of less than half a degree left
out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from masr.report.colours import Style, mark
from masr.report.labels import Box, place_labels
from masr.report.markup import Child, Markup, coordinate, tag
from masr.report.plot import Frame, drawing

_A = (1.340264, -0.081106, 0.000893, 0.003796)
_LEAST_SPAN = 0.35
"""The narrowest map in radians, about 20 degrees."""

Point = tuple[float, float]


def project(lat: float, lon: float) -> Point:
    """(x, y) on the map of a sphere of radius 1; y grows to the north."""
    theta = math.asin(math.sqrt(3) / 2 * math.sin(math.radians(lat)))
    square = theta * theta
    sixth = square**3
    slope = _A[0] + 3 * _A[1] * square + sixth * (7 * _A[2] + 9 * _A[3] * square)
    x = 2 * math.radians(lon) * math.cos(theta) / (math.sqrt(3) * slope)
    return x, theta * (_A[0] + _A[1] * square + sixth * (_A[2] + _A[3] * square))


@cache
def coasts() -> tuple[tuple[Point, ...], ...]:
    """Outlines of land, projected."""
    lines = files("masr.report").joinpath("coast.txt").read_text(encoding="ascii").splitlines()
    return tuple(tuple(_coast_point(pair) for pair in line.split()) for line in lines)


def _coast_point(pair: str) -> Point:
    lon, lat = pair.split(",")
    return project(float(lat), float(lon))


def draw_world(
    places: Sequence[tuple[float, float]],
    names: Sequence[str],
    titles: Sequence[str],
    styles: Sequence[Style],
    width: float,
) -> Markup:
    """A map of the land around the (lat, lon) of each name, with the names on it."""
    points = [project(lat, lon) for lat, lon in places]
    left, top, right, bottom = window(points)
    unit = width / (right - left)
    frame = Frame(width, (top - bottom) * unit, 0, 0, 0, 0)
    at = [((x - left) * unit, (top - y) * unit) for x, y in points]
    land = [
        "M" + "L".join(f"{coordinate((x - left) * unit)},{coordinate((top - y) * unit)}" for x, y in outline) + "Z"
        for outline in coasts()
        if _overlaps(outline, left, bottom, right, top)
    ]
    parts: list[Child] = [tag("path", d=Markup("".join(land)), class_="land")]
    for (x, y), name, title, style in zip(at, names, titles, styles, strict=True):
        parts.append(tag("g", tag("title", title), mark(style, x, y, size=4), class_="item", data_key=name))
    spots = place_labels(at, names, Box(2, 2, frame.width - 2, frame.height - 2))
    parts += [tag("text", names[spot.point], x=spot.x, y=spot.y, class_="name") for spot in spots]
    return drawing(frame, f"map of {len(places)} places", *parts, wide=True, centred=True, data_plot="items")


def window(points: Sequence[Point]) -> tuple[float, float, float, float]:
    """The left, top, right and bottom of a map: the points with a margin, no narrower than half as high."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    span_x, span_y = max(_LEAST_SPAN, max(xs) - min(xs)), max(_LEAST_SPAN, max(ys) - min(ys))
    span_x, span_y = max(span_x * 1.14, span_y * 1.18 * 4 / 3), max(span_y * 1.18, span_x * 1.14 / 2.4)
    x, y = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    return x - span_x / 2, y + span_y / 2, x + span_x / 2, y - span_y / 2


def _overlaps(outline: Sequence[Point], left: float, bottom: float, right: float, top: float) -> bool:
    xs, ys = [x for x, _ in outline], [y for _, y in outline]
    return max(xs) >= left and min(xs) <= right and max(ys) >= bottom and min(ys) <= top
