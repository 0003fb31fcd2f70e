"""Which stretches are others' and what is heard then, one sample and one number at a time."""

from __future__ import annotations

import math


def clean_share(stretches: list[tuple[float, float]], middles: list[float]) -> float:
    """The share of frames whose middle lies in no stretch."""
    outside = [t for t in middles if not any(start <= t < end for start, end in stretches)]
    return len(outside) / len(middles)


def replaced(speech: list[float], sound: list[float], first: int, gain: float, width: int) -> list[float]:
    """Speech that makes room for a sound from sample `first` on, both fading over `width` samples."""
    out = list(speech)
    for place, value in enumerate(sound):
        near = min(place, len(sound) - 1 - place) + 0.5
        weight = 1.0 if near >= width else (1 - math.cos(math.pi * near / width)) / 2
        out[first + place] = (1 - weight) * speech[first + place] + weight * gain * value
    return out
