"""How sure a frame is, one number after another."""

from __future__ import annotations

import math
from collections.abc import Sequence


def confidence(probabilities: Sequence[float], measure: str, exclude_blank: bool) -> float:
    """How sure one frame's probabilities are, the blank first."""
    given = list(probabilities)
    mass = 1.0
    if exclude_blank:
        given = given[1:]
        mass = sum(given)
        if mass == 0:
            return 0.0
        given = [p / mass for p in given]
    best, second = sorted(given, reverse=True)[:2]
    if measure == "max":
        return mass * best
    if measure == "margin":
        return mass * (best - second)
    bits = 0.0
    for p in given:
        if p > 0:
            bits -= p * math.log2(p)
    return mass * (1 - bits / math.log2(len(given)))


def utterance(confidences: Sequence[float], masked: Sequence[bool] | None = None) -> float:
    """The mean of the frames that count; 1 where none does."""
    total, count = 0.0, 0
    for place, value in enumerate(confidences):
        if masked is None or masked[place]:
            total += value
            count += 1
    return total / count if count else 1.0
