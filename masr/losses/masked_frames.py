"""What every objective that masks has in common: the factor on each frame's loss, figures of what was masked,
and the input frames under masked ones.

Shapes: B utterances, T encoded frames, S feature frames.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from masr.maths.on_host import from_host, places, rows_at
from masr.types import Batch, Encoder, Masker


def mask_of(masker: Masker, batch: Batch, lengths: Tensor) -> Tensor:
    """(B,) encoded lengths -> (B, T) true where masked; the host knows which where it knows the confidences, if any."""
    return from_host(masker.mask, lengths, batch.keys, batch.confidence)


def num_masked(masker: Masker, batch: Batch, encoder: Encoder) -> float:
    """Masked frames of a batch: what a mean over them divides by."""
    return float(len(places(mask_of(masker, batch, from_host(encoder.num_encoded, batch.lengths)))))


def masked_rows(values: Tensor | None, mask: Tensor) -> Tensor | None:
    """(B, T, ...), (B, T) -> (N, ...) at the true places; None of None."""
    return None if values is None else rows_at(values, mask)


def frame_factors(masker: Masker, batch: Batch, lengths: Tensor, mask: Tensor) -> Tensor | None:
    """(B,), (B, T) -> (B, T) factor on the loss of each frame: the utterance's weight, and what the masking rule says.

    None where both leave the loss as it is.
    """
    factors = masker.factors(lengths, mask, batch.confidence)
    if batch.weights is None:
        return factors
    weights = batch.weights[:, None].expand_as(mask)
    return weights if factors is None else factors * weights


@torch.no_grad()
def masking_figures(batch: Batch, lengths: Tensor, mask: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """(B,), (B, T) -> the share that is masked; where a scorer was asked, how sure it is of that and of all; and where
    speech was corrupted on purpose, how much of that and of all is as it was."""
    masked, total = mask.sum().float(), lengths.sum().float()
    figures = {"masked_share": (masked, total)}
    if batch.confidence is not None:
        # Padding has no confidence: its zeros add nothing.
        confidence = batch.confidence.float()
        figures["confidence"] = confidence.sum(), total
        figures["masked_confidence"] = (confidence * mask).sum(), masked
    if batch.clean is not None:
        figures["clean"] = batch.clean.sum(), total
        figures["masked_clean"] = (batch.clean * mask).sum(), masked
    return figures


def input_mask(mask: Tensor, factor: int, num_frames: int) -> Tensor:
    """(B, T) -> (B, S): the feature frames under encoded ones, `factor` to each."""
    wide = mask.repeat_interleave(factor, dim=1)[:, :num_frames]
    return nn.functional.pad(wide, (0, num_frames - wide.shape[1]))
