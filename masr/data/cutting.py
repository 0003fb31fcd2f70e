"""One step's utterances over micro-batches and ranks, in pieces that cost alike: longest utterance times count.

Pure functions of the step's lengths and labels, so that every rank computes all pieces and takes its own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]


def cut_step(lengths: Int64Array, labels: Int64Array | None, ranks: int, micro_batches: int) -> list[Int64Array]:
    """Rows of a step, (B,), in ranks x micro_batches parts: of the first micro-batch all ranks', then of the second.

    Without labels all parts are cut by length. Where a batch is balanced by labels (-1: none), mining needs two of a
    label in a micro-batch, over all ranks: there each label is first dealt over the micro-batches, and then every
    micro-batch is cut over the ranks by length.
    """
    if labels is None or micro_batches == 1:
        return pieces(lengths, ranks * micro_batches)
    dealt = deal(lengths, labels, micro_batches)
    return [rows[piece] for rows in dealt for piece in pieces(lengths[rows], ranks)]


def pieces(lengths: Int64Array, count: int) -> list[Int64Array]:
    """Rows of (B,) lengths in `count` pieces of neighbours in length, the longest first, each in ascending order.

    The costliest piece is as cheap as any partition has it, and none is empty where there are rows enough. Greedy from
    the longest is exact: whatever stands beside the longest utterance is padded to it, so the next longest are best.
    """
    order = np.argsort(-lengths, kind="stable")
    falling = np.maximum(lengths[order], 1).tolist()
    longest = max(falling, default=0)
    low, high = longest, longest * -(-len(falling) // count)
    while low < high:
        middle = (low + high) // 2
        if sum(_sizes(falling, count, middle)) == len(falling):
            high = middle
        else:
            low = middle + 1
    edges = np.cumsum(_sizes(falling, count, low))[:-1]
    return [np.sort(piece) for piece in np.split(order, edges)]


def _sizes(falling: list[int], count: int, cost: int) -> list[int]:
    """How many rows each piece takes at that cost, one being left for each piece to come; all rows where they fit."""
    sizes, start = [], 0
    for left in range(count - 1, -1, -1):
        rest = len(falling) - start
        size = min(cost // falling[start], max(1, rest - left)) if rest else 0
        sizes.append(size)
        start += size
    return sizes


def deal(lengths: Int64Array, labels: Int64Array, count: int) -> list[Int64Array]:
    """Rows of (B,) in `count` micro-batches of like number and like lengths, each label spread over all of them.

    A label with fewer than two rows for each stands, at least two together, in as many as it has pairs for.
    """
    number, held, frames = np.zeros(len(lengths), np.int64), np.zeros(count, np.int64), np.zeros(count, np.int64)
    for label in np.unique(labels)[::-1].tolist():  # those without a label last: they even out the numbers
        rows = np.flatnonzero(labels == label)
        rows = rows[np.argsort(-lengths[rows], kind="stable")]
        width = count if label < 0 else min(count, max(1, len(rows) // 2))
        open_to = np.lexsort((frames, held))[:width]
        for start in range(0, len(rows), width):
            block = rows[start : start + width]
            takers = open_to[np.lexsort((frames[open_to], held[open_to]))][: len(block)]
            takers = takers[np.argsort(frames[takers], kind="stable")]  # the longest to whom has the fewest frames
            number[block] = takers
            held[takers] += 1
            frames[takers] += lengths[block]
    return [np.flatnonzero(number == part) for part in range(count)]
