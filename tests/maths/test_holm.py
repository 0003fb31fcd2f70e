from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.maths.holm import holm
from reference import slow_holm

P_VALUES = st.lists(st.integers(0, 1000).map(lambda n: n / 1000), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(P_VALUES)
def test_against_the_definition(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(slow_holm.adjusted(p_values), abs=1e-9)


def test_pinned_numbers() -> None:
    """By hand: 4 x 0.01, 3 x 0.02, 2 x 0.03 (0.06 again), 0.05 (below 0.06: raised)."""
    assert holm([0.02, 0.01, 0.05, 0.03]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([0.04]) == [0.04]
    assert holm([]) == []


@settings(max_examples=100, deadline=None)
@given(P_VALUES, st.randoms(use_true_random=False))
def test_order_and_bounds(p_values: list[float], random: object) -> None:
    adjusted = [one for one in holm(p_values) if one is not None]
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))
    pairs = sorted(zip(p_values, adjusted, strict=True))
    assert [q for _, q in pairs] == sorted(adjusted)  # a smaller p is never adjusted to a larger one
    turned = holm(p_values[::-1])
    assert turned[::-1] == holm(p_values)
    assert min(adjusted) == min(1.0, len(p_values) * min(p_values))  # Bonferroni for the first
    assert max(adjusted) >= max(p_values)


@settings(max_examples=100, deadline=None)
@given(P_VALUES, st.integers(0, 7), st.integers(0, 1000))
def test_a_smaller_p_makes_no_other_larger(p_values: list[float], place: int, share: int) -> None:
    place %= len(p_values)
    smaller = [p * share / 1000 if n == place else p for n, p in enumerate(p_values)]
    assert all(
        q <= p + 1e-12 for q, p in zip(holm(smaller), holm(p_values), strict=True) if p is not None and q is not None
    )


@settings(max_examples=100, deadline=None)
@given(P_VALUES, P_VALUES)
def test_what_is_not_tested_yet_counts_so_that_no_claim_is_lost_later(
    p_values: list[float], later: list[float]
) -> None:
    now = holm([*p_values, *[None] * len(later)])
    then = holm([*p_values, *later])
    assert now[len(p_values) :] == [None] * len(later)
    assert now[: len(p_values)] == pytest.approx(holm([*p_values, *[1.0] * len(later)])[: len(p_values)])
    assert all(q <= p + 1e-12 for q, p in zip(then, now, strict=True) if p is not None and q is not None)
