"""How often a probe is right, with intervals over resampled speakers, and what it could not know apart.

Shapes: N answers, K labels, S speakers (or utterances where those are not known), R draws.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from masr.analysis.probe.data import IntArray, StrArray
from masr.types import FloatArray

DRAWS = 1000
_MOST_GROUPS = 1000


@dataclass(frozen=True)
class Share:
    """A figure, and the interval that 95 % of the draws fall into; None where they say nothing."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class PartShare:
    """Accuracy over the utterances of a part, and its interval as that of all."""

    value: float
    low: float | None
    high: float | None
    count: int
    """Of its utterances."""


@dataclass(frozen=True)
class Figures:
    """Of one probe on one set. Labels that train does not have are in no other figure than `with_unseen`."""

    accuracy: Share
    balanced_accuracy: Share
    """The mean over labels of each one's accuracy."""
    macro_f1: float
    """The mean over labels of 2 right / (utterances + answers)."""
    chance: float
    """Of a label drawn from those of train."""
    majority: float
    """Of always giving train's commonest label."""
    num: int
    num_labels: int
    interval_over: str
    num_drawn: int
    """Speakers, or what else is drawn."""
    recall: dict[str, float] = field(default_factory=dict)
    num_unseen: int = 0
    """With a label that train does not have."""
    unseen_labels: tuple[str, ...] = ()
    with_unseen: float = 0.0
    """Accuracy where those count as wrong."""
    absent_labels: tuple[str, ...] = ()
    """Labels of train that this set does not have."""
    confusion: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, PartShare] = field(default_factory=dict)


def figures(
    answers: IntArray, truth: IntArray, names: StrArray, commonest: int, units: StrArray, unit: str, seed: int
) -> Figures:
    """Of `answers` and `truth`, places in `names`; truth is -1 where the label has no place there."""
    known = truth >= 0
    right, true = (answers == truth)[known], truth[known]
    present = np.unique(true)
    confusion = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(confusion, (true, answers[known]), 1)
    totals = confusion.sum(axis=1)
    recall = {str(names[k]): float(confusion[k, k] / totals[k]) for k in present}
    drawn, num_units = _groups(units[known], seed)
    accuracy, balanced = _intervals(right, np.searchsorted(present, true), len(present), drawn, seed)
    shown = np.flatnonzero((confusion.sum(axis=0) > 0) | (totals > 0))
    return Figures(
        Share(float(right.mean()), *accuracy),
        Share(float(np.mean(list(recall.values()))), *balanced),
        float(np.mean(2 * confusion.diagonal()[present] / (totals + confusion.sum(axis=0))[present])),
        1 / len(names),
        float((true == commonest).mean()),
        int(known.sum()),
        len(present),
        unit,
        num_units,
        recall,
        int((~known).sum()),
        (),
        float(right.sum() / len(truth)),
        tuple(str(names[k]) for k in np.setdiff1d(np.arange(len(names)), present)),
        {"labels": [str(names[k]) for k in shown], "counts": confusion[np.ix_(shown, shown)].tolist()},
    )


def share_of_part(right: npt.NDArray[np.bool_], units: StrArray, seed: int) -> PartShare:
    """Of the answers to one part of the set."""
    drawn, _ = _groups(units, seed)
    accuracy, _ = _intervals(right, np.zeros(len(right), dtype=np.int64), 1, drawn, seed)
    return PartShare(float(right.mean()), *accuracy, len(right))


def mean_cosine(vectors: FloatArray) -> float | None:
    """(N, D) -> the mean cosine over distinct pairs, near 1 where vectors have collapsed; None of fewer than two.

    The sum over all pairs is the squared length of the sum of the unit vectors. Vectors of zeros have no direction,
    and are left out.
    """
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    count = int((lengths > 0).sum())
    if count < 2:
        return None
    total = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0) @ vectors.astype(np.float64)
    return float((total @ total - count) / (count * (count - 1)))


def _groups(units: StrArray, seed: int) -> tuple[IntArray, int]:
    """(N,) what is drawn together. Many units are dealt into fewer groups, which leaves the spread as it is."""
    names, numbers = np.unique(units, return_inverse=True)
    if len(names) > _MOST_GROUPS:
        numbers = (np.random.default_rng(seed).permutation(len(names)) % _MOST_GROUPS)[numbers]
    return numbers.astype(np.int64), len(names)


def _intervals(
    right: npt.NDArray[np.bool_], labels: IntArray, num_labels: int, groups: IntArray, seed: int
) -> tuple[tuple[float | None, float | None], tuple[float | None, float | None]]:
    """Bounds of accuracy and of balanced accuracy; a label that a draw does not have is no part of its mean."""
    count = int(groups.max()) + 1
    if count < 2:
        return (None, None), (None, None)
    cells = groups * num_labels + labels
    totals = np.bincount(cells, minlength=count * num_labels).reshape(count, num_labels).astype(np.float64)
    hits = np.bincount(cells, weights=right, minlength=count * num_labels).reshape(count, num_labels)
    taken = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=DRAWS).astype(np.float64)
    there, good = taken @ totals, taken @ hits
    accuracy = good.sum(axis=1) / there.sum(axis=1)
    with np.errstate(invalid="ignore"):
        balanced = np.nanmean(np.where(there > 0, good / there, np.nan), axis=1)
    low, high = np.percentile(accuracy, [2.5, 97.5]), np.percentile(balanced, [2.5, 97.5])
    return (float(low[0]), float(low[1])), (float(high[0]), float(high[1]))
