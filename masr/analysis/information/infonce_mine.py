"""InfoNCE and MINE: estimates of mutual information by a critic that tells pairs from strangers.

Beside the bounds by classification they need no clusters, and pay for it: InfoNCE never exceeds the log of its batch
(van den Oord et al., 2018), and MINE's bound (Belghazi et al., 2018) is noisy where there is much to tell. Both critics
are trained on some frames, stopped by others, and judged on held-out ones.

Shapes: N frames, D and E widths of the two sides, B pairs of a batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from masr.analysis.probe.density import Training, descend, perceptron
from masr.types import FloatArray

Estimate = Literal["infonce", "mine"]
_BATCH = 512
_WIDTH = 64
"""Width of the vectors that InfoNCE's critic compares."""
_STRANGERS = 8
"""Shuffles of the held-out frames that MINE is judged on."""


@dataclass(frozen=True, eq=False)
class Sides:
    """Frames and what they go with, (N, D) and (N, E); labels come as vectors with a single 1."""

    first: FloatArray
    second: FloatArray


def estimate(kind: Estimate, train: Sides, held: Sides, test: Sides, seed: int = 0) -> float:
    """The estimate on `test` in nats, by a critic trained on `train` and stopped by `held`."""
    generator = torch.Generator().manual_seed(seed)
    scale = _scaler(train)
    widths = train.first.shape[1], train.second.shape[1]
    training = Training(batch=_BATCH, width=256, most_epochs=30)
    critic: _Separable | _Joint
    critic = _Separable(*widths, generator, training) if kind == "infonce" else _Joint(*widths, generator, training)
    x, y = scale(train)

    def step(chosen: Tensor) -> Tensor:
        return critic.loss(x[chosen], y[chosen], generator)

    descend(critic, step, len(x), lambda: -critic.judge(*scale(held), seed + 1), generator, training)
    return critic.judge(*scale(test), seed + 2)


def _scaler(train: Sides) -> Callable[[Sides], tuple[Tensor, Tensor]]:
    moments = []
    for side in (train.first, train.second):
        deviation = side.std(axis=0, dtype=np.float64)
        deviation[deviation < 1e-8 * max(1e-30, float(deviation.max()))] = np.inf
        moments.append((side.mean(axis=0, dtype=np.float64), deviation))

    def scale(sides: Sides) -> tuple[Tensor, Tensor]:
        first, second = (
            torch.from_numpy(((side - mean) / deviation).astype(np.float32))
            for side, (mean, deviation) in zip((sides.first, sides.second), moments)
        )
        return first, second

    return scale


class _Separable(nn.Module):
    """The critic of InfoNCE: g(x) . h(y)."""

    def __init__(self, first: int, second: int, generator: torch.Generator, training: Training) -> None:
        super().__init__()
        self.of_first = perceptron(first, _WIDTH, training.width, generator)
        self.of_second = perceptron(second, _WIDTH, training.width, generator)

    def bound(self, x: Tensor, y: Tensor) -> Tensor:
        """log B minus the cross-entropy of finding each pair among all of the batch."""
        scores = self.of_first(x) @ self.of_second(y).t()
        found: Tensor = scores.log_softmax(dim=1).diagonal().mean() + math.log(len(x))
        return found

    def loss(self, x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        """What training makes small."""
        del generator  # the batch itself has the strangers
        return -self.bound(x, y)

    @torch.inference_mode()
    def judge(self, x: Tensor, y: Tensor, seed: int) -> float:
        """The mean bound over shuffled batches of the same size as in training."""
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
        size = min(_BATCH, len(x))
        whole = [order[start : start + size] for start in range(0, len(x) - size + 1, size)]
        return float(np.mean([float(self.bound(x[batch], y[batch])) for batch in whole]))


class _Joint(nn.Module):
    """The critic of MINE, T(x, y); a moving mean corrects the gradient of its logarithm, as in the paper."""

    def __init__(self, first: int, second: int, generator: torch.Generator, training: Training) -> None:
        super().__init__()
        self.network = perceptron(first + second, 1, training.width, generator)
        self.mean: Tensor | None = None

    def scores(self, x: Tensor, y: Tensor) -> Tensor:
        """(B,) T of each pair."""
        found: Tensor = self.network(torch.cat([x, y], dim=1))[:, 0]
        return found

    def loss(self, x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        """What training makes small."""
        strange = self.scores(x, y[torch.randperm(len(y), generator=generator)]).clamp(max=20).exp().mean()
        self.mean = strange.detach() if self.mean is None else 0.9 * self.mean + 0.1 * strange.detach()
        return strange / self.mean - self.scores(x, y).mean()

    @torch.inference_mode()
    def judge(self, x: Tensor, y: Tensor, seed: int) -> float:
        """Donsker and Varadhan's bound over all frames, against several shuffles."""
        generator = torch.Generator().manual_seed(seed)
        strange = [
            self.scores(x, y[torch.randperm(len(y), generator=generator)]).double().logsumexp(dim=0)
            for _ in range(_STRANGERS)
        ]
        whole = torch.stack(strange).logsumexp(dim=0) - math.log(_STRANGERS * len(x))
        return float(self.scores(x, y).double().mean() - whole)
