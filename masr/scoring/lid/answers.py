"""What a system answers to each utterance, and its log-likelihood ratios, out of its log-probabilities.

With a flat prior a language's probability is in proportion to its likelihood, so that over N languages
  ratio of language i = log p_i - log(mean of the other p_j)
which is how the evaluations of NIST make a detector of each language out of one vector of scores.

Shapes: U utterances, N languages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from masr.errors import ScoresError
from masr.io.language_scores import LanguageScores
from masr.scoring.lid.reference import Labels
from masr.scoring.threads import each
from masr.types import FloatArray, IntArray

TOLERANCE = 1e-3
"""How far the logarithm of a row's sum may be from 0: scores with four digits after the point pass."""
_ROWS = 2048


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers to all utterances. Languages are sorted, so that the order of columns in a file changes nothing."""

    utts: tuple[str, ...]
    languages: tuple[str, ...]
    truth: IntArray
    """(U,) place of the true language; -1 where the system does not have it."""
    answer: IntArray
    """(U,) place of the likeliest language; the first by name where several are."""
    confidence: FloatArray
    """(U,) probability of the answer."""
    rank: IntArray
    """(U,) how many languages the system puts before the true one; N where it does not have it."""
    surprise: FloatArray
    """(U,) minus the natural logarithm of the true language's probability; NaN where the system does not have it."""
    ratios: FloatArray
    """(N, U) log-likelihood ratios, natural logarithm."""
    num_tied: int = 0
    """Utterances with more than one likeliest language."""


def judge(path: Path, scores: LanguageScores, rows: IntArray, labels: Labels, normalise: bool = False) -> Answers:
    """The answers to `rows` of the scores, whose true languages are `labels`."""
    order = np.argsort(np.array(scores.languages, dtype=np.str_), kind="stable")
    languages = tuple(scores.languages[i] for i in order)
    place = {name: i for i, name in enumerate(languages)}
    truth = np.array([place.get(name, -1) for name in labels.names], dtype=np.int64)[labels.codes]
    size, count = len(rows), len(languages)
    made = Answers(
        tuple(map(scores.utts.__getitem__, rows.tolist())),
        languages,
        truth,
        np.empty(size, np.int64),
        np.empty(size, np.float32),
        np.empty(size, np.int64),
        np.empty(size, np.float32),
        np.empty((count, size), np.float32),
    )
    straight = None if bool((order == np.arange(count)).all()) else order

    def work(part: slice) -> int:
        logs = _block(scores.values, rows[part], straight)
        _check(path, scores, rows[part], logs, normalise)
        return _answer(made, part, logs)

    return replace(made, num_tied=sum(each(work, _parts(size), count * size)))


def _answer(made: Answers, part: slice, logs: FloatArray) -> int:
    """Fills in the answers to some utterances from their checked scores; how many of them are tied."""
    count, truth = len(made.languages), made.truth[part]
    best, total, rest, others = _odds(logs)
    made.answer[part] = best
    made.confidence[part] = 1 / total
    known = truth >= 0
    own = np.where(known, logs[np.arange(len(best)), np.maximum(truth, 0)], np.nan)
    certain = known & (best == truth)  # 1 + rest is 1 there, where -log(1 / (1 + rest)) is rest
    made.surprise[part] = np.where(certain, np.log1p(rest), np.log(total) - own)
    before = np.arange(count) < truth[:, None]
    ahead = (logs > own[:, None]) | ((logs == own[:, None]) & before)
    made.rank[part] = np.where(known, ahead.sum(axis=1), count)
    num_tied = int(((logs == 0).sum(axis=1) > 1).sum())
    with np.errstate(divide="ignore"):
        logs -= np.log(others, out=others)
    logs += np.float32(np.log(count - 1))
    made.ratios[:, part] = logs.T
    return num_tied


def _parts(size: int) -> Iterator[slice]:
    for start in range(0, size, _ROWS):
        yield slice(start, min(size, start + _ROWS))


def _block(values: FloatArray, rows: IntArray, order: IntArray | None) -> FloatArray:
    """A copy of some rows, their languages sorted."""
    steady = len(rows) and rows[-1] - rows[0] == len(rows) - 1
    block = values[rows[0] : rows[-1] + 1] if steady else values[rows]
    found: FloatArray = np.array(block if order is None else block[:, order], dtype=np.float32, order="C")
    return found


def _odds(logs: FloatArray) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
    """(U,) the likeliest, (U,) and (U,) the sum of all with it and without, (U, N) for each the sum of all others.

    All are in units of the likeliest, whose own probability is left out before summing rather than taken off after:
    a system that is nearly certain says how nearly by what it leaves to the others.
    """
    best = logs.argmax(axis=1)
    shares = np.exp(logs)
    lines = np.arange(len(logs))
    shares[lines, best] = 0
    rest = shares.sum(axis=1)
    others = np.subtract(rest[:, None], shares, out=shares)
    others += 1
    others[lines, best] = rest
    return best, 1 + rest, rest, others


def _check(path: Path, scores: LanguageScores, rows: IntArray, logs: FloatArray, normalise: bool) -> None:
    """ScoresError for a row that is no distribution; takes each row's highest score off the row."""
    highest = logs.max(axis=1)
    if not np.isfinite(highest).all():
        place = int(np.flatnonzero(~np.isfinite(highest))[0])
        what = "NaN" if np.isnan(highest[place]) else "+inf" if highest[place] > 0 else "only -inf"
        raise ScoresError(
            f"{path}: {scores.utts[rows[place]]}: has {what} among its scores",
            why="the model that wrote them diverged, or its probabilities were taken the logarithm of twice",
        )
    logs -= highest[:, None]
    if normalise:
        return
    sums = highest + np.log(np.exp(logs).sum(axis=1))
    wrong = np.flatnonzero(~(np.abs(sums) <= TOLERANCE))
    if len(wrong):
        total = float(np.exp(np.float64(sums[wrong[0]])))
        raise ScoresError(
            f"{path}: {scores.utts[rows[wrong[0]]]}: probabilities sum to {total:.6g}, not to 1",
            why="the scores are no natural logarithms of probabilities: logits, or cosines, or base 10",
            fix="--normalise takes each row's logarithm of the sum off, as log-softmax does",
        )
