"""Distances of all items of a block: many small tables of frame distances, warped together.

Where X's are the A's and B's themselves and the distance of frames has no direction, each pair of items is warped once.
Only what ties can make differ, which of two steps comes first, is looked at from both sides.

Shapes: R X's, C A's and B's, P pairs; T frames of a block.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from masr.analysis.abx.blocks import Block
from masr.analysis.abx.items import ItemFrames, Items
from masr.analysis.abx.warp import FrameDistance, Tables, between, warp
from masr.io.frames import Array
from masr.types import FloatArray, IntArray


def distances_of(batch: Sequence[Block], held: ItemFrames, items: Items, distance: FrameDistance) -> list[FloatArray]:
    """(R, C) distances for each block of the batch."""
    sides = [distance != "kl" and np.array_equal(block.rows, block.columns) for block in batch]
    parts, tables, offset = [], [], 0
    for block, is_square in zip(batch, sides):
        lattice, table = (_square if is_square else _oblong)(block, held, distance, offset)
        parts.append(lattice.ravel())
        tables.append(table)
        offset += lattice.size
    every = Tables(np.concatenate(parts), *(np.concatenate(column) for column in zip(*tables)))
    warped, tied = warp(every)
    turned = warped.copy()
    turned[tied] = warp(every.turned(tied))[0]
    found, begin = [], 0
    for block, table, is_square in zip(batch, tables, sides):
        some = slice(begin, begin + len(table[0]))
        begin = some.stop
        if is_square:
            found.append(_both_sides(block, items, warped[some], turned[some]))
        else:
            found.append(_one_side(block, items, warped[some].reshape(len(block.rows), len(block.columns))))
    return found


def _oblong(block: Block, held: ItemFrames, distance: FrameDistance, offset: int) -> tuple[FloatArray, list[IntArray]]:
    """Frame distances of all X's to all A's and B's, and where each pair's begin."""
    lattice = between(held.of(block.rows), held.of(block.columns), distance)
    n, m = held.sizes[block.rows], held.sizes[block.columns]
    starts = (offset + (np.cumsum(n) - n)[:, None] * lattice.shape[1] + np.cumsum(m) - m).ravel()
    return lattice, _table(lattice, starts, np.repeat(n, len(m)), np.tile(m, len(n)))


def _square(block: Block, held: ItemFrames, distance: FrameDistance, offset: int) -> tuple[FloatArray, list[IntArray]]:
    """Frame distances of all items, and where those of each item to the ones behind it begin."""
    frames, sizes = held.of(block.rows), held.sizes[block.rows]
    first = np.cumsum(sizes) - sizes
    lattice = between(frames, frames, distance)
    x, y = np.triu_indices(len(sizes), 1)
    return lattice, _table(lattice, offset + first[x] * len(frames) + first[y], sizes[x], sizes[y])


def _table(lattice: FloatArray, starts: IntArray, n: IntArray, m: IntArray) -> list[IntArray]:
    return [starts, np.full(len(starts), lattice.shape[1]), np.ones(len(starts), dtype=np.int64), n, m]


def _both_sides(block: Block, items: Items, warped: FloatArray, turned: FloatArray) -> FloatArray:
    """Distances of pairs that were warped once: the earlier item is the rows, be it A or X, as in published tools."""
    x, y = np.triu_indices(len(block.rows), 1)
    found: FloatArray = np.zeros((len(block.rows), len(block.rows)), dtype=np.float32)
    same = items.phones[block.rows[x]] == items.phones[block.rows[y]]
    found[x, y] = warped
    found[y, x] = np.where(same, warped, turned)
    return found


def _one_side(block: Block, items: Items, distances: FloatArray) -> FloatArray:
    """Distances, as `_both_sides`, of pairs that were each warped in both directions."""
    is_a = items.phones[block.rows][:, None] == items.phones[block.columns]
    row, column = np.nonzero(block.rows[:, None] == block.columns)
    row_of: Array = np.full(is_a.shape[1], -1)
    column_of: Array = np.full(is_a.shape[0], -1)
    row_of[column], column_of[row] = row, column
    x, a = np.nonzero(is_a & (column_of[:, None] > np.arange(is_a.shape[1])) & (row_of >= 0))
    distances[x, a] = distances[row_of[a], column_of[x]]
    return distances
