"""How many words are right, substituted, deleted and inserted, of all utterances at once.

The costs decide which alignment counts. NIST's sclite takes 3 for an insertion or a deletion and 4 for a substitution,
so it may prefer a deletion and an insertion around a word that is right to two substitutions; Kaldi's compute-wer and
jiwer take 1 for each. rapidfuzz gives the least cost. Its parts follow when the number of errors is added to the cost
far behind the point, once to be small and once to be large: where the two agree the counts are the only ones of that
cost, and elsewhere, which is rare, sclite's own rule has to choose (masr/scoring/alignment.py).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

CORRECT, SUBSTITUTION, DELETION, INSERTION = range(4)
"""Columns of counts, and the operations of an alignment."""
Rule = Literal["nist", "equal"]
Tokens = Sequence[Hashable]
_FAR = 1 << 32
"""More than any utterance has errors."""
_SURROGATES, _NUM_SURROGATES, _NUM_CODE_POINTS = 0xD800, 0x800, 0x110000


@dataclass(frozen=True)
class Costs:
    """What an operation costs; an insertion as much as a deletion."""

    gap: int
    substitution: int


COSTS: dict[Rule, Costs] = {
    "nist": Costs(3, 4),
    # what is far behind the point prefers words that are right among alignments of equally many errors
    "equal": Costs(_FAR, _FAR + 1),
}


@dataclass(frozen=True, eq=False)
class Side:
    """Sequences of tokens, one behind another."""

    tokens: IntArray
    starts: IntArray
    """(U + 1,) where each begins and the last one ends."""

    @property
    def lengths(self) -> IntArray:
        """(U,) tokens of each."""
        return np.diff(self.starts)

    def take(self, places: IntArray) -> Side:
        """Only some, in this order."""
        lengths = self.lengths[places]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        shift = np.repeat(self.starts[places] - starts[:-1], lengths)
        return Side(self.tokens[np.arange(starts[-1]) + shift], starts)


@dataclass(frozen=True, eq=False)
class Pairs:
    """References and hypotheses as numbers."""

    names: tuple[str, ...]
    """What each number stands for."""
    refs: Side
    hyps: Side

    def take(self, places: IntArray) -> Pairs:
        """Only some utterances."""
        return Pairs(self.names, self.refs.take(places), self.hyps.take(places))


def words_of(refs: Sequence[str], hyps: Sequence[str]) -> Pairs:
    """Words are what ASCII blanks separate, as in Kaldi and sclite: a no-break space is part of its word."""
    return _pairs([text.encode().split() for text in (*refs, *hyps)], len(refs))


def characters_of(refs: Sequence[str], hyps: Sequence[str], spaces: bool = True) -> Pairs:
    """Code points of the words, with one space between two words, or none."""
    between = b" " if spaces else b""
    return _pairs([between.join(text.encode().split()).decode() for text in (*refs, *hyps)], len(refs))


def _pairs(texts: Sequence[Sequence[bytes] | str], num_refs: int) -> Pairs:
    sequences = cast("Sequence[Sequence[bytes | str]]", texts)
    names = dict.fromkeys(chain.from_iterable(sequences))
    places = dict(zip(names, range(len(names))))
    starts = np.concatenate([[0], np.cumsum(np.fromiter(map(len, sequences), np.int64, len(sequences)))])
    flat = np.fromiter(map(places.__getitem__, chain.from_iterable(sequences)), np.int64, int(starts[-1]))
    middle = int(starts[num_refs])
    spelled = tuple(name.decode() if isinstance(name, bytes) else name for name in names)
    refs = Side(flat[:middle], starts[: num_refs + 1])
    return Pairs(spelled, refs, Side(flat[middle:], starts[num_refs:] - middle))


def count_edits(pairs: Pairs, rule: Rule = "nist") -> IntArray:
    """(U, 4) words right, substituted, deleted, inserted."""
    refs, hyps = (_strings(side, len(pairs.names)) for side in (pairs.refs, pairs.hyps))
    costs, lengths = COSTS[rule], (pairs.refs.lengths, pairs.hyps.lengths)
    if rule == "equal":
        errors, substitutions = np.divmod(_distances(refs, hyps, costs.gap, costs.substitution), _FAR)
        return _counts(errors, substitutions, *lengths)
    few, many = (_extreme(refs, hyps, costs, sign, *lengths) for sign in (1, -1))
    unsure = np.flatnonzero((few != many).any(axis=1))
    if len(unsure):
        from masr.scoring.alignment import align

        few[unsure] = align(pairs.take(unsure), costs).counts()
    return few


def _extreme(
    refs: Sequence[Tokens], hyps: Sequence[Tokens], costs: Costs, sign: int, num_ref: IntArray, num_hyp: IntArray
) -> IntArray:
    """Counts of the alignment of least cost with the fewest errors (sign 1) or the most (-1)."""
    values = _distances(refs, hyps, costs.gap * _FAR + sign, costs.substitution * _FAR + sign)
    cost = values // _FAR if sign > 0 else -(-values // _FAR)
    errors = np.abs(values - cost * _FAR)
    # cost = gap * (errors - substitutions) + substitution * substitutions
    return _counts(errors, (cost - costs.gap * errors) // (costs.substitution - costs.gap), num_ref, num_hyp)


def _counts(errors: IntArray, substitutions: IntArray, num_ref: IntArray, num_hyp: IntArray) -> IntArray:
    """What follows from the lengths, for a deletion shortens and an insertion lengthens."""
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
    """One character for each token, which rapidfuzz reads without asking Python; lists where there are too many."""
    starts = side.starts.tolist()
    spans = list(pairwise(starts))
    if num_names > _NUM_CODE_POINTS - _NUM_SURROGATES:
        flat = side.tokens.tolist()
        return [flat[first:last] for first, last in spans]
    points = side.tokens.astype("<u4")
    points[points >= _SURROGATES] += _NUM_SURROGATES
    text = points.tobytes().decode("utf-32-le")
    return [text[first:last] for first, last in spans]
