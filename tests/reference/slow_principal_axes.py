"""Principal components by the book: the covariance matrix, its eigenvectors, one projection at a time."""

from __future__ import annotations

import numpy as np


def principal_axes(rows: list[list[float]]) -> tuple[list[list[float]], list[float]]:
    """Coordinates along the two directions of largest variance (signs are arbitrary), and their shares of it."""
    size, width = len(rows), len(rows[0])
    mean = [sum(row[k] for row in rows) / size for k in range(width)]
    centred = [[row[k] - mean[k] for k in range(width)] for row in rows]
    covariance = [[sum(row[a] * row[b] for row in centred) for b in range(width)] for a in range(width)]
    values, vectors = np.linalg.eigh(np.array(covariance))
    order = sorted(range(width), key=lambda k: -values[k])[:2]
    flat = [[sum(row[k] * vectors[k][axis] for k in range(width)) for axis in order] for row in centred]
    return flat, [float(values[axis]) / float(sum(values)) for axis in order]


def spearman(a: list[float], b: list[float]) -> float:
    """Pearson's correlation of ranks, ties sharing the mean of theirs."""

    def ranks(values: list[float]) -> list[float]:
        return [sum(v < x for v in values) + (sum(v == x for v in values) + 1) / 2 for x in values]

    ra, rb = ranks(a), ranks(b)
    ma, mb = sum(ra) / len(ra), sum(rb) / len(rb)
    top = sum((x - ma) * (y - mb) for x, y in zip(ra, rb, strict=True))
    return top / (sum((x - ma) ** 2 for x in ra) * sum((y - mb) ** 2 for y in rb)) ** 0.5
