"""Matrices of representations by name: as `masr analyse similarity` writes them, and as papers print them.

Shapes: M representations.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from masr.errors import AnalysisError, near
from masr.files import ordinary
from masr.io.figure_checks import Array

Pair = tuple[int, int]


@dataclass(frozen=True, eq=False)
class NamedMatrix:
    """How alike each representation is to each."""

    names: tuple[str, ...]
    values: Array
    """(M, M)."""

    def between(self, pairs: Sequence[Pair]) -> Array:
        """One figure a pair: the mean of both directions."""
        return np.array([(self.values[i, j] + self.values[j, i]) / 2 for i, j in pairs])

    def pairs(self, patterns: Sequence[str]) -> list[Pair]:
        """Pairs of different representations that any FIRST:SECOND fits in either order, where * is any text."""
        found = []
        for pattern in patterns:
            first, colon, second = pattern.partition(":")
            if not colon:
                raise AnalysisError(f"{pattern!r} is no pair", fix="write NAME:NAME; * stands for any text")
            fitting = [
                (i, j)
                for i in range(len(self.names))
                for j in range(i + 1, len(self.names))
                if self._fit(i, j, first, second) or self._fit(j, i, first, second)
            ]
            if not fitting:
                raise AnalysisError(f"no two representations fit {pattern!r}", fix=near(first, self.names))
            found += fitting
        return sorted(set(found))

    def _fit(self, i: int, j: int, first: str, second: str) -> bool:
        return fnmatchcase(self.names[i], first) and fnmatchcase(self.names[j], second)


def read_matrix(path: Path) -> NamedMatrix:
    """A square table whose header and first column hold the same names, columns apart by tabs or commas (.csv)."""
    try:
        text = ordinary(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise AnalysisError(f"{path} is not there", fix="give a table of `masr analyse similarity --out`") from None
    except (OSError, UnicodeDecodeError) as error:
        raise AnalysisError(f"{path} cannot be read: {error}") from None
    try:
        rows = [row for row in csv.reader(text.splitlines(), delimiter="," if path.suffix == ".csv" else "\t") if row]
    except csv.Error as error:
        raise AnalysisError(f"{path} is no table: {error}") from None
    names = tuple(rows[0][1:]) if rows else ()
    if not names or tuple(row[0] for row in rows[1:]) != names or any(len(row) != len(rows[0]) for row in rows):
        raise AnalysisError(f"{path} is no square matrix with the same names above and beside it")
    try:
        values = np.array([[float(cell) for cell in row[1:]] for row in rows[1:]])
    except ValueError as error:
        raise AnalysisError(f"{path}: {error}") from None
    if len(set(names)) < len(names) or not np.isfinite(values).all():
        raise AnalysisError(f"{path} has a name twice, or what is no figure")
    return NamedMatrix(names, values)


def mean_matrix(paths: Sequence[Path]) -> NamedMatrix:
    """The mean of matrices of the same representations, as of several seeds."""
    found = [read_matrix(path) for path in paths]
    for path, one in zip(paths, found, strict=True):
        if one.names != found[0].names:
            raise AnalysisError(f"{path} and {paths[0]} are not of the same representations")
    return NamedMatrix(found[0].names, np.stack([one.values for one in found]).mean(axis=0))
