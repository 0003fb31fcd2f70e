"""Recordings that ABX can hardly tell apart, joined first: hierarchical clustering."""

from __future__ import annotations

from typing import Literal

import numpy as np

from masr.analysis.abx.closeness import CHANCE
from masr.io.figure import Merge
from masr.types import Float64Array

Linkage = Literal["average", "complete", "single"]


def tree_of(both: Float64Array, linkage: Linkage = "average") -> tuple[Merge, ...]:
    """Merges of recordings, from (R, R) scores that are the mean of both directions.

    The distance of two is how far above chance their score lies. Leaves are ordered so that neighbours are as close as
    the tree allows. Empty where a score is not known, or there are fewer than two recordings.
    """
    from scipy.cluster.hierarchy import linkage as join

    upper = both[np.triu_indices(len(both), 1)]
    if not len(upper) or np.isnan(upper).any():
        return ()
    steps = join(np.maximum(upper - CHANCE, 0.0), method=linkage, optimal_ordering=True)
    return tuple(Merge(int(left), int(right), float(height)) for left, right, height, _ in steps)


def leaves(tree: tuple[Merge, ...], count: int) -> list[int]:
    """The leaves of a dendrogram from left to right, as numbers of recordings."""
    if not tree:
        return list(range(count))
    order: list[int] = []
    stack = [count + len(tree) - 1]
    while stack:
        node = stack.pop()
        if node < count:
            order.append(node)
        else:
            stack += [tree[node - count].right, tree[node - count].left]
    return order
