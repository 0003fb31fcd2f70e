"""References and hypotheses as numbers, of all utterances at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import cast

import numpy as np

from masr.types import IntArray


@dataclass(frozen=True, eq=False)
class Side:
    """The tokens of all utterances, one sequence behind another."""

    tokens: IntArray
    starts: IntArray
    """(U + 1,) where each sequence begins, and where the last one ends."""

    @property
    def lengths(self) -> IntArray:
        """(U,) how many tokens each sequence has."""
        return np.diff(self.starts)

    def take(self, places: IntArray) -> Side:
        """The sequences at some places, in this order."""
        lengths = self.lengths[places]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        shift = np.repeat(self.starts[places] - starts[:-1], lengths)
        return Side(self.tokens[np.arange(starts[-1]) + shift], starts)


@dataclass(frozen=True, eq=False)
class Pairs:
    """References and hypotheses as numbers."""

    names: tuple[str, ...]
    """The token that each number stands for."""
    refs: Side
    hyps: Side

    def take(self, places: IntArray) -> Pairs:
        """The pairs of the utterances at some places, in this order."""
        return Pairs(self.names, self.refs.take(places), self.hyps.take(places))


def words_of(refs: Sequence[str], hyps: Sequence[str]) -> Pairs:
    """Texts as words between ASCII blanks, as in Kaldi and sclite: a no-break space is part of its word."""
    return _pairs([text.encode().split() for text in (*refs, *hyps)], len(refs))


def characters_of(refs: Sequence[str], hyps: Sequence[str], spaces: bool = True) -> Pairs:
    """Texts as the code points of their words, with one space between two words, or none."""
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
