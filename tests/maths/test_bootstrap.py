"""The one bootstrap: percentiles and draws against a slow oracle, and what any bootstrap of clusters has to be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.maths import bootstrap
from masr.maths.bootstrap import (
    bounds,
    clusters,
    difference,
    drawn,
    drawn_within,
    estimate,
    known_mean,
    ratio,
    resample,
    share_right,
    two_sided,
    under_draws,
)
from tests.reference import slow_bootstrap as slow

VALUES = st.one_of(st.floats(-1e6, 1e6), st.just(math.inf), st.just(-math.inf), st.just(math.nan))


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=60))
def test_ends_are_the_percentiles_of_the_definition(values: list[float]) -> None:
    low, high = bounds(np.array(values)[:, None])[:, 0]
    expected = slow.interval(values)
    if expected is None:
        assert math.isnan(low) and math.isnan(high)
    else:
        assert (low, high) == pytest.approx(expected, rel=1e-12, abs=1e-9)


def test_ends_are_numpys_own_where_all_is_finite() -> None:
    draws = np.random.default_rng(0).standard_normal((997, 5))
    np.testing.assert_allclose(bounds(draws), np.percentile(draws, [2.5, 97.5], axis=0), rtol=1e-12)


def test_each_figure_has_the_ends_that_it_has_alone() -> None:
    draws = np.random.default_rng(1).standard_normal((50, 4))
    draws[:10, 1] = np.nan
    draws[:30, 2] = np.nan
    draws[40:, 3] = np.inf
    together = bounds(draws)
    for k in range(4):
        np.testing.assert_array_equal(together[:, k], bounds(draws[:, k : k + 1])[:, 0])
    assert np.isnan(together[:, 2]).all() and together[1, 3] == np.inf


ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1), st.integers(1, 3)), min_size=2, max_size=14)


@settings(deadline=None)
@given(ROWS, st.integers(0, 3))
def test_a_share_is_drawn_as_row_after_row_would_be(rows: list[tuple[int, int, int]], seed: int) -> None:
    speakers = [f"s{speaker}" for speaker, _, _ in rows]
    groups = clusters(speakers)
    sums = groups.sums(np.array([(right, words) for _, right, words in rows], dtype=np.float64))
    times = drawn(groups.count, seed, 40)
    assert (times.sum(axis=1) == groups.count).all()
    found = under_draws(lambda weights: ratio(*(weights @ sums).T), groups.count, seed, 40)
    pairs = [(right, words) for _, right, words in rows]
    expected = slow.redrawn(
        pairs, groups.numbers.tolist(), times.tolist(), lambda some: sum(r for r, _ in some) / sum(w for _, w in some)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_draws_are_those_of_speakers_taken_one_by_one() -> None:
    """As many as there are, each as likely: mean 1, the variance and covariance of a multinomial."""
    times = drawn(8, 0, 20_000)
    np.testing.assert_allclose(times.mean(axis=0), 1, atol=0.03)
    np.testing.assert_allclose(np.cov(times.T), np.eye(8) - 1 / 8, atol=0.04)


def test_blocks_are_the_same_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = under_draws(lambda weights: weights * 1.0, 6, 3, 100)
    sizes: list[int] = []

    def seen(weights: bootstrap.Float64Array) -> bootstrap.Float64Array:
        sizes.append(len(weights))
        return weights

    monkeypatch.setattr(bootstrap, "_MOST_CELLS", 70)
    np.testing.assert_array_equal(under_draws(seen, 6, 3, 100, cells=4), whole)
    assert sizes == [7] * 14 + [2]
    np.testing.assert_array_equal(drawn(6, 3, 100), whole)
    assert not np.array_equal(drawn(6, 4, 100), whole)


def accuracy(speakers: list[str], right: np.ndarray, seed: int = 0) -> bootstrap.Estimate:
    return share_right(right, speakers, seed)


def test_one_cluster_has_no_interval() -> None:
    alone = accuracy(["s"] * 9, np.arange(9) % 2)
    assert (alone.value, alone.low, alone.high) == (pytest.approx(4 / 9), None, None)
    assert accuracy(["a", "b"], np.array([0, 1])).low is not None
    assert resample(lambda weights: weights[:, 0], 2, fewest=3)[0].low is None


@settings(deadline=None)
@given(st.integers(2, 40), st.integers(0, 5))
def test_an_interval_holds_a_value_that_is_symmetric(count: int, seed: int) -> None:
    """Values that lie alike on both sides of 0: 0 is their mean, and no draw favours a side."""
    values = np.concatenate([np.arange(1, count + 1), -np.arange(1, count + 1)]).astype(np.float64)
    groups = clusters([f"u{n:03d}" for n in range(len(values))])
    sums = groups.sums(values[:, None])
    (found,) = resample(lambda weights: (weights @ sums)[:, 0] / len(values), groups.count, seed)
    assert found.low is not None and found.high is not None
    assert found.low < 0 < found.high
    assert found.value == pytest.approx(0, abs=1e-12)
    assert abs(found.low + found.high) < 0.35 * (found.high - found.low)


def test_intervals_shrink_with_the_root_of_the_clusters_and_grow_when_speakers_say_the_same() -> None:
    random = np.random.default_rng(0)
    right = (random.random(1600) < 0.5).astype(np.float64)
    many = accuracy([f"u{n}" for n in range(1600)], right)
    some = accuracy([f"u{n}" for n in range(400)], right[:400])
    alike = accuracy([f"s{n // 4}" for n in range(1600)], np.repeat(right[:400], 4))
    widths = [one.high - one.low for one in (many, some, alike)]  # type: ignore[operator]
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.1)
    assert widths[2] == pytest.approx(widths[1], rel=0.1)
    assert widths[0] == pytest.approx(2 * 1.96 * 0.5 / 40, rel=0.1)


def test_the_order_of_rows_changes_nothing() -> None:
    random = np.random.default_rng(2)
    speakers = [f"s{n}" for n in random.integers(0, 30, 200)]
    right = random.integers(0, 2, 200)
    order = random.permutation(200)
    turned = accuracy([speakers[n] for n in order], right[order])
    assert turned == accuracy(speakers, right)


def test_many_units_are_dealt_into_clusters_and_the_interval_stays() -> None:
    random = np.random.default_rng(3)
    units, right = [f"u{n:05d}" for n in range(4000)], random.integers(0, 2, 4000)
    dealt, all_of_them = clusters(units, most=500), clusters(units, most=4000)
    assert (dealt.count, dealt.num_units, all_of_them.count) == (500, 4000, 4000)
    assert np.bincount(dealt.numbers).tolist() == [8] * 500
    ends = []
    for groups in (dealt, all_of_them):
        sums = groups.sums(np.stack([right, np.ones(4000)], axis=1))
        (one,) = resample(lambda weights, sums=sums: ratio(*(weights @ sums).T), groups.count)  # type: ignore[misc]
        ends.append((one.low, one.high))
    assert ends[0] == pytest.approx(ends[1], abs=4e-3)
    assert clusters(np.array([7, 3, 7])).numbers.tolist() == clusters(["b", "a", "b"]).numbers.tolist() == [1, 0, 1]


def test_units_are_dealt_at_random_whatever_order_their_names_have() -> None:
    """Were they dealt in turns, each cluster would be right throughout or wrong throughout."""
    units, right = [f"u{n:05d}" for n in range(4000)], np.arange(4000) % 1000 < 500
    found = share_right(right, units)
    assert found.low is not None and found.high is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(4000), rel=0.15)


def test_a_difference_of_one_cluster_alone_has_no_interval() -> None:
    """There are three clusters, of which two hold nothing that is compared."""
    first, second = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]]), np.array([[0.0, 0.0], [1.0, 4.0], [0.0, 0.0]])
    sides = [lambda weights, sums=sums: ratio(*(weights @ sums).T) for sums in (first, second)]  # type: ignore[misc]
    numbers = clusters(["a", "b", "c"])
    assert not numbers.are_several(np.array([1, 1])) and numbers.are_several() and not numbers.are_several(slice(0, 0))
    (one,) = difference(sides[0], sides[1], 3, several=False)
    assert (one.difference, one.low, one.high, one.p) == (0.5, None, None, None)


def test_the_same_before_and_after_differ_by_nothing() -> None:
    sums = np.random.default_rng(4).random((20, 2))
    same = difference(lambda weights: ratio(*(weights @ sums).T), lambda weights: ratio(*(weights @ sums).T), 20)
    (one,) = same
    assert (one.difference, one.low, one.high, one.p) == (0, 0, 0, 1)
    assert one.first == one.second == pytest.approx(sums[:, 0].sum() / sums[:, 1].sum())


def test_what_both_share_is_taken_out_of_their_difference() -> None:
    """Speakers differ by far more than the systems do: only the same draws for both can tell."""
    random = np.random.default_rng(5)
    hard = random.random(60)
    first, second = hard + 0.01 + 0.001 * random.standard_normal(60), hard
    (one,) = difference(lambda weights: weights @ first / 60, lambda weights: weights @ second / 60, 60)
    assert one.difference == pytest.approx(0.01, abs=0.001)
    assert one.low is not None and one.high is not None and one.p is not None
    assert 0 < one.low < one.difference < one.high < 0.02 and one.p < 0.01
    apart = estimate(float(first.mean()), under_draws(lambda weights: weights @ first / 60, 60))
    assert apart.high - apart.low > 50 * (one.high - one.low)  # type: ignore[operator]
    (alone,) = difference(lambda weights: weights[:, 0], lambda weights: 2 * weights[:, 0], 1)
    assert (alone.difference, alone.low, alone.high, alone.p) == (-1, None, None, None)


def test_p_is_twice_the_share_of_draws_on_the_other_side() -> None:
    assert two_sided(np.full(10, np.nan)) is None
    assert two_sided(np.linspace(1, 2, 999)) == pytest.approx(2 / 1000)
    assert two_sided(np.linspace(-1, 1, 999)) == 1
    assert two_sided(np.array([*[-1.0] * 10, *[1.0] * 89, np.nan])) == pytest.approx(2 * 11 / 100)


def test_shares_and_means_of_nothing_are_unknown() -> None:
    np.testing.assert_array_equal(ratio(np.array([1.0, 1.0]), np.array([0.0, 2.0])), [np.nan, 0.5])
    np.testing.assert_array_equal(known_mean(np.array([[np.nan, 4.0, 2.0], [np.nan] * 3])), [3.0, np.nan])


def test_draws_within_strata_keep_their_sizes_and_are_as_likely() -> None:
    strata = np.array([4, 0, 4, 0, 0, 7, 4, 4])
    found = drawn_within(strata, 3, 4000)
    assert found.shape == (4000, 8)
    for one, size in ((0, 3), (4, 4), (7, 1)):
        of_one = found[:, strata == one]
        assert (of_one.sum(axis=1) == size).all()
        assert np.abs(of_one.mean(axis=0) - 1).max() < 5 * np.sqrt((1 - 1 / size) / 4000) + 1e-12
        assert of_one.var(axis=0) == pytest.approx(1 - 1 / size, abs=0.1)
    np.testing.assert_array_equal(found, drawn_within(strata, 3, 4000))
