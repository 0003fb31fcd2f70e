"""BEST-RQ (2202.01855): predict, where speech is masked, the codes that a fixed random projection gives it.

Shapes: B utterances, S feature frames, F features, T encoded frames, N masked frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from masr.config import option, seed_option
from masr.losses.masked_frames import frame_factors, input_mask, mask_of, masked_rows, masking_figures, num_masked
from masr.losses.masked_prediction import code_counts, masked_prediction, right
from masr.maths.keyed_random import normal_at
from masr.maths.on_host import from_host, places, rows_at
from masr.maths.products import Linear
from masr.models.quantizer import RandomProjection
from masr.types import Batch, Encoder, Losses, Masker

_PURPOSE = 2


@dataclass(frozen=True)
class Config:
    """The paper's settings; masking is its 400 ms at 33 % by `masking: {share: 0.33, span: 10}`."""

    num_codes: int = option(8192, "codes in a codebook")
    code_dim: int = option(16, "width of the projection")
    num_codebooks: int = option(1, "independent codebooks, each with its own projection and head")
    noise_std: float = option(0.1, "masked features become normal noise of this spread")
    seed: int = seed_option("of the projection and the codes")


def build(config: Config, encoder: Encoder, masker: Masker) -> BestRq:
    """The objective around an encoder of feature frames."""
    if encoder.num_bins < 2:
        raise ValueError("BEST-RQ stacks feature frames: an encoder of waveforms has none; use wav2vec2 or hubert")
    return BestRq(config, encoder, masker)


class BestRq(nn.Module):
    """Masked prediction of random-projection codes."""

    def __init__(self, config: Config, encoder: Encoder, masker: Masker) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder
        self.masker = masker
        self.factor: int = encoder.subsampling
        self.quantizer = RandomProjection(
            encoder.num_bins * self.factor, config.code_dim, config.num_codes, config.num_codebooks, config.seed
        )
        self.head = Linear(encoder.dim, config.num_codes * config.num_codebooks)

    def forward(self, batch: Batch) -> Losses:
        """Features normalised per dimension -> loss on masked frames; without that the codebook collapses."""
        lengths = from_host(self.encoder.num_encoded, batch.lengths)
        mask = mask_of(self.masker, batch, lengths)
        embedded, _ = self.encoder.embed(self.hide(batch, mask), batch.lengths)
        encoded = self.encoder.contextualise(embedded, lengths)
        targets = self.quantizer(self.stacked(batch.features, mask))
        logits = self.head(rows_at(encoded.frames, mask)).view(*targets.shape, self.config.num_codes)
        factors = frame_factors(self.masker, batch, lengths, mask)
        predicted = logits.detach().argmax(dim=-1)
        return Losses(
            {"masked_prediction": masked_prediction(logits, targets, masked_rows(factors, mask))},
            {"masked_accuracy": right(predicted, targets), **masking_figures(batch, lengths, mask)},
            encoded,
            code_counts(targets, predicted, self.config.num_codes),
        )

    def counts(self, batch: Batch) -> dict[str, float]:
        """Term -> its count, before anything is computed."""
        return {"masked_prediction": num_masked(self.masker, batch, self.encoder)}

    def code_log_probabilities(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised input, nothing hidden -> (B, T, G, V) of the codes in each codebook, (B,) lengths."""
        encoded = self.encoder.contextualise(*self.encoder.embed(features, lengths))
        logits: Tensor = self.head(encoded.frames)
        sizes = (self.config.num_codebooks, self.config.num_codes)
        return logits.view(*logits.shape[:2], *sizes).float().log_softmax(dim=3), encoded.lengths

    def hide(self, batch: Batch, mask: Tensor) -> Tensor:
        """(B, S, F) with the frames under masked encoded frames replaced by the utterance's own noise."""
        features = batch.features
        time, bins = features.shape[1:]
        there = places(from_host(partial(input_mask, factor=self.factor, num_frames=time), mask))
        numbers = (there % time)[:, None] * bins + torch.arange(bins, device=features.device)
        noise = normal_at(batch.keys[there // time], numbers, _PURPOSE) * self.config.noise_std
        return features.flatten(0, 1).index_copy(0, there, noise.to(features.dtype)).view_as(features)

    def stacked(self, features: Tensor, mask: Tensor) -> Tensor:
        """(B, S, F) unmasked -> (N, factor * F): the frames that each masked encoded frame begins at."""
        size, given, bins = features.shape
        time = mask.shape[1]
        short = max(0, time * self.factor - given)  # only where no utterance has an encoded frame
        whole = nn.functional.pad(features, (0, 0, 0, short))[:, : time * self.factor]
        whole = whole.reshape(size, time, self.factor * bins)
        return rows_at(whole, mask)
