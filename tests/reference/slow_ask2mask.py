"""Guided masking as the paper words it, one start after another: every sequence of draws with its probability.

Exact, and slow: an utterance of more than a dozen frames is out of reach.
"""

from __future__ import annotations

import math
from collections import defaultdict

Mask = tuple[bool, ...]


def span_of(start: int, length: int, span: int) -> set[int]:
    """The frames to the right of a start, ended by the utterance."""
    return set(range(start, min(start + span, length)))


def mask_probabilities(urns: list[list[float]], share: float, span: int) -> dict[Mask, float]:
    """The probability of every mask that can come out.

    Each urn holds a weight for every frame. Starts are drawn from the urns in turn, a toss saying which is first, each
    time in proportion to the weights of those not yet drawn from that urn, until their spans cover the share. The last
    start stays with the chance that makes the share exact on average; a single span that is too much is cut.
    """
    length = len(urns[0])
    wanted = share * length
    found: dict[Mask, float] = defaultdict(float)

    def add(mask: set[int], probability: float) -> None:
        found[tuple(t in mask for t in range(length))] += probability

    def end(fewer: set[int], more: set[int], probability: float) -> None:
        if fewer:
            kept = (wanted - len(fewer)) / (len(more) - len(fewer))
            add(more, probability * kept)
            add(fewer, probability * (1 - kept))
            return
        whole = math.floor(wanted)
        for count, chance in ((whole, 1 - (wanted - whole)), (whole + 1, wanted - whole)):
            add(set(sorted(more)[: max(1, count)]), probability * chance)

    def draw(drawn: list[frozenset[int]], covered: set[int], turn: int, probability: float) -> None:
        left = [t for t in range(length) if t not in drawn[turn]]
        total = sum(urns[turn][t] for t in left)
        for t in left:
            chance = probability * urns[turn][t] / total
            more = covered | span_of(t, length, span)
            if len(more) >= wanted - 1e-9:
                end(covered, more, chance)
            elif chance:
                after = [seen | {t} if urn == turn else seen for urn, seen in enumerate(drawn)]
                draw(after, more, (turn + 1) % len(urns), chance)

    for first in range(len(urns)):
        draw([frozenset()] * len(urns), set(), first, 1 / len(urns))
    return {mask: probability for mask, probability in found.items() if probability > 0}


def inclusion(probabilities: dict[Mask, float]) -> list[float]:
    """How likely each frame is masked."""
    length = len(next(iter(probabilities)))
    return [sum(p for mask, p in probabilities.items() if mask[t]) for t in range(length)]


def chi_square(counts: dict[Mask, int], probabilities: dict[Mask, float]) -> tuple[float, int]:
    """The statistic and its degrees of freedom; masks that are expected fewer than 10 times count as one."""
    total = sum(counts.values())
    cells: list[tuple[float, float]] = []
    rare_seen, rare_expected = 0.0, 0.0
    for mask, probability in probabilities.items():
        seen, expected = counts.get(mask, 0), total * probability
        if expected < 10:
            rare_seen, rare_expected = rare_seen + seen, rare_expected + expected
        else:
            cells.append((seen, expected))
    if rare_expected >= 10:
        cells.append((rare_seen, rare_expected))
    return sum((seen - expected) ** 2 / expected for seen, expected in cells), len(cells) - 1
