"""Logistic regression of many classes: the optimum of scikit-learn's, in a tenth of its passes over the data.

The loss is mean cross-entropy + |W|^2 / (2 C N), as scikit-learn's C has it; the bias is free. It is minimised by
L-BFGS that begins each direction with the curvature of a model that knows the classes' shares only, p(1 - p) times the
features' covariance, instead of a multiple of the identity; first on a sample of the rows, where a pass costs little,
and then on all of them.

Shapes: N rows, D features, K classes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from masr.errors import AnalysisError
from masr.maths.products import product
from masr.types import FloatArray, IntArray

Pairs = deque[tuple[Tensor, Tensor, float]]
"""Steps, what they changed of the gradient, and one over the product of both."""

TOLERANCE = 1e-5
"""It stops when no more than so much of the mean cross-entropy is left to gain."""
_BLOCK_ROWS = 2048
"""Rows of a block, which stays in a core's cache for both of its products."""
_SAMPLE_FACTOR = 8
"""A stage has so many times the rows of the one before."""
_LEAST_ROWS = 32_768
_COVARIANCE_ROWS = 16_384
_MEMORY = 12
"""Pairs of steps and gradients that L-BFGS keeps."""
_MOST_STEPS = 500
_RIDGE = 1e-4
"""Added to the covariance's diagonal, as a share of the mean variance: a feature that never moves has no inverse."""


@dataclass(frozen=True, eq=False)
class Softmax:
    """A trained probe."""

    weight: Tensor
    """(K, D)."""
    bias: Tensor
    """(K,)."""
    num_passes: float
    """How many times all rows were gone over."""

    def logits(self, rows: FloatArray | Tensor) -> Tensor:
        """(N, D) -> (N, K)."""
        return product(_tensor(rows, self.weight.device), self.weight, self.bias)

    def answers(self, rows: FloatArray | Tensor) -> IntArray:
        """(N, D) -> (N,) the likeliest class of each."""
        given = _tensor(rows, torch.device("cpu"))
        found = [self.logits(given[i : i + _BLOCK_ROWS]).argmax(dim=1).cpu() for i in range(0, len(given), _BLOCK_ROWS)]
        answers: IntArray = torch.cat(found).numpy()
        return answers

    def log_probabilities(self, rows: FloatArray) -> FloatArray:
        """(N, D) -> (N, K) log-probabilities of each class."""
        found: FloatArray = torch.log_softmax(self.logits(rows), dim=1).cpu().numpy()
        return found


class Regression:
    """Rows and their classes, to be fitted with one strength or several. Features should be of like scale."""

    def __init__(
        self, rows: FloatArray, labels: IntArray, num_classes: int, seed: int = 0, device: str = "cpu"
    ) -> None:
        self.x = _tensor(rows, torch.device(device))
        self.y = torch.from_numpy(np.asarray(labels, dtype=np.int64)).to(device)
        if not len(self.x) or len(self.x) != len(self.y):
            raise AnalysisError(f"{len(self.x)} rows and {len(self.y)} labels are nothing to learn from")
        self.num_classes = num_classes
        self.order = torch.from_numpy(np.random.default_rng(seed).permutation(len(self.x))).to(device)
        self.curvature = _Curvature.of(self.x[self.order[:_COVARIANCE_ROWS].sort().values], self.y, num_classes)

    def fit(self, strength: float = 1.0, start: Softmax | None = None, tolerance: float = TOLERANCE) -> Softmax:
        """The minimum for C = `strength`; `start` is a fit with another."""
        if not strength > 0:
            raise AnalysisError(f"a strength of {strength} leaves nothing of the loss", fix="give a number above 0")
        count, mean = len(self.x), self.curvature.mean
        weights = self.x.new_zeros(self.num_classes, self.x.shape[1] + 1)
        if start is not None:
            weights[:, :-1], weights[:, -1] = start.weight, start.bias + start.weight @ mean
        ridge, passes = 1.0 / (strength * count), 0.0
        for size in _stages(count, start is not None):
            chosen = None if size == count else self.order[:size].sort().values
            x, y = (self.x, self.y) if chosen is None else (self.x[chosen], self.y[chosen])
            # What a sample cannot tell is not worth finding out from it.
            enough = tolerance if chosen is None else max(tolerance, 0.1 * self.num_classes / size)
            weights, steps = _minimise(_Problem(x, y, mean, ridge), weights, self.curvature, enough)
            passes += steps * size / count
        return Softmax(weights[:, :-1].contiguous(), weights[:, -1] - weights[:, :-1] @ mean, passes)


