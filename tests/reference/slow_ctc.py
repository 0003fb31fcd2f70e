"""What CTC says of every text: all paths through the frames, one after another."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product


def collapsed(path: Sequence[int], blank: int = 0) -> tuple[int, ...]:
    found = []
    before = None
    for unit in path:
        if unit != before and unit != blank:
            found.append(unit)
        before = unit
    return tuple(found)


def text_scores(
    emissions: Sequence[Sequence[float]], spell: Callable[[tuple[int, ...]], str | None], best_path: bool = False
) -> dict[str, float]:
    """text -> logarithm of the sum, or of the largest, of the probabilities of its paths; None is no text."""
    found: dict[str, list[float]] = {}
    num_units = len(emissions[0])
    for path in product(range(num_units), repeat=len(emissions)):
        text = spell(collapsed(path))
        if text is not None:
            found.setdefault(text, []).append(math.fsum(frame[unit] for frame, unit in zip(emissions, path)))
    if best_path:
        return {text: max(scores) for text, scores in found.items()}
    return {text: math.log(math.fsum(map(math.exp, scores))) for text, scores in found.items()}
