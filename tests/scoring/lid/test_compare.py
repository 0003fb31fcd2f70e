from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from masr.io.language_scores import LanguageScores
from masr.maths.bootstrap import clusters
from masr.scoring.lid.answers import Answers, judge
from masr.scoring.lid.compare import compare, mcnemar
from masr.scoring.lid.reference import encode
from reference import slow_lid

NAMES = ("afr", "bos", "ces")


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (5, 5), (3, 9), (12, 2), (40, 61)])
def test_mcnemar_is_the_binomial_added_up(first: int, second: int) -> None:
    ours = np.array([True] * first + [False] * second + [True, False])
    theirs = np.array([False] * first + [True] * second + [True, False])
    found = mcnemar(ours, theirs)
    assert (found.only_first, found.only_second) == (first, second)
    assert (found.p_exact, found.p_mid) == pytest.approx(slow_lid.mcnemar(first, second))


def answers(seed: int, lift: float, names: tuple[str, ...] = NAMES) -> Answers:
    labels = [NAMES[i % 3] for i in range(240)]
    logits = np.random.default_rng(seed).standard_normal((240, len(names)))
    for u, label in enumerate(labels):
        if label in names:
            logits[u, names.index(label)] += lift
    logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    scores = LanguageScores([f"u{i}" for i in range(240)], names, logs.astype(np.float32))
    return judge(Path("x"), scores, np.arange(240), encode(labels))


def test_a_better_system_is_better_and_the_same_is_the_same() -> None:
    groups = clusters([f"s{i // 4}" for i in range(240)])
    found = compare(answers(0, 2.5), answers(1, 0.5), groups, 1)
    assert found is not None and found.num_utts == 240
    gain = found.figures["accuracy"]
    assert gain.difference == gain.first - gain.second > 0
    assert gain.low is not None and gain.low > 0
    assert gain.p is not None and gain.p < 0.01 > found.mcnemar.p_exact
    assert found.figures["eer_pooled"].difference < 0
    same = compare(answers(0, 2), answers(0, 2), groups, 1)
    assert same is not None
    assert {(one.difference, one.low, one.high, one.p) for one in same.figures.values()} == {(0, 0, 0, 1)}
    assert same.mcnemar.p_exact == same.mcnemar.p_mid == 1


def test_pairing_takes_out_what_both_share() -> None:
    """Two like systems differ by less than either varies."""
    groups = clusters([f"u{i}" for i in range(240)], "utterances")
    one, other = answers(0, 1.0), answers(0, 1.1)
    found = compare(one, other, groups, 1)
    assert found is not None
    gain = found.figures["cllr"]
    assert gain.low is not None and gain.high is not None
    assert gain.high < 0 or gain.low > 0


def test_only_languages_of_both_are_compared() -> None:
    groups = clusters([f"u{i}" for i in range(240)], "utterances")
    found = compare(answers(0, 1), answers(1, 1, ("bos", "ces", "dan")), groups, 1)
    assert found is not None and found.num_utts == 160
    assert compare(answers(0, 1), answers(1, 1, ("dan", "eng")), groups, 1) is None
