"""Cross-entropy on masked frames, and what tells whether its targets are healthy.

Shapes: N masked frames of a batch, G codebooks, V codes in each.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from masr.types import Term


def masked_prediction(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Term:
    """(N, G, V), (N, G), (N,) factor of each frame's utterance -> mean cross-entropy over frames and codebooks."""
    losses = functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="none")
    losses = losses.view_as(targets).mean(dim=1)
    if weights is not None:
        losses = losses * weights
    return Term(losses.sum(), losses.new_tensor(float(len(losses))))


@torch.no_grad()
def accuracy(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """(N, G, V), (N, G) -> how many are right, and of how many."""
    right = (logits.argmax(dim=-1) == targets).float()
    return right.sum(), right.new_tensor(float(right.numel()))


@torch.no_grad()
def code_usage(targets: Tensor, num_codes: int) -> dict[str, tuple[Tensor, Tensor]]:
    """(N, G) -> codes in use in this batch, and the perplexity of their distribution, per codebook.

    A collapsed codebook shows here first: its perplexity falls towards 1.
    """
    books = targets.shape[1]
    places = targets + torch.arange(books, device=targets.device) * num_codes
    counts = torch.bincount(places.flatten(), minlength=books * num_codes).view(books, num_codes).float()
    shares = counts / counts.sum(dim=1, keepdim=True).clamp(min=1)
    entropy = -(shares * shares.clamp(min=1e-12).log()).sum(dim=1)
    one = counts.new_tensor(float(books))
    return {"codes_used": ((counts > 0).float().sum(), one), "code_perplexity": (entropy.exp().sum(), one)}
