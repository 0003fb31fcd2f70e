"""Cross-entropy over classes, plain or with an angular margin, and the temperature that makes it honest.

Shapes: N utterances, C classes, E width of an embedding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from masr.maths.on_host import number
from masr.types import Term

_HALVINGS = 60
_WIDEST = 5.0
"""Temperatures are looked for between exp(-5) and exp(5)."""


def cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor | None = None, smoothing: float = 0.0) -> Term:
    """(N, C), (N,), (N,) factor of each utterance -> mean cross-entropy."""
    losses = functional.cross_entropy(logits.float(), labels, reduction="none", label_smoothing=smoothing)
    if weights is not None:
        losses = losses * weights
    return Term(losses.sum(), number(losses, float(len(losses))))


def cosines(embeddings: Tensor, classes: Tensor) -> Tensor:
    """(N, E), (C, E) -> (N, C) cosines."""
    return functional.normalize(embeddings.float(), dim=1) @ functional.normalize(classes.float(), dim=1).t()


def with_margin(cosine: Tensor, labels: Tensor, margin: float) -> Tensor:
    """(N, C), (N,) -> (N, C): the angle to an utterance's own class widened by `margin` (ArcFace, 1801.07698).

    Past pi - margin the cosine of the wider angle would rise again; there it goes on down in a straight line.
    """
    own = cosine.gather(1, labels[:, None])
    sine = (1 - own.square()).clamp(min=0, max=1)
    sine = torch.where(sine > 0, sine, torch.full_like(sine, 1e-12)).sqrt()  # the root has no slope at zero
    wider = own * math.cos(margin) - sine * math.sin(margin)
    beyond = own - math.sin(math.pi - margin) * margin
    return cosine.scatter(1, labels[:, None], torch.where(own > math.cos(math.pi - margin), wider, beyond))


def fit_temperature(
    logits: Sequence[Tensor], labels: Sequence[Tensor], total: Callable[[float], float] = lambda value: value
) -> float:
    """The divisor of the logits (N, C) under which the labels (N,) are likeliest; 1 where nothing is known.

    `total` adds a number up over ranks, each of which holds utterances of its own. The labels are softened as if one
    utterance more had been of any class: without that a model that is right about all of a few utterances would come
    out as certain of everything. The loss is convex in the inverse of the temperature, so halving an interval by the
    sign of the slope finds the one minimum.
    """
    held = [(x.double(), y) for x, y in zip(logits, labels, strict=True)]
    count = total(float(sum(len(y) for _, y in held)))
    if count < 1:
        return 1.0
    low, high = -_WIDEST, _WIDEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        slope = sum(_slope(x, y, math.exp(middle), 1 / (count + 1)) for x, y in held)
        low, high = (low, middle) if total(slope) > 0 else (middle, high)
    return math.exp(-(low + high) / 2)


def _slope(logits: Tensor, labels: Tensor, inverse: float, softness: float) -> float:
    """Derivative of the summed loss by the inverse temperature: the expected logit less that of the true class."""
    expected = ((logits * inverse).softmax(dim=1) * logits).sum(dim=1)
    seen = (1 - softness) * logits.gather(1, labels[:, None])[:, 0] + softness * logits.mean(dim=1)
    return float((expected - seen).sum())
