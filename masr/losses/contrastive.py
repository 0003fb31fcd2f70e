"""Tell the true quantised frame from others of the same utterance (wav2vec 2.0, 2006.11477, section 3.2).

Shapes: B utterances, M the most masked frames of any of them, N masked frames in all, K distractors, E width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from masr.losses.gather import sum_of_ranks
from masr.maths.keyed_random import uniform
from masr.maths.on_host import from_host, number, rows_at
from masr.maths.on_host import places as places_of
from masr.types import Term


def padded(rows: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """(N, ...) rows of the true places of (B, T) -> (B, M, ...), and (B, M) which of them are real."""
    real = packed(mask)
    table = rows.new_zeros(real.numel(), *rows.shape[1:]).index_copy(0, places_of(real), rows)
    return table.view(*real.shape, *rows.shape[1:]), real


def packed(mask: Tensor) -> Tensor:
    """(B, T) -> (B, M) true for the first places of each utterance, as many as it has masked frames."""
    return from_host(_packed, mask)


def _packed(mask: Tensor) -> Tensor:
    counts = mask.sum(dim=1)
    return torch.arange(int(counts.max()), device=mask.device) < counts[:, None]


def num_compared(mask: Tensor) -> float:
    """Masked frames that have another one to be told from."""
    return float(len(places_of(from_host(_not_alone, mask))))


def _not_alone(mask: Tensor) -> Tensor:
    """(B, T) -> (B, M) real frames of utterances that have another one masked."""
    return _packed(mask) & (mask.sum(dim=1) > 1)[:, None]


def distractors(real: Tensor, keys: Tensor, count: int, purpose: int) -> Tensor:
    """(B, M) real frames, (B,) keys -> (B, M, K) places of other masked frames of the same utterance.

    Drawn with replacement and never the frame itself; where there is no other frame, the places mean nothing.
    """
    size, most = real.shape
    others = (real.sum(dim=1) - 1).clamp(min=1)[:, None, None]
    noise = uniform(keys, most * count, purpose).view(size, most, count)
    places = (noise * others).long().clamp(max=most - 1)
    own = torch.arange(most, device=real.device)[:, None]
    return (places + (places >= own)).clamp(max=most - 1)


def contrastive(
    context: Tensor,
    targets: Tensor,
    ids: Tensor,
    mask: Tensor,
    places: Tensor,
    temperature: float,
    factors: Tensor | None = None,
) -> tuple[Term, dict[str, tuple[Tensor, Tensor]]]:
    """(N, E) predictions, (N, E) true targets, (N, G) their codes, (B, T) mask, (B, M, K), (B, T) factors on the
    frames' losses -> mean loss, and figures: how many are told apart, and how many by chance, which goes to all of them
    as the codes collapse into one.

    A distractor with the codes of the true target is left out. All cosines of an utterance come from one product, so
    that no (N, K, E) tensor is made. An utterance with a single masked frame has no distractor and takes no part.
    """
    guesses, _ = padded(functional.normalize(context.float(), dim=1), mask)
    truths, _ = padded(functional.normalize(targets.float(), dim=1), mask)
    codes, _ = padded(ids, mask)
    cosines = torch.bmm(guesses, truths.transpose(1, 2)) / temperature
    same = (codes[:, :, None] == codes[:, None]).all(dim=3)
    negative = cosines.masked_fill(same, -torch.inf).gather(2, places)
    logits = torch.cat([cosines.diagonal(dim1=1, dim2=2)[:, :, None], negative], dim=2)
    kept = from_host(_not_alone, mask)
    compared = rows_at(logits, kept)
    losses = -compared.log_softmax(dim=1)[:, 0]
    choices = (compared.detach() > -torch.inf).sum(dim=1)
    right = (compared.detach().argmax(dim=1) == 0).float()
    if factors is not None:
        losses = losses * rows_at(padded(rows_at(factors, mask), mask)[0], kept)
    count = number(losses, float(len(losses)))
    figures = {"contrastive_accuracy": (right.sum(), count), "contrastive_chance": ((1 / choices).sum(), count)}
    return Term(losses.sum(), count), figures


def diversity(soft: Tensor) -> tuple[Term, Tensor]:
    """(N, G, V) choices -> how far all ranks' mean choice is from using every code, and its perplexity over groups."""
    groups, codes = soft.shape[1:]
    own = number(soft, float(len(soft)))
    found = sum_of_ranks(torch.cat([soft.sum(dim=0).flatten(), own[None]]))
    mean = found[:-1].view(groups, codes) / found[-1].clamp(min=1)
    perplexity = torch.exp(-(mean * (mean + 1e-7).log()).sum(dim=1)).sum()
    return Term((groups * codes - perplexity) / (groups * codes) * own, own), perplexity.detach()
