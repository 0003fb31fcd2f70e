"""Pooling, margin and temperature, one number after another."""

from __future__ import annotations

import math
from collections.abc import Sequence


def weighted_moments(frames: Sequence[Sequence[float]], weights: Sequence[Sequence[float]]) -> list[float]:
    """T x D frames and weights that sum to one over time -> D means, then D standard deviations."""
    means, spreads = [], []
    for d in range(len(frames[0])):
        mean = sum(w[d] * x[d] for w, x in zip(weights, frames, strict=True))
        variance = sum(w[d] * (x[d] - mean) ** 2 for w, x in zip(weights, frames, strict=True))
        means.append(mean)
        spreads.append(math.sqrt(variance + 1e-5))
    return means + spreads


def margin_loss(cosines: Sequence[float], label: int, margin: float, scale: float) -> float:
    """Cross-entropy of one utterance's cosines whose own angle was widened."""
    logits = []
    for number, cosine in enumerate(cosines):
        if number == label:
            angle = math.acos(cosine)
            wider = math.cos(angle + margin) if angle + margin < math.pi else cosine - margin * math.sin(margin)
            logits.append(scale * wider)
        else:
            logits.append(scale * cosine)
    return math.log(sum(math.exp(x) for x in logits)) - logits[label]


def soft_loss(logits: Sequence[Sequence[float]], labels: Sequence[int], temperature: float) -> float:
    """Summed cross-entropy against labels of which one utterance more in all is of any class."""
    softness = 1 / (len(labels) + 1)
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        scaled = [(x - max(row)) / temperature for x in row]
        log_sum = math.log(sum(math.exp(x) for x in scaled))
        for number, x in enumerate(scaled):
            total += ((number == label) * (1 - softness) + softness / len(row)) * (log_sum - x)
    return total
