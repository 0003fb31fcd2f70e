"""A running copy of weights, one number after another."""

from __future__ import annotations

from collections.abc import Sequence


def followed(weights: Sequence[float], decay: float, every: int) -> list[float]:
    """The copy of a weight in each step, where it was `weights[n]` before step n and the copy began as the first."""
    copy, found = weights[0], []
    for step, weight in enumerate(weights):
        if step % every == 0:
            copy = decay * copy + (1 - decay) * weight
        found.append(copy)
    return found
