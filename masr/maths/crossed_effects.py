"""A share of right answers, or the difference of two, over seeds and speakers at once.

Seeds and speakers are crossed: every seed answers for every speaker. Training again and testing on other speakers both
move the mean, and what neither explains does, too. Its variance is that of a two-way random-effects model,

    of seeds / S + of speakers / K + rest / (S K),

each estimated from the mean squares of the table, and 0 where that would be negative. Few seeds do not bias it, and
the degrees of freedom of its t quantile are Satterthwaite's, of all three mean squares.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from masr.maths.estimate import Estimate
from masr.maths.over_seeds import interval_of
from masr.types import Float64Array


@dataclass(frozen=True)
class Crossed:
    """A mean, and what its interval was made of; without ends where there is one speaker."""

    mean: Estimate
    error: float | None
    """The standard error of the mean."""
    degrees: float | None
    """Degrees of freedom of its t."""


def crossed(sums: Float64Array, counts: Float64Array) -> Crossed:
    """The mean over seeds of all utterances' values, with its 95 % interval over seeds and speakers.

    `sums` (S, K) holds for each seed and speaker the sum over the speaker's utterances, `counts` (K,) how many these
    are: the same for every seed. With one seed the interval is over speakers alone.
    """
    num_seeds, num_speakers = sums.shape
    by_seed = sums.sum(axis=1) / counts.sum()
    value = float(by_seed.mean())
    if num_speakers < 2:
        return Crossed(Estimate(value, None, None, num_seeds), None, None)
    # How far each speaker moves the mean of its seed, as if all speakers had spoken equally often.
    pulls = (sums - by_seed[:, None] * counts) * (num_speakers / counts.sum())
    of_speaker = pulls.mean(axis=0)
    speakers = float((of_speaker**2).sum()) / (num_speakers - 1) / num_speakers
    if num_seeds < 2:
        return _with_interval(value, num_seeds, speakers, num_speakers - 1)
    seeds = float(((by_seed - value) ** 2).sum()) / (num_seeds - 1) / num_seeds
    free = (num_seeds - 1) * (num_speakers - 1)
    rest = float(((pulls - of_speaker) ** 2).sum()) / free / (num_seeds * num_speakers)
    # Seeds and speakers hold the rest once each.
    variance = max(0.0, seeds - rest) + max(0.0, speakers - rest) + rest
    spread = seeds**2 / (num_seeds - 1) + speakers**2 / (num_speakers - 1) + rest**2 / free
    return _with_interval(value, num_seeds, variance, max(1.0, variance**2 / spread) if spread else num_seeds - 1)


def _with_interval(value: float, count: int, variance: float, degrees: float) -> Crossed:
    error = math.sqrt(variance)
    low, high = interval_of(value, error, degrees)
    return Crossed(Estimate(value, low, high, count), error, degrees)
