"""Student's t by numbers alone: the density integrated by Simpson's rule, the quantile by bisection."""

from __future__ import annotations

import math
from collections.abc import Sequence


def density(x: float, degrees: int) -> float:
    log_scale = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2) - 0.5 * math.log(degrees * math.pi)
    return math.exp(log_scale - (degrees + 1) / 2 * math.log1p(x * x / degrees))


def upper_tail(t: float, degrees: int) -> float:
    """P(T > t) for t >= 0: one half less the integral from 0."""
    pieces = 20_000
    step = t / pieces
    inner = sum((4 if n % 2 else 2) * density(n * step, degrees) for n in range(1, pieces))
    return 0.5 - (density(0, degrees) + inner + density(t, degrees)) * step / 3


def quantile(share: float, degrees: int) -> float:
    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if 1 - upper_tail(middle, degrees) < share else (low, middle)
    return (low + high) / 2


def paired(a: Sequence[float], b: Sequence[float]) -> tuple[float, float]:
    """(mean difference, two-sided p)."""
    gains = [x - y for x, y in zip(a, b, strict=True)]
    mean = sum(gains) / len(gains)
    variance = sum((gain - mean) ** 2 for gain in gains) / (len(gains) - 1)
    return mean, 2 * upper_tail(abs(mean) / math.sqrt(variance / len(gains)), len(gains) - 1)


def power(effect: float, degrees: int) -> float:
    """How often the t test at 5 % finds an effect of so many standard errors, in its own direction.

    t is (effect + z) / (chi / sqrt(degrees)): for each chi, the chance that z lies above; integrated over chi.
    """
    critical, root = quantile(0.975, degrees), math.sqrt(degrees)
    pieces, top = 4000, root + 12.0
    step = top / pieces
    total = 0.0
    for n in range(1, pieces):
        chi = n * step
        log_density = (degrees - 1) * math.log(chi) - chi * chi / 2 - math.lgamma(degrees / 2)
        above = 0.5 * math.erfc((critical * chi / root - effect) / math.sqrt(2))
        total += math.exp(log_density + (1 - degrees / 2) * math.log(2)) * above * step
    return total
