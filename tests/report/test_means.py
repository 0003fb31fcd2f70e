from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from masr.errors import DataError
from masr.io.datadir import write_datadir
from masr.report.means import Languages, distance_match, principal_axes, read_languages
from reference import slow_principal_axes
from reference.haversine import haversine_radians


def folder(path: Path, vectors: np.ndarray, **kinds: list[str]) -> Path:
    utts = [f"s{n:03d}-u" for n in range(len(vectors))]
    tables = {f"utt2{kind}": {u: v for u, v in zip(utts, values, strict=True) if v} for kind, values in kinds.items()}
    write_datadir(path, {"utt2spk": {u: u[:4] for u in utts}, **tables})
    np.save(path / "embeddings.npy", vectors)
    return path


@pytest.mark.parametrize(("rows", "width"), [(5, 3), (30, 8), (4, 40)])
def test_principal_axes_are_those_of_the_covariance(rows: int, width: int) -> None:
    means = np.random.default_rng(rows).standard_normal((rows, width)) * np.linspace(1, 3, width)
    flat, shares = principal_axes(means)
    expected, expected_shares = slow_principal_axes.principal_axes(means.tolist())
    np.testing.assert_allclose(np.abs(flat), np.abs(expected), atol=1e-8)
    np.testing.assert_allclose(shares, expected_shares, atol=1e-10)


def test_principal_axes_of_points_on_a_line_and_of_one_point() -> None:
    flat, shares = principal_axes(np.outer(np.arange(4.0), [3.0, 4.0]))
    np.testing.assert_allclose(np.abs(flat[:, 0]), [7.5, 2.5, 2.5, 7.5])
    assert shares == pytest.approx((1.0, 0.0))
    flat, shares = principal_axes(np.ones((2, 1)))
    assert not flat.any()
    assert shares == (0.0, 0.0)


def test_distances_are_compared_by_rank() -> None:
    random = np.random.default_rng(1)
    places = tuple((float(a), float(b)) for a, b in random.uniform(-60, 60, (9, 2)))
    means = random.standard_normal((9, 4))
    codes = tuple("abcdefghi")
    found = distance_match(Languages(codes, means, (1,) * 9, places, ("",) * 9))
    far, apart = [], []
    for a in range(9):
        for b in range(a + 1, 9):
            far.append(haversine_radians(places[a], places[b]))
            apart.append(float(np.linalg.norm(means[a] - means[b])))
    assert found == pytest.approx(slow_principal_axes.spearman(far, apart), abs=1e-9)
    assert distance_match(Languages(codes, means, (1,) * 9, (None,) * 9, ("",) * 9)) is None


def test_means_places_and_groups_of_a_folder(tmp_path: Path) -> None:
    vectors = np.array([[1, 0], [3, 0], [0, 4], [9, 9], [7, 7]], dtype=np.float32)
    path = folder(
        tmp_path,
        vectors,
        lang=["eng", "eng", "hin", "unknown", ""],
        loc=["0 10", "0 20", "28.6 77.2", "", "nowhere"],
        group=["we", "we", "", "", ""],
    )
    found = read_languages(path)
    assert found.codes == ("eng", "hin")
    np.testing.assert_array_equal(found.means, [[2, 0], [0, 4]])
    assert found.counts == (2, 1)
    assert found.places[0] == pytest.approx((0, 15))
    assert found.places[1] == pytest.approx((28.6, 77.2))
    assert found.groups == ("we", "")


def test_blocks_do_not_change_the_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    path = folder(tmp_path, vectors, lang=[f"l{n % 7}" for n in range(50)])
    whole = read_languages(path).means
    monkeypatch.setattr("masr.report.means._BLOCK", 8)
    np.testing.assert_allclose(read_languages(path).means, whole, atol=1e-12)
    np.testing.assert_allclose(whole[2], vectors[2::7].mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("array", [np.zeros((2, 3)), np.zeros(4), np.full((4, 2), np.nan), np.zeros((4, 2), dtype=int)])
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, array: np.ndarray) -> None:
    path = folder(tmp_path, np.zeros((4, 2)), lang=["a", "b", "c", "d"])
    np.save(path / "embeddings.npy", array)
    with pytest.raises(DataError):
        read_languages(path)
