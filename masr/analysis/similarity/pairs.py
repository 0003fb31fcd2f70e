"""The similarity of chosen pairs of representations, out of matrices: their mean, the smallest, the largest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from masr.analysis.similarity.matrix import read_matrix


@dataclass(frozen=True)
class Chosen:
    """The pairs of one matrix."""

    pairs: Mapping[str, float]
    """`first:second` -> how alike they are."""
    count: int
    mean: float
    smallest: float
    largest: float


def compute(matrices: Sequence[Path], patterns: Sequence[str]) -> dict[str, Chosen]:
    """The name of each file -> its pairs that fit FIRST:SECOND, where * is any text."""
    found = {}
    for path in matrices:
        matrix = read_matrix(path)
        pairs = matrix.pairs(patterns)
        values = matrix.between(pairs)
        named = {f"{matrix.names[i]}:{matrix.names[j]}": float(v) for (i, j), v in zip(pairs, values, strict=True)}
        found[path.stem] = Chosen(named, len(pairs), float(values.mean()), float(values.min()), float(values.max()))
    return found


def show(found: Mapping[str, Chosen]) -> None:
    """Prints it."""
    print(render(found))


def render(found: Mapping[str, Chosen]) -> str:
    """A line for each matrix."""
    return "\n".join(
        f"{name}: mean {one.mean:.4f}, smallest {one.smallest:.4f}, largest {one.largest:.4f} of {one.count} pairs"
        for name, one in found.items()
    )


def as_json(found: Mapping[str, Chosen]) -> dict[str, Any]:
    """Every figure."""
    return {
        name: {
            "count": one.count,
            "mean": one.mean,
            "smallest": one.smallest,
            "largest": one.largest,
            "pairs": dict(one.pairs),
        }
        for name, one in found.items()
    }
