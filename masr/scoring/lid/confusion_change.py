"""How often two languages are taken for each other before and after a change, from the nearest two on.

The share of a pair is that of the utterances of either language that were answered with the other. Several files of one
system, as of several seeds, are pooled. Intervals are over resampled speakers, the same draws before and after: they
speak of other speakers, not of training again.

Shapes: U utterances, K languages, P pairs of them, S clusters of speakers, R draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from masr.errors import ScoresError, UsageError, near
from masr.io.answers import AnswerTable, read_answer_table
from masr.maths.bootstrap import Clusters, Figures, clusters, difference, known_mean, ratio
from masr.maths.estimate import Estimate
from masr.scoring.lid.confusions import cosines_of
from masr.types import Float64Array, IntArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True, kw_only=True)
class Change(Estimate):
    """A share after less the same before: negative where confusions became fewer."""

    before: float
    after: float


@dataclass(frozen=True)
class ConfusedPair:
    """Two languages that have codes, the first by name first."""

    first: str
    second: str
    cosine: float
    num_utts: int
    """Utterances of either language in the test."""
    change: Change


@dataclass(frozen=True)
class Confusions:
    """The nearest pairs, the nearest first, and the means over them and over all others."""

    pairs: tuple[ConfusedPair, ...]
    related: Change
    """Mean over `pairs`."""
    others: Change | None
    """Mean over all other pairs of languages with codes; None where there is none."""
    num_others: int
    without_code: tuple[str, ...]
    """Languages that are in no pair, because nothing says how near they are to others."""
    num_utts: int
    num_speakers: int


def compute(before: Sequence[Path], after: Sequence[Path], codes: Path, most: int = 20, seed: int = 0) -> Confusions:
    """The change from one system's files of answers to another's, for languages that have codes in a folder."""
    if most < 1 or seed < 0:
        raise UsageError("--most is at least 1, and --seed is not negative")
    first, second = ([read_answer_table(path) for path in paths] for paths in (before, after))
    languages = languages_of([*first, *second])
    cosines = cosines_of(languages, codes)
    if cosines is None:
        raise ScoresError(
            f"{codes} has a code for none of the languages of {before[0]}: {', '.join(languages[:5])}",
            fix="give --codes the folder that masr units made for this corpus",
        )
    return compare_confusions(first, second, languages, cosines, most, seed)


def files_of(answers: Sequence[Path], names: Sequence[str], before: str, after: str) -> tuple[list[Path], list[Path]]:
    """The files of the system before the change and of that after it; `names` says of each file whose it is."""
    if len(names) != len(answers):
        raise UsageError(
            f"{len(names)} names for {len(answers)} files of answers", fix="give each a name; seeds share one"
        )
    for side, name in (("before", before), ("after", after)):
        if name not in names:
            raise UsageError(f"--{side} {name} is none of --names", fix=near(name, names))
    if before == after:
        raise UsageError(f"--before and --after are both {before}", fix="give two systems")
    both = ([path for path, own in zip(answers, names, strict=True) if own == name] for name in (before, after))
    return next(both), next(both)


def languages_of(tables: Sequence[AnswerTable]) -> tuple[str, ...]:
    """All labels and answers, sorted."""
    return tuple(sorted({name for table in tables for name in (*table.labels, *table.answers) if name}))


def compare_confusions(
    before: Sequence[AnswerTable],
    after: Sequence[AnswerTable],
    languages: Sequence[str],
    cosines: Float64Array,
    most: int = 20,
    seed: int = 0,
) -> Confusions:
    """The `most` nearest pairs and the rest. `languages` are sorted and hold all labels and answers; `cosines`
    (K, K) is NaN where one of two has no code."""
    test = _same_test((*before, *after))
    drawing = clusters(test.speakers, seed=seed)
    names = np.array(languages, dtype=np.str_)
    labels = np.searchsorted(names, np.array(test.labels, dtype=np.str_))
    totals = np.zeros((drawing.count, len(names)))
    np.add.at(totals, (drawing.numbers, labels), 1)
    tested = totals.sum(axis=0)
    first, second = _by_nearness(cosines, tested)
    shares = _Shares(first, second, totals, drawing)
    counts = [shares.count(tables, test, names, labels) for tables in (before, after)]
    changes = _changes(shares, counts, min(most, len(first)), seed)
    num_others = len(first) - min(most, len(first))
    pairs = [
        ConfusedPair(languages[a], languages[b], float(cosines[a, b]), int(tested[a] + tested[b]), change)
        for a, b, change in zip(first.tolist(), second.tolist(), changes)
    ][:most]
    codeless = tuple(name for name, row in zip(languages, np.isnan(cosines.diagonal())) if row)
    related, others = changes[len(pairs)], changes[-1] if num_others else None
    return Confusions(tuple(pairs), related, others, num_others, codeless, len(test.utts), len(set(test.speakers)))


@dataclass(frozen=True, eq=False)
class _Shares:
    """Counts of pairs by cluster become shares under any weights of the clusters."""

    first: IntArray
    """(P,) places of languages."""
    second: IntArray
    totals: Float64Array
    """(S, K) utterances of each language by cluster."""
    clusters: Clusters

    def count(
        self, tables: Sequence[AnswerTable], test: AnswerTable, names: np.ndarray, labels: IntArray
    ) -> csr_matrix:
        """(S, P) answers with the other of a pair, in the mean over `tables`."""
        from scipy.sparse import csr_matrix

        pair_of = np.full((len(names), len(names)), -1, dtype=np.int64)
        pair_of[self.first, self.second] = pair_of[self.second, self.first] = np.arange(len(self.first))
        rows, columns = [], []
        for table in tables:
            said = dict(zip(table.utts, table.answers, strict=True))
            answers = np.array([said[utt] for utt in test.utts], dtype=np.str_)
            found = np.where(answers == "", -1, pair_of[labels, np.searchsorted(names, answers)])
            rows.append(self.clusters.numbers[found >= 0])
            columns.append(found[found >= 0])
        places = np.concatenate(rows), np.concatenate(columns)
        values = np.full(len(places[0]), 1 / len(tables))
        return csr_matrix((values, places), shape=(self.clusters.count, len(self.first)))

    def of(self, counts: csr_matrix, weights: Float64Array) -> Float64Array:
        """(R, P) under weights (R, S); NaN where a draw has no utterance of either language."""
        there = weights @ self.totals
        either = there[:, self.first] + there[:, self.second]
        hits = (counts.T @ weights.T).T
        return ratio(hits, either)


def _changes(shares: _Shares, counts: Sequence[csr_matrix], num_near: int, seed: int) -> list[Change]:
    """The changes of each near pair, of their mean, and, where there are others, of the mean over those."""

    def summary(one: csr_matrix) -> Figures:
        return lambda weights: _summary(shares.of(one, weights), num_near)

    before, after = map(summary, counts)
    found = difference(after, before, shares.clusters.count, seed, cells=len(shares.first), unit="share")
    return [Change(one.value, one.low, one.high, unit=one.unit, before=one.second, after=one.first) for one in found]


def _summary(shares: Float64Array, num_near: int) -> Float64Array:
    """(R, P) shares -> (R, num_near + 2): those of near pairs, their mean, and the mean over the rest."""
    near, rest = shares[:, :num_near], shares[:, num_near:]
    means = [known_mean(part)[:, None] for part in (near, rest) if part.shape[1]]
    return np.concatenate([near, *means], axis=1)


def _by_nearness(cosines: Float64Array, tested: Float64Array) -> tuple[IntArray, IntArray]:
    """The pairs with a cosine and an utterance, from the nearest on; of equals the first by name."""
    first, second = np.triu_indices(len(cosines), 1)
    kept = ~np.isnan(cosines[first, second]) & (tested[first] + tested[second] > 0)
    first, second = first[kept], second[kept]
    if not len(first):
        raise ScoresError(
            "no two of the languages have codes, so that nothing says which are near",
            why="the codes are of another corpus, or the labels are no languages",
            fix="give --codes the folder that masr units made for this corpus",
        )
    order = np.argsort(-cosines[first, second], kind="stable")
    return first[order], second[order]


def _same_test(tables: Sequence[AnswerTable]) -> AnswerTable:
    """The first table; ScoresError where another is of other utterances, speakers or labels."""
    first = tables[0]
    known = dict(zip(first.utts, zip(first.speakers, first.labels)))
    for table in tables[1:]:
        other = dict(zip(table.utts, zip(table.speakers, table.labels)))
        if other != known:
            differing = [utt for utt in sorted({*known, *other}) if known.get(utt) != other.get(utt)]
            raise ScoresError(
                f"the answers are not to the same test: {len(differing)} utterances differ, as {differing[0]}",
                why="a change of shares means something only on the same utterances, speakers and labels",
                fix="give files of one test set",
            )
    return first
