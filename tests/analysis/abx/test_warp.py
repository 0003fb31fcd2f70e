from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.analysis.abx import warp as abx_warp
from masr.analysis.abx.warp import Tables, between, prepared, warp
from masr.errors import AnalysisError
from reference import slow_abx


def tables(lattices: list[Any]) -> Tables:
    sizes = np.array([one.shape for one in lattices])
    starts = np.concatenate([[0], np.cumsum(sizes.prod(axis=1))[:-1]])
    values = np.concatenate([one.ravel() for one in lattices]).astype(np.float32)
    return Tables(values, starts, sizes[:, 1], np.ones_like(starts), sizes[:, 0], sizes[:, 1])


def slow_warp(lattice: Any) -> float:
    rows, columns = range(lattice.shape[0]), range(lattice.shape[1])
    return float(slow_abx.warped(rows, columns, lambda i, j: float(lattice[i, j])))


@given(seed=st.integers(0, 10_000), whole=st.booleans())
@settings(max_examples=60, deadline=None)
def test_equal_to_a_table_and_a_walk_back(seed: int, whole: bool) -> None:
    random = np.random.default_rng(seed)
    lattices = [random.random(random.integers(1, 8, 2)) for _ in range(9)]
    if whole:
        lattices = [np.floor(3 * one) for one in lattices]
    given_tables = tables(lattices)
    found, tied = warp(given_tables)
    turned, _ = warp(given_tables.turned(np.arange(9)))
    assert np.allclose(found, [slow_warp(one) for one in lattices], atol=1e-5)
    assert np.allclose(turned, [slow_warp(one.T) for one in lattices], atol=1e-5)
    assert np.allclose(found[~tied], turned[~tied], atol=1e-6)


def test_ties_that_turning_changes_are_marked() -> None:
    random = np.random.default_rng(0)
    lattices = [np.floor(3 * random.random((5, 6))) for _ in range(200)]
    differ = np.array([abs(slow_warp(one) - slow_warp(one.T)) > 1e-3 for one in lattices])
    _, tied = warp(tables(lattices))
    assert differ.sum() >= 5
    assert tied[differ].all()


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    given_tables = tables([random.random(random.integers(1, 9, 2)) for _ in range(100)])
    whole = warp(given_tables)[0]
    monkeypatch.setattr(abx_warp, "_CHUNK", 7)
    assert np.array_equal(warp(given_tables)[0], whole)


@pytest.mark.parametrize(
    ("distance", "slow"),
    [
        ("angular", "angular_distance"),
        ("cosine", "cosine_distance"),
        ("euclidean", "euclidean_distance"),
        ("kl", "kl"),
        ("kl_symmetric", "kl_symmetric"),
    ],
)
def test_distances_of_frames(distance: Any, slow: str) -> None:
    random = np.random.default_rng(0)
    x, y = (np.exp(random.standard_normal((n, 5))).astype(np.float32) for n in (4, 3))
    if distance.startswith("kl"):
        x, y = (v / v.sum(axis=1, keepdims=True) for v in (x, y))
    found = between(prepared(x, distance), prepared(y, distance), distance)
    expected = [[getattr(slow_abx, slow)(a, b) for b in y.tolist()] for a in x.tolist()]
    assert np.allclose(found, expected, atol=2e-4 if distance == "angular" else 2e-6)
    assert found.dtype == np.float32


def test_large_products_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = (np.random.default_rng(n).standard_normal((30, 8)).astype(np.float32) for n in range(2))
    small = between(x / 9, y / 9, "cosine")
    monkeypatch.setattr(abx_warp, "_LARGE", 1)
    assert np.allclose(between(x / 9, y / 9, "cosine"), small, atol=1e-6)


def test_frames_of_any_size_have_a_direction() -> None:
    frames = np.array([[3e30, 4e30], [3e-30, 4e-30], [0, 0], [3, 4]], dtype=np.float32)
    found = prepared(frames, "angular")
    assert np.allclose(found[[0, 1, 3]], [0.6, 0.8])
    assert between(found, found, "angular")[2].tolist() == [0.5] * 4


@pytest.mark.parametrize("distance", ["angular", "euclidean"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_refused(distance: Any, value: float) -> None:
    with pytest.raises(AnalysisError, match="finite"):
        prepared(np.array([[1.0, value]], dtype=np.float32), distance)
