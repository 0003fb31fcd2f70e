"""Every figure of language identification as a function of how often each cluster of utterances is drawn.

The sums that figures are made of are taken once for each cluster and language. A figure is then the same few lines
whether all clusters count once (the figure itself) or as often as they were drawn (its interval), so that a thousand
draws over a million utterances are a few products of matrices.

Thresholds stay where all utterances put them. For the minimum of Cavg, and for an equal error rate written as the
largest of the least errors over all shares of targets, the first-order effect of moving them is nil.

Shapes: D draws, G clusters, N languages, B bins of confidence.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from masr.maths.bootstrap import Clusters, known_mean
from masr.maths.estimate import Unit
from masr.scoring.lid.answers import Answers
from masr.scoring.lid.det_curve import EqualError
from masr.scoring.lid.detection import BETAS, Trials, trials_of
from masr.types import Float64Array, IntArray

NUM_BINS = 15
_COSTS = ("cavg", "cprimary", "cllr")
_BY_LANGUAGE = ("utts", "right", "answered", "eer_misses", "eer_alarms")


@dataclass(frozen=True, eq=False)
class Detection:
    """What thresholds were found for some utterances, and the detectors' rates there."""

    pooled: EqualError
    each: list[EqualError]
    minimum: list[float]
    """The least Cavg for each beta."""
    miss_rates: Float64Array
    """(N,) of each language's detector at the threshold of beta 1."""
    alarm_rates: Float64Array
    """(N,) how often each detector accepts another language, in the mean over these."""


@dataclass(frozen=True, eq=False)
class Tally:
    """Sums over some utterances, by cluster and language."""

    rows: IntArray
    """The places of the utterances, in the order of their languages."""
    languages: IntArray
    """(N,) places of the languages that the utterances have."""
    top: int
    sums: dict[str, Float64Array] = field(default_factory=dict)
    """Name -> (G, N) sums by true language, but those of `answered` and `eer_alarms` by the detector's language."""
    pooled: dict[str, Float64Array] = field(default_factory=dict)
    """Name -> (G,) or (G, B) sums over all languages."""
    detection: Detection | None = None
    """None for a single language, which has no non-targets."""

    def figures(self, weights: Float64Array) -> dict[str, Float64Array]:
        """Name -> (D,) each figure under (D, G) weights; NaN where a draw has nothing of it."""
        with np.errstate(divide="ignore", invalid="ignore"):
            sums = {name: weights @ table for name, table in self.sums.items()}
            return self._answer_figures(sums, weights) | self._detection_figures(sums, weights)

    def recalls(self, weights: Float64Array) -> Float64Array:
        """(D, N) share of each language's utterances that are answered rightly."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Float64Array = (weights @ self.sums["right"]) / (weights @ self.sums["utts"])
        return found

    def within(self, weights: Float64Array, languages: IntArray) -> dict[str, Float64Array]:
        """Name -> (D,) means over some languages of the figures that each has among all utterances."""
        chosen = np.isin(self.languages, languages)
        with np.errstate(divide="ignore", invalid="ignore"):
            sums = {name: weights @ self.sums[name] for name in _BY_LANGUAGE if name in self.sums}
            found = {"macro_f1": known_mean(_f1(sums)[:, chosen])}
            if self.detection is not None:
                found["eer_average"] = known_mean(self._equal_errors(sums)[:, chosen])
        return found

    def _equal_errors(self, sums: dict[str, Float64Array]) -> Float64Array:
        """(D, N) equal error rates of the languages' detectors."""
        assert self.detection is not None
        utts = sums["utts"]
        priors = np.array([one.prior for one in self.detection.each])
        others = utts.sum(axis=1, keepdims=True) - utts
        found: Float64Array = priors * sums["eer_misses"] / utts + (1 - priors) * sums["eer_alarms"] / others
        return found

    def _answer_figures(self, sums: dict[str, Float64Array], weights: Float64Array) -> dict[str, Float64Array]:
        utts, right = sums["utts"], sums["right"]
        total = utts.sum(axis=1)
        gaps = weights @ self.pooled["gaps"]
        return {
            "accuracy": right.sum(axis=1) / total,
            "balanced_accuracy": known_mean(right / utts),
            "macro_f1": known_mean(_f1(sums)),
            f"top{self.top}_accuracy": sums["top"].sum(axis=1) / total,
            "ece": np.abs(gaps).sum(axis=1) / total,
            "cllr_multiclass": known_mean(sums["surprise"] / utts) / np.log(2),
        }

    def _detection_figures(self, sums: dict[str, Float64Array], weights: Float64Array) -> dict[str, Float64Array]:
        if self.detection is None:
            return {}
        utts, others = sums["utts"], len(self.languages) - 1
        total = utts.sum(axis=1)
        pooled = self.detection.pooled.prior * (weights @ self.pooled["eer_misses"]) / total
        pooled += (1 - self.detection.pooled.prior) * (weights @ self.pooled["eer_alarms"]) / (total * others)
        costs = {
            (kind, beta): known_mean(
                (sums[f"{kind}_misses_{beta}"] + beta / others * sums[f"{kind}_alarms_{beta}"]) / utts
            )
            for kind in ("actual", "minimum")
            for beta in BETAS
        }
        found = {"eer_pooled": pooled, "eer_average": known_mean(self._equal_errors(sums))}
        for kind in ("actual", "minimum"):
            found[f"cavg_{kind}"] = costs[kind, BETAS[0]] / 2
            found[f"cprimary_{kind}"] = sum(costs[kind, beta] for beta in BETAS) / len(BETAS)
        soft = sums["soft_misses"] / utts + sums["soft_alarms"] / (others * utts)
        return found | {"cllr": known_mean(soft) / (2 * np.log(2))}


