"""Phone ABX as ZeroSpeech has it: is X, a phone, closer to A, the same phone, than to B, another one?

A cell is all triplets with the same phones of A and B, the same context (the phones before and behind), and the same
speakers: A, B, X of one speaker (within), or A and B of one and X of another (across). The error of a cell is the share
of triplets where X is closer to B, ties half. Cells are averaged over contexts and speakers of X, then over speakers of
A and B, then over ordered pairs of phones.

Distances of sequences come from warp.py. They are counted by sorting, so that a large cell costs no more than its
distances.

Shapes: K items, S speakers, V phones, G ordered pairs of phones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from masr.analysis.abx.blocks import Block, PhoneAbxSettings, batches_of, blocks_of, contexts_of
from masr.analysis.abx.closeness import FEWEST_DRAWN
from masr.analysis.abx.distances import distances_of
from masr.analysis.abx.items import ItemFrames, Items
from masr.analysis.abx.warp import FrameDistance
from masr.errors import AnalysisError
from masr.io.progress import track
from masr.maths.bootstrap import known_mean, ratio, resample
from masr.maths.estimate import Estimate
from masr.types import Float64Array, FloatArray, IntArray

DEFAULTS = PhoneAbxSettings()


@dataclass(frozen=True, eq=False)
class PhoneErrors:
    """Error rates of phone ABX; 0.5 is chance."""

    error: Estimate
    """Its interval is over the speakers of A and B; without one where they are fewer than three."""
    num_cells: int
    num_triplets: int
    num_speakers: int
    phones: tuple[str, ...]
    pairs: Float64Array
    """(V, V) error with A and X of the row's phone, B of the column's; NaN where there is no cell."""


def phone_errors(held: ItemFrames, items: Items, settings: PhoneAbxSettings = DEFAULTS) -> PhoneErrors:
    """The error over all cells, from frames that are in memory."""
    blocks = list(blocks_of(items, settings))
    if not blocks:
        raise AnalysisError(
            f"{len(items)} phones make no triplet: {settings.speakers} speakers, {settings.context} context",
            why="a triplet takes one phone twice and another one, all between the same phones and of these speakers",
            fix="give more speech, or compare in any context: --context any",
        )
    context = contexts_of(items, settings)
    num_phones, num_speakers = len(items.phone_names), len(items.speaker_names)
    keys: list[IntArray] = []
    right: list[Float64Array] = []
    counts: list[Float64Array] = []
    for batch in track(list(batches_of(blocks, held.sizes)), "phone ABX", unit="batch"):
        for block, rows, is_a, ahead, num_a in _answers(batch, held, items, settings.distance):
            b_row, b_column = np.nonzero(~is_a)
            x, b = rows[b_row], block.columns[b_column]
            key = context[x] * num_speakers + items.speakers[b]
            key = (key * num_speakers + items.speakers[x]) * num_phones + items.phones[x]
            found, cell = np.unique(key * num_phones + items.phones[b], return_inverse=True)
            keys.append(found)
            right.append(_sums(cell, ahead))
            counts.append(_sums(cell, num_a[b_row]))
    cells, place = np.unique(np.concatenate(keys), return_inverse=True)
    errors = 1 - _sums(place, np.concatenate(right)) / _sums(place, np.concatenate(counts))
    return _average(cells, errors, int(sum(c.sum() for c in counts)), items, settings.seed)


def _sums(place: npt.NDArray[np.intp], values: npt.NDArray[Any]) -> Float64Array:
    return np.bincount(place, weights=values).astype(np.float64)


Answer = tuple[Block, IntArray, npt.NDArray[np.bool_], Float64Array, IntArray]
"""A block, its X's, (X, item) whether the item is an A (or X itself), for each B in order how many A's are closer
(ties half), and for each X its number of A's."""


def _answers(batch: Sequence[Block], held: ItemFrames, items: Items, distance: FrameDistance) -> Iterator[Answer]:
    """Each block with which of its A's and B's lie closer to each of its X's."""
    for block, distances in zip(batch, distances_of(batch, held, items, distance)):
        yield (block, block.rows, *_count(distances, block, items))


def _count(distances: FloatArray, block: Block, items: Items) -> tuple[npt.NDArray[np.bool_], Float64Array, IntArray]:
    """The last three of an `Answer`: which items are A's, how many A's are closer than each B, and A's of each X."""
    is_a = items.phones[block.rows][:, None] == items.phones[block.columns]
    is_self = block.rows[:, None] == block.columns
    a_row, a_column = np.nonzero(is_a & ~is_self)
    b_row, b_column = np.nonzero(~is_a)
    # One number holds the row and, below it, the distance, whose bits rise as it does: it is never negative.
    a_keys = _keys(a_row, distances[a_row, a_column])
    b_keys = _keys(b_row, distances[b_row, b_column])
    a_keys.sort()
    num_a = np.bincount(a_row, minlength=len(block.rows))
    closer = np.searchsorted(a_keys, b_keys, "left") + np.searchsorted(a_keys, b_keys, "right")
    ahead = closer / 2 - (np.cumsum(num_a) - num_a)[b_row]
    return is_a, ahead, num_a


def _keys(rows: npt.NDArray[np.intp], distances: FloatArray) -> IntArray:
    values = np.maximum(distances, 0) + np.float32(0)  # zero without a sign
    found: IntArray = (rows.astype(np.int64) << 32) | values.view(np.int32)
    return found


def _average(cells: IntArray, errors: Float64Array, num_triplets: int, items: Items, seed: int) -> PhoneErrors:
    """Answers averaged over contexts and X's speakers, then over speakers, then over pairs of phones."""
    num_phones, num_speakers = len(items.phone_names), len(items.speaker_names)
    pair = cells // num_phones % num_phones * num_phones + cells % num_phones
    speaker = cells // num_phones**2 // num_speakers % num_speakers
    pair_names, pair = np.unique(pair, return_inverse=True)
    speaker_names, speaker = np.unique(speaker, return_inverse=True)
    shape = len(speaker_names), len(pair_names)
    flat = speaker * shape[1] + pair
    counts = np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape)
    sums = np.bincount(flat, weights=errors, minlength=shape[0] * shape[1]).reshape(shape)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), 0.0)
    known = (counts > 0).astype(np.float64)
    matrix = np.full(num_phones**2, np.nan)
    matrix[pair_names] = means.sum(axis=0) / known.sum(axis=0)

    def error(weights: Float64Array) -> Float64Array:
        return known_mean(ratio(weights @ means, weights @ known))

    (found,) = resample(error, shape[0], seed, cells=4 * shape[1], fewest=FEWEST_DRAWN, unit="share")
    return PhoneErrors(
        error=found,
        num_cells=len(cells),
        num_triplets=num_triplets,
        num_speakers=shape[0],
        phones=items.phone_names,
        pairs=matrix.reshape(num_phones, num_phones),
    )
