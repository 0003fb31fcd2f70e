"""Probes that say how probable each class is: what the bounds on mutual information need.

Logistic regression and a perceptron of three layers. Both are chosen by cross-entropy on frames that they were not
trained on: the strength of the former's penalty, and the moment to stop of the latter. A thousandth of the probability
is spread evenly, so that a class that training never saw costs much, but not everything; what comes out is still a
distribution, so that the bound stays one.

Shapes: N frames, D features, V classes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from masr.analysis.probe.softmax import Regression, Softmax
from masr.maths.products import Linear
from masr.types import Float64Array, FloatArray, IntArray

Kind = Literal["logistic", "mlp"]

_EVEN_SHARE = 1e-3
_STRENGTHS = (1.0, 1e-2, 1e-3, 1e-4)
"""Strengths C of logistic regression, from the weakest penalty; it stops where the next is worse."""
_BLOCK_ROWS = 4096


@dataclass(frozen=True)
class Training:
    """How the perceptron is trained."""

    width: int = 256
    batch: int = 512
    most_epochs: int = 30
    patience: int = 2
    """Epochs without a gain before the step is made smaller; twice that ends it."""
    rate: float = 1e-3
    decay: float = 1e-2


@dataclass(frozen=True, eq=False)
class Density:
    """A trained probe as a distribution: q(y | z)."""

    mean: FloatArray
    deviation: FloatArray
    logits: Callable[[Tensor], Tensor]
    num_classes: int

    def log_probability(self, frames: FloatArray, labels: IntArray) -> Float64Array:
        """(N, D), (N,) -> (N,) log q of each label, in nats."""
        found = np.empty(len(frames))
        for start in range(0, len(frames), _BLOCK_ROWS):
            rows = slice(start, start + _BLOCK_ROWS)
            with torch.inference_mode():
                logs = torch.log_softmax(self.logits(_scaled(frames[rows], self.mean, self.deviation)).double(), dim=1)
            chosen = logs.gather(1, torch.from_numpy(labels[rows])[:, None])[:, 0].numpy()
            found[rows] = np.logaddexp(np.log1p(-_EVEN_SHARE) + chosen, np.log(_EVEN_SHARE / self.num_classes))
        return found

    def cross_entropy(self, frames: FloatArray, labels: IntArray) -> float:
        """The mean over frames of -log q of their labels, in nats."""
        return -float(self.log_probability(frames, labels).mean())


def fit(
    kind: Kind,
    frames: FloatArray,
    labels: IntArray,
    held: tuple[FloatArray, IntArray],
    num_classes: int,
    seed: int = 0,
    training: Training | None = None,
) -> Density:
    """A probe of `kind` that is trained on `frames` and chosen on `held`."""
    mean = frames.mean(axis=0, dtype=np.float64).astype(np.float32)
    deviation = frames.std(axis=0, dtype=np.float64).astype(np.float32)
    deviation[deviation <= 1e-6 * np.maximum(1e-30, np.abs(mean))] = np.inf  # what never moves tells nothing
    if kind == "mlp":
        return _fit_perceptron(frames, labels, held, (mean, deviation), num_classes, seed, training)
    regression = Regression(_scaled(frames, mean, deviation).numpy(), labels, num_classes, seed)
    best: tuple[float, Density] | None = None
    start: Softmax | None = None
    for strength in _STRENGTHS:
        start = regression.fit(strength, start)
        found = Density(mean, deviation, start.logits, num_classes)
        loss = found.cross_entropy(*held)
        if best is not None and loss >= best[0]:
            break
        best = (loss, found)
    assert best is not None
    return best[1]


def _scaled(frames: FloatArray, mean: FloatArray, deviation: FloatArray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray((frames - mean) / deviation, dtype=np.float32))


def _fit_perceptron(
    frames: FloatArray,
    labels: IntArray,
    held: tuple[FloatArray, IntArray],
    scale: tuple[FloatArray, FloatArray],
    num_classes: int,
    seed: int,
    training: Training | None,
) -> Density:
    training = training or Training()
    generator = torch.Generator().manual_seed(seed)
    network = perceptron(frames.shape[1], num_classes, training.width, generator)
    found = Density(*scale, network, num_classes)
    rows, targets = _scaled(frames, *scale), torch.from_numpy(labels)

    def step(chosen: Tensor) -> Tensor:
        return nn.functional.cross_entropy(network(rows[chosen]), targets[chosen])

    descend(network, step, len(rows), lambda: found.cross_entropy(*held), generator, training)
    return found


def perceptron(width_in: int, width_out: int, width: int, generator: torch.Generator) -> nn.Sequential:
    """A network of three layers, whose weights are drawn from `generator` alone."""
    network = nn.Sequential(
        Linear(width_in, width), nn.ReLU(), Linear(width, width), nn.ReLU(), Linear(width, width_out)
    )
    for module in network:
        if isinstance(module, nn.Linear):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(module.bias)
    with torch.no_grad():
        network[-1].weight.mul_(0.1)  # type: ignore[operator]  # so that it begins by knowing nothing
    return network


def descend(
    network: nn.Module,
    step: Callable[[Tensor], Tensor],
    count: int,
    held: Callable[[], float],
    generator: torch.Generator,
    training: Training,
) -> float:
    """Trains by Adam over shuffled batches, with smaller steps once `held` stops falling; the best weights are left.

    `step` gives the loss of the rows whose numbers it gets. Returns the least of `held`.
    """
    optimiser = torch.optim.AdamW(network.parameters(), lr=training.rate, weight_decay=training.decay)
    best, state, waited = held(), copy.deepcopy(network.state_dict()), 0
    for _ in range(training.most_epochs):
        order = torch.randperm(count, generator=generator)
        for start in range(0, count, training.batch):
            chosen = order[start : start + training.batch]
            if len(chosen) < 2:
                continue
            optimiser.zero_grad(set_to_none=True)
            step(chosen).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        now = held()
        if now < best - 1e-5:
            best, state, waited = now, copy.deepcopy(network.state_dict()), 0
            continue
        waited += 1
        if waited >= 2 * training.patience:
            break
        if waited == training.patience:
            network.load_state_dict(state)
            for group in optimiser.param_groups:
                group["lr"] *= 0.1
    network.load_state_dict(state)
    return best
