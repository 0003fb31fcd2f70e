"""Batch-hard triplets by label, forward and backward: 4096 embeddings of width 768, 64 of each label."""

from __future__ import annotations

from functools import cache
from typing import Any

from race import Race, Runner, Turn

COUNT, WIDTH, LABELS, MARGIN = 4096, 768, 64, 0.3


@cache
def batch() -> tuple[Any, Any]:
    import torch

    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(COUNT) % LABELS
    centres = torch.randn(LABELS, WIDTH, generator=generator)
    embeddings = centres[labels] + 2 * torch.randn(COUNT, WIDTH, generator=generator)
    return torch.nn.functional.normalize(embeddings, dim=1), labels


def our_loss(embeddings: Any, labels: Any) -> Any:
    import torch

    from masr.losses.triplet import Candidates, Config, mine, triplet_loss

    config = Config(mining="label", margin=MARGIN, loss="hinge")
    keys = torch.arange(len(labels))
    candidates = Candidates(embeddings.detach(), labels, lambda _: torch.empty(0), keys)
    term, _ = triplet_loss(embeddings, mine(candidates, slice(0, len(labels)), config, 1.0, 40), config)
    return term.sum / term.count


def their_loss(embeddings: Any, labels: Any) -> Any:
    from pytorch_metric_learning.distances import LpDistance
    from pytorch_metric_learning.losses import TripletMarginLoss
    from pytorch_metric_learning.miners import BatchHardMiner
    from pytorch_metric_learning.reducers import MeanReducer

    distance = LpDistance(power=2)
    miner = BatchHardMiner(distance=distance)
    loss = TripletMarginLoss(margin=MARGIN, distance=distance, reducer=MeanReducer())
    return loss(embeddings, labels, miner(embeddings, labels))


def turn_of(loss: Any) -> Turn:
    embeddings, labels = batch()
    leaf = embeddings.clone().requires_grad_()

    def turn() -> float:
        leaf.grad = None
        loss(leaf, labels).backward()
        return float(COUNT)

    turn()
    return turn


def theirs() -> Turn:
    import pytorch_metric_learning  # noqa: F401 (named as missing where it is)

    return turn_of(their_loss)


def check() -> str:
    """The race is for the same loss and the same gradient."""
    import torch

    embeddings, labels = batch()
    ours, other = (embeddings.clone().requires_grad_() for _ in range(2))
    found = our_loss(ours, labels)
    try:
        expected = their_loss(other, labels)
    except ImportError:
        return "pytorch-metric-learning is not installed, so the loss was not compared"
    found.backward()
    expected.backward()
    # Theirs differentiates the length of vectors that are of unit length already: compare along the sphere.
    tangent = [g - (g * embeddings).sum(1, keepdim=True) * embeddings for g in (ours.grad, other.grad)]
    apart = ((tangent[0] - tangent[1]).norm() / tangent[1].norm()).item()
    if abs(found.item() - expected.item()) > 1e-4 or not torch.isfinite(found) or apart > 1e-3:
        raise RuntimeError(f"losses {found.item()} and {expected.item()}, gradients {apart:.1e} apart")
    return f"the same loss {found.item():.5f}, gradients {apart:.1e} apart"


def race() -> Race:
    runners = [
        Runner("masr triplet, label", lambda: turn_of(our_loss)),
        Runner("pytorch-metric-learning, BatchHardMiner", theirs, 5.0),
    ]
    return Race("Batch-hard triplets, 4096 x 768, forward + backward", "embeddings", runners, check)
