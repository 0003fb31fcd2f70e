"""What an utterance's vector tells of its label, to classifiers that are simple: the protocol of the NOSS benchmark.

Logistic regression, linear discriminant analysis and a random forest learn from frozen vectors, each with and without
vectors of length 1 and with and without the speaker's mean and deviation taken out. All of that is chosen on dev, and
only what was chosen is tested (Shor et al. 2020, "Towards learning a universal non-semantic representation of speech").

Shapes: N utterances, D width, K labels.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from masr.analysis.probe_data import ROLES, SPEAKER, IntArray, StrArray, Task, scaled
from masr.analysis.probe_figures import Figures, figures
from masr.analysis.probe_softmax import Regression, Softmax
from masr.errors import AnalysisError
from masr.types import FloatArray

METHODS = ("logistic", "lda", "forest")
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""C of logistic regression, as scikit-learn has it."""
Select = Literal["accuracy", "balanced"]
Answers = Callable[[FloatArray], IntArray]

_TOLERANCE = 1e-6
_PRIOR_UTTS = 10
"""A speaker's deviation counts as much as that of all speakers once there are so many utterances of it."""
_FOREST_ROWS = 50_000
_TREES = 100


@dataclass(frozen=True)
class Chosen:
    """One method as dev chose it."""

    method: str
    setting: str
    """What else was chosen: C=0.01."""
    unit_length: bool
    per_speaker: bool
    dev: float
    num_candidates: int
    test: Figures | None = None


@dataclass(frozen=True)
class Layer:
    """All methods on one layer; the first of them is the best on dev."""

    name: str
    methods: tuple[Chosen, ...]

    @property
    def best(self) -> Chosen:
        return self.methods[0]


@dataclass(frozen=True, eq=False)
class _Fit:
    chosen: Chosen
    answers: IntArray
    """Of test."""


def probe(
    task: Task,
    name: str,
    vectors: Mapping[str, FloatArray],
    methods: Sequence[str] = METHODS,
    select: Select = "accuracy",
    seed: int = 0,
) -> Layer:
    """The protocol on one layer. `vectors` are of all utterances of each role's folder."""
    for method in methods:
        if method not in METHODS:
            raise AnalysisError(f"there is no probe {method!r}", fix="choose from: " + ", ".join(METHODS))
    names = np.unique(task.parts["train"].labels)
    truth = {role: places(names, task.parts[role].labels) for role in ROLES}
    best: dict[str, _Fit] = {}
    for unit_length, per_speaker in variants(task):
        rows = prepared(task, vectors, unit_length, per_speaker)
        for method in methods:
            for setting, answers in _candidates(method, rows["train"], truth["train"], len(names), seed):
                dev = _score(answers(rows["dev"]), truth["dev"], select)
                held = best.get(method)
                count = held.chosen.num_candidates + 1 if held else 1
                if held is None or dev > held.chosen.dev:
                    made = Chosen(method, setting, unit_length, per_speaker, dev, count)
                    best[method] = _Fit(made, answers(rows["test"]))
                else:
                    best[method] = replace(held, chosen=replace(held.chosen, num_candidates=count))
    tested = [replace(fit.chosen, test=tested_on(task, names, fit.answers, seed)) for fit in best.values()]
    return Layer(name, tuple(sorted(tested, key=lambda chosen: -chosen.dev)))


def places(names: StrArray, labels: StrArray) -> IntArray:
    """Where each label is among `names`, which are sorted; -1 where it is not."""
    found = np.searchsorted(names, labels).clip(max=len(names) - 1)
    answers: IntArray = np.where(names[found] == labels, found, -1).astype(np.int64)
    return answers


def variants(task: Task) -> Iterator[tuple[bool, bool]]:
    """Whether vectors get length 1, and whether the speaker is taken out: not where the speaker is the question."""
    speakers = [False, True] if task.speakers_known and task.kind != SPEAKER else [False]
    return ((unit, speaker) for speaker in speakers for unit in (False, True))


def prepared(
    task: Task, vectors: Mapping[str, FloatArray], unit_length: bool, per_speaker: bool
) -> dict[str, FloatArray]:
    """Rows of each role, of like scale per dimension as train has it."""
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
    """Each speaker's mean taken out, divided by the speaker's deviation, drawn towards all speakers' where few."""
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
    """Over rows whose label train has."""
    known = truth >= 0
    right = (answers == truth)[known]
    if select == "accuracy":
        return float(right.mean())
    return float(np.mean([right[truth[known] == label].mean() for label in np.unique(truth[known])]))


def _candidates(
    method: str, rows: FloatArray, labels: IntArray, num_labels: int, seed: int
) -> Iterator[tuple[str, Answers]]:
    """Every setting of a method, trained."""
    if method == "logistic":
        regression, start = Regression(rows, labels, num_labels, seed), None
        for strength in STRENGTHS:
            start = regression.fit(strength, start, _TOLERANCE)
            yield f"C={strength:g}", _of_softmax(start)
    elif method == "lda":
        if len(rows) <= num_labels:  # no label has two rows to tell how rows of one label differ
            return
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        for shrinkage in (0.0, 0.1, 0.5):
            model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(rows, labels)
            yield f"shrinkage={shrinkage:g}", _of_sklearn(model)
    else:
        from sklearn.ensemble import RandomForestClassifier

        drawn = None if len(rows) <= _FOREST_ROWS else _FOREST_ROWS
        model = RandomForestClassifier(_TREES, max_samples=drawn, random_state=seed)
        with warnings.catch_warnings():  # that there are many labels, once for every tree
            warnings.simplefilter("ignore", UserWarning)
            model.fit(rows, labels)
        yield f"trees={_TREES}", _of_sklearn(model)


def _of_softmax(model: Softmax) -> Answers:
    return model.answers


def _of_sklearn(model: Any) -> Answers:
    return lambda rows: np.asarray(model.predict(rows), dtype=np.int64)


def tested_on(task: Task, names: StrArray, answers: IntArray, seed: int) -> Figures:
    """Figures of the answers for test."""
    part = task.parts["test"]
    truth = places(names, part.labels)
    commonest = int(np.bincount(places(names, task.parts["train"].labels)).argmax())
    # Where the speakers are what is asked for, what they say is all there is to draw.
    by_speaker = task.speakers_known and task.kind != SPEAKER
    units = part.speakers if by_speaker else np.char.mod("%d", part.rows)
    found = figures(answers, truth, names, commonest, units, "speakers" if by_speaker else "utterances", seed)
    return replace(found, unseen_labels=tuple(np.unique(part.labels[truth < 0]).tolist()))
