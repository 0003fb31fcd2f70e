"""One reference and one hypothesis of many thousand words, such as an hour of talk, aligned within a band.

The number of errors when each counts as one is found fast, and says what the cheapest alignment costs at most; by that
it has at most so many insertions and deletions, so it never leaves a band about the diagonal. In the band the cells,
row by row, are those of the whole table wherever a cheapest alignment passes: what comes back is what the table gives.

Shapes: N words of the reference, M of the hypothesis, W cells of a row of the band.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from masr.errors import ScoresError
from masr.types import IntArray

Int8Array = npt.NDArray[np.int8]

_CORRECT, _SUBSTITUTION, _DELETION, _INSERTION = range(4)
_NEVER = 1 << 60
_MOST_CELLS = 1 << 29
"""Bytes of the band; beyond it the memory of a laptop."""


def align_long(ref: IntArray, hyp: IntArray, gap: int, substitution: int) -> Int8Array:
    """(K,) operations of the cheapest alignment, ties as in sclite; `gap` is the cost of an insertion or a deletion."""
    low, high = _band(ref, hyp, gap, substitution)
    cells = (len(ref) + 1) * (high - low + 1)
    if cells > _MOST_CELLS:
        raise ScoresError(
            f"an utterance of {len(ref)} words or characters is too long to be aligned",
            why=f"its table would have {cells:,} cells",
            fix="cut recordings into utterances before they are scored",
        )
    return _trace(_rows(ref, hyp, gap, substitution, low, high), low, len(hyp))


def _band(ref: IntArray, hyp: IntArray, gap: int, substitution: int) -> tuple[int, int]:
    """The least and the largest (place in hyp) - (place in ref) of any cheapest alignment."""
    from rapidfuzz.distance import Levenshtein

    errors = Levenshtein.distance(ref.tolist(), hyp.tolist())
    apart = len(hyp) - len(ref)
    gaps = max(abs(apart), errors * max(gap, substitution) // gap)
    beyond = (gaps - abs(apart)) // 2
    return max(-len(ref), min(0, apart) - beyond), min(len(hyp), max(0, apart) + beyond)


def _rows(ref: IntArray, hyp: IntArray, gap: int, substitution: int, low: int, high: int) -> Int8Array:
    """(N + 1, W) the operation by which each cell is reached; column c of row i is place i + low + c of hyp."""
    width = high - low + 1
    operations = np.empty((len(ref) + 1, width), dtype=np.int8)
    operations[0] = _INSERTION
    steps = gap * np.arange(width, dtype=np.int64)
    words = np.full(len(ref) + width, -2, dtype=np.int64)  # word j - 1 of hyp at j - 1 - low; -2 is no word
    words[-low : -low + len(hyp)] = hyp[: len(words) + low]
    costs = np.where(np.arange(width) + low < 0, _NEVER, steps + gap * low)
    never = np.array([_NEVER])
    for row in range(1, len(ref) + 1):
        same = words[row - 1 : row - 1 + width] == ref[row - 1]
        pair = costs + np.where(same, 0, substitution)
        deletion = np.concatenate([costs[1:], never]) + gap
        costs = np.minimum.accumulate(np.minimum(pair, deletion) - steps) + steps
        insertion = np.concatenate([never, costs[:-1]]) + gap
        operations[row] = np.where(
            pair <= np.minimum(deletion, insertion),
            np.where(same, _CORRECT, _SUBSTITUTION),
            np.where(deletion < insertion, _DELETION, _INSERTION),
        )
    return operations


def _trace(operations: Int8Array, low: int, num_hyp: int) -> Int8Array:
    """Follows the alignment back from its last cell."""
    table: Any = memoryview(operations.reshape(-1))  # type: ignore[arg-type]  # of numbers, not numpy's scalars
    width = operations.shape[1]
    row, place = len(operations) - 1, num_hyp
    path = bytearray()
    while row or place:
        taken = table[row * width + place - row - low]
        path.append(taken)
        row -= taken != _INSERTION
        place -= taken != _DELETION
    return np.frombuffer(bytes(path), dtype=np.int8)[::-1]
