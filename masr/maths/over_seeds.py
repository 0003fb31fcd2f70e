"""A few seeds: their mean, its interval, whether one row is better than another, and what could have been found.

Student's t over seeds speaks of training again, not of testing on other speakers; where the answers to every utterance
are kept, `crossed_effects.py` speaks of both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from masr.maths.estimate import Estimate

Verdict = Literal[
    "holds", "does not hold", "no effect of that size", "undecided", "not significant", "not tested", "missing"
]
DECIDED: tuple[Verdict, ...] = ("holds", "does not hold", "no effect of that size")
FEWEST_SEEDS = 3
"""Below this nothing is tested, however clear the figures look."""
EQUAL = "equal in every seed"
"""Why a claim was tested by the seeds' own p."""
LEVEL = 0.95
"""The level of intervals."""
ALPHA = 0.05
"""The level of two-sided tests."""
POWER = 0.8


@dataclass(frozen=True)
class Comparison:
    """How much better one row is than another."""

    verdict: Verdict
    gain: Estimate | None
    """The mean gain in the column's unit, positive where the first row is better; None where no seed has both."""
    p_value: float | None
    """Two-sided, by itself; None where nothing was tested."""
    error: float | None = None
    """The standard error of the gain."""
    degrees: float | None = None
    """Degrees of freedom of its t."""
    p_adjusted: float | None = None
    """Corrected for the family of the claim."""
    reason: str = ""
    """Why it is missing or not tested, or what was tested in place of seeds."""

    @property
    def detectable(self) -> float | None:
        """The smallest effect that a test with this standard error finds with power .8; None where none was made."""
        if self.p_value is None or not self.error or self.degrees is None:
            return None
        return self.error * _noncentrality(self.degrees)


def mean_of(values: Sequence[float]) -> Estimate:
    """The mean over seeds, with its 95 % t interval; without one where one seed says nothing about others."""
    count = len(values)
    centre = math.fsum(values) / count
    if count < 2:
        return Estimate(centre, None, None, count)
    return Estimate(centre, *interval_of(centre, _standard_error(values, centre), count - 1), count)


def interval_of(centre: float, error: float, degrees: float) -> tuple[float, float]:
    """The 95 % t interval of a mean."""
    half = _t_quantile((1 + LEVEL) / 2, degrees) * error
    return centre - half, centre + half


def compare(gains: Sequence[float], apart: bool = False, own: Sequence[float] = ()) -> Comparison:
    """The verdict on gains of one row over another, one a seed, positive where the claim is right, by itself.

    `apart` says that in every seed the two scores' own intervals leave a gap between them. `own` are exact two-sided p
    that each seed's score has by itself, as a rank correlation has against 0: they decide where all seeds agree.
    """
    if not gains:
        return Comparison("missing", None, None)
    gain = mean_of(gains)
    error = _standard_error(gains, gain.value) if len(gains) > 1 else 0.0
    # Each seed's p is valid, so that the largest is, however the seeds hang together; a product would take them for
    # independent, which rankings of the same models are not.
    if own and len(own) == len(gains) >= FEWEST_SEEDS and _is_nothing(error, gain.value):
        equal = Estimate(gain.value, None, None, len(gains))
        return decided(Comparison("not tested", equal, max(own), reason=EQUAL), max(own))
    # Equal differences to the last digit are no evidence of seeds that differ: the seed is not used, or the scores are
    # at their ceiling. What is left to go by is how sure each score is of itself.
    if apart and len(gains) >= FEWEST_SEEDS and _is_nothing(error, gain.value):
        return Comparison(_direction(gain.value), gain, None)
    return tested(gain, error, len(gains) - 1)


def tested(gain: Estimate, error: float | None, degrees: float | None) -> Comparison:
    """The verdict on a gain with a standard error, two-sided at 5 %, by itself; `not tested` where no test is sound."""
    count = gain.count or 0
    if count < FEWEST_SEEDS:
        reason = "1 seed" if count == 1 else f"{count} seeds"
        return Comparison("not tested", gain, None, reason=reason)
    if error is None or degrees is None:
        return Comparison("not tested", gain, None, reason="1 speaker")
    if _is_nothing(error, gain.value):
        return Comparison("not tested", gain, None, reason="all differences are equal")
    p_value = _two_sided(gain.value / error, degrees)
    return decided(Comparison("not tested", gain, p_value, error, degrees), p_value)


def decided(found: Comparison, p_adjusted: float | None, smallest_effect: float | None = None) -> Comparison:
    """The comparison with the verdict that its adjusted p leaves it; what was not tested stays as it is.

    `smallest_effect` is the smallest that would matter, in the column's unit.
    """
    if found.gain is None or found.p_value is None or p_adjusted is None:
        return found
    verdict: Verdict = "not significant"
    if p_adjusted < ALPHA:
        verdict = _direction(found.gain.value)
    elif smallest_effect is not None and found.error is None:
        verdict = "undecided"  # seeds that agree leave no interval to lie inside
    elif smallest_effect is not None:
        assert found.gain.low is not None
        assert found.gain.high is not None
        inside = -smallest_effect < found.gain.low and found.gain.high < smallest_effect
        verdict = "no effect of that size" if inside else "undecided"
    return replace(found, verdict=verdict, p_adjusted=p_adjusted)


def relative_change(values: Sequence[float], references: Sequence[float]) -> Estimate | None:
    """Mean change in per cent of the references, seed by seed; None where one of them is 0."""
    if not values or any(reference == 0 for reference in references):
        return None
    return mean_of([100 * (value / reference - 1) for value, reference in zip(values, references, strict=True)])


def _is_nothing(error: float, gain: float) -> bool:
    """Whether a standard error is no more than rounding."""
    return error <= 1e-12 * max(1.0, abs(gain))


def _direction(gain: float) -> Verdict:
    return "holds" if gain > 0 else "does not hold"


def _standard_error(values: Sequence[float], centre: float) -> float:
    count = len(values)
    return math.sqrt(math.fsum((value - centre) ** 2 for value in values) / (count - 1) / count)


def _t_quantile(share: float, degrees: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, share))


def _two_sided(t: float, degrees: float) -> float:
    from scipy.special import stdtr

    return float(2 * stdtr(degrees, -abs(t)))


def _noncentrality(degrees: float) -> float:
    """How many standard errors an effect is that the two-sided t test finds with power .8: 2.80 with many degrees."""
    from scipy.special import nctdtrinc

    return float(nctdtrinc(degrees, 1 - POWER, _t_quantile((1 + LEVEL) / 2, degrees)))
