"""Similarity of two texts, by the definitions, with dictionaries and a full table of distances."""

from __future__ import annotations

import math
from collections import Counter


def ngram_cosine(one: str, other: str, min_n: int, max_n: int) -> float:
    """Cosine of the counts of all character n-grams, with a space on either side of a text."""
    a, b = (_counts(f" {text} ", min_n, max_n) for text in (one, other))
    product = sum(count * b[gram] for gram, count in a.items())
    return product / math.sqrt(sum(c * c for c in a.values()) * sum(c * c for c in b.values()))


def _counts(text: str, min_n: int, max_n: int) -> Counter[str]:
    grams = (text[i : i + n] for n in range(min_n, max_n + 1) for i in range(len(text) - n + 1))
    return Counter(grams)


def edit_similarity(one: str, other: str) -> float:
    """1 - Levenshtein distance / length of the longer text."""
    table = [[i + j if i * j == 0 else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i, a in enumerate(one, start=1):
        for j, b in enumerate(other, start=1):
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a != b))
    return 1 - table[-1][-1] / max(len(one), len(other))
