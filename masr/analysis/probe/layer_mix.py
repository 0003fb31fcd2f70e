"""A sum of layers whose weights are learned together with a linear probe, as SUPERB has it.

Each layer first loses its mean and is divided by one deviation, so that the weights say which layers the probe wants
and not which are large; dimensions keep their proportions.

Shapes: L layers, N rows, D width, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from masr.errors import AnalysisError
from masr.types import Float64Array, FloatArray, IntArray

MOST_BYTES = 4 << 30
"""Memory for the rows of all layers together: no more rows are learned from than fit."""
_STEPS = 60


@dataclass(frozen=True, eq=False)
class Mix:
    """A weighted sum of layers, each without its mean and divided by its deviation."""

    weights: tuple[float, ...]
    """One for each layer; they are positive and sum to 1."""
    means: FloatArray
    """(L, D) the mean of each layer."""
    deviations: Float64Array
    """(L,) the one deviation of each layer."""

    def of(self, layers: Sequence[FloatArray]) -> FloatArray:
        """L arrays (N, D) -> (N, D)."""
        found = np.zeros(layers[0].shape, dtype=np.float32)
        for rows, weight, mean, deviation in zip(layers, self.weights, self.means, self.deviations, strict=True):
            found += np.float32(weight / deviation) * (rows - mean)
        return found


def most_rows(num_layers: int, width: int) -> int:
    """How many rows of so many layers fit into MOST_BYTES."""
    return max(1, MOST_BYTES // (4 * num_layers * width))


def learn(layers: Sequence[FloatArray], labels: IntArray, num_classes: int, strength: float = 1e-2) -> Mix:
    """The weights that serve a linear probe of the `labels` best; it is regularised by C = `strength`."""
    widths = {rows.shape[1] for rows in layers}
    if len(layers) < 2 or len(widths) > 1:
        raise AnalysisError(
            f"{len(layers)} layers of the widths {sorted(widths)} cannot be summed",
            fix="give two layers or more of one width: masr extract MODEL DATA OUT --layers all",
        )
    means = np.stack([rows.mean(axis=0, dtype=np.float64) for rows in layers]).astype(np.float32)
    deviations = np.array([max(float(np.sqrt(((r - m) ** 2).mean())), 1e-12) for r, m in zip(layers, means)])
    stack = torch.from_numpy(np.stack([(r - m) / np.float32(d) for r, m, d in zip(layers, means, deviations)]))
    choice = torch.zeros(len(layers), requires_grad=True)
    weight = torch.zeros(num_classes, stack.shape[2], requires_grad=True)
    bias = torch.zeros(num_classes, requires_grad=True)
    truth = torch.from_numpy(labels)
    ridge = 0.5 / (strength * len(labels))
    optimiser = torch.optim.LBFGS(
        [choice, weight, bias], max_iter=_STEPS, history_size=12, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        mixed = torch.einsum("l,lij->ij", torch.softmax(choice, 0), stack)
        loss = functional.cross_entropy(mixed @ weight.t() + bias, truth) + ridge * (weight**2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    found = torch.softmax(choice.detach(), 0).tolist()
    return Mix(tuple(found), means, deviations)
