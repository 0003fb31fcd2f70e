"""Actual and minimum Cavg at two settings, from log-probabilities: 1,000,000 trials of 50 languages."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from race import Race, Runner, Turn

UTTS, LANGUAGES = 20_000, 50
NAMES = tuple(f"l{i:02d}" for i in range(LANGUAGES))


@cache
def scores() -> tuple[Any, Any]:
    """(UTTS, LANGUAGES) log-probabilities and the true places, utterances of a language together."""
    random = np.random.default_rng(0)
    truth = np.sort(random.integers(0, LANGUAGES, UTTS))
    logits = 2 * random.standard_normal((UTTS, LANGUAGES), dtype=np.float32)
    logits[np.arange(UTTS), truth] += 6
    logits -= logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), truth


def costs() -> dict[str, float]:
    from masr.io.language_scores import LanguageScores
    from masr.scoring.lid.answers import judge
    from masr.scoring.lid.detection import BETAS, trials_of
    from masr.scoring.lid.reference import Labels

    logs, truth = scores()
    table = LanguageScores(range(UTTS), NAMES, logs)  # type: ignore[arg-type]
    answers = judge(Path("race"), table, np.arange(UTTS), Labels(NAMES, truth))
    trials, _, order = trials_of(answers.ratios, answers.truth, np.arange(UTTS))
    sizes = np.bincount(truth)
    found = {}
    for beta, least in zip(BETAS, trials.best_thresholds()):
        for kind, threshold in (("actual", np.log(beta)), ("minimum", least)):
            missed, alarms = trials.accepted(threshold)
            each = np.bincount(truth[order], missed + beta / (LANGUAGES - 1) * alarms) / sizes
            found[f"{kind} {beta:g}"] = float(each.mean())
    return found


def by_loops(num_thresholds: int = 20) -> list[float]:
    """As scripts have it: for each threshold, target and other language a share; so many thresholds, no more."""
    logs, truth = scores()
    ratios = logs - np.log1p(-np.exp(logs.astype(np.float64)).clip(max=1 - 1e-12)) + np.log(LANGUAGES - 1)
    parts = [ratios[truth == language] for language in range(LANGUAGES)]
    found = []
    for threshold in np.linspace(-5, 5, num_thresholds):
        total = 0.0
        for target in range(LANGUAGES):
            total += float((parts[target][:, target] < threshold).mean())
            for other in range(LANGUAGES):
                if other != target:
                    total += float((parts[other][:, target] >= threshold).mean()) / (LANGUAGES - 1)
        found.append(total / LANGUAGES)
    return found


def ours() -> Turn:
    def turn() -> float:
        costs()
        return float(UTTS * LANGUAGES)

    return turn


def theirs() -> Turn:
    def turn() -> float:
        by_loops()
        return float(UTTS * LANGUAGES)

    return turn


def check() -> str:
    """The least over all thresholds is no more than that over twenty, and near it."""
    found, loops = costs(), min(by_loops())
    if not loops - 0.02 < found["minimum 1"] <= loops + 1e-9:
        raise RuntimeError(f"minimum {found['minimum 1']}, over twenty thresholds {loops}")
    figures = ", ".join(f"{name} {value:.4f}" for name, value in found.items())
    return f"Cavg {figures}; least of twenty thresholds by loops {loops:.4f}"


def race() -> Race:
    runners = [Runner("masr, exact, two settings", ours), Runner("loops over languages, twenty thresholds", theirs)]
    return Race(
        "Actual and minimum Cavg from log-probabilities, 1,000,000 trials; 30M/s wanted", "trials", runners, check
    )
