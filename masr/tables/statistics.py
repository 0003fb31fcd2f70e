"""A few seeds: their mean, its interval, and whether one row is better than another.

Both use Student's t over seeds, so they speak of training again, not of testing on other speakers: that is what a
score file's own interval is for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["holds", "does not hold", "not significant", "missing"]
FEWEST_SEEDS = 3
"""Below this no claim holds, however clear the figures look."""
LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """A mean over seeds; without ends where one seed says nothing about others."""

    value: float
    low: float | None
    high: float | None
    count: int


@dataclass(frozen=True)
class Comparison:
    """How much better one row is than another, seed by seed."""

    verdict: Verdict
    gain: Mean | None
    """In the column's unit, positive where the first row is better; None where no seed has both."""
    p_value: float | None
    """Two-sided, of the paired t test."""


def mean_of(values: Sequence[float]) -> Mean:
    """The mean, with its 95 % t interval where there are two values or more."""
    count = len(values)
    centre = math.fsum(values) / count
    if count < 2:
        return Mean(centre, None, None, count)
    error = _standard_error(values, centre)
    half = _t_quantile((1 + LEVEL) / 2, count - 1) * error
    return Mean(centre, centre - half, centre + half, count)


def compare(gains: Sequence[float], apart: bool = False) -> Comparison:
    """The verdict on gains of one row over another, one a seed, positive where the claim is right.

    `apart` says that in every seed the two scores' own intervals leave a gap between them.
    """
    if not gains:
        return Comparison("missing", None, None)
    gain = mean_of(gains)
    error = _standard_error(gains, gain.value) if len(gains) > 1 else 0.0
    if len(gains) < FEWEST_SEEDS:
        return Comparison("not significant", gain, None)
    # Equal differences to the last digit are no evidence of seeds that differ: the seed is not used, or the scores are
    # at their ceiling. What is left to go by is how sure each score is of itself.
    if error <= 1e-12 * max(1.0, abs(gain.value)):
        return Comparison(_direction(gain.value) if apart else "not significant", gain, None)
    p_value = _two_sided(gain.value / error, len(gains) - 1)
    if p_value >= 1 - LEVEL:
        return Comparison("not significant", gain, p_value)
    return Comparison(_direction(gain.value), gain, p_value)


def relative_change(values: Sequence[float], references: Sequence[float]) -> Mean | None:
    """Mean change in per cent of the references, seed by seed; None where one of them is 0."""
    if not values or any(reference == 0 for reference in references):
        return None
    return mean_of([100 * (value / reference - 1) for value, reference in zip(values, references, strict=True)])


def _direction(gain: float) -> Verdict:
    return "holds" if gain > 0 else "does not hold"


def _standard_error(values: Sequence[float], centre: float) -> float:
    count = len(values)
    return math.sqrt(math.fsum((value - centre) ** 2 for value in values) / (count - 1) / count)


def _t_quantile(share: float, degrees: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, share))


def _two_sided(t: float, degrees: int) -> float:
    from scipy.special import stdtr

    return float(2 * stdtr(degrees, -abs(t)))
