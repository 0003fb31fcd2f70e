"""Figures of language identification: of all utterances, of groups of them, of each language, with intervals."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from masr.maths.bootstrap import Clusters, drawn, estimate
from masr.maths.estimate import Estimate
from masr.scoring.lid.answers import Answers
from masr.scoring.lid.cluster_sums import NUM_BINS, Tally, tally, unit_of
from masr.scoring.lid.det_curve import equal_error
from masr.scoring.lid.reference import Labels
from masr.types import Float64Array, IntArray

P_OUT_OF_SET = 0.2
"""Share of utterances in no known language, as LRE 2007 and 2009 have it in their open-set test."""


@dataclass(frozen=True)
class Section:
    """The figures of some utterances."""

    num_utts: int
    num_languages: int
    figures: Mapping[str, Estimate]


@dataclass(frozen=True)
class Language:
    """How one language fares."""

    num_utts: int
    recall: Estimate
    """Share of its utterances answered rightly: its accuracy."""
    precision: float | None
    """Share of the answers with its name that are right; None where it is never answered."""
    f1: float
    eer: float | None = None
    """Equal error rate of its detector; this and the next two are None where no other language was tested."""
    miss_rate: float | None = None
    alarm_rate: float | None = None
    """How often its detector accepts other languages, at the threshold of P_target 0.5."""


@dataclass(frozen=True)
class OpenSet:
    """Utterances in languages that the system does not have."""

    num_utts: int
    answers: Mapping[str, Mapping[str, int]]
    """Unknown language -> how often each known one was answered."""
    mean_confidence: float
    alarm_rate: float | None
    """Mean over the tested detectors of the share that they accept at the threshold of P_target 0.5."""
    eer: float
    """Equal error rate of telling known from unknown languages by the probability of the answer."""
    cavg_actual: float | None
    """Cavg of LRE 2009 with out-of-set utterances, P_out-of-set 0.2."""


@dataclass(frozen=True)
class Reliability:
    """How often answers are right by their confidence: bin b of B holds b / B to (b + 1) / B."""

    counts: tuple[int, ...]
    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class LidFigures:
    """Everything of one system."""

    overall: Section
    languages: Mapping[str, Language]
    groups: Mapping[str, Mapping[str, Section]]
    open_set: OpenSet | None
    confusion: IntArray
    """(truths, answers) counts, rows as `truths`, columns as the system's languages."""
    truths: tuple[str, ...]
    reliability: Reliability
    num_tied: int
    num_impossible: int
    """Utterances whose true language got probability 0, which makes Cllr infinite."""
    tally: Tally = field(repr=False)


def compute(
    answers: Answers, labels: Labels, clusters: Clusters, groups: Mapping[str, Labels], top: int = 5, seed: int = 0
) -> LidFigures | None:
    """All figures; None where the system has none of the languages."""
    known = np.flatnonzero(answers.truth >= 0)
    if not len(known):
        return None
    weights = drawn(clusters.count, seed)
    all_rows = tally(answers, known, clusters, top)
    parts = {
        title: {values.names[code]: known[values.codes[known] == code] for code in _in_order(values, known)}
        for title, values in groups.items()
    }
    sections = {
        title: {
            name: section(tally(answers, rows, clusters, top), clusters, weights, _whole(answers, rows, all_rows))
            for name, rows in members.items()
        }
        for title, members in parts.items()
    }
    truths, counts = confusion(answers, labels)
    return LidFigures(
        section(all_rows, clusters, weights),
        _languages(answers, all_rows, clusters, weights),
        sections,
        _open_set(answers, labels, all_rows),
        counts,
        truths,
        reliability(answers, known),
        answers.num_tied,
        int(np.isposinf(answers.surprise[known]).sum()),
        all_rows,
    )


def section(part: Tally, clusters: Clusters, weights: Float64Array, whole: Tally | None = None) -> Section:
    """The figures of a tally, each with its interval.

    With `whole`, the utterances are all those of their languages: then F1 and the mean of the languages' equal error
    rates are those of these languages among all utterances, as other languages' mistakes count against them too.
    """

    def figures(given: Float64Array) -> dict[str, Float64Array]:
        return part.figures(given) | (whole.within(given, part.languages) if whole is not None else {})

    draws = figures(weights) if clusters.are_several(part.rows) else {}
    found = {
        name: estimate(float(value[0]), draws.get(name), unit_of(name))
        for name, value in figures(np.ones((1, clusters.count))).items()
    }
    return Section(len(part.rows), len(part.languages), found)


