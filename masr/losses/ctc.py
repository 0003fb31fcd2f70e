"""Connectionist temporal classification (Graves 2006): the probability of a text, summed over its paths through frames.

Shapes: B utterances, T frames, V units of which 0 is the blank, U units of the longest text.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from masr.maths.on_host import on_host
from masr.types import Term


def ctc(log_probs: Tensor, lengths: Tensor, transcripts: Tensor, weights: Tensor | None = None) -> Term:
    """(B, T, V), (B,), (B, U) with -1 past the end, (B,) factors -> minus the log-probability for each unit.

    An utterance without a unit, or without a path as it is too short, has no part in the sum nor in the count: which
    those are is told by `needed`, and it is for the caller to say so.
    """
    _, usable = _usable(transcripts, lengths)
    losses = functional.ctc_loss(
        log_probs.float().transpose(0, 1),
        transcripts.clamp(min=0),
        on_host(lengths).clamp(min=1),
        (on_host(transcripts) >= 0).sum(dim=1),
        blank=0,
        reduction="none",
        zero_infinity=True,
    )
    losses = losses if weights is None else losses * weights
    # A sum over a batch without any usable utterance is a zero that still reaches every weight.
    total = torch.where(usable, losses, 0.0).sum() + 0.0 * log_probs.sum()
    return Term(total, num_units(transcripts, lengths).float())


def num_units(transcripts: Tensor, lengths: Tensor) -> Tensor:
    """(B, U), (B,) -> () units of all utterances that have a path: what a mean over units divides by."""
    sizes, usable = _usable(transcripts, lengths)
    return (sizes * usable).sum()


def _usable(transcripts: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    sizes = (transcripts >= 0).sum(dim=1)
    return sizes, (sizes > 0) & (needed(transcripts) <= lengths)


def needed(transcripts: Tensor) -> Tensor:
    """(B, U) with -1 past the end -> (B,) the fewest frames of a path: a blank parts two units that are alike."""
    alike = (transcripts[:, 1:] == transcripts[:, :-1]) & (transcripts[:, 1:] >= 0)
    return (transcripts >= 0).sum(dim=1) + alike.sum(dim=1)
