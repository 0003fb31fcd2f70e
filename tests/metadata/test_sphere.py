from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from masr.errors import MetadataError
from masr.metadata.sphere import arcs, degrees, invert, parse_place, unit_vectors
from reference.haversine import haversine_radians

PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


def arc(one: tuple[float, float], other: tuple[float, float]) -> float:
    a, b = (torch.from_numpy(unit_vectors(np.array([place])).astype(np.float32)) for place in (one, other))
    return float(arcs(a, b))


@given(PLACES, PLACES)
@example((0.0, 180.0), (0.0, -180.0))
@example((89.9, 10.0), (89.9, -170.0))
@example((90.0, 12.0), (90.0, -77.0))
@example((-90.0, 0.0), (90.0, 0.0))
@example((10.0, 179.9), (10.0, -179.9))
@example((0.0, 0.0), (0.0, 180.0))
def test_arcs_are_haversine_even_from_float32_codes(one: tuple[float, float], other: tuple[float, float]) -> None:
    # 1e-6 rad is 6 m; at the antipodes the school formula itself loses half its digits
    assert arc(one, other) == pytest.approx(haversine_radians(one, other), abs=1e-6)


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        ((0, 179.5), (0, -179.5), 111.195),
        ((89, 0), (89, 180), 222.39),
        ((48.8566, 2.3522), (51.5074, -0.1278), 343.56),
        ((90, 0), (-90, 0), 20015.1),
    ],
)
def test_known_distances(one: tuple[float, float], other: tuple[float, float], km: float) -> None:
    assert arc(one, other) * 6371.0088 == pytest.approx(km, rel=1e-4)


@given(st.lists(st.tuples(st.floats(-89.9, 89.9), st.floats(-179.9, 179.9)), min_size=1, max_size=5))
def test_vectors_and_degrees_are_inverse(places: list[tuple[float, float]]) -> None:
    vectors = unit_vectors(np.array(places))
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(places)))
    assert degrees(3 * vectors) == pytest.approx(np.array(places), abs=1e-9)


@given(st.lists(st.tuples(st.floats(-89, 89), st.floats(-179, 179)), min_size=1, max_size=4))
def test_distances_to_known_points_invert_to_the_place(places: list[tuple[float, float]]) -> None:
    points = np.array([(0, 0), (45, 90), (-60, -120), (80, 10), (-10, 170)], dtype=np.float64)
    shares = np.array([[haversine_radians(place, point) / math.pi for point in points] for place in places])
    assert unit_vectors(invert(shares, points)) == pytest.approx(unit_vectors(np.array(places)), abs=1e-7)


@pytest.mark.parametrize("text", ["25 76.98", "25,76.98", "25, 76.98", " 25.0\t76.98 ", "2.5e1 76.98"])
def test_places_are_read(text: str) -> None:
    assert parse_place(text) == (25.0, 76.98)


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("", "25.0 76.98"),
        ("25", "25.0 76.98"),
        ("1 2 3", "25.0 76.98"),
        ("north south", "25.0 76.98"),
        ("91 100", "west and south negative"),
        ("139.7 35.7", "swapped"),
        ("0 181", "decimal degrees"),
        ("nan 0", "decimal degrees"),
        ("0 inf", "decimal degrees"),
    ],
)
def test_what_is_no_place_is_refused(text: str, fix: str) -> None:
    with pytest.raises(MetadataError, match="place") as caught:
        parse_place(text, "data/train/utt2loc: utt-7: ")
    assert fix in caught.value.fix
    assert caught.value.what.startswith("data/train/utt2loc: utt-7: ")
