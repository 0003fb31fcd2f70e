from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masr.scoring.lid import det_curve as module
from masr.scoring.lid.det_curve import Curve, equal_error
from reference import slow_lid

few_values = st.lists(st.integers(0, 6), min_size=1, max_size=12)


def as_scores(values: list[int]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32)


@given(few_values, few_values)
def test_equal_error_is_that_of_the_hull_by_fractions_ties_included(a: list[int], b: list[int]) -> None:
    exact = float(slow_lid.equal_error(a, b))
    assert equal_error(as_scores(a), as_scores(b)).rate == pytest.approx(exact, abs=1e-15)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=40), st.lists(st.integers(0, 40), min_size=1, max_size=40))
def test_looking_only_where_it_matters_finds_the_same(a: list[int], b: list[int]) -> None:
    full = equal_error(as_scores(a), as_scores(b))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_GRID", 2)
        patch.setattr(module, "_PIECES", 1)
        found = equal_error(as_scores(a), as_scores(b))
    # Of corners on one line either end may be taken; the line, and so the rate and the prior, is the same.
    assert (found.rate, found.prior) == pytest.approx((full.rate, full.prior), abs=1e-15)


@given(few_values, few_values, st.integers(0, 100))
def test_the_rate_is_made_of_its_thresholds_and_its_prior(a: list[int], b: list[int], seed: int) -> None:
    """What the bootstrap relies on: misses and false alarms at the two corners, mixed, both come to the rate."""
    targets, others = as_scores(a), as_scores(b)
    found = equal_error(targets, others)
    ends = ((found.low, 1 - found.mix), (found.high, found.mix))
    misses = sum(share * (targets < threshold).mean() for threshold, share in ends)
    alarms = sum(share * (others >= threshold).mean() for threshold, share in ends)
    if found.rate:
        assert misses == pytest.approx(found.rate)
        assert alarms == pytest.approx(found.rate)
    assert 0 <= found.prior <= 1


@given(few_values, few_values)
def test_the_rate_is_the_largest_least_error_over_priors(a: list[int], b: list[int]) -> None:
    targets, others = as_scores(a), as_scores(b)
    found = equal_error(targets, others)

    def least(prior: float) -> float:
        ends = [*targets, np.inf]
        return min(prior * (targets < t).mean() + (1 - prior) * (others >= t).mean() for t in ends)

    assert max(least(prior) for prior in np.linspace(0, 1, 51)) <= found.rate + 1e-12
    assert least(found.prior) == pytest.approx(found.rate, abs=1e-12)


def test_equal_error_agrees_with_scikit_learn_where_there_are_no_ties() -> None:
    from sklearn.metrics import roc_curve

    random = np.random.default_rng(0)
    targets = random.standard_normal(4000, dtype=np.float32) + 2
    others = random.standard_normal(40000, dtype=np.float32)
    alarms, hits, _ = roc_curve(np.repeat([1, 0], [4000, 40000]), np.concatenate([targets, others]))
    place = np.abs(1 - hits - alarms).argmin()
    found = equal_error(targets, others).rate
    assert found == pytest.approx((1 - hits[place] + alarms[place]) / 2, abs=2e-3)
    assert found == pytest.approx(0.1587, abs=0.01)  # Gaussians two deviations apart cross at Q(1)


def test_what_tells_nothing_and_what_tells_all() -> None:
    same = np.zeros(5, np.float32)
    assert equal_error(same, same).rate == 0.5
    assert equal_error(same + 1, same).rate == 0
    assert equal_error(same, same + 1).rate == pytest.approx(0.5)  # the hull may toss a coin
    low = np.full(3, -np.inf, np.float32)
    assert equal_error(low, low).rate == 0.5
    assert equal_error(np.full(3, np.inf, np.float32), low).rate == 0


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=40),
    st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=20), min_size=1, max_size=4),
    st.floats(0.01, 20),
)
def test_the_least_weighted_cost_is_the_least_of_all(a: list[int], groups: list[list[int]], per_alarm: float) -> None:
    targets = np.sort(as_scores(a))
    weights = np.array([1.0 / len(group) for group in groups])
    misses = np.arange(len(a) + 1) / len(a)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_GRID", 3)
        curve = Curve(targets, misses, [np.sort(as_scores(group)) for group in groups], weights)
        place, cost = curve.least(1.0, per_alarm)

    def at(threshold: float) -> float:
        alarms = sum(w * (as_scores(group) >= threshold).sum() for w, group in zip(weights, groups))
        return float((targets < threshold).mean() + per_alarm * alarms)

    assert cost == pytest.approx(min(map(at, [*range(32)])))
    assert at(curve.threshold(place)) == pytest.approx(cost)
