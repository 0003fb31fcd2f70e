"""Which word of a hypothesis stands against which of the reference, by the rule of NIST's sclite.

rapidfuzz aligns with equal costs only, and several alignments often cost the same. sclite goes backwards from the end
and takes, among the cheapest ways into a cell, a pair of words before an insertion before a deletion; the tests that
compare systems look at where the errors are, so the same rule is kept here. Cells of many utterances that do not
depend on each other, the diagonals of their tables, are computed together.

Shapes: B utterances of a block, N words of its longest reference, M of its longest hypothesis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from masr.scoring.wer.coded import Pairs, Side
from masr.scoring.wer.long_pair import align_long
from masr.types import IntArray

Int8Array = npt.NDArray[np.int8]

CORRECT, SUBSTITUTION, DELETION, INSERTION = range(4)
"""Operations of an alignment, and columns of counts."""
Rule = Literal["nist", "equal"]
NOTHING = -1
"""Stands in the place of a word that the other side has alone."""
_BLOCK_CELLS = 1 << 22
FAR = 1 << 32
"""A cost that is higher than any utterance has errors."""


@dataclass(frozen=True)
class Costs:
    """What an operation costs; an insertion as much as a deletion."""

    gap: int
    substitution: int


COSTS: dict[Rule, Costs] = {
    "nist": Costs(3, 4),
    # what is far behind the point prefers words that are right among alignments of equally many errors
    "equal": Costs(FAR, FAR + 1),
}


@dataclass(frozen=True, eq=False)
class Alignment:
    """Operations of all utterances, one behind another."""

    starts: IntArray
    """(U + 1,) where the operations of each utterance begin, and where the last ones end."""
    operations: Int8Array
    refs: IntArray
    hyps: IntArray
    """Token of the hypothesis for each operation, or NOTHING."""

    @property
    def utts(self) -> IntArray:
        """The utterance of each operation."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def counts(self) -> IntArray:
        """(U, 4) how often each utterance has each operation."""
        size = len(self.starts) - 1
        return np.bincount(self.utts * 4 + self.operations, minlength=4 * size).reshape(size, 4)


def align(pairs: Pairs, costs: Costs) -> Alignment:
    """The cheapest alignment of every utterance, ties as in sclite."""
    num_ref, num_hyp = pairs.refs.lengths, pairs.hyps.lengths
    long = are_long(pairs)
    order = np.argsort(num_ref + num_hyp, kind="stable")
    order = order[~long[order]]
    blocks: list[tuple[IntArray, Int8Array, IntArray]] = []
    first = 0
    while first < len(order):
        last = _block_end(num_ref, num_hyp, order, first)
        blocks.append((order[first:last], *_align_block(pairs.take(order[first:last]), costs)))
        first = last
    for place in np.flatnonzero(long).tolist():
        ref, hyp = (side.tokens[side.starts[place] : side.starts[place + 1]] for side in (pairs.refs, pairs.hyps))
        path = align_long(ref, hyp, costs.gap, costs.substitution)
        blocks.append((np.array([place]), path[None], np.array([len(path)])))
    return _joined(pairs, blocks)


def are_long(pairs: Pairs) -> npt.NDArray[np.bool_]:
    """(U,) whether an utterance's table is larger than a block: it is aligned by itself, within a band."""
    return (pairs.refs.lengths + 1) * (pairs.hyps.lengths + 1) > _BLOCK_CELLS


