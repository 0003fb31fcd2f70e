"""Two systems on the same utterances: whose answers are right more often, and by how much every figure differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from masr.maths.bootstrap import Clusters, Difference, Figures, difference
from masr.scoring.lid.answers import Answers
from masr.scoring.lid.cluster_sums import Tally, tally, unit_of


@dataclass(frozen=True)
class McNemar:
    """Utterances that only one of two systems answers rightly, and the tests of their being equally many."""

    only_first: int
    only_second: int
    p_exact: float
    p_mid: float


@dataclass(frozen=True)
class Comparison:
    """Over the utterances whose language both systems have."""

    num_utts: int
    mcnemar: McNemar
    figures: Mapping[str, Difference]


def compare(first: Answers, second: Answers, clusters: Clusters, top: int, seed: int = 0) -> Comparison | None:
    """Both of the same utterances in the same order; None where no language is known to both."""
    rows = np.flatnonzero((first.truth >= 0) & (second.truth >= 0))
    if not len(rows):
        return None
    ours, theirs = (tally(answers, rows, clusters, top) for answers in (first, second))
    names = list(ours.figures(np.ones((1, clusters.count))))

    def figures_of(system: Tally) -> Figures:
        return lambda weights: np.stack(list(system.figures(weights).values()), axis=1)

    differences = difference(
        figures_of(ours), figures_of(theirs), clusters.count, seed, several=clusters.are_several(rows)
    )
    figures = {name: replace(one, unit=unit_of(name)) for name, one in zip(names, differences, strict=True)}
    right = [answers.answer[rows] == answers.truth[rows] for answers in (first, second)]
    return Comparison(len(rows), mcnemar(right[0], right[1]), figures)


def mcnemar(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> McNemar:
    """The exact test and its mid-p form, both two-sided; utterances are taken as independent."""
    from scipy.stats import binom

    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    fewer, both = min(only_first, only_second), only_first + only_second
    tail = 2 * float(binom.cdf(fewer, both, 0.5))
    return McNemar(only_first, only_second, min(1.0, tail), tail - float(binom.pmf(fewer, both, 0.5)))
