"""The bootstrap of clusters, one draw after another and one row after another, in plain Python."""

from __future__ import annotations

import math


def percentile(values, share):
    """The place share * (n - 1) of the sorted values, on the straight line between the two that it lies between.

    Beside an infinite value there is no such line: the nearer of the two is taken.
    """
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    rest = place - below
    if math.isinf(ordered[below]) or math.isinf(ordered[above]):
        return ordered[below] if rest < 0.5 else ordered[above]
    return ordered[below] + rest * (ordered[above] - ordered[below])


def interval(values):
    """The two ends that 95 % of the known values lie between; None where fewer than half are known."""
    known = [value for value in values if not math.isnan(value)]
    if not known or 2 * len(known) < len(values):
        return None
    return percentile(known, 0.025), percentile(known, 0.975)


def redrawn(rows, clusters, times, statistic):
    """`statistic` of the rows of each draw. `times` says of each draw how often each cluster, 0 to G - 1, is in it."""
    found = []
    for draw in times:
        taken = [
            row
            for cluster, often in enumerate(draw)
            for _ in range(int(often))
            for row, c in zip(rows, clusters)
            if c == cluster
        ]
        found.append(statistic(taken))
    return found
