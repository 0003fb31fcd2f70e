"""Statistics of features over time, from their definitions, by loops."""

from __future__ import annotations

import math


def statistics(frames):
    """Means of all features, then their deviations, then their mean absolute steps, as one list."""
    count, width = len(frames), len(frames[0])
    means = [sum(float(frame[f]) for frame in frames) / count for f in range(width)]
    deviations = [math.sqrt(sum((float(frame[f]) - means[f]) ** 2 for frame in frames) / count) for f in range(width)]
    steps = []
    for f in range(width):
        moves = [abs(float(frames[t][f]) - float(frames[t - 1][f])) for t in range(1, count)]
        steps.append(sum(moves) / len(moves) if moves else 0.0)
    return means + deviations + steps
