"""A network with one hidden layer over 20,000 frames of the linear race: 768 wide, 128 hidden, ten epochs.

A tenth of the linear frames, and a quarter of the hidden units of `masr analyse probe`: a turn takes seconds.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
from race import Race, Runner, Turn

FRAMES, TESTED, WIDTH, CLASSES, SEEN, HIDDEN, EPOCHS, BATCH = 20_000, 5_000, 768, 40, 64, 128, 10, 512


@cache
def frames() -> tuple[Any, Any]:
    """All frames and their classes, the tested ones last."""
    random = np.random.default_rng(0)
    basis = (random.standard_normal((SEEN, WIDTH)) * np.linspace(1, 0.1, SEEN)[:, None]).astype(np.float32)
    centres = 0.3 * random.standard_normal((CLASSES, SEEN)).astype(np.float32)
    labels = random.integers(0, CLASSES, FRAMES + TESTED)
    hidden = centres[labels] + random.standard_normal((len(labels), SEEN), dtype=np.float32)
    rows = hidden @ basis + 0.5 * random.standard_normal((len(labels), WIDTH), dtype=np.float32)
    return (rows - rows.mean(axis=0)) / rows.std(axis=0), labels


RIGHT: dict[str, float] = {}


def _tested(name: str, answers: Any) -> float:
    RIGHT[name] = float((answers == frames()[1][FRAMES:]).mean())
    if len(RIGHT) == 2 and RIGHT["ours"] < RIGHT["theirs"] - 0.01:
        raise RuntimeError(f"accuracies differ: {RIGHT}")
    return float(FRAMES * EPOCHS)


def ours() -> Turn:
    from masr.analysis.probe.perceptron import PerceptronSettings, fit

    rows, labels = frames()
    settings = PerceptronSettings(hidden=HIDDEN, most_epochs=EPOCHS, least_steps=0, batch_rows=BATCH)

    def turn() -> float:
        found = fit(rows[:FRAMES], labels[:FRAMES], CLASSES, (rows[FRAMES:], labels[FRAMES:]), settings)
        return _tested("ours", found.answers(rows[FRAMES:]))

    return turn


def theirs() -> Turn:
    from sklearn.neural_network import MLPClassifier

    rows, labels = frames()

    def turn() -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that so few epochs were not enough
            found = MLPClassifier((HIDDEN,), batch_size=BATCH, max_iter=EPOCHS, random_state=0)
            found.fit(rows[:FRAMES], labels[:FRAMES])
        value = _tested("theirs", found.predict(rows[FRAMES:]))
        print(f"probe_mlp: accuracy ours {RIGHT['ours']:.4f}, scikit-learn {RIGHT['theirs']:.4f}", flush=True)
        return value

    return turn


def race() -> Race:
    runners = [Runner("masr perceptron", ours), Runner("scikit-learn MLPClassifier", theirs)]
    return Race(f"Network probe, {FRAMES:,} frames x {WIDTH}, {HIDDEN} hidden, {EPOCHS} epochs", "frames", runners)
