"""Cross-entropy on masked frames, and the counts of codes."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch

from masr.losses.masked_prediction import histogram, masked_prediction, right


def test_the_loss_is_that_of_loops() -> None:
    torch.manual_seed(0)
    logits, targets, weights = torch.randn(5, 2, 7), torch.randint(0, 7, (5, 2)), torch.tensor([1.0, 0, 2, 1, 0.5])
    term = masked_prediction(logits, targets, weights)
    total = 0.0
    for n in range(5):
        for g in range(2):
            scores = logits[n, g].tolist()
            total += float(weights[n]) / 2 * (math.log(sum(map(math.exp, scores))) - scores[int(targets[n, g])])
    assert float(term.sum) == pytest.approx(total, rel=1e-5)
    assert float(term.count) == 5


def test_histogram_counts_each_codebook_apart() -> None:
    codes = torch.randint(0, 6, (50, 3), generator=torch.Generator().manual_seed(0))
    found = histogram(codes, 8)
    assert found.shape == (3, 8)
    for book in range(3):
        counted = Counter(codes[:, book].tolist())
        assert found[book].tolist() == [counted[code] for code in range(8)]
    assert histogram(codes[:0], 8).tolist() == [[0.0] * 8] * 3


def test_right_counts_pairs_that_agree() -> None:
    same, count = right(torch.tensor([[1, 2], [3, 4], [5, 6]]), torch.tensor([[1, 0], [3, 4], [0, 0]]))
    assert (int(same), int(count)) == (3, 6)
