"""How loud frames are, one number after another."""

from __future__ import annotations

import math
from collections.abc import Sequence


def frames(power: Sequence[float], first: int, factor: int, time: int) -> list[float]:
    """The logarithm of the mean power of each encoded frame."""
    return [math.log(sum(power[first + n * factor : first + (n + 1) * factor]) / factor) for n in range(time)]


def quantile(values: Sequence[float], share: float) -> float:
    """Between two of the sorted values, as numpy has it."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def scaled(energy: Sequence[float]) -> list[float]:
    """Between the quietest and the loudest twentieth."""
    quiet, loud = quantile(energy, 0.05), quantile(energy, 0.95)
    if loud <= quiet:
        return [0.5] * len(energy)
    return [min(1.0, max(0.0, (value - quiet) / (loud - quiet))) for value in energy]


def activity(energy: Sequence[float], frame_sec: float) -> list[float]:
    """The share of frames at most 0.1 s away that lie within 30 dB of the loudest."""
    limit = max(energy) - 3 * math.log(10)
    found = []
    for here in range(len(energy)):
        near = [energy[n] >= limit for n in range(len(energy)) if abs(n - here) * frame_sec <= 0.1 + 1e-9]
        found.append(sum(near) / len(near))
    return found
