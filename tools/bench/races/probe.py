"""A linear probe of frames: 768 wide, 40 classes, features of like scale, as after an encoder.

200,000 frames, or as many as MASR_RACE_FRAMES says: a million take 4 GB and some minutes of scikit-learn a turn.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import numpy as np
from race import Race, Runner, Turn

FRAMES = int(os.environ.get("MASR_RACE_FRAMES", "200000"))
TESTED, WIDTH, CLASSES, SEEN = 20_000, 768, 40, 64


@cache
def frames() -> tuple[Any, Any]:
    """All frames and their classes, the tested ones last. 64 directions matter, from strong to weak, under noise."""
    random = np.random.default_rng(0)
    basis = (random.standard_normal((SEEN, WIDTH)) * np.linspace(1, 0.1, SEEN)[:, None]).astype(np.float32)
    centres = 0.3 * random.standard_normal((CLASSES, SEEN)).astype(np.float32)
    labels = random.integers(0, CLASSES, FRAMES + TESTED)
    rows = np.empty((len(labels), WIDTH), np.float32)
    for first in range(0, len(rows), 10_000):
        part = labels[first : first + 10_000]
        hidden = centres[part] + random.standard_normal((len(part), SEEN), dtype=np.float32)
        rows[first : first + 10_000] = hidden @ basis + 0.5 * random.standard_normal((len(part), WIDTH), np.float32)
    rows -= rows[:50_000].mean(axis=0)
    rows /= rows[:50_000].std(axis=0)
    return rows, labels


RIGHT: dict[str, float] = {}
"""Accuracy of each on frames that it has not seen; what was raced has to be equally good."""


def _tested(name: str, answers: Any) -> float:
    RIGHT[name] = float((answers == frames()[1][FRAMES:]).mean())
    if len(RIGHT) == 2 and RIGHT["ours"] < RIGHT["theirs"] - 0.001:
        raise RuntimeError(f"accuracies differ: {RIGHT}")
    return float(FRAMES)


def ours() -> Turn:
    from masr.analysis.probe.softmax import Regression

    rows, labels = frames()

    def turn() -> float:
        found = Regression(rows[:FRAMES], labels[:FRAMES], CLASSES).fit()
        return _tested("ours", found.answers(rows[FRAMES:]))

    return turn


def theirs() -> Turn:
    import warnings

    from sklearn.linear_model import LogisticRegression

    rows, labels = frames()

    def turn() -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a hundred steps were not enough
            found = LogisticRegression().fit(rows[:FRAMES], labels[:FRAMES])
        value = _tested("theirs", found.predict(rows[FRAMES:]))
        print(f"probe: accuracy ours {RIGHT['ours']:.4f}, scikit-learn {RIGHT['theirs']:.4f}", flush=True)
        return value

    return turn


def race() -> Race:
    runners = [
        Runner("masr Regression, C = 1", ours),
        Runner("scikit-learn LogisticRegression, C = 1", theirs, 2.5),
    ]
    return Race(f"Linear probe, {FRAMES:,} frames x {WIDTH}, {CLASSES} classes", "frames", runners)