def _block_end(num_ref: IntArray, num_hyp: IntArray, order: IntArray, first: int) -> int:
    """How far utterances of like length fit into one block of tables."""
    part = order[first : first + _BLOCK_CELLS // 16]
    cells = np.maximum.accumulate(num_ref[part] + 1) * np.maximum.accumulate(num_hyp[part] + 1)
    fits = cells * np.arange(1, len(part) + 1) <= _BLOCK_CELLS
    return first + max(1, int(np.argmin(fits)) if not fits.all() else len(part))


def _align_block(pairs: Pairs, costs: Costs) -> tuple[Int8Array, IntArray]:
    """(B, K) operations from the first word on, and how many each utterance has."""
    refs, hyps = _padded(pairs.refs, -1), _padded(pairs.hyps, -2)
    return _trace(_backwards(refs, hyps, costs), pairs.refs.lengths, pairs.hyps.lengths)


def _padded(side: Side, padding: int) -> IntArray:
    lengths = side.lengths
    rows = np.full((len(lengths), int(lengths.max(initial=0))), padding, dtype=np.int64)
    rows[np.arange(rows.shape[1]) < lengths[:, None]] = side.tokens
    return rows


def _backwards(refs: IntArray, hyps: IntArray, costs: Costs) -> Int8Array:
    """(N + 1, M + 1, B) the operation by which each cell is reached, diagonal by diagonal."""
    size, num_ref, num_hyp = len(refs), refs.shape[1], hyps.shape[1]
    operations = np.empty((num_ref + 1, num_hyp + 1, size), dtype=np.int8)
    operations[:, 0], operations[0, :] = DELETION, INSERTION
    refs, hyps = np.ascontiguousarray(refs.T), np.ascontiguousarray(hyps.T)
    # cost of cell (i, d - i) in row i, of this diagonal and the two before it
    before = np.zeros((num_ref + 1, size), dtype=np.int64)
    last = np.full((num_ref + 1, size), costs.gap, dtype=np.int64)
    for diagonal in range(2, num_ref + num_hyp + 1):
        low, high = max(1, diagonal - num_hyp), min(num_ref, diagonal - 1)
        now = np.full((num_ref + 1, size), diagonal * costs.gap, dtype=np.int64)
        i = np.arange(low, high + 1)
        same = refs[i - 1] == hyps[diagonal - i - 1]
        pair = before[low - 1 : high] + np.where(same, 0, costs.substitution)
        deletion, insertion = last[low - 1 : high] + costs.gap, last[low : high + 1] + costs.gap
        gap = np.minimum(deletion, insertion)
        now[low : high + 1] = np.minimum(pair, gap)
        operations[i, diagonal - i] = np.where(
            pair <= gap, np.where(same, CORRECT, SUBSTITUTION), np.where(deletion < insertion, DELETION, INSERTION)
        )
        before, last = last, now
    return operations


def _trace(operations: Int8Array, num_ref: IntArray, num_hyp: IntArray) -> tuple[Int8Array, IntArray]:
    """Follows every utterance back from its last cell."""
    i, j, rows = num_ref.copy(), num_hyp.copy(), np.arange(len(num_ref))
    path = np.full((len(rows), int((num_ref + num_hyp).max(initial=0))), NOTHING, dtype=np.int8)
    end = path.shape[1]
    for step in range(end):
        open_ = (i > 0) | (j > 0)
        if not open_.any():
            break
        taken = np.where(open_, operations[i, j, rows], NOTHING)
        path[:, end - 1 - step] = taken
        i -= (taken >= 0) & (taken != INSERTION)
        j -= (taken >= 0) & (taken != DELETION)
    return path, (path >= 0).sum(axis=1)


def _joined(pairs: Pairs, blocks: list[tuple[IntArray, Int8Array, IntArray]]) -> Alignment:
    """Blocks in the order of the utterances, with the words that each operation takes."""
    size = len(pairs.refs.starts) - 1
    lengths = np.zeros(size, dtype=np.int64)
    for places, _, counts in blocks:
        lengths[places] = counts
    starts = np.concatenate([[0], np.cumsum(lengths)])
    operations = np.empty(int(starts[-1]), dtype=np.int8)
    for places, path, counts in blocks:
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        operations[np.repeat(starts[places], counts) + within] = path[path >= 0]
    refs, hyps = (np.full(len(operations), NOTHING, dtype=np.int64) for _ in range(2))
    refs[operations != INSERTION], hyps[operations != DELETION] = pairs.refs.tokens, pairs.hyps.tokens
    return Alignment(starts, operations, refs, hyps)
