"""The equal error rate of a million trials, a tenth of them targets, with the scores in any order."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from race import Race, Runner, Turn

TARGETS, OTHERS = 100_000, 900_000


@cache
def trials() -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    return random.standard_normal(TARGETS, dtype=np.float32) + 2, random.standard_normal(OTHERS, dtype=np.float32)


def ours() -> Turn:
    from masr.scoring.lid.det_curve import equal_error

    targets, others = trials()

    def turn() -> float:
        equal_error(targets, others)
        return float(TARGETS + OTHERS)

    return turn


def by_roc_curve() -> float:
    from sklearn.metrics import roc_curve

    targets, others = trials()
    truth = np.repeat([1, 0], [TARGETS, OTHERS])
    alarms, hits, _ = roc_curve(truth, np.concatenate([targets, others]))
    place = np.nanargmin(np.abs(1 - hits - alarms))
    return float((1 - hits[place] + alarms[place]) / 2)


def theirs() -> Turn:
    import sklearn.metrics  # noqa: F401 (named as missing where it is)

    def turn() -> float:
        by_roc_curve()
        return float(TARGETS + OTHERS)

    return turn


def check() -> str:
    """Both find the same rate, ours on the hull."""
    from masr.scoring.lid.det_curve import equal_error

    found = equal_error(*trials()).rate
    try:
        other = by_roc_curve()
    except ImportError:
        return "scikit-learn is not installed, so the rate was not compared"
    if abs(found - other) > 1e-3:
        raise RuntimeError(f"rates {found} and {other}")
    return f"rates {found:.6f} (hull) and {other:.6f} (scikit-learn's nearest threshold)"


def race() -> Race:
    runners = [Runner("masr equal_error", ours), Runner("scikit-learn, roc_curve", theirs, 10.0)]
    return Race("Equal error rate, 1,000,000 trials", "trials", runners, check)
