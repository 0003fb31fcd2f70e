"""Misses against false alarms, as a threshold rises over the scores of the targets.

A trial is accepted when its score is at or above the threshold. Only the targets' own scores are tried as thresholds,
and one above them all: any other threshold has the misses of the next target's score and no fewer false alarms.
Nothing is binned. The curve is evaluated where it can matter and nowhere else, so that a hundred million trials cost
one sort.

Shapes: K targets, so K + 1 places of the threshold; place k stands at the k-th lowest target, place K above all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from masr.types import FloatArray

Numbers = npt.NDArray[Any]
"""Counts as int64, or sums of weights as float64."""

_GRID = 512
_PIECES = 16


class Curve:
    """Weighted misses and false alarms at each place of the threshold."""

    def __init__(
        self, targets: FloatArray, misses: Numbers, groups: Sequence[FloatArray], weights: Numbers | None = None
    ) -> None:
        """Takes targets and groups of non-targets, each sorted; misses (K + 1,); a weight for each group, or counts."""
        self.targets = targets
        self.misses = misses
        self._groups = groups
        self._weights = np.ones(len(groups), dtype=np.int64) if weights is None else weights
        self._places = np.unique(np.linspace(0, len(targets), _GRID).astype(np.int64))
        self._alarms = self._count(self._places)

    def threshold(self, place: int) -> float:
        """The score that a place stands at."""
        return float(self.targets[place]) if place < len(self.targets) else float("inf")

    def alarms(self, place: int) -> Any:
        """False alarms at one place."""
        return self._count(np.array([place]))[0]

    def least(self, per_miss: float, per_alarm: float) -> tuple[int, Any]:
        """The place where per_miss * misses + per_alarm * alarms is least, and that sum; exact."""
        while True:
            costs = per_miss * self.misses[self._places] + per_alarm * self._alarms
            best = int(costs.argmin())
            left, right = self._places[:-1], self._places[1:]
            # Between two places there are no fewer misses than right after the first, no fewer alarms than at the last.
            bounds = per_miss * self.misses[left + 1] + per_alarm * self._alarms[1:]
            unknown = bounds < costs[best]  # which no two neighbours are: the bound is the cost of the second
            if not unknown.any():
                return int(self._places[best]), costs[best]
            self._look(left[unknown], right[unknown])

    def around(self, num_targets: int, num_nontargets: int) -> tuple[int, int]:
        """Two places, neighbours among those looked at, between which the shares of misses and of alarms meet."""
        more_alarms = self.misses[self._places] * num_nontargets <= self._alarms * num_targets
        first = max(0, int(np.count_nonzero(more_alarms)) - 1)
        return int(self._places[first]), int(self._places[first + 1])

    def _look(self, left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]) -> None:
        """Evaluates the curve at some more places between each left and right, one at least."""
        edges = left[:, None] + (right - left)[:, None] * np.arange(_PIECES + 1) // (_PIECES + 1)
        new = edges[:, 1:][edges[:, 1:] > edges[:, :-1]]
        behind = self._places.searchsorted(new)
        self._places = np.insert(self._places, behind, new)
        self._alarms = np.insert(self._alarms, behind, self._count(new))

    def _count(self, places: npt.NDArray[np.int64]) -> Numbers:
        found = np.zeros(len(places), dtype=self._weights.dtype)
        inside = places < len(self.targets)
        thresholds = self.targets[places[inside]]
        for group, weight in zip(self._groups, self._weights):
            found[inside] += weight * (len(group) - np.searchsorted(group, thresholds))
        return found


@dataclass(frozen=True)
class EqualError:
    """Where the convex hull of the curve has as large a share of misses as of false alarms."""

    rate: float
    low: float
    """Thresholds of the two corners of the hull that the point lies between."""
    high: float
    mix: float
    """How far the point is from the first corner to the second."""
    prior: float
    """Share of targets under which the point's error is as large as can be: the weight of a miss in the rate when
    the trials change a little and the thresholds stay."""


def equal_error(targets: FloatArray, nontargets: FloatArray) -> EqualError:
    """The equal error rate of scores in any order; exact on ties. See `hull_equal_error`."""
    curve = Curve(np.sort(targets), np.arange(len(targets) + 1), [np.sort(nontargets)])
    return hull_equal_error(curve, len(targets), len(nontargets))


def hull_equal_error(curve: Curve, num_targets: int, num_nontargets: int) -> EqualError:
    """The equal error rate of a curve of counts, by its convex hull.

    The hull is what thresholds and coins can reach; on it the two error rates meet in one point, with ties or without.
    Two places have the point between them. The corner that lies farthest below the line through both takes the place
    of one of them, until no corner does: then the point is on that line. All numbers are whole until the last division.
    """
    if curve.alarms(0) == 0:
        return EqualError(0.0, curve.threshold(0), curve.threshold(0), 0.0, 0.5)
    first, last = curve.around(num_targets, num_nontargets)
    ends = [(int(curve.misses[place]), int(curve.alarms(place))) for place in (first, last)]
    while True:
        (few_misses, many_alarms), (many_misses, few_alarms) = ends
        per_miss, per_alarm = many_alarms - few_alarms, many_misses - few_misses
        place, cost = curve.least(per_miss, per_alarm)
        if int(cost) >= per_miss * few_misses + per_alarm * many_alarms:
            break
        corner = (int(curve.misses[place]), int(curve.alarms(place)))
        if corner[0] * num_nontargets <= corner[1] * num_targets:
            first, ends[0] = place, corner
        else:
            last, ends[1] = place, corner
    before = many_alarms * num_targets - few_misses * num_nontargets
    after = many_misses * num_nontargets - few_alarms * num_targets
    rate = (few_misses * after + many_misses * before) / ((before + after) * num_targets)
    slope = per_miss * num_targets
    return EqualError(
        rate,
        curve.threshold(first),
        curve.threshold(last),
        before / (before + after),
        slope / (slope + per_alarm * num_nontargets),
    )
