"""One-vs-rest detection: each language's detector against each utterance, and what it costs.

Cavg as the language recognition evaluations of NIST define it, over the N languages that the utterances have:
  Cavg(beta) = mean over T of [ P_miss(T) + beta * mean over the other languages U of P_fa(T, U) ]
with beta = C_fa (1 - P_target) / (C_miss P_target) and a trial accepted when its ratio is at least log beta. LRE 2017
and 2022 take the mean of P_target 0.5 and 0.1 (beta 1 and 9) with costs of 1; LRE 2007, 2009 and 2011 take P_target 0.5
and weigh both sides by it, which is half of Cavg(1).

As every language counts the same, this is a mean over languages of a mean over their utterances of
  [missed] + beta / (N - 1) * number of other detectors that accept
which is how it is summed here.

Shapes: U utterances in the order of their languages, N languages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from masr.scoring.lid.det_curve import Curve, EqualError, hull_equal_error
from masr.scoring.threads import each
from masr.types import Float64Array, FloatArray, IntArray

BETAS = (1.0, 9.0)
"""The betas of LRE 2017 and 2022: P_target 0.5 and 0.1."""
_COLUMNS = 1 << 13


@dataclass(frozen=True, eq=False)
class Trials:
    """The ratios of every utterance for every language that some utterance has."""

    ratios: FloatArray
    """(N, U) ratios; utterances of language i are the columns starts[i] to starts[i + 1]."""
    starts: IntArray
    """(N + 1,) the column at which each language begins, and one behind the last."""

    @property
    def num_languages(self) -> int:
        """How many languages there are: N."""
        return len(self.ratios)

    @cached_property
    def truth(self) -> IntArray:
        """(U,) the language of each utterance."""
        return np.repeat(np.arange(self.num_languages), np.diff(self.starts))

    @cached_property
    def own(self) -> FloatArray:
        """(U,) each utterance's ratio for its true language."""
        parts = [self.ratios[i, self._span(i)] for i in range(self.num_languages)]
        return np.concatenate(parts)

    @cached_property
    def _groups(self) -> list[FloatArray]:
        """Each true language's non-target ratios, all of its utterances sorted together."""

        def work(i: int) -> FloatArray:
            block = self.ratios[:, self._span(i)]
            group = np.concatenate([block[:i].ravel(), block[i + 1 :].ravel()])
            group.sort()
            return group

        return each(work, range(self.num_languages), self.ratios.size)

    @cached_property
    def _sorted(self) -> tuple[FloatArray, IntArray]:
        """(U,) target ratios from the lowest up, and the language of each."""
        order = self.own.argsort(kind="stable")
        return self.own[order], self.truth[order]

    def _span(self, language: int) -> slice:
        return slice(int(self.starts[language]), int(self.starts[language + 1]))

    def pooled_equal_error(self) -> EqualError:
        """The equal error rate of all trials of all detectors together, under one threshold."""
        targets, _ = self._sorted
        curve = Curve(targets, np.arange(len(targets) + 1), self._groups)
        return hull_equal_error(curve, len(targets), len(targets) * (self.num_languages - 1))

    def equal_errors(self) -> list[EqualError]:
        """The equal error rate of each language's detector by itself."""

        def work(i: int) -> EqualError:
            span, row = self._span(i), self.ratios[i]
            others = np.concatenate([row[: span.start], row[span.stop :]])
            others.sort()
            targets = np.sort(row[span])
            curve = Curve(targets, np.arange(len(targets) + 1), [others])
            return hull_equal_error(curve, len(targets), len(others))

        return each(work, range(self.num_languages), self.ratios.size)

    def best_thresholds(self, betas: Sequence[float] = BETAS) -> list[float]:
        """The threshold for each beta, the same for all languages, at which Cavg is least."""
        targets, languages = self._sorted
        sizes = np.diff(self.starts)
        misses = np.concatenate([[0.0], np.cumsum(1.0 / sizes[languages])])
        curve = Curve(targets, misses, self._groups, 1.0 / ((self.num_languages - 1) * sizes))
        return [curve.threshold(curve.least(1.0, beta)[0]) for beta in betas]

    def accepted(self, threshold: float) -> tuple[npt.NDArray[np.bool_], IntArray]:
        """(U,) whether the true language's detector misses, (U,) how many others accept."""
        missed = self.own < threshold
        counts = np.empty(len(self.own), np.int64)

        def work(part: slice) -> None:
            counts[part] = (self.ratios[:, part] >= threshold).sum(axis=0, dtype=np.int32)

        each(work, _parts(len(counts)), self.ratios.size)
        return missed, counts - ~missed

    def soft_costs(self) -> tuple[Float64Array, Float64Array]:
        """The terms of Cllr: (U,) log(1 + 1 / odds) of the true language, (U,) sum of log(1 + odds) of the others."""
        missing = softplus(-self.own).astype(np.float64)
        alarms = np.empty(len(self.own))
        truth = self.truth

        def work(part: slice) -> None:
            costs = softplus(self.ratios[:, part])
            costs[truth[part], np.arange(costs.shape[1])] = 0
            alarms[part] = costs.sum(axis=0, dtype=np.float64)

        each(work, _parts(len(alarms)), self.ratios.size)
        return missing, alarms


def _parts(size: int) -> Iterator[slice]:
    for start in range(0, size, _COLUMNS):
        yield slice(start, start + _COLUMNS)


def softplus(values: FloatArray) -> FloatArray:
    """log(1 + exp(value)) without overflow."""
    tails = np.exp(-np.abs(values))
    tails += 1
    np.log(tails, out=tails)
    tails += np.maximum(values, 0)
    return tails


def trials_of(ratios: FloatArray, truth: IntArray, rows: IntArray) -> tuple[Trials, IntArray, IntArray]:
    """The trials of some utterances, which have to be known to the system; their languages; their order.

    Languages that none of them has take no part: there is no miss to count for them.
    """
    order = rows[truth[rows].argsort(kind="stable")]
    languages, sizes = np.unique(truth[order], return_counts=True)
    chosen = np.empty((len(languages), len(order)), np.float32)

    def work(i: int) -> None:
        np.take(ratios[languages[i]], order, out=chosen[i], mode="clip")  # "raise" goes through a copy

    each(work, range(len(languages)), chosen.size)
    return Trials(chosen, np.concatenate([[0], np.cumsum(sizes)])), languages, order
