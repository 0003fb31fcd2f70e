"""Intervals by drawing again: whole speakers, because what one speaker says is not independent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

DRAWS = 1000
LEVEL = 0.95
_MOST_GROUPS = 1000


@dataclass(frozen=True, eq=False)
class Clusters:
    """What is drawn: utterances that belong together."""

    numbers: IntArray
    """Of each utterance its cluster, from 0."""
    count: int
    num_units: int
    """Speakers, or utterances. Where they are more than the clusters, each cluster is some of them, dealt at random."""
    unit: str
    """What is drawn, in the plural."""


@dataclass(frozen=True)
class Figure:
    """A figure and its 95 % interval; None where there is nothing to draw from, or nobody drew."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Difference:
    """A figure of the first system, of the second, and the first less the second."""

    first: float
    second: float
    difference: float
    low: float | None
    high: float | None
    p: float | None
    """Two-sided, by the paired bootstrap: twice the share of draws on the other side of zero."""


def clusters(units: Sequence[str], unit: str = "speakers", seed: int = 0, most: int = _MOST_GROUPS) -> Clusters:
    """Clusters by the speaker of each utterance, or by its own id where speakers are not known.

    Many are dealt into `most` clusters first. The spread of a mean over clusters dealt at random is that over the
    units themselves, and the cost stays the same however many there are. The order of utterances changes nothing.
    """
    names = sorted(set(units))
    place = {name: i for i, name in enumerate(names)}
    numbers = np.fromiter(map(place.__getitem__, units), np.int64, len(units))
    if len(names) > most:
        numbers = (np.random.default_rng(seed).permutation(len(names)) % most)[numbers]
    return Clusters(numbers, min(len(names), most), len(names), unit)


def drawn(count: int, seed: int, draws: int = DRAWS) -> Float64Array:
    """(draws, count) how often each cluster is drawn when as many are drawn as there are."""
    taken = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)
    return taken.astype(np.float64)


def bounds(values: Float64Array, level: float = LEVEL) -> tuple[float, float] | None:
    """The interval that holds `level` of the draws; None where too few of them say anything."""
    known = values[~np.isnan(values)]
    if 2 * len(known) < len(values) or not len(known):
        return None
    tail = 50 * (1 - level)
    # Not linear: between a number and an infinite one there is none.
    low, high = np.percentile(known, [tail, 100 - tail], method="nearest")
    return float(low), float(high)


def two_sided(differences: Float64Array) -> float | None:
    """How often draws of a difference cross zero, twice the smaller side; None where too few say anything."""
    known = differences[~np.isnan(differences)]
    if 2 * len(known) < len(differences) or not len(known):
        return None
    side = min(int((known <= 0).sum()), int((known >= 0).sum()))
    return min(1.0, 2 * (side + 1) / (len(known) + 1))
