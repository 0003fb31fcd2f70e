"""Margin against angles and against ESPnet's, temperature against a search on a grid."""

from __future__ import annotations

import importlib.util
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from masr.losses.classification import cosines, cross_entropy, fit_temperature, with_margin
from reference import slow_classification


def logits(rows: int, classes: int, seed: int = 0, spread: float = 2.0) -> torch.Tensor:
    return spread * torch.randn(rows, classes, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("margin", [0.0, 0.2, 0.5])
def test_margin_is_an_angle(margin: float) -> None:
    found = torch.tensor([[0.3, -0.2, 0.9], [-0.99, 0.5, 0.1], [0.0, 0.7, -0.6]])
    labels = torch.tensor([2, 0, 1])
    losses = cross_entropy(with_margin(found, labels, margin) * 30, labels).sum
    expected = sum(
        slow_classification.margin_loss(row, int(label), margin, 30)
        for row, label in zip(found.tolist(), labels, strict=True)
    )
    assert float(losses) == pytest.approx(expected, rel=1e-5)


@pytest.mark.skipif(importlib.util.find_spec("espnet2") is None, reason="ESPnet is not installed")
def test_margin_is_espnets() -> None:
    from espnet2.spk.loss.aamsoftmax import AAMSoftmax

    theirs = AAMSoftmax(8, 5, margin=0.3, scale=15)
    vectors = torch.randn(6, 8, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([0, 1, 2, 3, 4, 0])
    expected, _, _ = theirs(vectors, labels)
    found = cross_entropy(with_margin(cosines(vectors, theirs.weight), labels, 0.3) * 15, labels)
    torch.testing.assert_close(found.sum / found.count, expected)


def test_gradient_is_finite_at_the_ends_of_the_cosine() -> None:
    found = torch.tensor([[1.0, 0.0], [-1.0, 0.0]], requires_grad=True)
    with_margin(found, torch.tensor([0, 0]), 0.2).sum().backward()
    assert found.grad is not None and torch.isfinite(found.grad).all()


def test_weights_and_smoothing() -> None:
    values, labels = logits(4, 3), torch.tensor([0, 1, 2, 0])
    one = cross_entropy(values, labels, torch.tensor([0.0, 0.0, 2.0, 0.0])).sum
    assert float(one) == pytest.approx(-2 * float(values[2].log_softmax(0)[2]), rel=1e-5)
    smooth = cross_entropy(values, labels, smoothing=0.3).sum
    rows = values.log_softmax(1)
    expected = -sum(0.7 * rows[i, y] + 0.3 * rows[i].mean() for i, y in enumerate(labels))
    assert float(smooth) == pytest.approx(float(expected), rel=1e-5)


@given(st.integers(1, 12), st.integers(2, 5), st.integers(0, 1000), st.floats(0.1, 10))
def test_temperature_is_the_least_of_all(rows: int, classes: int, seed: int, spread: float) -> None:
    values = logits(rows, classes, seed, spread)
    labels = torch.randint(0, classes, (rows,), generator=torch.Generator().manual_seed(seed))
    found = fit_temperature([values], [labels])
    assert math.exp(-5) <= found <= math.exp(5)
    least = slow_classification.soft_loss(values.tolist(), labels.tolist(), found)
    for other in (found * 0.99, found * 1.01, 0.02, 0.5, 1.0, 3.0, 100.0):
        if math.exp(-5) < other < math.exp(5):
            assert least <= slow_classification.soft_loss(values.tolist(), labels.tolist(), other) + 1e-6


def test_a_sure_and_wrong_model_is_cooled_and_a_timid_one_warmed() -> None:
    labels = torch.arange(60) % 3
    true = torch.nn.functional.one_hot(labels, 3).float() * 2 + logits(60, 3, 5, 1.0)
    once = fit_temperature([true], [labels])
    assert fit_temperature([true * 10], [labels]) == pytest.approx(once * 10, rel=1e-4)
    assert fit_temperature([true * 0.1], [labels]) == pytest.approx(once * 0.1, rel=1e-4)


def test_all_right_is_not_certainty() -> None:
    labels = torch.arange(10)
    found = fit_temperature([torch.eye(10)], [labels])
    assert float((torch.eye(10) / found).softmax(1)[0, 0]) == pytest.approx(1 - 1 / 11 + 1 / 110, abs=1e-3)


def test_parts_of_several_ranks_give_what_one_gives() -> None:
    values, labels = logits(20, 4), torch.arange(20) % 4
    parts = [(values[:7], labels[:7]), (values[7:], labels[7:])]
    import threading

    barrier, held, found = threading.Barrier(2), [0.0, 0.0], [0.0, 0.0]

    def rank(number: int) -> None:
        def total(value: float) -> float:
            held[number] = value
            barrier.wait()
            together = sum(held)
            barrier.wait()
            return together

        found[number] = fit_temperature([parts[number][0]], [parts[number][1]], total)

    threads = [threading.Thread(target=rank, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == pytest.approx([fit_temperature([values], [labels])] * 2)


def test_nothing_known_leaves_it_at_one() -> None:
    assert fit_temperature([], []) == 1.0
    assert fit_temperature([torch.zeros(0, 3)], [torch.zeros(0, dtype=torch.int64)]) == 1.0
