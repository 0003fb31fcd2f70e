from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.analysis.similarity import cca, cka
from masr.analysis.similarity import compare as similarity
from masr.analysis.similarity.second_moments import Moments, gather
from masr.errors import AnalysisError
from reference import slow_similarity as slow

Array = Any


def pair(x: Array, y: Array, precision: Any = "float64", block: int = 37) -> Moments:
    x, y = np.asarray(x, np.float32), np.asarray(y, np.float32)
    blocks = [[x[i : i + block], y[i : i + block]] for i in range(0, len(x), block)]
    return gather(blocks, ["x", "y"], [(0, 1)], precision)[0]


def related(seed: int, n: int = 200, d: int = 6, e: int = 4, offset: float = 0.0) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    x = random.standard_normal((n, d)) @ random.standard_normal((d, d)) + offset
    y = (x[:, :3] - offset) @ random.standard_normal((3, e)) + random.standard_normal((n, e)) - 2 * offset
    return x.astype(np.float32), y.astype(np.float32)


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize(("seed", "offset"), [(0, 0.0), (1, 3.0), (2, -100.0)])
def test_measures_are_those_of_the_definitions(seed: int, offset: float, precision: str) -> None:
    x, y = related(seed, offset=offset)
    m, close = pair(x, y, precision), pytest.approx
    rel = 1e-5 if precision == "float32" else 1e-6  # the frames themselves are float32
    assert cka.linear_cka(m) == close(slow.cka(slow.linear_kernel(x), slow.linear_kernel(y)), rel=rel)
    unbiased = slow.cka(slow.linear_kernel(slow.centred(x)), slow.linear_kernel(slow.centred(y)), unbiased=True)
    assert cka.linear_cka_unbiased(m) == close(unbiased, rel=rel)
    assert cca.cca(m) == close(slow.canonical(x, y)[0].mean(), rel=rel)
    assert cca.svcca(m) == close(slow.svcca(x, y), rel=rel)
    assert cca.pwcca(m) == close(slow.pwcca(x, y), rel=rel)
    assert cca.pwcca(m.swapped()) == close(slow.pwcca(y, x), rel=rel)
    assert cca.procrustes(m) == close(1 - slow.procrustes_distance(x, y) / 2, rel=rel)
    assert cca.neuron(m) == close(np.array(slow.neuron(x, y)), rel=10 * rel)


def test_more_features_on_the_second_side_and_a_singular_matrix() -> None:
    x, y = related(3, d=4, e=9)
    m = pair(x, y)
    assert cca.pwcca(m) == pytest.approx(slow.pwcca(x, y), rel=1e-6)
    assert len(cca.canonical(m).correlations) == 4
    twice = np.concatenate([x, x[:, :2]], axis=1)  # depends on itself: as many axes as before
    found = cca.canonical(pair(twice, y)).correlations
    np.testing.assert_allclose(found, slow.canonical(x, y)[0], rtol=1e-6)


def test_bfloat16_comes_within_a_ten_thousandth() -> None:
    x, y = related(4, n=6000, d=40, e=30)
    assert cka.linear_cka(pair(x, y, "bfloat16", 2000)) == pytest.approx(cka.linear_cka(pair(x, y)), abs=1e-4)


@pytest.mark.parametrize("unbiased", [False, True])
def test_rbf_is_that_of_all_pairs(unbiased: bool) -> None:
    x, y = related(5, n=90, offset=10)
    kernels = cka.rbf_kernels([x, y], 0.7, ["x", "y"])
    expected = slow.cka(slow.rbf_kernel(x, 0.7), slow.rbf_kernel(y, 0.7), unbiased)
    assert kernels.alignment(0, 1, unbiased) == pytest.approx(expected, rel=1e-5)
    assert kernels.alignment(1, 1, unbiased) == pytest.approx(1)


def test_small_cases_by_hand() -> None:
    x = np.array([[0, 0], [1, 0], [0, 2], [1, 2], [3, 1]], np.float32)
    y = np.array([[1], [0], [1], [0], [5]], np.float32)
    m = pair(x, y)  # centred, X'X is 6 and 4 on its diagonal, Y'Y 17.2, X'Y 8 and 0
    assert cka.linear_cka(m) == pytest.approx(64 / (np.sqrt(52) * 17.2))
    assert cca.cca(m) == pytest.approx(8 / np.sqrt(6 * 17.2))
    assert cca.procrustes(m) == pytest.approx(8 / np.sqrt(10 * 17.2))
    assert cca.neuron(m) == pytest.approx([8 / np.sqrt(6 * 17.2), 0], abs=1e-7)


