"""Two systems on the same utterances: NIST's matched-pairs test, and the difference of their rates drawn again.

The matched-pairs sentence-segment word error test (Gillick and Cox 1989, MAPSSWE in sc_stats) cuts each utterance into
segments that can be taken as independent: errors of either system with fewer than two words between them that both
have right belong to one segment. Over the segments the difference of the two systems' errors is tested for mean zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from masr.maths import bootstrap
from masr.maths.bootstrap import Clusters, Difference, Figures, ratio
from masr.scoring.wer.alignment import CORRECT, INSERTION, Alignment
from masr.types import IntArray

NUM_BETWEEN = 2
"""So many words that both systems have right part two segments, as in sc_stats."""


@dataclass(frozen=True)
class MatchedPairs:
    """Outcome over the segments in which at least one system errs."""

    num_segments: int
    mean: float
    """Errors of the first system less those of the second, per segment."""
    std: float
    z: float
    p: float
    """Two-sided p-value by the normal distribution, as sc_stats has it."""


def segments(first: Alignment, second: Alignment) -> IntArray:
    """(S, 2) errors of each system in every segment where there are any; both are of the same references."""
    found = []
    for which, alignment in enumerate((first, second)):
        wrong = np.flatnonzero(alignment.operations != CORRECT)
        found.append(np.stack([_places(alignment)[wrong], alignment.utts[wrong], np.full(len(wrong), which)]))
    place, utt, system = np.concatenate(found, axis=1)
    if not len(place):
        return np.zeros((0, 2), dtype=np.int64)
    order = np.lexsort((place, utt))
    place, utt, system = place[order], utt[order], system[order]
    # odd places are words, even ones the gaps before them
    between = place[1:] // 2 - (place[:-1] + 1) // 2
    new = (utt[1:] != utt[:-1]) | (between >= NUM_BETWEEN)
    number = np.concatenate([[0], np.cumsum(new)])
    return np.bincount(2 * number + system, minlength=2 * (int(number[-1]) + 1)).reshape(-1, 2)


def _places(alignment: Alignment) -> IntArray:
    """The place of each operation: 2 r + 1 where it takes word r of its reference, 2 r where it inserts before it."""
    takes = alignment.operations != INSERTION
    before = np.cumsum(takes) - takes
    before -= np.repeat(np.append(before, 0)[alignment.starts[:-1]], np.diff(alignment.starts))
    places: IntArray = 2 * before + takes
    return places


def matched_pairs(first: Alignment, second: Alignment) -> MatchedPairs:
    """The test; equal systems, or segments that all differ by the same, give z 0 as in sc_stats."""
    errors = segments(first, second)
    differences = (errors[:, 0] - errors[:, 1]).astype(np.float64)
    count = len(differences)
    if not count:
        return MatchedPairs(0, 0.0, 0.0, 0.0, 1.0)
    mean, std = float(differences.mean()), float(differences.std(ddof=1)) if count > 1 else 0.0
    z = mean / (std / math.sqrt(count)) if std > 0 else 0.0
    return MatchedPairs(count, mean, std, z, math.erfc(abs(z) / math.sqrt(2)))


def difference(first: IntArray, second: IntArray, clusters: Clusters, seed: int = 0) -> Difference:
    """How much the rates of two (U, 4) counts of the same utterances differ; both systems get the same draws."""
    num_ref = first[:, :INSERTION].sum(axis=1)
    sums = np.stack([first[:, 1:].sum(axis=1), second[:, 1:].sum(axis=1), num_ref], axis=1).astype(np.float64)
    errors_and_words = clusters.sums(sums)

    def rate(system: int) -> Figures:
        return lambda weights: ratio(*(weights @ errors_and_words[:, [system, 2]]).T)

    (found,) = bootstrap.difference(rate(0), rate(1), clusters.count, seed, unit="share")
    return found