def _stages(count: int, warm: bool) -> list[int]:
    """Rows of each stage, the last one all of them."""
    sizes = [count]
    while not warm and sizes[0] >= _SAMPLE_FACTOR * _LEAST_ROWS:
        sizes.insert(0, sizes[0] // _SAMPLE_FACTOR)
    return sizes


class _Problem:
    """The loss and its gradient. Weights are (K, D + 1), the last column the bias of features without their mean."""

    def __init__(self, x: Tensor, y: Tensor, mean: Tensor, ridge: float) -> None:
        self.x, self.y, self.mean, self.ridge = x, y, mean, ridge

    def __call__(self, weights: Tensor) -> tuple[float, Tensor]:
        """The loss and its gradient at `weights`, by one pass over the rows."""
        weight = weights[:, :-1].contiguous()
        bias = weights[:, -1] - weight @ self.mean
        grad = torch.zeros_like(weight)
        sums = torch.zeros_like(bias)
        total = torch.zeros((), dtype=torch.float64, device=weight.device)
        for first in range(0, len(self.x), _BLOCK_ROWS):
            x, y = self.x[first : first + _BLOCK_ROWS], self.y[first : first + _BLOCK_ROWS, None]
            logs = torch.log_softmax(product(x, weight, bias), dim=1)
            total -= logs.gather(1, y).sum(dtype=torch.float64)
            errors = logs.exp_()
            errors.scatter_add_(1, y, errors.new_full((1, 1), -1.0).expand_as(y))
            grad += product(errors.t(), x.t())
            sums += errors.sum(dim=0)
        grad -= sums[:, None] * self.mean
        grad = torch.cat([grad, sums[:, None]], dim=1) / len(self.x)
        grad[:, :-1] += self.ridge * weight
        loss = float(total) / len(self.x) + 0.5 * self.ridge * float((weight.double() ** 2).sum())
        return loss, grad


def _minimise(problem: _Problem, weights: Tensor, curvature: _Curvature, tolerance: float) -> tuple[Tensor, int]:
    """L-BFGS until no more than `tolerance` is to be gained; the weights and how many passes it took."""
    pairs: Pairs = deque(maxlen=_MEMORY)
    inverse = curvature.inverse(problem.ridge)
    loss, grad = problem(weights)
    passes = 1
    while passes < _MOST_STEPS:
        direction = -_curved(grad, pairs, inverse)
        slope = float((direction * grad).sum(dtype=torch.float64))
        if -slope <= tolerance / 2:  # a quarter of it, as the curvature is an estimate
            break
        step = 1.0
        while True:
            trial = weights + step * direction
            new_loss, new_grad = problem(trial)
            passes += 1
            if new_loss <= loss + 1e-4 * step * slope or passes >= _MOST_STEPS:
                break
            step *= max(0.1, min(0.5, -slope * step / (2 * (new_loss - loss - slope * step))))
            if step < 1e-6:  # rounding: there is nothing left that float32 can tell
                return weights, passes
        moved, change = trial - weights, new_grad - grad
        dot = float((moved * change).sum(dtype=torch.float64))
        if dot > 1e-12 * float((change**2).sum()):
            pairs.append((moved, change, 1 / dot))
        weights, loss, grad = trial, new_loss, new_grad
    return weights, passes


def _curved(grad: Tensor, pairs: Pairs, inverse: Callable[[Tensor], Tensor]) -> Tensor:
    """The step for a gradient: the inverse of the curvature that the pairs tell, applied to it."""
    q, factors = grad, []
    for moved, change, rho in reversed(pairs):
        factor = rho * float((moved * q).sum())
        q = q - factor * change
        factors.append(factor)
    scale = 1.0
    if pairs:
        moved, change, rho = pairs[-1]
        scale = 1 / (rho * float((change * inverse(change)).sum()))
    r = scale * inverse(q)
    for (moved, change, rho), factor in zip(pairs, reversed(factors), strict=True):
        r = r + (factor - rho * float((change * r).sum())) * moved
    return r


@dataclass(frozen=True, eq=False)
class _Curvature:
    """The curvature of the loss of a model that knows nothing but the shares of the classes."""

    mean: Tensor
    """(D,) of the features."""
    values: Tensor
    """(D,) of the features' covariance, and below its directions."""
    directions: Tensor
    """(D, D) in columns."""
    spread: Tensor
    """(K,) p(1 - p)."""

    @classmethod
    def of(cls, rows: Tensor, labels: Tensor, num_classes: int) -> _Curvature:
        mean = rows.mean(dim=0)
        centred = rows - mean
        covariance = product(centred.t().contiguous(), centred.t()) / len(rows)
        values, directions = torch.linalg.eigh(covariance)
        shares = (torch.bincount(labels, minlength=num_classes) + 1) / (len(labels) + num_classes)
        least = _RIDGE * float(covariance.diagonal().mean()) + 1e-12
        return cls(mean, values.clamp(min=0) + least, directions, (shares * (1 - shares)).to(rows.dtype))

    def inverse(self, ridge: float) -> Callable[[Tensor], Tensor]:
        """A function that turns a gradient (K, D + 1) into the step that it asks for."""
        there, back = self.directions.t().contiguous(), self.directions.contiguous()
        scale = 1 / (self.spread[:, None] * self.values + ridge)

        def applied(grad: Tensor) -> Tensor:
            turned = product(grad[:, :-1].contiguous(), there) * scale
            return torch.cat([product(turned, back), grad[:, -1:] / self.spread[:, None]], dim=1)

        return applied


def _tensor(rows: FloatArray | Tensor, device: torch.device) -> Tensor:
    given = rows if isinstance(rows, Tensor) else torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32))
    return given.to(device)
