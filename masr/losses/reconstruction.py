"""Frames that a model has not seen, and what guessing them costs: APC's, MPC's and co-training's losses.

Shapes: B utterances, S feature frames, F features, T encoded frames, N guessed stacks, K = factor * F, V codes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from masr.maths.on_host import longest, number
from masr.types import Term


def stacks(features: Tensor, time: int, factor: int, offset: int) -> Tensor:
    """(B, S, F) -> (B, T, K): `factor` frames side by side for each encoded frame, from frame t * factor + offset on.

    Where there is no such frame the stack holds zeros; `inside` tells which are whole.
    """
    size, given, bins = features.shape
    before = max(0, -offset)
    after = max(0, time * factor + offset - given)
    padded = functional.pad(features, (0, 0, before, after))
    start = offset + before
    return padded[:, start : start + time * factor].reshape(size, time, factor * bins)


def inside(num_frames: Tensor, lengths: Tensor, factor: int, offset: int) -> Tensor:
    """(B,), (B,) -> (B, T) encoded frames whose stack at that offset lies within the utterance; T at least 1."""
    time = longest(lengths)
    places = torch.arange(time, device=lengths.device)
    first = places * factor + offset
    return (first >= 0) & (first + factor <= num_frames[:, None]) & (places < lengths[:, None])


def absolute_errors(guesses: Tensor, targets: Tensor) -> Tensor:
    """(N, K), (N, K) -> (N,) mean over features."""
    return (guesses.float() - targets.float()).abs().mean(dim=1)


def mean(losses: Tensor, weights: Tensor | None = None) -> Term:
    """(N,), (N,) factor of each frame's utterance -> the mean over frames."""
    heard = losses if weights is None else losses * weights
    return Term(heard.sum(), number(heard, float(len(heard))))


def figure(losses: Tensor) -> tuple[Tensor, Tensor]:
    """(N,) -> sum and count, for the log."""
    return losses.detach().sum(), number(losses, float(len(losses)))


@dataclass(frozen=True)
class Agreement:
    """What two views of a frame say of its code, and what the code says of the frame (2203.15840, section 2)."""

    reconstruction: Tensor
    """(N,) half the squared distance of a frame from the vector of its code."""
    divergence: Tensor
    """(N,) nats from the code that the past predicts to the one that the frame itself confirms."""
    entropy: Tensor
    """(N,) nats of the code that the frame confirms."""
    confirmed: Tensor
    """(N,) likeliest code by the frame."""


def agreement(
    logits: Tensor, targets: Tensor, codes: Tensor, noise: Tensor | None = None, temperature: float = 1.0
) -> Agreement:
    """(N, V) by the past, (N, K) frames, (V, K), (N, V) Gumbel noise -> the parts of the loss, frame by frame.

    A frame confirms code v with log probability -|x - v|^2 up to a constant. Without noise its distance is the mean
    over all codes by that probability, exactly; with it, the distance of one drawn code, whose gradient is that of the
    relaxed choice.
    """
    logits, targets, codes = logits.float(), targets.float(), codes.float()
    with torch.autocast(targets.device.type, enabled=False):
        lengths = targets.square().sum(dim=1, keepdim=True)
        distances = (lengths - 2 * targets @ codes.t() + codes.square().sum(dim=1)).clamp(min=0)
        confirmed = (-distances).log_softmax(dim=1)
        chances = confirmed.exp()
        entropy = -(chances * confirmed).sum(dim=1)
        divergence = -(chances * logits.log_softmax(dim=1)).sum(dim=1) - entropy
        if noise is None:
            reconstruction = (chances * distances).sum(dim=1) / 2
        else:
            noisy = (noise - distances) / temperature
            relaxed = noisy.softmax(dim=1)
            chosen = functional.one_hot(noisy.argmax(dim=1), len(codes)).to(relaxed.dtype)
            drawn = (chosen - relaxed.detach() + relaxed) @ codes
            reconstruction = (targets - drawn).square().sum(dim=1) / 2
    return Agreement(reconstruction, divergence, entropy.detach(), distances.detach().argmin(dim=1))
