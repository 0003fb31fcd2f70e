"""Cosine over the features that both sides know, one pair and one feature at a time. None is a gap."""

from __future__ import annotations

import math
from collections.abc import Sequence


def gap_cosine(one: Sequence[float | None], other: Sequence[float | None]) -> float:
    """NaN where they know nothing in common, or only zeros."""
    pairs = [(a, b) for a, b in zip(one, other) if a is not None and b is not None]
    squares = sum(a * a for a, _ in pairs) * sum(b * b for _, b in pairs)
    return sum(a * b for a, b in pairs) / math.sqrt(squares) if squares else math.nan
