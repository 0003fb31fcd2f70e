"""An n-gram model of words by interpolated modified Kneser-Ney smoothing (Chen and Goodman 1998), as ARPA text.

Numbers are those of KenLM's lmplz. It is made for the transcripts of a training set, to decode with: everything is
held in memory, and nothing is pruned.

  a(g)      of the highest order: how often g was said; below: how many words were heard before g, but for n-grams
            that begin a sentence, which nothing comes before
  p(w | h)  = (a(hw) - D(a(hw))) / a(h.) + backoff(h) p(w | h without its first word);  below words: 1 / vocabulary
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from masr.errors import UsageError

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
MOST_ORDER = 6
"""The highest order that KenLM is built for in the decoder."""
_FALLBACK = (0.5, 1.0, 1.5)
"""Discounts of counts 1, 2 and more where a text is too small to estimate them, as lmplz --discount_fallback."""
_NEVER = -99.0

Gram = tuple[str, ...]
Counts = dict[Gram, int]


@dataclass(frozen=True)
class NGrams:
    """A back-off model; logarithms are to base 10, as ARPA has them."""

    log10: tuple[Mapping[Gram, float], ...]
    """The logarithm of each n-gram's probability, a mapping for each order."""
    backoff: Mapping[Gram, float]
    """The logarithm of the back-off weight of each history that something was heard after."""

    def arpa(self) -> Iterable[str]:
        """The lines of an ARPA file."""
        yield "\\data\\\n"
        for order, grams in enumerate(self.log10, start=1):
            yield f"ngram {order}={len(grams)}\n"
        for order, grams in enumerate(self.log10, start=1):
            yield f"\n\\{order}-grams:\n"
            for gram in sorted(grams):
                line = f"{grams[gram]:.7g}\t{' '.join(gram)}"
                yield line + (f"\t{self.backoff.get(gram, 0.0):.7g}\n" if order < len(self.log10) else "\n")
        yield "\n\\end\\\n"


def estimate(sentences: Iterable[Sequence[str]], order: int = 3) -> NGrams:
    """The model of sentences of words; UsageError where there is not a word, or one is a mark of the format."""
    if not 1 <= order <= MOST_ORDER:
        raise UsageError(f"an n-gram model of order {order} cannot be made", fix=f"choose 1 to {MOST_ORDER}")
    raw = _counted(sentences, order)
    adjusted = [_adjusted(raw, n, order) for n in range(1, order + 1)]
    del adjusted[0][(BEGIN,)]
    vocabulary = [*adjusted[0], (UNKNOWN,)]
    lower = {gram: 1 / len(vocabulary) for gram in vocabulary}
    log10: list[dict[Gram, float]] = []
    backoff: dict[Gram, float] = {}
    for counts in adjusted:
        known = {**dict.fromkeys(lower, 0), **counts} if len(log10) == 0 else counts
        lower, weights = _interpolated(counts, known, lower)
        log10.append({gram: math.log10(p) for gram, p in lower.items()})
        backoff.update({history: math.log10(weight) for history, weight in weights.items() if history})
    log10[0][(BEGIN,)] = _NEVER  # nothing asks for it
    return NGrams(tuple(log10), backoff)


def _counted(sentences: Iterable[Sequence[str]], order: int) -> list[Counts]:
    """How often each n-gram was said, of each order."""
    raw: list[Counter[Gram]] = [Counter() for _ in range(order)]
    for words in sentences:
        if not words:
            continue
        marks = {BEGIN, END, UNKNOWN}.intersection(words)
        if marks:
            raise UsageError(
                f"a transcript has the word {marks.pop()}, a mark of ARPA's own", fix="take it out of the text"
            )
        padded = (BEGIN, *words, END)
        for n, counts in enumerate(raw, start=1):
            counts.update(zip(*(padded[i:] for i in range(n))))
    if not raw[0]:
        raise UsageError("there is not a word to make an n-gram model of", fix="give a data directory with text")
    return [dict(counts) for counts in raw]


def _adjusted(raw: Sequence[Counts], n: int, order: int) -> Counts:
    """The adjusted counts a(g) of one order."""
    counts = dict(raw[n - 1])
    if n == order:
        return counts
    before = Counter(gram[1:] for gram in raw[n])
    return {gram: count if gram[0] == BEGIN else before[gram] for gram, count in counts.items()}


def _interpolated(
    counts: Counts, known: Counts, lower: Mapping[Gram, float]
) -> tuple[dict[Gram, float], dict[Gram, float]]:
    """p of every n-gram in `known`, and the back-off weight of every history."""
    discounts = discounts_of(counts)
    total: dict[Gram, float] = defaultdict(float)
    held: dict[Gram, float] = defaultdict(float)
    for gram, count in counts.items():
        total[gram[:-1]] += count
        held[gram[:-1]] += discounts[min(count, 3) - 1]
    weights = {history: held[history] / total[history] for history in total}
    probabilities = {}
    for gram, count in known.items():
        history = gram[:-1]
        kept = count - discounts[min(count, 3) - 1] if count else 0.0
        below = lower[gram[1:] or gram]
        probabilities[gram] = kept / total[history] + weights[history] * below
    return probabilities, weights


def discounts_of(counts: Counts) -> tuple[float, float, float]:
    """The discounts, which are taken off counts of 1, 2 and more."""
    of_counts = Counter(counts.values())
    n1, n2, n3, n4 = (of_counts[k] for k in (1, 2, 3, 4))
    if min(n1, n2, n3, n4) == 0:
        return _FALLBACK
    y = n1 / (n1 + 2 * n2)
    discounts = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    return discounts if all(0 < d < k for k, d in enumerate(discounts, start=1)) else _FALLBACK
