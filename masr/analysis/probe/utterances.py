"""What an utterance's vector tells of its label, to classifiers that are simple: a linear one, or the NOSS protocol.

The plain probe is logistic regression on vectors of like scale, with its C chosen on dev. In the protocol of the NOSS
benchmark, logistic regression, linear discriminant analysis and a random forest learn from frozen vectors, each of them
with and without vectors of length 1, and with and without the speaker's mean and deviation taken out (Shor et al. 2020,
"Towards learning a universal non-semantic representation of speech"). Dev chooses; only what was chosen is tested.

Shapes: N utterances, D width, K labels.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from masr.analysis.probe.data import ROLES, SPEAKER, ProbeTask, StrArray, scaled
from masr.analysis.probe.figures import Figures, figures, mean_cosine
from masr.analysis.probe.parts import Parts
from masr.analysis.probe.softmax import Regression
from masr.errors import AnalysisError
from masr.maths.bootstrap import share_right
from masr.types import FloatArray, IntArray

METHODS = ("logistic", "lda", "forest")
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""C of logistic regression, as scikit-learn has it."""
PLAIN_STRENGTHS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0, 10.0, 30.0, 100.0)
"""C of the plain probe's logistic regression."""
Select = Literal["accuracy", "balanced"]
Answers = Callable[[FloatArray], IntArray]

_TOLERANCE = 1e-6
_PRIOR_UTTS = 10
"""A speaker's deviation counts as much as that of all speakers once there are so many utterances of it."""
_FOREST_ROWS = 50_000
_TREES = 100


@dataclass(frozen=True)
class Options:
    """How vectors are probed."""

    methods: Sequence[str] = METHODS
    select: Select = "accuracy"
    seed: int = 0
    plain: bool = False
    """Whether there is one linear probe, of vectors that are only brought to like scale."""
    parts: Parts = field(default_factory=dict)


@dataclass(frozen=True)
class Chosen:
    """One method as dev chose it."""

    method: str
    setting: str
    """The method's own setting, as in C=0.01."""
    unit_length: bool
    per_speaker: bool
    dev: float
    num_candidates: int
    test: Figures | None = None
    at_edge: bool = False
    """Whether C is the smallest or the largest that was tried, so that a better one may lie beyond."""


@dataclass(frozen=True, eq=False)
class Said:
    """The answers of a layer's best probe to the utterances (or frames) of test."""

    answers: StrArray
    """(N,) the label that is answered."""
    names: StrArray
    """(K,) labels of train."""
    logs: FloatArray | None
    """(N, K) log-probabilities, of logistic regression."""


@dataclass(frozen=True)
class Layer:
    """All methods on one layer, the best on dev first."""

    name: str
    methods: tuple[Chosen, ...]
    raw_cosine: float | None = None
    """Mean cosine between two vectors of test as they were extracted."""
    said: Said | None = None

    @property
    def best(self) -> Chosen:
        return self.methods[0]


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A method, trained with one of its settings."""

    setting: str
    answers: Answers
    logs: Callable[[FloatArray], FloatArray] | None = None
    at_edge: bool = False


@dataclass(frozen=True, eq=False)
class _Fit:
    chosen: Chosen
    answers: IntArray
    """(N,) its answers to test."""
    logs: FloatArray | None


def probe(task: ProbeTask, name: str, vectors: Mapping[str, FloatArray], options: Options | None = None) -> Layer:
    """The protocol on one layer. `vectors` holds (N, D) for each role, of all utterances of its folder."""
    options = options or Options()
    methods = ("logistic",) if options.plain else options.methods
    for method in methods:
        if method not in METHODS:
            raise AnalysisError(f"there is no probe {method!r}", fix="choose from: " + ", ".join(METHODS))
    names = np.unique(task.parts["train"].labels)
    truth = {role: places(names, task.parts[role].labels) for role in ROLES}
    best: dict[str, _Fit] = {}
    for unit_length, per_speaker in [(False, False)] if options.plain else variants(task):
        rows = prepared(task, vectors, unit_length, per_speaker)
        for method in methods:
            for one in _candidates(method, rows["train"], truth["train"], len(names), options):
                dev = _score(one.answers(rows["dev"]), truth["dev"], options.select)
                held = best.get(method)
                count = held.chosen.num_candidates + 1 if held else 1
                if held is None or dev > held.chosen.dev:
                    made = Chosen(method, one.setting, unit_length, per_speaker, dev, count, at_edge=one.at_edge)
                    logs = one.logs(rows["test"]) if one.logs else None
                    best[method] = _Fit(made, one.answers(rows["test"]), logs)
                else:
                    best[method] = replace(held, chosen=replace(held.chosen, num_candidates=count))
    if not best:
        raise AnalysisError(
            f"{len(truth['train'])} utterances of {len(names)} labels are too few for {', '.join(methods)}",
            fix="choose --probe logistic",
        )
    fits = sorted(best.values(), key=lambda fit: -fit.chosen.dev)
    tested = tuple(replace(fit.chosen, test=tested_on(task, names, fit.answers, options)) for fit in fits)
    said = Said(names[fits[0].answers], names, fits[0].logs)
    return Layer(name, tested, mean_cosine(vectors["test"][task.parts["test"].rows]), said)


def places(names: StrArray, labels: StrArray) -> IntArray:
    """(N,) the place of each label in `names`, which are sorted; -1 where it is not there."""
    found = np.searchsorted(names, labels).clip(max=len(names) - 1)
    answers: IntArray = np.where(names[found] == labels, found, -1).astype(np.int64)
    return answers


def variants(task: ProbeTask) -> Iterator[tuple[bool, bool]]:
    """Whether vectors get length 1, and whether the speaker is taken out: not where the speaker is the question."""
    speakers = [False, True] if task.speakers_known and task.kind != SPEAKER else [False]
    return ((unit, speaker) for speaker in speakers for unit in (False, True))


def prepared(
    task: ProbeTask, vectors: Mapping[str, FloatArray], unit_length: bool, per_speaker: bool
) -> dict[str, FloatArray]:
    """Role -> vectors of its utterances, every dimension brought to like scale by mean and deviation of train."""
    found = {}
    for role, part in task.parts.items():
        rows = vectors[role][part.rows]
        if unit_length:
            lengths = np.linalg.norm(rows, axis=1, keepdims=True)
            rows = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
        found[role] = without_speakers(rows, part.speakers) if per_speaker else rows
    mean, deviation = found["train"].mean(axis=0, dtype=np.float64), found["train"].std(axis=0, dtype=np.float64)
    return {role: scaled(rows, mean, deviation) for role, rows in found.items()}


def without_speakers(rows: FloatArray, speakers: StrArray) -> FloatArray:
    """(N, D) rows minus their speaker's mean, divided by its deviation, which of few rows leans to that of all."""
    _, numbers = np.unique(speakers, return_inverse=True)
    counts = np.bincount(numbers)[:, None].astype(np.float64)
    sums = np.zeros((len(counts), rows.shape[1]))
    np.add.at(sums, numbers, rows)
    centred = rows - (sums / counts)[numbers]
    squares = np.zeros_like(sums)
    np.add.at(squares, numbers, centred**2)
    shared = squares.sum(axis=0) / len(rows)
    variance = (squares + _PRIOR_UTTS * shared) / (counts + _PRIOR_UTTS)
    deviation = np.sqrt(variance)
    scale = deviation[numbers]
    found: FloatArray = np.divide(centred, scale, out=np.zeros_like(centred), where=scale > 0).astype(np.float32)
    return found


