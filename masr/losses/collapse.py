"""Whether the vectors of utterances still differ from one another: figures that see a collapse, a loss that resists it.

Shapes: N utterances, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from masr.maths.on_host import number
from masr.types import Term

_EPSILON = 1e-8


def cosine_of_pairs(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """(N, D) -> the cosines of all pairs of two rows added up, and how many pairs there are: 1 on average when all
    point one way. No N x N matrix is made."""
    unit = functional.normalize(vectors.float(), dim=1)
    count = len(unit)
    return (unit.sum(dim=0).square().sum() - unit.square().sum()) / 2, number(unit, count * (count - 1) / 2)


def deviation(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """(N, D) -> deviation from their mean as a share of their length, both as root mean squares, and a count of 1: 0
    when all have shrunk to a point."""
    rows = vectors.float()
    spread = (rows - rows.mean(dim=0)).square().sum(dim=1).mean().sqrt()
    return spread / rows.square().sum(dim=1).mean().sqrt().clamp(min=_EPSILON), number(rows, 1.0)


def floor_loss(vectors: Tensor, labelled: Tensor, floor: float, own: int) -> Term:
    """(N, D), (N,) -> mean over dimensions of max(0, floor - deviation / length), by this rank's part of the count.

    `own` utterances of N are this rank's: each rank has the whole loss, so they share it by their numbers of
    utterances. Length is the root mean square of a row's values, without gradient: what is compared has no unit.
    """
    rows = vectors.float()
    share, count = number(rows, float(own)), labelled.sum()
    mean, variance = moments(rows, labelled)
    length = (variance + mean.square()).detach().mean().sqrt().clamp(min=_EPSILON)
    deviations = (variance + _EPSILON).sqrt() / length
    return Term(torch.where(count > 1, (floor - deviations).clamp(min=0).mean(), 0.0) * share, share)


def moments(vectors: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
    """(N, D), (N,) which of them count -> (D,) mean, (D,) variance: zeros where none does."""
    number_of, kept = counted.sum().clamp(min=1), counted[:, None]
    mean = vectors.masked_fill(~kept, 0.0).sum(dim=0) / number_of
    return mean, (vectors - mean).masked_fill(~kept, 0.0).square().sum(dim=0) / number_of
