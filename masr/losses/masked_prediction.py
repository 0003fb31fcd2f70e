"""Cross-entropy on masked frames, and what tells whether its targets are healthy.

Shapes: N masked frames of a batch, G codebooks, V codes in each.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from masr.maths.on_host import number
from masr.types import Term


def masked_prediction(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Term:
    """(N, G, V), (N, G), (N,) factor of each frame -> mean cross-entropy over frames and codebooks."""
    losses = functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="none")
    losses = losses.view_as(targets).mean(dim=1)
    if weights is not None:
        losses = losses * weights
    return Term(losses.sum(), number(losses, float(len(losses))))


@torch.no_grad()
def right(predicted: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """(N, G), (N, G) -> how many are right, and of how many."""
    same = (predicted == targets).float()
    return same.sum(), number(same, float(same.numel()))


@torch.no_grad()
def histogram(codes: Tensor, num_codes: int) -> Tensor:
    """(N, G) -> (G, V) how often each code comes; a codebook that collapses shows here first."""
    books = codes.shape[1]
    places = codes + torch.arange(books, device=codes.device) * num_codes
    seen = torch.ones(codes.numel(), device=codes.device)
    return seen.new_zeros(books * num_codes).scatter_add_(0, places.flatten(), seen).view(books, num_codes)


def code_counts(targets: Tensor, predicted: Tensor, num_codes: int) -> dict[str, Tensor]:
    """Histograms of the true codes and of those that were guessed, as validation prints them."""
    return {"code": histogram(targets, num_codes), "predicted_code": histogram(predicted, num_codes)}
