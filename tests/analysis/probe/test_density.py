"""How probes that give probabilities are chosen: where the penalty is settled, and how training comes to its end."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from masr.analysis.probe import density
from masr.analysis.probe.density import Training, descend, fit


def test_training_goes_back_to_the_best_takes_smaller_steps_and_ends_there() -> None:
    """By hand: under a constant slope Adam moves by its rate in every step, of two rows too."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    losses = iter([5.0, 4.0, 6.0, 6.0, 6.0, 6.0, 0.0])
    walked: list[float] = []

    def held() -> float:
        walked.append(float(network.weight.detach()))
        return next(losses)

    def step(_chosen: Tensor) -> Tensor:
        return network.weight.sum()

    training = Training(batch=512, patience=2, rate=0.1, decay=0.0)
    best = descend(network, step, 2, held, torch.Generator().manual_seed(0), training)
    # After two steps without a gain it is back at -0.1 with a tenth of the rate; after four it is over.
    assert walked == pytest.approx([0, -0.1, -0.2, -0.3, -0.11, -0.12], abs=1e-5)
    assert (best, float(network.weight.detach())) == (4.0, pytest.approx(-0.1, abs=1e-5))


def test_a_row_that_is_left_over_is_not_learnt_from() -> None:
    network, seen = nn.Linear(1, 1), []

    def step(chosen: Tensor) -> Tensor:
        seen.append(len(chosen))
        return network.weight.sum()

    held = itertools.count()
    descend(network, step, 5, lambda: -next(held), torch.Generator(), Training(batch=2, most_epochs=3))
    assert seen == [2, 2] * 3


def test_the_penalty_is_the_last_before_it_gets_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[float] = []
    fitted = density.Regression.fit

    def counted(self: density.Regression, strength: float, *given: object) -> object:
        tried.append(strength)
        return fitted(self, strength, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(density.Regression, "fit", counted)
    random = np.random.default_rng(0)
    labels = np.arange(400) % 4
    frames = (np.eye(4)[labels] * 6 + random.standard_normal((400, 4))).astype(np.float32)
    held = frames[200:], labels[200:]
    found = fit("logistic", frames[:200], labels[:200], held, 4)
    assert tried == [1.0, 1e-2]  # classes far apart want no penalty, so that the second is worse and the last
    assert found.cross_entropy(*held) < 0.1