def unit_of(name: str) -> Unit:
    """What a figure is in: costs are plain numbers, all else are shares."""
    return "" if name.startswith(_COSTS) else "share"


def tally(answers: Answers, rows: IntArray, groups: Clusters, top: int) -> Tally:
    """Sums over those utterances among `rows` whose language the system has."""
    trials, languages, order = trials_of(answers.ratios, answers.truth, rows)
    numbers, size, count = groups.numbers[order], groups.count, len(languages)

    def by_language(values: npt.NDArray[np.generic] | None) -> Float64Array:
        return _sums(numbers * count + trials.truth, values, size * count).reshape(size, count)

    right = answers.answer[order] == answers.truth[order]
    confidence = answers.confidence[order].astype(np.float64)
    bins = np.minimum((confidence * NUM_BINS).astype(np.int64), NUM_BINS - 1)
    gaps = _sums(numbers * NUM_BINS + bins, right - confidence, size * NUM_BINS).reshape(size, NUM_BINS)
    where = np.full(len(answers.languages), -1)
    where[languages] = np.arange(count)
    answered = where[answers.answer[order]]
    inside = answered >= 0
    made = Tally(order, languages, top, detection=_detect(trials))
    made.pooled["gaps"] = gaps
    made.sums.update(
        {
            "utts": by_language(None),
            "right": by_language(right),
            "top": by_language(answers.rank[order] < top),
            "answered": _sums(numbers[inside] * count + answered[inside], None, size * count).reshape(size, count),
            "surprise": by_language(answers.surprise[order]),
        }
    )
    if made.detection is not None:
        made.sums.update({name: by_language(v) for name, v in _costs(trials, made.detection).items()})
        _equal_errors(trials, made, numbers, size)
    return made


def _detect(trials: Trials) -> Detection | None:
    if trials.num_languages < 2:
        return None
    missed, alarms = trials.own < 0, np.empty(trials.num_languages)
    sizes = np.diff(trials.starts)
    for i, row in enumerate(trials.ratios):
        shares = np.add.reduceat(row >= 0, trials.starts[:-1], dtype=np.int64) / sizes
        alarms[i] = (shares.sum() - shares[i]) / (len(sizes) - 1)
    return Detection(
        trials.pooled_equal_error(),
        trials.equal_errors(),
        trials.best_thresholds(),
        np.bincount(trials.truth, weights=missed) / sizes,
        alarms,
    )


def _costs(trials: Trials, detection: Detection) -> dict[str, npt.NDArray[np.generic]]:
    """Name -> (U,) misses and false alarms at a threshold of Cavg, or the terms of Cllr."""
    found: dict[str, npt.NDArray[np.generic]] = {}
    for beta, least in zip(BETAS, detection.minimum):
        for kind, threshold in (("actual", float(np.log(beta))), ("minimum", least)):
            found[f"{kind}_misses_{beta}"], found[f"{kind}_alarms_{beta}"] = trials.accepted(threshold)
    found["soft_misses"], found["soft_alarms"] = trials.soft_costs()
    return found


def _equal_errors(trials: Trials, made: Tally, numbers: IntArray, size: int) -> None:
    """Adds misses and false alarms at the points of equal error, of all detectors together and of each."""
    assert made.detection is not None
    pooled = made.detection.pooled
    for threshold, share in ((pooled.low, 1 - pooled.mix), (pooled.high, pooled.mix)):
        if share:
            missed, alarms = trials.accepted(threshold)
            for name, values in (("eer_misses", missed), ("eer_alarms", alarms)):
                made.pooled[name] = made.pooled.get(name, 0) + share * _sums(numbers, values, size)
    for name in ("eer_misses", "eer_alarms"):
        made.sums[name] = np.zeros((size, trials.num_languages))
    for i, (row, point) in enumerate(zip(trials.ratios, made.detection.each)):
        span = slice(int(trials.starts[i]), int(trials.starts[i + 1]))
        for threshold, share in ((point.low, 1 - point.mix), (point.high, point.mix)):
            if share:
                accepted = row >= threshold
                made.sums["eer_misses"][:, i] += share * _sums(numbers[span], ~accepted[span], size)
                accepted[span] = False
                made.sums["eer_alarms"][:, i] += share * np.bincount(numbers[accepted], minlength=size)


def _f1(sums: dict[str, Float64Array]) -> Float64Array:
    """(D, N) F1 of each language; NaN for one that a draw lacks."""
    found: Float64Array = np.where(sums["utts"] > 0, 2 * sums["right"] / (sums["utts"] + sums["answered"]), np.nan)
    return found


def _sums(places: IntArray, values: npt.NDArray[np.generic] | None, size: int) -> Float64Array:
    weights = None if values is None else values.astype(np.float64)
    return np.bincount(places, weights=weights, minlength=size).astype(np.float64)
