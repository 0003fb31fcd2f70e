"""How sure a model is of a frame, and of an utterance, by its probabilities of units (Ask2Mask, 2202.12719).

Shapes: B utterances, T encoded frames, V units.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

Measure = Literal["max", "entropy", "margin"]
Rule = Measure | Literal["energy", "voice_activity", "dropout_cosine", "dropout_agreement"]
"""All that can say how much a frame is worth: those of probabilities, and those that need no scorer."""
BLANK = 0


def frame_confidence(
    log_probabilities: Tensor, measure: Measure = "max", exclude_blank: bool = False, temperature: float = 1.0
) -> Tensor:
    """(B, T, V), or (B, T, G, V), natural log-probabilities, the blank first -> (B, T) float32 in [0, 1].

    They are divided by the temperature and made to sum to 1 again, which is the softmax of the logits divided by it:
    above 1 the model is less sure of everything. Of G codebooks it is the mean.

    `max` is the paper's: the probability of the likeliest unit. `margin` is how far it lies above the second,
    `entropy` is 1 less the entropy's share of the greatest that V units can have. With `exclude_blank` they are taken
    of the other units, made to sum to 1, times the probability that it is none but those: a frame that is surely blank
    then has the confidence 0, and `max` is the probability of the likeliest unit that is not the blank.
    """
    given = at_temperature(log_probabilities, temperature)
    if given.shape[-1] < (3 if exclude_blank else 2):
        raise ValueError(f"{given.shape[-1]} units leave nothing to choose between")
    if exclude_blank:
        given = given[..., BLANK + 1 :]
    mass = given.logsumexp(dim=-1)
    if measure == "max":
        found = given.amax(dim=-1).exp()
    elif measure == "margin":
        first, second = given.topk(2, dim=-1).values.unbind(dim=-1)
        found = first.exp() - second.exp()
    else:
        sure = given - mass.masked_fill(mass.isinf(), 0.0)[..., None]
        entropy = -torch.special.xlogy(sure.exp(), sure.exp()).sum(dim=-1)
        found = (1 - entropy / math.log(given.shape[-1])) * (mass.exp() if exclude_blank else 1.0)
    return (found.mean(dim=-1) if found.dim() > 2 else found).clamp(0.0, 1.0)


def at_temperature(log_probabilities: Tensor, temperature: float) -> Tensor:
    """(..., V) -> (..., V) float32, the log-softmax of what is divided by the temperature."""
    given = log_probabilities.float()
    return given if temperature == 1 else (given / temperature).log_softmax(dim=-1)


def utterance_confidence(confidence: Tensor, lengths: Tensor, masked: Tensor | None = None) -> Tensor:
    """(B, T), (B,) -> (B,) the mean over all frames, or over those that are `masked` (B, T); 1 where there is none."""
    counted = torch.arange(confidence.shape[1], device=confidence.device) < lengths[:, None]
    if masked is not None:
        counted = counted & masked
    count = counted.sum(dim=1)
    total = confidence.float().masked_fill(~counted, 0.0).sum(dim=1)
    return torch.where(count > 0, total / count.clamp(min=1), 1.0)
