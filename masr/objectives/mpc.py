"""MPC (1910.09932): say the frames that were hidden, by their absolute error.

Shapes: B utterances, S feature frames, F features, T encoded frames, N masked ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from masr.config import option
from masr.losses.masked_frames import frame_factors, input_mask, mask_of, masked_rows, masking_figures, num_masked
from masr.losses.reconstruction import absolute_errors, figure, mean, stacks
from masr.maths.keyed_random import uniform
from masr.maths.on_host import from_host, rows_at
from masr.types import Batch, Encoder, Losses, Masker

_KIND, _PLACE = 26, 27


@dataclass(frozen=True)
class Config:
    """BERT's shares, as the paper has them; masking is its 15 % by `masking: {share: 0.15, span: 8}`."""

    zero_share: float = option(0.8, "share of what is masked that becomes zero, the mean of normalised features")
    random_share: float = option(0.1, "share that becomes other frames of the utterance; the rest stays as it is")

    def __post_init__(self) -> None:
        if min(self.zero_share, self.random_share) < 0 or self.zero_share + self.random_share > 1:
            raise ValueError("zero_share and random_share are shares, together at most 1")


def build(config: Config, encoder: Encoder, masker: Masker) -> Mpc:
    """The objective around an encoder of feature frames."""
    if encoder.num_bins < 2:
        raise ValueError("it says feature frames, and an encoder of waveforms has none; use wav2vec2 or hubert")
    return Mpc(config, encoder, masker)


class Mpc(nn.Module):
    """Masked reconstruction."""

    def __init__(self, config: Config, encoder: Encoder, masker: Masker) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder
        self.masker = masker
        self.factor: int = encoder.subsampling
        self.guess = nn.Linear(encoder.dim, encoder.num_bins * self.factor)

    def forward(self, batch: Batch) -> Losses:
        """Features -> the loss on masked frames, also on those that stayed as they were."""
        lengths = from_host(self.encoder.num_encoded, batch.lengths)
        mask = mask_of(self.masker, batch, lengths)
        embedded, _ = self.encoder.embed(self.hide(batch, mask), batch.lengths)
        encoded = self.encoder.contextualise(embedded, lengths)
        targets = rows_at(stacks(batch.features.detach(), mask.shape[1], self.factor, 0), mask)
        factors = frame_factors(self.masker, batch, lengths, mask)
        errors = absolute_errors(self.guess(rows_at(encoded.frames, mask)), targets)
        return Losses(
            {"masked_reconstruction": mean(errors, masked_rows(factors, mask))},
            {
                "zero_error": figure(absolute_errors(torch.zeros_like(targets), targets)),
                **masking_figures(batch, lengths, mask),
            },
            encoded,
        )

    def counts(self, batch: Batch) -> dict[str, float]:
        """Term -> its count, before anything is computed."""
        return {"masked_reconstruction": num_masked(self.masker, batch, self.encoder)}

    def hide(self, batch: Batch, mask: Tensor) -> Tensor:
        """(B, S, F) with the frames under each run of masked encoded ones silenced, exchanged or left.

        One draw for a whole run: a frame that was left between hidden ones would tell what they were.
        """
        features = batch.features
        size, time, bins = features.shape
        begins = mask & ~nn.functional.pad(mask, (1, 0))[:, :-1]
        run = begins.cumsum(dim=1)
        kinds = uniform(batch.keys, mask.shape[1] + 1, _KIND).gather(1, run)
        silent = input_mask(mask & (kinds < self.config.zero_share), self.factor, time)
        exchanged = mask & (kinds >= self.config.zero_share)
        exchanged &= kinds < self.config.zero_share + self.config.random_share
        hidden = features.masked_fill(silent[:, :, None], 0.0)
        places = (uniform(batch.keys, time, _PLACE) * batch.lengths[:, None]).long().clamp(max=time - 1)
        others = features.gather(1, places[:, :, None].expand(size, time, bins))
        return torch.where(input_mask(exchanged, self.factor, time)[:, :, None], others, hidden)
