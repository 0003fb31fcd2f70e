"""Intervals by drawing again: the bootstrap of clusters, in which every interval over speakers or points is made.

What one speaker says is not independent, so whole speakers are drawn: as many as there are, each as likely, some of
them several times. A draw is a row of weights, how often each cluster is in it, and a figure is a function of such
rows. A figure that is made of sums over clusters is then a product of matrices for all draws at once. Two systems are
compared under the same draws, which takes out of their difference what they share.

An interval runs between the 2.5th and the 97.5th percentile of the draws, each by linear interpolation between the two
draws that it lies between (numpy's default). The nearest draw alone would tie an end to one draw of a thousand, and
move it by a whole step between draws when a value moves by nothing. Between a number and an infinite one there is
nothing to interpolate: there the nearer of the two is taken. A figure that fewer than half of the draws know has no
interval.

Shapes: U utterances, or other rows; G clusters; R draws; K figures.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from masr.maths.estimate import Estimate, Unit
from masr.types import Float64Array, IntArray

Figures = Callable[[Float64Array], Float64Array]
"""(R, G) weights -> (R,) one figure or (R, K) several; NaN where a draw has nothing of it."""

DRAWS = 1000
_ENDS = (0.025, 0.975)
_MOST_CLUSTERS = 1000
_MOST_CELLS = 1 << 22
"""Numbers of a block of draws that are held at a time."""


@dataclass(frozen=True, eq=False)
class Clusters:
    """What is drawn: utterances that belong together."""

    numbers: IntArray
    """(U,) of each utterance its cluster, from 0."""
    count: int
    """How many clusters there are: G."""
    num_units: int
    """Speakers, or utterances. Where they are more than the clusters, each cluster is some of them, dealt at random."""
    unit: str
    """What is drawn, in the plural."""

    def sums(self, values: Float64Array, rows: IntArray | slice = slice(None)) -> Float64Array:
        """(U, K) values of utterances, or of those `rows` alone -> (G, K) sums over each cluster."""
        numbers = self.numbers[rows]
        columns = [np.bincount(numbers, column, self.count) for column in values.T]
        return np.stack(columns, axis=1).astype(np.float64)

    def are_several(self, rows: IntArray | slice = slice(None)) -> bool:
        """Whether utterances, or those `rows` alone, are of more than one cluster: there is something to draw."""
        numbers = self.numbers[rows]
        return bool(len(numbers)) and bool((numbers != numbers[0]).any())


@dataclass(frozen=True, kw_only=True)
class Difference(Estimate):
    """A figure of a first system less that of a second, over the same draws."""

    first: float
    second: float
    p: float | None
    """Two-sided, by the paired bootstrap: twice the share of draws on the other side of zero."""

    @property
    def difference(self) -> float:
        """The first less the second."""
        return self.value

    def as_json(self, value: str = "difference", count: str = "count") -> dict[str, Any]:
        """Both figures, their difference, its interval and p."""
        return {"first": self.first, "second": self.second, **super().as_json(value, count), "p": self.p}


def clusters(
    units: Sequence[Hashable] | npt.NDArray[Any], unit: str = "speakers", seed: int = 0, most: int = _MOST_CLUSTERS
) -> Clusters:
    """Clusters by the speaker of each utterance, or by its own id where speakers are not known.

    Many are dealt into `most` clusters first. The spread of a mean over clusters dealt at random is that over the
    units themselves, and the cost stays the same however many there are. The order of utterances changes nothing.
    """
    names, numbers = _numbered(units)
    if names > most:
        numbers = (np.random.default_rng(seed).permutation(names) % most)[numbers]
    return Clusters(numbers, min(names, most), names, unit)


def drawn(count: int, seed: int = 0, draws: int = DRAWS) -> Float64Array:
    """(R, G) how often each cluster is drawn when as many are drawn as there are."""
    return under_draws(lambda weights: weights, count, seed, draws)


def drawn_within(strata: IntArray, seed: int = 0, draws: int = DRAWS) -> Float64Array:
    """(R, G) how often each cluster is drawn when of each of the (G,) strata as many are drawn as it has."""
    random, found = np.random.default_rng(seed), np.zeros((draws, len(strata)))
    for one in np.unique(strata):
        members = np.flatnonzero(strata == one)
        found[:, members] = random.multinomial(len(members), np.full(len(members), 1 / len(members)), size=draws)
    return found


def under_draws(figures: Figures, count: int, seed: int = 0, draws: int = DRAWS, cells: int = 1) -> Float64Array:
    """(R,) or (R, K) what `figures` makes of each draw of `count` clusters; the draws are those of `drawn`.

    `cells` says how many numbers `figures` holds for a draw, so that a block of draws fits into memory however many.
    """
    random, shares = np.random.default_rng(seed), np.full(count, 1 / count)
    step = max(1, _MOST_CELLS // (count + cells))
    sizes = [min(step, draws - start) for start in range(0, draws, step)]
    return np.concatenate([figures(random.multinomial(count, shares, size=size).astype(np.float64)) for size in sizes])


def resample(
    figures: Figures, count: int, seed: int = 0, *, cells: int = 1, fewest: int = 2, unit: Unit = ""
) -> list[Estimate]:
    """Each figure of all `count` clusters, taken once, with its interval; without one for fewer than `fewest`."""
    values = figures(np.ones((1, count))).reshape(-1)
    draws = under_draws(figures, count, seed, cells=cells) if count >= fewest else None
    return estimates(values, draws, unit)


def share_right(right: npt.NDArray[np.bool_], units: Sequence[Hashable] | npt.NDArray[Any], seed: int = 0) -> Estimate:
    """The share of (U,) answers that are right, with its interval over their speakers, and how many they are."""
    groups = clusters(units, seed=seed)
    sums = groups.sums(np.stack([right, np.ones(len(right))], axis=1))
    (found,) = resample(lambda weights: ratio(*(weights @ sums).T), groups.count, seed, unit="share")
    return replace(found, count=len(right))


def difference(
    first: Figures, second: Figures, count: int, seed: int = 0, *, cells: int = 1, several: bool = True, unit: Unit = ""
) -> list[Difference]:
    """Each figure of one system less that of another, whose draws take the same clusters.

    Without interval and p where there is one cluster, or `several` says that one alone holds all there is.
    """

    def less(weights: Float64Array) -> Float64Array:
        ours, theirs = (figures(weights).reshape(len(weights), -1) for figures in (first, second))
        with np.errstate(invalid="ignore"):  # infinity less infinity
            return ours - theirs

    ones = np.ones((1, count))
    values, ours, theirs = (figures(ones).reshape(-1) for figures in (less, first, second))
    draws = under_draws(less, count, seed, cells=cells) if several and count > 1 else None
    return [
        Difference(
            one.value,
            one.low,
            one.high,
            unit=unit,
            first=float(ours[k]),
            second=float(theirs[k]),
            p=None if draws is None else two_sided(draws[:, k]),
        )
        for k, one in enumerate(estimates(values, draws, unit))
    ]


def estimate(value: float, draws: Float64Array | None, unit: Unit = "") -> Estimate:
    """A value with the interval of its (R,) draws; without one where there are none, or too few say anything."""
    (found,) = estimates([value], None if draws is None else draws[:, None], unit)
    return found


def estimates(values: Sequence[float] | Float64Array, draws: Float64Array | None, unit: Unit = "") -> list[Estimate]:
    """(K,) values, each with the interval of its column of (R,) or (R, K) draws."""
    if draws is None:
        return [Estimate(float(value), unit=unit) for value in values]
    ends = bounds(draws.reshape(len(draws), -1))
    return [
        Estimate(float(value), unit=unit)
        if np.isnan(low)
        else Estimate(float(value), float(low), float(high), unit=unit)
        for value, low, high in zip(values, *ends, strict=True)
    ]


def bounds(draws: Float64Array) -> Float64Array:
    """(R, K) -> (2, K) the ends that 95 % of the draws lie between; NaN where fewer than half of them are known."""
    ordered, known = np.sort(draws, axis=0), (~np.isnan(draws)).sum(axis=0)  # NaN come last
    last = np.maximum(known - 1, 0)
    places = np.array(_ENDS)[:, None] * last
    below = np.floor(places).astype(np.int64)
    share = places - below
    left, right = (np.take_along_axis(ordered, rows, axis=0) for rows in (below, np.minimum(below + 1, last)))
    with np.errstate(invalid="ignore", over="ignore"):
        gap = right - left
        # From the nearer side, so that rounding never crosses it.
        between = np.where(share < 0.5, left + gap * share, right - gap * (1 - share))
    found: Float64Array = np.where(np.isfinite(gap), between, np.where(share < 0.5, left, right))
    found[:, (2 * known < len(draws)) | (known == 0)] = np.nan
    return found


def two_sided(differences: Float64Array) -> float | None:
    """How often (R,) draws of a difference cross zero, twice the smaller side; None where too few say anything."""
    known = differences[~np.isnan(differences)]
    if 2 * len(known) < len(differences) or not len(known):
        return None
    side = min(int((known <= 0).sum()), int((known >= 0).sum()))
    return min(1.0, 2 * (side + 1) / (len(known) + 1))


def ratio(above: Float64Array, below: Float64Array) -> Float64Array:
    """A share, element by element; NaN for one of nothing."""
    found: Float64Array = np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
    return found


def known_mean(values: Float64Array) -> Float64Array:
    """(R, K) -> (R,) the mean over what each draw knows; NaN where that is nothing."""
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1))


def _numbered(units: Sequence[Hashable] | npt.NDArray[Any]) -> tuple[int, IntArray]:
    """How many different ones, and (U,) which each is, in the order of their names."""
    if isinstance(units, np.ndarray):
        names, numbers = np.unique(units, return_inverse=True)
        return len(names), numbers.astype(np.int64)
    place = {name: i for i, name in enumerate(sorted(set(units)))}  # type: ignore[type-var]
    return len(place), np.fromiter(map(place.__getitem__, units), np.int64, len(units))
