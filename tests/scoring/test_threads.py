"""Work by threads comes to the same as work in one row, error and all."""

from __future__ import annotations

import threading
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from masr.io.language_scores import LanguageScores
from masr.maths.bootstrap import clusters
from masr.scoring import threads
from masr.scoring.lid import answers
from masr.scoring.lid import detection as trials
from masr.scoring.lid.cluster_sums import tally
from masr.scoring.lid.reference import encode
from masr.scoring.threads import each


@pytest.mark.parametrize("num_cells", [0, 1 << 40])
def test_results_stand_in_the_order_of_the_pieces(num_cells: int) -> None:
    seen: set[int] = set()
    barrier = threading.Barrier(2, timeout=300)

    def work(n: int) -> int:
        seen.add(threading.get_ident())
        if num_cells and n < 2:
            barrier.wait()  # the first two are at work at once
        return n * n

    assert each(work, range(20), num_cells) == [n * n for n in range(20)]
    assert (len(seen) > 1) == (num_cells > 0)


@pytest.mark.parametrize("num_cells", [0, 1 << 40])
def test_an_error_in_a_piece_is_the_callers(num_cells: int) -> None:
    with pytest.raises(ZeroDivisionError):
        each(lambda n: 1 // n, range(-3, 3), num_cells)


def test_scores_are_the_same_by_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    names, size = tuple(f"l{i}" for i in range(6)), 700
    logs = random.standard_normal((size, 6)).round(1)  # with ties
    logs = (logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))).astype(np.float32)
    utts = [f"u{i:03d}" for i in range(size)]
    labels = encode(random.choice([*names[:5], "none"], size).tolist())
    groups = clusters([utt[:3] for utt in utts])
    monkeypatch.setattr(answers, "_ROWS", 64)
    monkeypatch.setattr(trials, "_COLUMNS", 64)
    found = []
    for worth in (1 << 40, 0):
        monkeypatch.setattr(threads, "_WORTH_CELLS", worth)
        made = answers.judge(Path("x"), LanguageScores(utts, names, logs), np.arange(size), labels)
        sums = tally(made, np.flatnonzero(made.truth >= 0), groups, 2).figures(np.ones((1, groups.count)))
        found.append((made, sums))
    (one, sums), (other, same) = found
    for field in fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))
    assert sums.keys() == same.keys()
    for name in sums:
        np.testing.assert_array_equal(sums[name], same[name])