ROTATED: list[Callable[[Moments], float]] = [cka.linear_cka, cka.linear_cka_unbiased, cca.procrustes]
MAPPED: list[Callable[[Moments], float]] = [cca.cca]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(-50, 50))
def test_rotations_scales_and_offsets_change_nothing(seed: int, scale: float, offset: float) -> None:
    x, y = related(seed)
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((6, 6)))[0]
    before, after = pair(x, y), pair(scale * (x @ turn) + offset, y)
    for measure in [*ROTATED, *MAPPED]:
        assert measure(after) == pytest.approx(measure(before), abs=2e-4)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_invertible_maps_change_canonical_correlations_of_neither_side_and_cka_they_do(seed: int) -> None:
    x, y = related(seed, n=300)
    random = np.random.default_rng(seed)
    turn = np.linalg.qr(random.standard_normal((6, 6)))[0]
    bent = x @ (turn * random.uniform(0.2, 5, 6))
    before, after = pair(x, y), pair(bent, y @ np.linalg.inv(np.eye(4) + 0.5 * np.diag(random.random(4))))
    assert cca.cca(after) == pytest.approx(cca.cca(before), abs=1e-4)
    stretched = pair(x * np.array([30, 1, 1, 1, 1, 0.1]), y)
    assert cca.svcca(stretched) == pytest.approx(cca.svcca(before), abs=1e-4)  # features are scaled first
    assert cca.neuron(stretched) == pytest.approx(cca.neuron(before), abs=1e-4)


def test_a_stretched_feature_changes_cka() -> None:
    x, y = related(8)
    assert abs(cka.linear_cka(pair(x * np.array([30, 1, 1, 1, 1, 1]), y)) - cka.linear_cka(pair(x, y))) > 0.01


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_all_are_symmetric_but_two_one_of_itself_and_within_0_and_1(seed: int) -> None:
    x, y = related(seed)
    m, own = pair(x, y), gather([[x, x]], ["x", "x"], [(0, 1)], "float64")[0]
    for name, measure in similarity.MEASURES.items():
        value, back = np.mean(measure.of(m)), np.mean(measure.of(m.swapped()))
        assert np.mean(measure.of(own)) == pytest.approx(1, abs=1e-6), name
        assert -0.05 <= value <= 1 + 1e-9
        if measure.symmetric:
            assert value == pytest.approx(back, abs=1e-9), name


def test_what_is_independent_has_0() -> None:
    random = np.random.default_rng(0)
    many = pair(*random.standard_normal((2, 40_000, 5)), block=8192)
    for name, measure in similarity.MEASURES.items():
        assert abs(float(np.mean(measure.of(many)))) < 0.03, name
    few = [pair(*random.standard_normal((2, 32, 8))) for _ in range(200)]
    assert np.mean([cka.linear_cka(m) for m in few]) == pytest.approx(0.2, abs=0.02)
    assert abs(np.mean([cka.linear_cka_unbiased(m) for m in few])) < 0.01


def test_blocks_do_not_change_the_moments_and_an_offset_costs_no_digits() -> None:
    x, y = related(9, offset=1e4)
    a, b = pair(x, y, block=200), pair(x, y, block=11)
    np.testing.assert_allclose(a.xy, b.xy, rtol=1e-9)
    np.testing.assert_allclose(a.squares, b.squares, rtol=1e-6)
    np.testing.assert_allclose(a.xx, slow.centred(x).T @ slow.centred(x), rtol=1e-9)


def test_what_has_no_answer_is_refused() -> None:
    x, y = related(0, n=6)
    for measure in (cca.cca, cca.svcca, cca.pwcca, cca.neuron):
        with pytest.raises(AnalysisError, match="too few"):
            measure(pair(x, y))
    with pytest.raises(AnalysisError, match="too few for 6 and 4 axes"):
        cca.cca(pair(*related(0, n=10)))
    still, y = related(1)
    still[:, 2] = 1 / 3
    for measure in (cca.cca, cca.svcca, cca.pwcca, cca.neuron):
        with pytest.raises(AnalysisError, match=r"x: 1 of 6 features never move: 2"):
            measure(pair(still, y))
    assert cca.cca(similarity.without_constant(pair(still, y))) == pytest.approx(
        cca.cca(pair(np.delete(still, 2, axis=1), y))
    )
    for alignment in (cka.linear_cka, cka.linear_cka_unbiased):
        with pytest.raises(AnalysisError, match="x: no feature ever moves"):
            alignment(pair(np.ones((50, 3)), y[:50]))
    with pytest.raises(AnalysisError, match="no unbiased estimate"):
        cka.linear_cka_unbiased(pair(x[:3], y[:3]))
    broken = y.copy()
    broken[77, 1] = np.nan
    with pytest.raises(AnalysisError, match="y: feature 1 has NaN"):
        pair(still, broken)


def test_what_a_feature_has_in_all_others_and_in_one_is_a_mean_over_features() -> None:
    columns = {"a": np.ones(3), "b": np.array([0.9, 0.1, 0.2]), "c": np.array([0.5, 0.7, 0.3])}
    found = similarity.Similarity("neuron", "", ("a",), tuple(columns), np.zeros((1, 3)), 9, {"a": columns})
    # The largest of b and c are 0.9, 0.7, 0.3, the smallest 0.5, 0.1, 0.2; the column of the row itself says nothing.
    assert found.over_others() == {"a": (pytest.approx(1.9 / 3), pytest.approx(0.8 / 3))}


def test_memory_does_not_grow_with_the_frames(tmp_path: Path) -> None:
    import tracemalloc

    from masr.analysis.aligned import Aligned
    from masr.io.frames import open_frames

    peaks = []
    for count in (20_000, 80_000):
        for name in "ab":
            np.save(tmp_path / f"{name}.npy", np.random.default_rng(ord(name)).standard_normal((count, 16), np.float32))
        parts = [open_frames(tmp_path / f"{name}.npy") for name in "ab"]
        tracemalloc.start()
        similarity.compare(Aligned(parts), 2, ["linear_cka", "cca"])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
