"""A network with one hidden layer over frames: what a little more than a linear probe can tell.

Shapes: N rows, D features, H hidden units, K classes, B rows of a batch.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from masr.maths.products import Linear
from masr.types import FloatArray, IntArray

_PREDICT_ROWS = 8192
_PATIENCE = 5


@dataclass(frozen=True)
class PerceptronSettings:
    """How large the network is, and how it learns."""

    hidden: int = 512
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    dropout: float = 0.1
    most_epochs: int = 10
    least_steps: int = 4000
    """Where there are few frames, there are more epochs, until so many steps are taken."""
    batch_rows: int = 512


@dataclass(frozen=True, eq=False)
class Perceptron:
    """A trained network with the weights that were best on dev."""

    network: nn.Sequential

    @torch.inference_mode()
    def answers(self, rows: FloatArray) -> IntArray:
        """(N, D) -> (N,) the likeliest class of each."""
        device = next(self.network.parameters()).device
        x = torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32))
        found = [
            self.network(x[i : i + _PREDICT_ROWS].to(device)).argmax(dim=1).cpu()
            for i in range(0, len(x), _PREDICT_ROWS)
        ]
        answers: IntArray = torch.cat(found).numpy()
        return answers


def fit(
    rows: FloatArray,
    labels: IntArray,
    num_classes: int,
    dev: tuple[FloatArray, IntArray],
    settings: PerceptronSettings | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> Perceptron:
    """Trains until dev has not become better for five epochs, and gives the best; the same for the same seed."""
    settings = settings or PerceptronSettings()
    x, y = (
        torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32)).to(device),
        torch.from_numpy(labels).to(device),
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = _network(x.shape[1], num_classes, settings).to(device)
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        batches = -(-len(x) // settings.batch_rows)
        epochs = max(settings.most_epochs, -(-settings.least_steps // batches))
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * batches)
        best, best_right, since = copy.deepcopy(network.state_dict()), -1.0, 0
        for _ in range(epochs):
            network.train()
            order = torch.randperm(len(x)).to(x.device)
            for first in range(0, len(x), settings.batch_rows):
                chosen = order[first : first + settings.batch_rows]
                _step(network, optimiser, x[chosen], y[chosen])
                schedule.step()
            network.eval()
            right = float((Perceptron(network).answers(dev[0]) == dev[1]).mean())
            since += 1
            if right > best_right:
                best, best_right, since = copy.deepcopy(network.state_dict()), right, 0
            if since == _PATIENCE:
                break
        network.load_state_dict(best)
    return Perceptron(network.eval())


def _network(width: int, num_classes: int, settings: PerceptronSettings) -> nn.Sequential:
    first, last = Linear(width, settings.hidden), Linear(settings.hidden, num_classes)
    return nn.Sequential(first, nn.ReLU(), nn.Dropout(settings.dropout), last)


def _step(network: nn.Module, optimiser: torch.optim.Optimizer, x: Tensor, y: Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss = functional.cross_entropy(network(x), y)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
