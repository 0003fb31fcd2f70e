"""Holm's step-down procedure by its definition: for each level in turn, which claims it rejects."""

from __future__ import annotations

from collections.abc import Sequence


def rejected(p_values: Sequence[float], level: float) -> set[int]:
    """The claims that are rejected at a level: from the smallest p on, until the first that is too large."""
    found: set[int] = set()
    for place in sorted(range(len(p_values)), key=lambda n: p_values[n]):
        if p_values[place] > level / (len(p_values) - len(found)):
            break
        found.add(place)
    return found


def adjusted(p_values: Sequence[float]) -> list[float]:
    """The smallest level at which each claim is rejected, by bisection; 1 where there is none below."""
    found = []
    for place in range(len(p_values)):
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (low, middle) if place in rejected(p_values, middle) else (middle, high)
        found.append(high)
    return found
