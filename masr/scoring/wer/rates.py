"""Word and character error rates with intervals: of all utterances, of each speaker, of each condition.

A rate is a ratio of sums, errors over words of the reference, so that long utterances weigh more. Its interval comes
from drawing speakers again (Bisani and Ney 2004 draw utterances; what one speaker says is not independent), or
utterances where speakers are not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from masr.maths.bootstrap import Clusters, drawn, estimates, ratio
from masr.maths.estimate import Estimate
from masr.scoring.lid.reference import Labels
from masr.scoring.wer.alignment import DELETION, INSERTION, SUBSTITUTION
from masr.types import Float64Array, IntArray


@dataclass(frozen=True)
class Section:
    """The errors of some utterances."""

    num_utts: int
    num_wrong_utts: int
    num_ref: int
    """Words, or characters, of the reference."""
    num_hyp: int
    num_correct: int
    num_substituted: int
    num_deleted: int
    num_inserted: int
    rates: Mapping[str, Estimate]
    """error, substitution, deletion and insertion over the reference's words; utterance over the utterances. NaN where
    there is no word."""

    @property
    def num_errors(self) -> int:
        """Errors of all three kinds."""
        return self.num_substituted + self.num_deleted + self.num_inserted


@dataclass(frozen=True)
class ErrorRates:
    """The errors of one system in words, or in characters: of all utterances, of each speaker, of each condition."""

    overall: Section
    speakers: Mapping[str, Section]
    groups: Mapping[str, Mapping[str, Section]]


KINDS = {"error": None, "substitution": SUBSTITUTION, "deletion": DELETION, "insertion": INSERTION}


def compute(
    counts: IntArray, clusters: Clusters, speakers: Labels | None, groups: Mapping[str, Labels], seed: int = 0
) -> ErrorRates:
    """All rates of (U, 4) counts."""
    weights = drawn(clusters.count, seed)
    everything = np.arange(len(counts))
    return ErrorRates(
        section(counts, everything, clusters, weights),
        {} if speakers is None else _parts(counts, speakers),
        {title: _parts(counts, labels, clusters, weights) for title, labels in groups.items()},
    )


def section(
    counts: IntArray, rows: IntArray, clusters: Clusters | None = None, weights: Float64Array | None = None
) -> Section:
    """The rates of some utterances, with intervals where there is more than one cluster to draw."""
    part = counts[rows]
    right, substituted, deleted, inserted = part.sum(axis=0).tolist()
    num_ref = right + substituted + deleted
    wrong = int(part[:, 1:].any(axis=1).sum())
    sums = _sums(part)
    values = _ratios(sums.sum(axis=0, keepdims=True))[0]
    draws = None
    if clusters is not None and weights is not None and clusters.are_several(rows):
        draws = _ratios(weights @ clusters.sums(sums, rows))
    rates = dict(zip((*KINDS, "utterance"), estimates(values, draws, "share"), strict=True))
    return Section(
        len(rows), wrong, num_ref, right + substituted + inserted, right, substituted, deleted, inserted, rates
    )


def _sums(counts: IntArray) -> Float64Array:
    """(U, 7) errors, each of three kinds, whether there is any; then words and utterances, which rates are over."""
    errors = counts[:, 1:]
    columns = [errors.sum(axis=1), *errors.T, errors.any(axis=1), counts[:, :INSERTION].sum(axis=1)]
    return np.stack([*columns, np.ones(len(counts))], axis=1).astype(np.float64)


def _ratios(sums: Float64Array) -> Float64Array:
    """(D, 7) sums -> (D, 5) rates; NaN for a share of nothing."""
    return ratio(sums[:, :5], sums[:, [5, 5, 5, 5, 6]])


def _parts(
    counts: IntArray, labels: Labels, clusters: Clusters | None = None, weights: Float64Array | None = None
) -> dict[str, Section]:
    order = np.argsort(labels.codes, kind="stable")
    ends = np.cumsum(np.bincount(labels.codes, minlength=len(labels.names)))
    rows = np.split(order, ends[:-1])
    return {name: section(counts, some, clusters, weights) for name, some in zip(labels.names, rows) if len(some)}
