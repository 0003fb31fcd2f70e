"""How well embeddings tell labels apart: what the nearest other speaker, or the nearest label's mean, would answer.

Nothing is trained, so the figure is of the embedding alone. A speaker is never compared with itself.

Shapes: N reference utterances, M test utterances, D width, L labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from masr.errors import DataError, UsageError, near
from masr.io.arrays import map_array
from masr.io.datadir import DataDir
from masr.io.layout import EMBEDDINGS, UTT2SPK, label_table
from masr.maths.bootstrap import share_right
from masr.maths.estimate import Estimate
from masr.types import FloatArray

Scale = Literal["none", "centre", "standard"]
"""What is done to each dimension: nothing, minus the references' mean, or divided by their deviation as well."""

_BLOCK = 4096
_MISSING = ("", "unknown")


@dataclass(frozen=True)
class Embedded:
    """Utterances that have a label, as `masr extract` wrote them."""

    vectors: FloatArray
    """(N, D) the vectors."""
    labels: npt.NDArray[np.str_]
    speakers: npt.NDArray[np.str_]
    num_unlabelled: int


@dataclass(frozen=True)
class Scores:
    """Shares of right answers by group of test utterances and by method."""

    shares: Mapping[str, Mapping[str, Estimate]]
    """Group -> method -> the share of right answers, with an interval over speakers."""
    chance: float
    """Accuracy of always giving the commonest label."""
    num_labels: int
    num_speakers: int
    num_references: int
    num_without_reference: int
    """Test utterances whose label no reference has; they count as wrong."""

    def as_json(self) -> dict[str, Any]:
        """Every figure; a share is an `accuracy` there."""
        shares = {
            group: {name: share.as_json(value="accuracy") for name, share in by_method.items()}
            for group, by_method in self.shares.items()
        }
        return {**vars(self), "shares": shares}


def compute(train: Path, test: Path, kind: str, scale: Scale, apart: frozenset[str], seed: int) -> tuple[Scores, int]:
    """The figures of two folders of embeddings, and how many utterances have no label and are left out."""
    references, tested = read_embedded(train, kind), read_embedded(test, kind)
    missing = sorted(apart - set(tested.labels.tolist()))
    if missing:
        raise UsageError(
            f"no test utterance is labelled {missing[0]}", fix=near(missing[0], set(tested.labels.tolist()))
        )
    scores = score(references, tested, scale, apart, seed)
    return scores, references.num_unlabelled + tested.num_unlabelled


def read_embedded(folder: Path, kind: str) -> Embedded:
    """The vectors of a folder with the labels of utt2<kind>."""
    data = DataDir.open(folder)
    path = folder / EMBEDDINGS
    try:
        vectors = map_array(path)
    except FileNotFoundError:
        raise DataError(f"{folder} has no {EMBEDDINGS}", fix="make it: masr extract MODEL DATA OUT") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: is no array: {error}", fix="make it again: masr extract MODEL DATA OUT") from None
    if vectors.ndim != 2 or len(vectors) != len(data) or vectors.dtype.kind not in "fiu":
        raise DataError(
            f"{path} has {vectors.dtype} of the shape {vectors.shape} for {len(data)} utterances",
            fix="run masr extract again",
        )
    table, speakers = data.labels(kind), data.table(UTT2SPK)
    labels = np.array([table.get(utt, "").strip() for utt in data.utts], dtype=np.str_)
    known = ~np.isin(labels, _MISSING)
    if not known.any():
        raise DataError(f"{folder / label_table(kind)} has no label for any utterance")
    kept = np.asarray(vectors[known], dtype=np.float32)
    if not np.isfinite(kept).all():
        raise DataError(f"{path} holds NaN or infinite values")
    who = np.array([speakers.at(int(i)) for i in np.flatnonzero(known)], dtype=np.str_)
    return Embedded(kept, labels[known], who, int((~known).sum()))