def _score(answers: IntArray, truth: IntArray, select: Select) -> float:
    """What dev chooses by, over the rows whose label train has."""
    known = truth >= 0
    right = (answers == truth)[known]
    if select == "accuracy":
        return float(right.mean())
    return float(np.mean([right[truth[known] == label].mean() for label in np.unique(truth[known])]))


def _candidates(
    method: str, rows: FloatArray, labels: IntArray, num_labels: int, options: Options
) -> Iterator[_Candidate]:
    """A trained candidate for every setting of a method."""
    if method == "logistic":
        regression, start = Regression(rows, labels, num_labels, options.seed), None
        strengths = PLAIN_STRENGTHS if options.plain else STRENGTHS
        for strength in strengths:
            start = regression.fit(strength, start, _TOLERANCE)
            edge = strength in (strengths[0], strengths[-1])
            yield _Candidate(f"C={strength:g}", start.answers, start.log_probabilities, edge)
    elif method == "lda":
        if len(rows) <= num_labels:  # no label has two rows to tell how rows of one label differ
            return
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        for shrinkage in (0.0, 0.1, 0.5):
            model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(rows, labels)
            yield _Candidate(f"shrinkage={shrinkage:g}", _of_sklearn(model))
    else:
        from sklearn.ensemble import RandomForestClassifier

        drawn = None if len(rows) <= _FOREST_ROWS else _FOREST_ROWS
        model = RandomForestClassifier(_TREES, max_samples=drawn, random_state=options.seed)
        with warnings.catch_warnings():  # that there are many labels, once for every tree
            warnings.simplefilter("ignore", UserWarning)
            model.fit(rows, labels)
        yield _Candidate(f"trees={_TREES}", _of_sklearn(model))


def _of_sklearn(model: Any) -> Answers:
    return lambda rows: np.asarray(model.predict(rows), dtype=np.int64)


def tested_on(task: ProbeTask, names: StrArray, answers: IntArray, options: Options) -> Figures:
    """Figures of the answers for test."""
    part = task.parts["test"]
    truth = places(names, part.labels)
    commonest = int(np.searchsorted(names, task.commonest))
    # Where the speakers are what is asked for, what they say is all there is to draw.
    by_speaker = task.speakers_known and task.kind != SPEAKER
    units = part.speakers if by_speaker else np.char.mod("%d", part.rows)
    unit = "speakers" if by_speaker else "utterances"
    found = figures(answers, truth, names, commonest, units, unit, options.seed)
    shares = {}
    for name, labels in options.parts.items():
        inside = (truth >= 0) & np.isin(part.labels, sorted(labels))
        shares[name] = share_right((answers == truth)[inside], units[inside], options.seed)
    return replace(found, unseen_labels=tuple(np.unique(part.labels[truth < 0]).tolist()), parts=shares)
