from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masr.report.colours import Style
from masr.report.world import coasts, draw_world, project


def test_the_projection_is_equal_earth() -> None:
    """Half widths and the half height of the published map: 2.70663 and 1.31737 radii."""
    assert project(0, 180) == pytest.approx((2.70663, 0.0), abs=1e-5)
    assert project(90, 0) == pytest.approx((0.0, 1.31737), abs=1e-5)
    assert project(0, 0) == (0, 0)


@given(st.floats(-80, 80), st.floats(-170, 170))
def test_areas_are_true(lat: float, lon: float) -> None:
    """A small square on the sphere has the area of its image."""
    d = 0.01
    (x0, y0), (xa, ya), (xb, yb) = (project(lat + a, lon + b) for a, b in ((0, 0), (d, 0), (0, d)))
    image = abs((xa - x0) * (yb - y0) - (xb - x0) * (ya - y0))
    assert image == pytest.approx(math.radians(d) ** 2 * math.cos(math.radians(lat)), rel=2e-2)


def inside(outline: tuple[tuple[float, float], ...], point: tuple[float, float]) -> bool:
    x, y = point
    hit = False
    for (x1, y1), (x2, y2) in zip(outline, (*outline[1:], outline[0]), strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            hit = not hit
    return hit


@pytest.mark.parametrize(
    ("lat", "lon", "is_land"),
    [
        *((22, 79, True), (0, 20, True), (-25, 133, True), (62, 95, True), (40, -100, True), (-10, -55, True)),
        *((0, -30, False), (0, 80, False), (30, -150, False), (-40, 0, False), (45, -35, False)),
    ],
)
def test_land_is_where_it_is(lat: float, lon: float, is_land: bool) -> None:
    assert any(inside(outline, project(lat, lon)) for outline in coasts()) is is_land


def test_every_place_is_drawn_inside_however_far_apart() -> None:
    for places in ([(10.0, 20.0)], [(-50.0, -170.0), (70.0, 175.0)], [(20.0, 77.0), (8.0, 76.0), (34.0, 77.0)]):
        drawn = str(draw_world(places, ["a"] * len(places), ["t"] * len(places), [Style(1)] * len(places), 600))
        width, height = map(float, re.search(r'viewBox="0 0 (\d+) (\d+)"', drawn).groups())  # type: ignore[union-attr]
        marks = re.findall(r'class="mark c1" d="M([\d.-]+),([\d.-]+)', drawn)
        assert len(marks) == len(places)
        found = np.array(marks, dtype=float)
        assert (found > 0).all()
        assert (found < [width, height]).all()
        assert height <= width