def score(
    references: Embedded, test: Embedded, scale: Scale = "none", apart: frozenset[str] = frozenset(), seed: int = 0
) -> Scores:
    """1-NN and centroid accuracy over all test utterances, and over those with a label of `apart` and without."""
    if references.vectors.shape[1] != test.vectors.shape[1]:
        raise DataError(
            f"references have {references.vectors.shape[1]} dimensions and test has {test.vectors.shape[1]}",
            why="they come from two models, or from two ways of pooling",
            fix="extract both with the same command",
        )
    old, new = scaled(references.vectors, test.vectors, scale)
    answers = {
        "1-NN": nearest(old, references, new, test),
        "centroid": nearest_centroid(old, references, new, test),
    }
    groups = {"all": np.ones(len(test.labels), dtype=bool)}
    if apart:
        inside = np.isin(test.labels, sorted(apart))
        groups |= {"apart": inside, "others": ~inside}
    shares = {
        group: {
            name: share_right((guess == test.labels)[rows], test.speakers[rows], seed)
            for name, guess in answers.items()
        }
        for group, rows in groups.items()
        if rows.any()
    }
    _, counts = np.unique(test.labels, return_counts=True)
    lost = int((~np.isin(test.labels, references.labels)).sum())
    return Scores(
        shares,
        float(counts.max() / counts.sum()),
        len(counts),
        len(np.unique(test.speakers)),
        len(references.labels),
        lost,
    )


def scaled(references: FloatArray, test: FloatArray, scale: Scale) -> tuple[FloatArray, FloatArray]:
    """References and test at unit length, after the mean and deviation of the references were taken out."""
    if scale != "none":
        mean = references.mean(axis=0, dtype=np.float64)
        deviation = references.std(axis=0, dtype=np.float64) if scale == "standard" else np.ones_like(mean)
        deviation[deviation < 1e-8 * max(1e-30, float(deviation.max()))] = np.inf  # what never moves tells nothing
        references = ((references - mean) / deviation).astype(np.float32)
        test = ((test - mean) / deviation).astype(np.float32)
    return _unit(references), _unit(test)


def nearest(old: FloatArray, references: Embedded, new: FloatArray, test: Embedded) -> npt.NDArray[np.str_]:
    """(M,) the label of the nearest reference of another speaker; empty where there is none."""
    best = np.full(len(new), -np.inf, dtype=np.float32)
    found = np.full(len(new), -1)
    for first in range(0, len(old), _BLOCK):
        block = slice(first, first + _BLOCK)
        for start in range(0, len(new), _BLOCK):
            rows = slice(start, start + _BLOCK)
            cosines = new[rows] @ old[block].T
            cosines[test.speakers[rows, None] == references.speakers[None, block]] = -np.inf
            places = cosines.argmax(axis=1)
            values = np.take_along_axis(cosines, places[:, None], axis=1)[:, 0]
            better = values > best[rows]
            best[rows][better] = values[better]
            found[rows][better] = places[better] + first
    return np.where(found < 0, "", references.labels[found])


def nearest_centroid(old: FloatArray, references: Embedded, new: FloatArray, test: Embedded) -> npt.NDArray[np.str_]:
    """(M,) the label whose references of other speakers have the nearest mean."""
    labels, numbers = np.unique(references.labels, return_inverse=True)
    sums = np.zeros((len(labels), old.shape[1]))
    np.add.at(sums, numbers, old)
    found = labels[(new @ _unit(sums.astype(np.float32)).T).argmax(axis=1)]
    for speaker in np.intersect1d(test.speakers, references.speakers):
        own = references.speakers == speaker
        less = sums.copy()
        np.add.at(less, numbers[own], -old[own].astype(np.float64))
        # A mean of no vector is rounding, not a direction.
        less[np.bincount(numbers[~own], minlength=len(labels)) == 0] = 0.0
        rows = test.speakers == speaker
        found[rows] = labels[(new[rows] @ _unit(less.astype(np.float32)).T).argmax(axis=1)]
    answers: npt.NDArray[np.str_] = found
    return answers


def render(scores: Scores, kind: str, num_unlabelled: int) -> str:
    """A few lines for people."""
    lines = [
        f"{kind}: {scores.num_labels} labels, {scores.num_speakers} test speakers, {scores.num_references} references, "
        f"commonest label {100 * scores.chance:.1f} %"
    ]
    for group, shares in scores.shares.items():
        for name, share in shares.items():
            said = f"{share.value_text(1):>5} %  {share.interval_text(1)}"
            lines.append(f"  {group:<7} {name:<9} {said}  of {share.count}")
    if scores.num_without_reference:
        lines.append(
            f"  {scores.num_without_reference} utterances have a label that no reference has: counted as wrong"
        )
    if num_unlabelled:
        lines.append(f"  {num_unlabelled} utterances without a label left out")
    return "\n".join(lines)


def _unit(rows: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: FloatArray = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return unit
