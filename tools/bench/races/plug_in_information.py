"""Plug-in mutual information of 1,000,000 frames, 500 clusters and 40 phones."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from race import Race, Runner, Turn

FRAMES, CLUSTERS, PHONES = 1_000_000, 500, 40


@cache
def labels() -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    clusters = random.integers(0, CLUSTERS, FRAMES)
    return clusters, np.where(random.random(FRAMES) < 0.5, clusters % PHONES, random.integers(0, PHONES, FRAMES))


def ours() -> Turn:
    from masr.analysis.information.bounds import plug_in

    first, second = labels()

    def turn() -> float:
        plug_in(first, second)
        return float(FRAMES)

    return turn


def theirs() -> Turn:
    from sklearn.metrics import mutual_info_score

    first, second = labels()

    def turn() -> float:
        mutual_info_score(first, second)
        return float(FRAMES)

    return turn


def check() -> str:
    from sklearn.metrics import mutual_info_score

    from masr.analysis.information.bounds import plug_in

    found, expected = plug_in(*labels()), float(mutual_info_score(*labels()))
    if abs(found - expected) > 1e-9:
        raise RuntimeError(f"{found} and {expected}")
    return f"{found:.6f} nats, {abs(found - expected):.0e} apart"


def race() -> Race:
    runners = [Runner("masr, plug-in", ours), Runner("scikit-learn, mutual_info_score", theirs, 40.0)]
    return Race("Plug-in mutual information, 1,000,000 frames", "frames", runners, check)
