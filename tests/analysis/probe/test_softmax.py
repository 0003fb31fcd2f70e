from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.analysis.probe import softmax as probe_softmax
from masr.analysis.probe.softmax import Regression
from masr.errors import AnalysisError
from reference import slow_probe


def rows(seed: int, n: int = 80, d: int = 4, k: int = 3, spread: float = 1.0) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    labels = np.r_[np.arange(k), random.integers(0, k, n - k)]
    centres = spread * random.standard_normal((k, d))
    mixing = random.standard_normal((d, d)) + np.eye(d)
    return ((centres[labels] + random.standard_normal((n, d))) @ mixing).astype(np.float32), labels


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), strength=st.sampled_from([0.01, 0.3, 10.0]), k=st.integers(2, 4))
def test_the_minimum_is_that_of_newtons_method(seed: int, strength: float, k: int) -> None:
    x, y = rows(seed, k=k)
    weight, bias = slow_probe.softmax_optimum(x, y, k, strength)
    found = Regression(x, y, k).fit(strength, tolerance=1e-10)
    best = slow_probe.softmax_loss(x, y, weight, bias, strength)
    assert slow_probe.softmax_loss(x, y, found.weight.numpy(), found.bias.numpy(), strength) == pytest.approx(
        best, abs=5e-6
    )
    ours = slow_probe.probabilities(x, found.weight.numpy(), found.bias.numpy())
    np.testing.assert_allclose(ours, slow_probe.probabilities(x, weight, bias), atol=3e-3)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5])
def test_no_more_than_the_tolerance_is_left_to_gain(tolerance: float) -> None:
    x, y = rows(5, n=600, d=8, k=5)
    best = Regression(x, y, 5).fit(1.0, tolerance=1e-10)
    found = Regression(x, y, 5).fit(1.0, tolerance=tolerance)
    losses = [slow_probe.softmax_loss(x, y, m.weight.numpy(), m.bias.numpy(), 1.0) for m in (found, best)]
    assert losses[0] - losses[1] <= 2 * tolerance
    assert found.num_passes < best.num_passes


@pytest.mark.parametrize("strength", [1e-3, 1.0])
def test_it_is_scikit_learns(strength: float) -> None:
    from sklearn.linear_model import LogisticRegression

    x, y = rows(1, n=500, d=12, k=6)
    theirs = LogisticRegression(C=strength, tol=1e-10, max_iter=5000).fit(x.astype(np.float64), y)
    ours = Regression(x, y, 6).fit(strength, tolerance=1e-10)
    np.testing.assert_allclose(
        slow_probe.probabilities(x, ours.weight.numpy(), ours.bias.numpy()), theirs.predict_proba(x), atol=2e-3
    )
    assert (ours.answers(x) == theirs.predict(x)).mean() > 0.995


def test_a_sample_first_and_a_start_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = rows(2, n=4000, d=6, k=4)
    plain = Regression(x, y, 4).fit(0.1, tolerance=1e-9)
    monkeypatch.setattr(probe_softmax, "_LEAST_ROWS", 100)
    staged = Regression(x, y, 4)
    first = staged.fit(0.1, tolerance=1e-9)
    again = staged.fit(0.1, staged.fit(10.0), tolerance=1e-9)
    assert probe_softmax._stages(4000, False) == [500, 4000]
    for other in (first, again):
        np.testing.assert_allclose(other.weight, plain.weight, atol=1e-2)
    warm = staged.fit(0.1, first, tolerance=1e-5)
    assert warm.num_passes == 1


def test_a_feature_that_never_moves_has_no_weight_and_large_means_do_no_harm() -> None:
    x, y = rows(3, n=300)
    plain = Regression(x, y, 3).fit(1.0, tolerance=1e-9)
    shifted = np.concatenate([x + 50, np.full((300, 1), 7.0)], axis=1).astype(np.float32)
    found = Regression(shifted, y, 3).fit(1.0, tolerance=1e-9)
    assert abs(float(found.weight[:, -1].abs().max())) < 1e-3
    np.testing.assert_allclose(found.weight[:, :-1], plain.weight, atol=5e-3)


def test_classes_without_rows_and_separable_ones_are_no_trouble() -> None:
    x = np.repeat(np.eye(3, dtype=np.float32), 20, axis=0)
    y = np.repeat([0, 1, 3], 20)
    found = Regression(x, y, 5).fit(10.0)
    assert found.answers(x).tolist() == y.tolist()


def test_what_cannot_be_is_refused() -> None:
    x, y = rows(4)
    with pytest.raises(AnalysisError, match="strength"):
        Regression(x, y, 3).fit(0.0)
    with pytest.raises(AnalysisError, match="nothing to learn"):
        Regression(x[:0], y[:0], 3)