def confusion(answers: Answers, labels: Labels) -> tuple[tuple[str, ...], IntArray]:
    """The true languages by name, and (true, answered) counts over them and the system's languages."""
    size = len(answers.languages)
    counts = np.bincount(labels.codes * size + answers.answer, minlength=len(labels.names) * size)
    return labels.names, counts.reshape(len(labels.names), size)


def reliability(answers: Answers, rows: IntArray) -> Reliability:
    """How often answers of each confidence are right."""
    confidence = answers.confidence[rows].astype(np.float64)
    bins = np.minimum((confidence * NUM_BINS).astype(np.int64), NUM_BINS - 1)
    counts = np.bincount(bins, minlength=NUM_BINS)
    right = np.bincount(bins, answers.answer[rows] == answers.truth[rows], NUM_BINS)
    some = np.maximum(counts, 1)
    means = np.bincount(bins, confidence, NUM_BINS) / some
    return Reliability(tuple(counts.tolist()), tuple(means.tolist()), tuple((right / some).tolist()))


def _in_order(values: Labels, rows: IntArray) -> list[int]:
    """The labels of some utterances in the order of people, `3-10 s` before `10-30 s`."""
    return sorted(np.unique(values.codes[rows]).tolist(), key=lambda code: _natural(values.names[code]))


def _whole(answers: Answers, rows: IntArray, everything: Tally) -> Tally | None:
    """`everything` where the rows are all utterances of their languages, else None."""
    languages = np.unique(answers.truth[rows])
    return everything if int(np.isin(answers.truth, languages).sum()) == len(rows) else None


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(piece), "") if piece.isdecimal() else (0, piece) for piece in re.split(r"(\d+)", name)]


def _languages(answers: Answers, part: Tally, clusters: Clusters, weights: Float64Array) -> dict[str, Language]:
    ones = np.ones((1, clusters.count))
    recalls, draws = part.recalls(ones)[0], part.recalls(weights)
    utts, right, answered = ((ones @ part.sums[name])[0] for name in ("utts", "right", "answered"))
    several = (part.sums["utts"] > 0).sum(axis=0) > 1
    found = {}
    for i, place in enumerate(part.languages):
        recall = estimate(float(recalls[i]), draws[:, i] if several[i] else None, "share")
        precision = float(right[i] / answered[i]) if answered[i] else None
        f1 = float(2 * right[i] / (utts[i] + answered[i]))
        rates: Sequence[float] = ()
        if part.detection is not None:
            detection = part.detection
            rates = (detection.each[i].rate, float(detection.miss_rates[i]), float(detection.alarm_rates[i]))
        found[answers.languages[place]] = Language(int(utts[i]), recall, precision, f1, *rates)
    return found


def _open_set(answers: Answers, labels: Labels, part: Tally) -> OpenSet | None:
    rows = np.flatnonzero(answers.truth < 0)
    if not len(rows):
        return None
    table: dict[str, dict[str, int]] = {}
    for code in np.unique(labels.codes[rows]):
        places, counts = np.unique(answers.answer[rows[labels.codes[rows] == code]], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        table[labels.names[code]] = {answers.languages[places[i]]: int(counts[i]) for i in order}
    known = np.flatnonzero(answers.truth >= 0)
    rate = cavg = None
    if part.detection is not None:
        rate = float((answers.ratios[np.ix_(part.languages, rows)] >= 0).mean())
        misses, alarms = part.detection.miss_rates.mean(), part.detection.alarm_rates.mean()
        cavg = float(0.5 * misses + (0.5 - P_OUT_OF_SET) * alarms + P_OUT_OF_SET * rate)
    eer = equal_error(answers.confidence[known], answers.confidence[rows]).rate
    return OpenSet(len(rows), table, float(answers.confidence[rows].mean()), rate, eer, cavg)
