"""How much a representation tells of labels, or of another view of the same speech: bounds from below.

    I(Z; Y) >= H(Y) - CE(q(y | z))

for any probe q, because the cross-entropy is at least H(Y | Z). Y are labels, as phones; or f(Zb), the cluster of the
other view's frame, and then I(Za; Zb) >= I(Za; f(Zb)) as well, at most log V. Entropy and cross-entropy are taken over
the same frames, which the probe was not trained on. A bound below 0 is shown as it is: the probe is worse than knowing
how frequent the labels are.

Shapes: N frames, U units (utterances, speakers, ...) that they are of, V classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from masr.analysis.information.held_out import aside
from masr.analysis.probe import density as probe_density
from masr.analysis.probe.density import Kind
from masr.errors import AnalysisError
from masr.maths.bootstrap import Figures, clusters, drawn_within, estimate, resample
from masr.maths.estimate import Estimate
from masr.types import Float64Array, FloatArray, IntArray

_MOST_CELLS, _BLOCK_LABELS = 1 << 26, 1 << 16


@dataclass(frozen=True, eq=False)
class Sample:
    """Frames with the symbol that each goes with."""

    frames: FloatArray
    """(N, D)."""
    labels: IntArray
    """(N,) from 0."""
    units: IntArray
    """(N,) which utterance or speaker each frame is of: what is drawn for intervals, and what splits keep whole."""

    def part(self, chosen: npt.NDArray[np.bool_]) -> Sample:
        """The sample with only the chosen frames."""
        return Sample(self.frames[chosen], self.labels[chosen], self.units[chosen])


@dataclass(frozen=True)
class Bound:
    """A lower bound on mutual information, and what it is made of, in nats; `bits` of the JSON has the same in bits."""

    probe: str
    entropy: float
    cross_entropy: float
    bound: Estimate
    """What Z tells of Y at least; its interval is over what is held out: utterances, speakers, ..."""
    ceiling: float
    """log V, which no bound can exceed."""
    num_train: int
    num_test: int

    @property
    def share(self) -> float:
        """The bound's share of the labels' entropy, which is all there is to tell."""
        return self.bound.value / self.entropy if self.entropy > 0 else math.nan

    def as_json(self) -> dict[str, object]:
        """Every figure as plain values, the main ones in bits too."""
        main = {
            "entropy": self.entropy,
            "cross_entropy": self.cross_entropy,
            "bound": self.bound.value,
            "ceiling": self.ceiling,
        }
        return {
            "probe": self.probe,
            **main,
            "interval": [self.bound.low, self.bound.high],
            "share_of_entropy": self.share,
            "bits": {name: value / math.log(2) for name, value in main.items()},
            "frames": {"train": self.num_train, "held_out": self.num_test},
        }


def entropy(labels: IntArray) -> float:
    """The entropy of labels by their frequencies, in nats."""
    counts = np.bincount(labels)
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def plug_in(first: IntArray, second: IntArray) -> float:
    """Mutual information of two discrete variables by their joint counts, in nats; too high where pairs are rare."""
    if len(first) != len(second) or not len(first):
        raise AnalysisError(f"{len(first)} and {len(second)} labels: there has to be one of each for each frame")
    height, width = _num_labels(first), _num_labels(second)
    if height * width > _MOST_CELLS:  # few of so many pairs occur
        first, second = (np.unique(one, return_inverse=True)[1] for one in (first, second))
        height, width = _num_labels(first), _num_labels(second)
    cells = np.zeros(height * width, dtype=np.int64)
    size = max(_BLOCK_LABELS, len(cells))
    for start in range(0, len(first), size):  # a block of pairs stays in the cache
        pairs = first[start : start + size] * width
        pairs += second[start : start + size]
        cells += np.bincount(pairs, minlength=len(cells))
    joint = cells.reshape(height, width)
    rows, columns, count = joint.sum(axis=1), joint.sum(axis=0), len(first)
    found = _log_sum(joint) - _log_sum(rows) - _log_sum(columns)
    return max(0.0, found / count + math.log(count))


def _num_labels(labels: IntArray) -> int:
    """One more than the largest label. Read without a sign, labels below 0 are the largest: one look finds both."""
    most = int(np.ascontiguousarray(labels, dtype=np.int64).view(np.uint64).max())
    if most >= 1 << 62:
        raise AnalysisError("a label is below 0", fix="number labels from 0")
    return most + 1


def _log_sum(counts: IntArray) -> float:
    known = counts[counts > 0].astype(np.float64)
    return float((known * np.log(known)).sum())


def bound(train: Sample, test: Sample, num_classes: int, kind: Kind, seed: int = 0) -> Bound:
    """The bound on `test` by a probe that is trained on `train`."""
    for name, sample in (("training", train), ("held-out", test)):
        if len(np.unique(sample.labels)) < 2:
            raise AnalysisError(
                f"the {name} frames have one label alone, of which there is nothing to tell",
                fix="give more speech, or other labels",
            )
    held = aside(train.units, train.labels, seed + 1)
    density = probe_density.fit(
        kind,
        train.frames[~held],
        train.labels[~held],
        (train.frames[held], train.labels[held]),
        num_classes,
        seed,
    )
    return judged(kind, density.log_probability(test.frames, test.labels), test, num_classes, len(train.labels), seed)


def judged(probe: str, logs: Float64Array, test: Sample, num_classes: int, num_train: int, seed: int) -> Bound:
    """The bound that (N,) log-probabilities of the held-out labels give, with its interval.

    Where each unit has one class alone, as many of each class are drawn as there are: the split took them so, and a
    draw that lacks a class would know less to tell. There is no interval then where a class has one unit alone.
    """
    drawn = clusters(test.units, "held-out units", seed)
    cells = drawn.numbers * num_classes + test.labels
    counts = np.bincount(cells, minlength=drawn.count * num_classes).reshape(drawn.count, -1).astype(np.float64)
    losses = np.bincount(drawn.numbers, weights=-logs, minlength=drawn.count)

    def bound_of(weights: Float64Array) -> Float64Array:
        totals = weights @ counts
        sizes = totals.sum(axis=1, keepdims=True)
        shares = totals / sizes
        entropies = -(shares * np.log(np.where(shares > 0, shares, 1))).sum(axis=1)
        found: Float64Array = entropies - weights @ losses / sizes[:, 0]
        return found

    found = _drawn(bound_of, counts, seed)
    whole = entropy(test.labels), -float(logs.mean())
    return Bound(probe, *whole, found, math.log(num_classes), num_train, len(logs))


def _drawn(figure: Figures, counts: Float64Array, seed: int) -> Estimate:
    """The figure of all clusters with its interval, from (G, V) frames of each class that each cluster has."""
    count, width = counts.shape
    classes = counts.argmax(axis=1)
    sizes = np.bincount(classes)
    if (counts > 0).sum() > count or (sizes > 0).sum() < 2:
        (found,) = resample(figure, count, seed, cells=4 * width, unit="nats")
        return found
    value = float(figure(np.ones((1, count)))[0])
    several = sizes[sizes > 0].min() > 1
    return estimate(value, figure(drawn_within(classes, seed)) if several else None, "nats")
