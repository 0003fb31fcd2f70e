from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.maths.estimate import Estimate
from masr.maths.over_seeds import FEWEST_SEEDS, Comparison, compare, decided, mean_of, relative_change
from masr.maths.rank_correlation import correlate
from reference import slow_paired_t

FIGURES = st.lists(st.integers(0, 1000).map(lambda n: n / 10), min_size=3, max_size=6)


@pytest.mark.parametrize(
    ("a", "b"),
    [((31.0, 33.5, 30.2), (28.1, 29.9, 29.5)), ((5.0, 6.0, 9.0, 4.0), (5.5, 5.0, 7.0, 4.4)), ((1, 2, 4), (3, 9, 8))],
)
def test_against_the_slow_way(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    found = compare([x - y for x, y in zip(a, b, strict=True)])
    mean, p_value = slow_paired_t.paired(a, b)
    assert found.gain is not None
    assert found.p_value == pytest.approx(p_value, abs=1e-9)
    assert found.gain.value == pytest.approx(mean)
    error = sum((x - y - mean) ** 2 for x, y in zip(a, b, strict=True)) / (len(a) - 1) / len(a)
    assert found.gain.high == pytest.approx(mean + slow_paired_t.quantile(0.975, len(a) - 1) * error**0.5)


def test_pinned_numbers() -> None:
    """By hand from a table of t: 4.303 for two degrees of freedom."""
    mean = mean_of([1.0, 2.0, 3.0])
    assert (mean.value, mean.count) == (2.0, 3)
    assert mean.high == pytest.approx(2 + 4.302653 / 3**0.5, abs=1e-5)
    assert compare([1.0, 2.0, 3.0]).verdict == "not significant"  # t = 3.46 < 4.30
    assert compare([2.0, 2.5, 3.0]).verdict == "holds"  # t = 8.66
    assert compare([-2.0, -2.5, -3.0]).verdict == "does not hold"


@settings(max_examples=60, deadline=None)
@given(FIGURES)
def test_the_verdict_is_the_interval_that_leaves_zero_out(gains: list[float]) -> None:
    gains = [gain - 50 for gain in gains]
    found = compare(gains)
    assert found.gain is not None
    low, high = found.gain.low, found.gain.high
    assert low is not None
    assert high is not None
    spread = max(gains) > min(gains)
    assert (found.verdict == "holds") == (spread and low > 0)
    assert (found.verdict == "does not hold") == (spread and high < 0)
    turned = compare([-gain for gain in gains])
    assert (found.verdict == "not tested") == (not spread)
    assert {found.verdict, turned.verdict} in ({"holds", "does not hold"}, {"not significant"}, {"not tested"})


@pytest.mark.parametrize("count", range(1, FEWEST_SEEDS))
def test_with_few_seeds_nothing_is_tested(count: int) -> None:
    assert compare([10.0, 10.1][:count]).verdict == "not tested"


def test_equal_gains_are_no_evidence() -> None:
    assert compare([3.0, 3.0, 3.0]).verdict == "not tested"
    assert compare([]).verdict == "missing"


def test_equal_gains_count_where_the_scores_are_sure_of_themselves() -> None:
    assert compare([3.0, 3.0, 3.0], apart=True).verdict == "holds"
    assert compare([-3.0, -3.0, -3.0], apart=True).verdict == "does not hold"
    assert compare([3.0, 3.0], apart=True).verdict == "not tested"
    assert compare([3.0, -3.0, 3.0], apart=True).verdict == "not significant"  # seeds that differ decide


def test_seeds_that_agree_are_decided_by_the_largest_of_their_own_p() -> None:
    found = compare([1.0, 1.0, 1.0], own=[2 / 720, 2 / 5040, 2 / 720])
    assert (found.verdict, found.p_value, found.reason) == ("holds", 2 / 720, "equal in every seed")
    assert found.gain == Estimate(1.0, None, None, 3)
    assert found.detectable is None
    assert compare([-1.0, -1.0, -1.0], own=[0.01] * 3).verdict == "does not hold"
    four = compare([1.0, 1.0, 1.0], apart=True, own=[2 / 24] * 3)  # four points: no order is rare enough
    assert (four.verdict, four.p_value) == ("not significant", 2 / 24)
    assert decided(four, 2 / 24, 0.5).verdict == "undecided"
    assert decided(found, 0.06, 9.0).verdict == "undecided"
    assert compare([1.0, 1.0], own=[0.001, 0.001]).verdict == "not tested"
    assert compare([1.0, 1.0, 1.0], own=[0.001, 0.001]).reason == "all differences are equal"
    assert compare([1.0, 0.0, 1.0], own=[0.001] * 3) == compare([1.0, 0.0, 1.0])  # seeds that differ decide


def test_the_largest_p_of_seeds_errs_no_more_than_it_says() -> None:
    """Two seeds that always rank five points alike: over all 120 rankings p is small no more often than it says."""
    orders = list(permutations(range(5)))
    own = {y: correlate(range(5), y).spearman for y in orders}
    for level in (0.02, 0.05, 0.1, 0.3):
        found = [compare([one.value] * 3, own=[one.p] * 3).p_value for one in own.values()]
        assert 0 < sum(p is not None and p <= level for p in found) / len(found) <= level


def test_one_seed_has_no_interval() -> None:
    assert mean_of([4.0]).low is None


def test_relative_change() -> None:
    change = relative_change([11.0, 24.0], [10.0, 20.0])
    assert change is not None
    assert change.value == pytest.approx(15.0)
    assert relative_change([1.0], [0.0]) is None
    assert relative_change([], []) is None


@pytest.mark.parametrize("degrees", [2, 7])
def test_what_can_be_found_is_found_with_power(degrees: int) -> None:
    """A t test of an effect of that many standard errors, by numbers alone."""
    found = Comparison("undecided", Estimate(0.0, -1.0, 1.0, degrees + 1), 0.5, error=2.0, degrees=degrees).detectable
    assert found is not None
    assert slow_paired_t.power(found / 2.0, degrees) == pytest.approx(0.8, abs=1e-3)


def test_with_many_degrees_an_effect_of_2_8_standard_errors_is_found() -> None:
    found = Comparison("undecided", Estimate(0.0, -1.0, 1.0, 3), 0.5, error=1.0, degrees=1e6).detectable
    assert found == pytest.approx(1.959964 + 0.841621, abs=1e-3)
    assert compare([1.0, 1.0, 1.0]).detectable is None
    assert compare([1.0]).detectable is None


@pytest.mark.parametrize(
    ("low", "high", "p_adjusted", "verdict"),
    [
        (-1.0, 3.0, 0.3, "no effect of that size"),
        (-1.0, 5.0, 0.3, "undecided"),
        (-5.0, 3.0, 0.3, "undecided"),
        (-9.0, 9.0, 0.3, "undecided"),
        (1.0, 9.0, 0.3, "undecided"),
        (1.0, 4.0, 0.3, "no effect of that size"),
        (1.0, 4.0, 0.04, "holds"),
        (-9.0, -6.0, 0.04, "does not hold"),
        (1.0, 9.0, 0.05, "undecided"),
    ],
)
def test_the_smallest_effect_that_matters_parts_no_effect_from_undecided(
    low: float, high: float, p_adjusted: float, verdict: str
) -> None:
    found = Comparison("not tested", Estimate((low + high) / 2, low, high, 3), 0.01, 1.0, 2)
    assert decided(found, p_adjusted, 5.0).verdict == verdict
    without = decided(found, p_adjusted).verdict
    assert without == (verdict if p_adjusted < 0.05 else "not significant")


def test_what_was_not_tested_stays_so_whatever_matters() -> None:
    for found in (compare([1.0]), compare([]), compare([2.0, 2.0, 2.0])):
        assert decided(found, None, 5.0) == found
        assert decided(found, 0.01, 5.0) == found
