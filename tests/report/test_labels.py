from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from masr.report.labels import Box, place_labels
from masr.report.markup import width_of
from masr.report.plot import moved_apart

AREA = Box(0, 0, 500, 400)
POINTS = st.lists(st.tuples(st.floats(0, 500), st.floats(0, 400)), min_size=1, max_size=40)


@given(POINTS)
def test_no_name_covers_a_name_or_a_point_or_leaves_the_drawing(points: list[tuple[float, float]]) -> None:
    names = [f"name{n}" for n in range(len(points))]
    boxes = []
    for spot in place_labels(points, names, AREA, font=10, radius=4):
        top = spot.y + 2.2 - 10
        boxes.append(Box(spot.x, top, spot.x + width_of(names[spot.point], 10), top + 10))
    for n, box in enumerate(boxes):
        assert box.left >= 0
        assert box.right <= 500
        assert box.top >= -1e-6
        assert box.bottom <= 400 + 1e-6
        inner = Box(box.left + 0.01, box.top + 0.01, box.right - 0.01, box.bottom - 0.01)
        assert not any(inner.meets(other) for other in boxes[:n])
        assert not any(inner.meets(Box(x - 4, y - 4, x + 4, y + 4)) for x, y in points)


def test_points_apart_all_get_their_names() -> None:
    points = [(100.0 * a + 50, 60.0 * b + 30) for a in range(4) for b in range(6)]
    assert len(place_labels(points, ["name"] * 24, AREA)) == 24


@given(st.lists(st.floats(0, 100), max_size=12), st.floats(1, 20))
def test_labels_at_line_ends_keep_order_distance_and_bounds(places: list[float], gap: float) -> None:
    found = moved_apart(places, gap, 0, 100)
    real = min(gap, 100 / max(1, len(places) - 1))
    order = sorted(range(len(places)), key=lambda n: places[n])
    for a, b in pairwise(order):
        assert found[b] - found[a] >= real - 1e-6
    assert all(-1e-6 <= v <= 100 + 1e-6 for v in found)


@given(st.lists(st.integers(0, 9), unique=True, max_size=8))
def test_labels_that_do_not_overlap_stay_where_they_are(tens: list[int]) -> None:
    places = [10.0 * v + 5 for v in tens]
    assert moved_apart(places, 10, 0, 100) == places
