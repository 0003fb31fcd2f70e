"""Where speech changes, frame by frame and peak by peak."""

from __future__ import annotations

import math
from collections.abc import Sequence


def change(frames: Sequence[Sequence[float]], width: int) -> list[float]:
    """For each border between two frames, from 1 on: 1 less the cosine of the means on either side of it."""
    found = []
    for border in range(1, len(frames)):
        before = _mean(frames[max(0, border - width) : border])
        behind = _mean(frames[border : border + width])
        lengths = math.hypot(*before) * math.hypot(*behind)
        dot = sum(a * b for a, b in zip(before, behind))
        found.append(1 - dot / lengths if lengths > 0 else 0.0)
    return found


def _mean(frames: Sequence[Sequence[float]]) -> list[float]:
    return [sum(column) / len(frames) for column in zip(*frames)]


def prominent(curve: Sequence[float], least: float, distance: int) -> list[int]:
    """Peaks that rise by `least` above the higher of the valleys that part them from what is higher; the higher first,
    and none nearer than `distance` to one that is taken."""
    peaks = [n for n in range(1, len(curve) - 1) if curve[n - 1] < curve[n] > curve[n + 1]]
    taken: list[int] = []
    for peak in sorted(peaks, key=lambda n: -curve[n]):
        if all(abs(peak - other) >= distance for other in taken):
            taken.append(peak)
    return sorted(peak for peak in taken if _prominence(curve, peak) >= least)


def _prominence(curve: Sequence[float], peak: int) -> float:
    valleys = []
    for step in (-1, 1):
        place, lowest = peak, curve[peak]
        while 0 <= place + step < len(curve) and curve[place + step] <= curve[peak]:
            place += step
            lowest = min(lowest, curve[place])
        valleys.append(lowest)
    return curve[peak] - max(valleys)


def hits(found: Sequence[float], true: Sequence[float], tolerance: float) -> int:
    """How many pairs of a found and a true border lie that near, each in one pair at most: the nearest pairs first."""
    pairs = sorted(
        (abs(a - b), i, j) for i, a in enumerate(found) for j, b in enumerate(true) if abs(a - b) <= tolerance
    )
    left: set[int] = set()
    right: set[int] = set()
    for _, i, j in pairs:
        if i not in left and j not in right:
            left.add(i)
            right.add(j)
    return len(left)
