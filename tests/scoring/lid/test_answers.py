from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masr.errors import ScoresError
from masr.io.language_scores import LanguageScores
from masr.scoring.lid.answers import Answers, judge
from masr.scoring.lid.reference import encode
from reference import slow_lid

NAMES = ("hin", "eng", "urd", "nob")


def log_softmax(values: Any) -> Any:
    values = np.asarray(values, dtype=np.float64)
    return (
        values
        - np.log(np.exp(values - values.max(1, keepdims=True)).sum(1, keepdims=True))
        - values.max(1, keepdims=True)
    )


def judged(values: Any, labels: list[str], names: tuple[str, ...] = NAMES, **options: Any) -> Answers:
    values = np.asarray(values, dtype=np.float32)
    scores = LanguageScores([f"u{i}" for i in range(len(values))], names, values)
    return judge(Path("x.tsv"), scores, np.arange(len(values)), encode(labels), **options)


@given(st.lists(st.lists(st.floats(-12, 12), min_size=4, max_size=4), min_size=1, max_size=8))
def test_ratios_are_those_of_the_definition(rows: list[list[float]]) -> None:
    logs = log_softmax(rows)
    found = judged(logs, ["eng"] * len(rows))
    order = sorted(range(4), key=NAMES.__getitem__)
    for u, row in enumerate(logs.tolist()):
        slow = [slow_lid.ratio([row[i] for i in order], language) for language in range(4)]
        assert found.ratios[:, u] == pytest.approx(slow, abs=2e-4)


def test_a_nearly_certain_answer_keeps_its_ratio() -> None:
    """Float32 cannot hold 1 - 1e-12, but what it leaves to the others is there."""
    logs = [[-1e-12, math.log(5e-13), math.log(3e-13), math.log(2e-13)]]
    found = judged(logs, ["hin"])
    assert found.ratios[NAMES_SORTED.index("hin"), 0] == pytest.approx(math.log(3 / 1e-12), rel=1e-5)
    assert found.surprise[0] == pytest.approx(1e-12, rel=1e-4, abs=0)


NAMES_SORTED = tuple(sorted(NAMES))


def test_the_order_of_columns_changes_nothing() -> None:
    random = np.random.default_rng(0)
    logs = np.round(log_softmax(random.integers(0, 3, (50, 4))), 5)  # with ties
    labels = random.choice([*NAMES, "zul"], 50).tolist()
    one = judged(logs, labels)
    for order in ([3, 2, 1, 0], [1, 3, 0, 2]):
        other = judged(logs[:, order], labels, tuple(NAMES[i] for i in order))
        for name in ("truth", "answer", "confidence", "rank", "surprise", "ratios"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
        assert one.num_tied == other.num_tied > 0


def test_ranks_answers_and_unknown_languages() -> None:
    logs = log_softmax([[3, 2, 1, 0], [0, 3, 3, 0], [1, 2, 3, 4]])
    found = judged(logs, ["urd", "urd", "xho"])
    assert [found.languages[i] for i in found.answer] == ["hin", "eng", "nob"]
    assert found.rank.tolist() == [2, 1, 4]
    assert found.truth.tolist() == [NAMES_SORTED.index("urd")] * 2 + [-1]
    assert np.isnan(found.surprise).tolist() == [False, False, True]
    assert found.num_tied == 1
    assert found.confidence == pytest.approx(np.exp(logs).max(axis=1), rel=1e-6)


def test_probability_nought_is_allowed_and_shows() -> None:
    logs = [[0.0, -np.inf, -np.inf, -np.inf], [-np.inf, math.log(0.5), math.log(0.5), -np.inf]]
    found = judged(logs, ["hin", "hin"])
    hin = NAMES_SORTED.index("hin")
    assert found.ratios[hin].tolist() == [np.inf, -np.inf]
    assert found.surprise.tolist() == [0, np.inf]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([0, np.nan, 0, 0], "u1: has NaN"),
        ([0, np.inf, 0, 0], r"u1: has \+inf"),
        ([-np.inf] * 4, "only -inf"),
        ([5.0, 1, 1, 1], "not to 1"),
        ([-0.30103, -0.60206, -0.90309, -0.90309], "not to 1"),  # logarithms to base 10
    ],
)
def test_rows_that_are_no_distribution_are_refused(row: list[float], words: str) -> None:
    good = log_softmax([[1, 2, 3, 4]])[0]
    with pytest.raises(ScoresError, match=words):
        judged([good, row], ["hin", "eng"])


def test_normalising_is_log_softmax_and_does_not_let_nan_pass() -> None:
    logits = np.random.default_rng(1).standard_normal((20, 4)) * 50
    labels = ["eng"] * 20
    asked, done = judged(logits, labels, normalise=True), judged(log_softmax(logits), labels)
    assert asked.ratios == pytest.approx(done.ratios, abs=1e-3)
    assert asked.confidence == pytest.approx(done.confidence, abs=1e-5)
    with pytest.raises(ScoresError, match="NaN"):
        judged([[np.nan, 0, 0, 0]], ["eng"], normalise=True)


def test_blocks_and_chosen_rows_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from masr.scoring.lid import answers as module

    random = np.random.default_rng(2)
    logs = log_softmax(random.standard_normal((40, 4))).astype(np.float32)
    labels = random.choice(NAMES, 40).tolist()
    scores = LanguageScores([f"u{i}" for i in range(40)], NAMES, logs)
    rows = random.permutation(40)[:23]
    whole = judged(logs, labels)
    monkeypatch.setattr(module, "_ROWS", 7)
    some = judge(Path("x"), scores, rows, encode([labels[i] for i in rows]))
    np.testing.assert_array_equal(some.ratios, whole.ratios[:, rows])
    assert some.utts == tuple(f"u{i}" for i in rows)


def test_rows_in_another_order_are_answered_in_that_order() -> None:
    random = np.random.default_rng(1)
    utts, names = [f"u{i}" for i in range(9)], ("a", "b", "c")
    logs = random.standard_normal((9, 3))
    logs = (logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))).astype(np.float32)
    rows = random.permutation(9)
    labels = encode(["a", "b", "c"] * 3)
    made = judge(Path("x"), LanguageScores(utts, names, logs), rows, labels)
    assert made.utts == tuple(utts[row] for row in rows)
    np.testing.assert_array_equal(made.answer, logs[rows].argmax(axis=1))
