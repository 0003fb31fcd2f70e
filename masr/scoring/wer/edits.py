"""How many words are right, substituted, deleted and inserted, of all utterances at once.

The costs decide which alignment counts. NIST's sclite takes 3 for an insertion or a deletion and 4 for a substitution,
so it may prefer a deletion and an insertion around a word that is right to two substitutions; Kaldi's compute-wer and
jiwer take 1 for each. rapidfuzz gives the least cost. Its parts follow when the number of errors is added to the cost
far behind the point, once to be small and once to be large: where the two agree the counts are the only ones of that
cost, and elsewhere, which is rare, sclite's own rule has to choose (masr/scoring/wer/alignment.py).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from masr.scoring.wer.alignment import COSTS, FAR, Costs, Rule, align, are_long
from masr.scoring.wer.coded import Pairs, Side
from masr.types import IntArray

Tokens = Sequence[Hashable]
_SURROGATES, _NUM_SURROGATES, _NUM_CODE_POINTS = 0xD800, 0x800, 0x110000


def count_edits(pairs: Pairs, rule: Rule = "nist") -> IntArray:
    """(U, 4) words right, substituted, deleted, inserted."""
    long = are_long(pairs)
    if rule == "nist" and long.any():
        counts = np.empty((len(long), 4), dtype=np.int64)
        for places, count in ((np.flatnonzero(~long), count_edits), (np.flatnonzero(long), _aligned)):
            counts[places] = count(pairs.take(places), rule)
        return counts
    refs, hyps = (_strings(side, len(pairs.names)) for side in (pairs.refs, pairs.hyps))
    costs, lengths = COSTS[rule], (pairs.refs.lengths, pairs.hyps.lengths)
    if rule == "equal":
        errors, substitutions = np.divmod(_distances(refs, hyps, costs.gap, costs.substitution), FAR)
        return _counts(errors, substitutions, *lengths)
    few, many = (_extreme(refs, hyps, costs, sign, *lengths) for sign in (1, -1))
    unsure = np.flatnonzero((few != many).any(axis=1))
    if len(unsure):
        few[unsure] = align(pairs.take(unsure), costs).counts()
    return few


def _aligned(pairs: Pairs, rule: Rule) -> IntArray:
    """The same by the alignments themselves, which for a long utterance are found within a band."""
    return align(pairs, COSTS[rule]).counts()


def _extreme(
    refs: Sequence[Tokens], hyps: Sequence[Tokens], costs: Costs, sign: int, num_ref: IntArray, num_hyp: IntArray
) -> IntArray:
    """Counts of the alignment of least cost with the fewest errors (sign 1) or the most (-1)."""
    values = _distances(refs, hyps, costs.gap * FAR + sign, costs.substitution * FAR + sign)
    cost = values // FAR if sign > 0 else -(-values // FAR)
    errors = np.abs(values - cost * FAR)
    # cost = gap * (errors - substitutions) + substitution * substitutions
    return _counts(errors, (cost - costs.gap * errors) // (costs.substitution - costs.gap), num_ref, num_hyp)


def _counts(errors: IntArray, substitutions: IntArray, num_ref: IntArray, num_hyp: IntArray) -> IntArray:
    """(U, 4) counts that follow from the lengths, for a deletion shortens and an insertion lengthens."""
    deletions = (errors - substitutions - (num_hyp - num_ref)) // 2
    insertions = deletions + num_hyp - num_ref
    return np.stack([num_ref - substitutions - deletions, substitutions, deletions, insertions], axis=1)


def _distances(refs: Sequence[Tokens], hyps: Sequence[Tokens], gap: int, substitution: int) -> IntArray:
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cpdist

    if not refs:
        return np.zeros(0, dtype=np.int64)
    options = {"weights": (gap, gap, substitution)}
    scorer: Any = Levenshtein.distance
    found: IntArray = cpdist(refs, hyps, scorer=scorer, scorer_kwargs=options, dtype=np.int64)
    return found


def _strings(side: Side, num_names: int) -> Sequence[Tokens]:
    """Texts with a character for each token, which rapidfuzz reads without asking Python; lists for too many tokens."""
    starts = side.starts.tolist()
    spans = list(pairwise(starts))
    if num_names > _NUM_CODE_POINTS - _NUM_SURROGATES:
        flat = side.tokens.tolist()
        return [flat[first:last] for first, last in spans]
    points = side.tokens.astype("<u4")
    points[points >= _SURROGATES] += _NUM_SURROGATES
    text = points.tobytes().decode("utf-32-le")
    return [text[first:last] for first, last in spans]
