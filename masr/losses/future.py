"""Tell the frame that comes k frames later from frames of elsewhere (CPC, 1807.03748, section 2.3).

Shapes: B utterances, T encoded frames, K steps ahead, N negatives, E width; of all ranks A utterances, M frames.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from masr.maths.keyed_random import uniform
from masr.types import Term

_NEVER = -1e30
"""A score that adds nothing; with minus infinity, frames without a negative would have a gradient of NaN."""


def drawn(lengths: Tensor, keys: Tensor, groups: Tensor, own: slice, count: int, purpose: int) -> Tensor:
    """(A,) frames, keys and groups of utterances -> (B, N) places among all frames, for the utterances `own`.

    Frames lie one utterance after another. Those of an utterance's own group are drawn evenly, with replacement. Inside
    a group utterances count in the order of their keys, so that no number of ranks changes what is drawn.
    """
    order = keys.argsort()
    order = order[groups[order].argsort(stable=True)]
    sizes = lengths[order]
    ends = sizes.cumsum(0)
    _, numbers = torch.unique_consecutive(groups[order], return_inverse=True)
    totals = torch.zeros_like(sizes).index_add(0, numbers, sizes)
    number = torch.empty_like(numbers).index_copy(0, order, numbers)[own]
    total = totals[number][:, None]
    within = (uniform(keys[own], count, purpose).double() * total).long()
    place = (totals.cumsum(0) - totals)[number][:, None] + torch.minimum(within, (total - 1).clamp(min=0))
    row = torch.searchsorted(ends, place, right=True).clamp(max=len(ends) - 1)
    starts = (lengths.cumsum(0) - lengths)[order]
    return starts[row] + place - (ends - sizes)[row]


def future_contrast(
    guesses: Tensor,
    latents: Tensor,
    lengths: Tensor,
    negatives: Tensor,
    apart: Tensor,
    weights: Tensor | None = None,
) -> tuple[Term, dict[str, tuple[Tensor, Tensor]]]:
    """(B, T, K, E) guesses, (B, T, E), (B,), (B, N, E), (B, N) -> mean loss over frames and steps, and figures.

    All frames and steps of an utterance share its negatives, so their scores are one product and no (T, N, E) is made.
    `apart` counts frames from the utterance's first to each negative: where a negative is the truth itself, it is left
    out, and a frame that this leaves without negatives takes no part. Scores are divided by the root of E.
    Figures: how often the truth scores above all negatives, in all and for each step, and how often by chance.
    """
    size, time, steps, width = guesses.shape
    truths = functional.pad(latents, (0, 0, 0, steps)).unfold(1, steps, 1)[:, 1:].transpose(2, 3)
    true = (guesses * truths).sum(dim=3).float() / math.sqrt(width)
    scores = torch.bmm(guesses.flatten(1, 2), negatives.transpose(1, 2)).float() / math.sqrt(width)
    counted = torch.arange(time, device=latents.device)[:, None] + torch.arange(1, steps + 1, device=latents.device)
    same = apart[:, None, None] == counted[None, :, :, None]
    scores = scores.view(size, time, steps, -1).masked_fill(same, _NEVER)
    others = (~same).sum(dim=3)
    keep = (counted < lengths[:, None, None]) & (others > 0)
    losses = torch.logaddexp(true, scores.logsumexp(dim=3)) - true
    if weights is not None:
        losses = losses * weights[:, None, None]
    term = Term(torch.where(keep, losses, 0.0).sum(), keep.sum().float())
    with torch.no_grad():
        right = ((true > scores.amax(dim=3)) & keep).sum(dim=(0, 1)).float()
        counts = keep.sum(dim=(0, 1)).float()
        chance = torch.where(keep, 1 / (1 + others), 0.0).sum()
        figures = {"contrastive_accuracy": (right.sum(), term.count), "contrastive_chance": (chance, term.count)}
        figures |= {f"accuracy_ahead_{k + 1}": (right[k], counts[k]) for k in range(steps)}
    return term, figures
