from __future__ import annotations

import numpy as np
import pytest

from masr.maths.crossed_effects import Float64Array, crossed
from masr.maths.over_seeds import mean_of
from reference import slow_crossed


def differences(
    rng: np.random.Generator, num_seeds: int, num_speakers: int, by_seed: float, by_speaker: float
) -> tuple[Float64Array, Float64Array]:
    """Right answers of one system less those of another that is 5 points worse, by seed and speaker, and utterances.

    Every utterance is answered by both: so often rightly as its speaker's voice allows, and the better one's seed.
    """
    counts = rng.integers(1, 5, num_speakers)
    worse = np.clip(0.5 + rng.normal(0, 0.1, num_speakers), 0.2, 0.7)[None].repeat(num_seeds, 0)
    gain = 0.05 + rng.normal(0, by_seed, (num_seeds, 1)) + rng.normal(0, by_speaker, (1, num_speakers))
    better = np.clip(worse + gain, 0, 1)
    sums = rng.binomial(counts[None].repeat(num_seeds, 0), better) - rng.binomial(counts, worse)
    return sums.astype(np.float64), counts.astype(np.float64)


@pytest.mark.parametrize(("num_seeds", "num_speakers"), [(2, 2), (3, 7), (8, 20)])
@pytest.mark.parametrize("by_seed", [0.0, 0.2])
def test_against_the_slow_way(num_seeds: int, num_speakers: int, by_seed: float) -> None:
    sums, counts = differences(np.random.default_rng(num_seeds), num_seeds, num_speakers, by_seed, 0.1)
    found = crossed(sums, counts)
    mean, variance, degrees = slow_crossed.mean_and_variance(sums.tolist(), counts.tolist())
    assert found.mean.value == pytest.approx(mean)
    assert found.mean.count == num_seeds
    assert found.error == pytest.approx(variance**0.5)
    assert found.degrees == pytest.approx(max(1.0, degrees))


def test_the_order_of_seeds_and_speakers_is_nothing_to_it() -> None:
    rng = np.random.default_rng(1)
    sums, counts = differences(rng, 3, 30, 0.1, 0.1)
    speakers = rng.permutation(30)
    turned = crossed(sums[::-1, speakers], counts[speakers])
    assert turned.mean.low == pytest.approx(crossed(sums, counts).mean.low)
    assert crossed(100 * sums, counts).error == pytest.approx(100 * float(crossed(sums, counts).error or 0))


def test_where_all_speakers_are_alike_it_is_students_t_over_seeds() -> None:
    values, counts = np.array([0.1, 0.2, 0.4]), np.array([1.0, 4.0, 2.0, 3.0])
    found, over_seeds = crossed(values[:, None] * counts, counts).mean, mean_of(values.tolist())
    assert (found.value, found.low, found.high) == pytest.approx((over_seeds.value, over_seeds.low, over_seeds.high))


def test_where_all_seeds_are_alike_it_is_students_t_over_speakers() -> None:
    values, counts = np.array([0.1, 0.2, 0.4, 0.6]), np.full(4, 2.0)
    found, over_speakers = crossed(np.stack([values * counts] * 3), counts).mean, mean_of(values.tolist())
    assert (found.value, found.low, found.high) == pytest.approx(
        (over_speakers.value, over_speakers.low, over_speakers.high)
    )
    once = crossed(values[None] * counts, counts).mean
    assert (once.low, once.high, once.count) == pytest.approx((over_speakers.low, over_speakers.high, 1))


def test_speakers_are_clusters() -> None:
    """Ten utterances of one speaker that all come out alike are one voice, not ten."""
    one = np.array([[1.0, 0.0, 1.0, 1.0, 0.0]]).repeat(3, 0)
    many = crossed(10 * one, np.full(5, 10.0))
    assert many.error == pytest.approx(crossed(one, np.ones(5)).error)


def test_one_speaker_has_no_interval() -> None:
    found = crossed(np.array([[1.0], [2.0], [2.0]]), np.array([4.0]))
    assert (found.mean.low, found.mean.high, found.error) == (None, None, None)
    assert found.mean.value == pytest.approx(5 / 12)


def test_no_variance_at_all_is_no_division_by_zero() -> None:
    found = crossed(np.ones((3, 4)), np.ones(4))
    assert (found.mean.low, found.mean.high, found.error) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize("num_seeds", [3, 8])
@pytest.mark.parametrize("by_seed", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("by_speaker", [0.0, 0.1])
def test_the_interval_holds_the_truth_as_often_as_it_says(num_seeds: int, by_seed: float, by_speaker: float) -> None:
    """Over 600 experiments with 200 speakers; 5 points are the truth. 0.92 is 3.4 standard errors below 0.95."""
    rng = np.random.default_rng(20)
    held, both_sides = 0, [0, 0]
    for _ in range(600):
        mean = crossed(*differences(rng, num_seeds, 200, by_seed, by_speaker)).mean
        assert mean.low is not None
        assert mean.high is not None
        held += mean.low <= 0.05 <= mean.high
        both_sides[0] += mean.low > 0.05
        both_sides[1] += mean.high < 0.05
    assert held / 600 >= 0.92
    assert max(both_sides) / 600 <= 0.06
    assert held / 600 <= 0.995 or by_seed == 0  # an interval that holds everything says nothing
