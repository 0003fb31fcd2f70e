"""Which languages are taken for each other, and whether those are the ones that typology calls alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from masr.errors import MissingPackageError
from masr.io.layout import CODES
from masr.metadata import lang2vec
from masr.metadata.codebook import Codebook
from masr.types import Float64Array, IntArray

FEATURE_SETS = ("syntax_knn", "phonology_knn", "inventory_knn")
"""The feature sets of the language stream, as it has them by default."""


@dataclass(frozen=True)
class Pair:
    """Two languages; `rate` is the mean of the two shares, over those directions that were tested."""

    first: str
    second: str
    num_first_as_second: int
    num_second_as_first: int
    rate: float
    similarity: float | None
    """Cosine of their typological vectors; None where one has none."""


NUM_RELATIVES = 3
"""Languages that count as the relatives of one: those with the greatest cosines."""


@dataclass(frozen=True)
class Relatedness:
    """Whether mistakes fall on relatives: the mean cosine over wrong answers, and over all pairs alike."""

    of_mistakes: float
    of_all_pairs: float
    taken_for_relatives: float
    """The share of a language's utterances that are taken for one of its relatives; the mean over languages."""


def most_confused(
    truths: Sequence[str], languages: Sequence[str], counts: IntArray, cosines: Float64Array | None, most: int = 20
) -> list[Pair]:
    """Pairs of the system's languages by rate, those that are never confused left out.

    `cosines` is over `languages`, NaN where one of two has no vector.
    """
    size = len(languages)
    place = {name: i for i, name in enumerate(languages)}
    table, tested = np.zeros((size, size)), np.zeros(size, dtype=bool)
    for row, name in zip(counts, truths):
        if name in place:
            table[place[name]], tested[place[name]] = row, True
    totals = table.sum(axis=1, keepdims=True)
    shares = np.divide(table, totals, out=np.zeros_like(table), where=totals > 0)
    directions = tested[:, None].astype(int) + tested
    rates = np.triu((shares + shares.T) / np.maximum(directions, 1), 1)
    order = np.argsort(-rates, axis=None, kind="stable")[:most]
    found = []
    for a, b in zip(*np.unravel_index(order, rates.shape)):
        if rates[a, b] > 0:
            cosine = None if cosines is None or np.isnan(cosines[a, b]) else float(cosines[a, b])
            ways = int(table[a, b]), int(table[b, a])
            found.append(Pair(languages[a], languages[b], *ways, float(rates[a, b]), cosine))
    return found


def relatedness(
    truths: Sequence[str], languages: Sequence[str], counts: IntArray, cosines: Float64Array
) -> Relatedness | None:
    """How much mistakes fall on relatives; None where there is no mistake between languages with vectors."""
    place = {name: i for i, name in enumerate(languages)}
    rows = [i for i, name in enumerate(truths) if name in place]
    own = np.array([place[truths[i]] for i in rows], dtype=np.int64)
    table, similar = counts[rows].astype(np.float64), cosines[own]
    totals = table.sum(axis=1)
    table[np.arange(len(own)), own] = 0
    similar[np.arange(len(own)), own] = np.nan
    table[np.isnan(similar)] = 0
    if not table.sum():
        return None
    nearest = np.argsort(-np.nan_to_num(similar, nan=-np.inf), axis=1, kind="stable")[:, :NUM_RELATIVES]
    taken = np.take_along_axis(table, nearest, axis=1).sum(axis=1)
    known = (totals > 0) & ~np.isnan(similar).all(axis=1)
    return Relatedness(
        float((table * np.nan_to_num(similar)).sum() / table.sum()),
        float(np.nanmean(similar)),
        float((taken[known] / totals[known]).mean()),
    )


def cosines_of(languages: Sequence[str], codes: Path | None = None) -> Float64Array | None:
    """(N, N) cosines from a file of codes of stage 3, or straight from lang2vec; None where no language has a vector.

    Gaps are left out: two languages are compared by the features that both have.
    """
    vectors = _from_codebook(languages, codes) if codes is not None else _from_lang2vec(languages)
    if vectors is None:
        return None
    known = vectors >= 0  # NaN and the codebook's -1 are gaps
    values = np.where(known, vectors, 0.0)
    lengths = (values**2) @ known.T.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Float64Array = (values @ values.T) / np.sqrt(lengths * lengths.T)
    return None if np.isnan(found).all() else found


def _from_codebook(languages: Sequence[str], path: Path) -> Float64Array:
    folder = path / CODES if (path / CODES).is_dir() else path
    book = Codebook.load(folder / "language.npz" if folder.is_dir() else path.with_suffix(".npz"))
    rows = book.lookup()
    vectors = np.full((len(languages), book.codes.shape[1]), np.nan)
    for i, name in enumerate(languages):
        if name in rows:
            vectors[i] = book.codes[rows[name]]
    return vectors


def _from_lang2vec(languages: Sequence[str]) -> Float64Array | None:
    try:
        there = set(lang2vec.languages())
        known = [i for i, name in enumerate(languages) if name in there]
        if not known:
            return None
        names = [languages[i] for i in known]
        values = np.concatenate([lang2vec.vectors(names, one)[1] for one in FEATURE_SETS], axis=1)
    except MissingPackageError:
        return None
    vectors = np.full((len(languages), values.shape[1]), np.nan)
    vectors[known] = values
    return vectors
