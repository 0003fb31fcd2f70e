"""How often a probe is right, with intervals over resampled speakers, and what it could not know apart.

Shapes: N answers, K labels, G clusters of speakers (or of utterances where those are not known), R draws.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from masr.analysis.probe.data import StrArray
from masr.maths.bootstrap import Clusters, clusters, known_mean, ratio, resample
from masr.maths.estimate import Estimate
from masr.types import Float64Array, FloatArray, IntArray


@dataclass(frozen=True)
class Figures:
    """All figures of one probe on one set. Labels that train does not have count in `with_unseen` only."""

    accuracy: Estimate
    balanced_accuracy: Estimate
    """The mean over labels of each one's accuracy."""
    macro_f1: float
    """The mean over labels of 2 right / (utterances + answers)."""
    chance: float
    """Accuracy of answering with a label drawn from those of train."""
    majority: float
    """Accuracy of always giving train's commonest label."""
    num: int
    num_labels: int
    interval_over: str
    num_drawn: int
    """How many speakers are drawn from, or utterances where speakers are not known."""
    recall: dict[str, float] = field(default_factory=dict)
    num_unseen: int = 0
    """Utterances whose label train does not have."""
    unseen_labels: tuple[str, ...] = ()
    with_unseen: float = 0.0
    """Accuracy where utterances with a label that train does not have count as wrong."""
    absent_labels: tuple[str, ...] = ()
    """Labels of train that this set does not have."""
    confusion: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, Estimate] = field(default_factory=dict)


def figures(
    answers: IntArray, truth: IntArray, names: StrArray, commonest: int, units: StrArray, unit: str, seed: int
) -> Figures:
    """The figures of `answers` and `truth`, as places in `names`; truth is -1 for a label that is not there."""
    known = truth >= 0
    right, true = (answers == truth)[known], truth[known]
    present = np.unique(true)
    confusion = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(confusion, (true, answers[known]), 1)
    totals = confusion.sum(axis=1)
    recall = {str(names[k]): float(confusion[k, k] / totals[k]) for k in present}
    drawn = clusters(units[known], unit, seed)
    accuracy, balanced = _accuracies(right, np.searchsorted(present, true), len(present), drawn, seed)
    shown = np.flatnonzero((confusion.sum(axis=0) > 0) | (totals > 0))
    return Figures(
        accuracy,
        balanced,
        float(np.mean(2 * confusion.diagonal()[present] / (totals + confusion.sum(axis=0))[present])),
        1 / len(names),
        float((true == commonest).mean()),
        int(known.sum()),
        len(present),
        unit,
        drawn.num_units,
        recall,
        int((~known).sum()),
        (),
        float(right.sum() / len(truth)),
        tuple(str(names[k]) for k in np.setdiff1d(np.arange(len(names)), present)),
        {"labels": [str(names[k]) for k in shown], "counts": confusion[np.ix_(shown, shown)].tolist()},
    )


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


def _accuracies(
    right: npt.NDArray[np.bool_], labels: IntArray, num_labels: int, drawn: Clusters, seed: int
) -> tuple[Estimate, Estimate]:
    """Accuracy and balanced accuracy; a label that a draw does not have is no part of its mean."""
    cells, size = drawn.numbers * num_labels + labels, drawn.count * num_labels
    totals = np.bincount(cells, minlength=size).reshape(drawn.count, num_labels).astype(np.float64)
    hits = np.bincount(cells, weights=right, minlength=size).reshape(drawn.count, num_labels)

    def both(weights: Float64Array) -> Float64Array:
        there, good = weights @ totals, weights @ hits
        return np.stack([ratio(good.sum(axis=1), there.sum(axis=1)), known_mean(ratio(good, there))], axis=1)

    accuracy, balanced = resample(both, drawn.count, seed, cells=3 * num_labels, unit="share")
    return accuracy, balanced
