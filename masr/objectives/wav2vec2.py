"""wav2vec 2.0 (2006.11477): tell, where speech is masked, its quantised frame from others of the utterance.

Shapes: B utterances, T encoded frames, N masked frames, D encoder width, G codebooks, V codes in each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from masr.config import option
from masr.losses.contrastive import contrastive, distractors, diversity, num_compared, packed
from masr.losses.masked_frames import frame_factors, mask_of, masking_figures
from masr.losses.masked_prediction import histogram
from masr.maths.keyed_random import gumbel
from masr.maths.on_host import from_host, places, rows_at
from masr.models.quantizer import GumbelQuantizer
from masr.types import Batch, Encoder, Losses, Masker, Term

_NOISE, _NEGATIVES = 20, 21
_FEW = 1.5
"""Codes of a codebook in use, the mean over codebooks."""


@dataclass(frozen=True)
class Config:
    """The paper's base model; masking is its own by `masking: {share: 0.49, span: 10}`."""

    num_groups: int = option(2, "codebooks, of which one code each is chosen")
    num_codes: int = option(320, "codes in a codebook")
    code_dim: int = option(256, "width of the codes side by side")
    width: int = option(256, "width in which prediction and target are compared")
    num_distractors: int = option(100, "other masked frames of the utterance")
    temperature: float = option(0.1, "of the comparison")
    diversity_weight: float = option(0.1, "factor on the loss for codes left unused")
    first_softness: float = option(2.0, "Gumbel temperature at the start")
    last_softness: float = option(0.5, "Gumbel temperature that it never falls below")
    softness_decay: float = option(0.999995, "factor on the Gumbel temperature at every step")
    target_gradient: float = option(
        1.0,
        "factor on the gradient that passes from the targets to the encoded frames; 0 takes away the shortest way to "
        "a codebook of one code, which short runs and large rates fall into",
    )
    feature_penalty: float = option(
        0.0, "factor on the mean square of the encoded frames; the paper's waveform model has 10"
    )


def build(config: Config, encoder: Encoder, masker: Masker) -> Wav2Vec2:
    """The objective around an encoder."""
    return Wav2Vec2(config, encoder, masker)


class Wav2Vec2(nn.Module):
    """Contrastive loss, and a loss that keeps all codes in use."""

    def __init__(self, config: Config, encoder: Encoder, masker: Masker) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder
        self.masker = masker
        self.mask_embedding = nn.Parameter(torch.empty(encoder.dim).uniform_())
        # A published quantizer sees the convolutions, which the checkpoint's own norm has been over.
        published: int | None = getattr(encoder, "quantised_dim", None)
        self.is_published = published is not None
        self.norm = nn.Identity() if self.is_published else nn.LayerNorm(encoder.dim)
        self.quantizer = GumbelQuantizer(published or encoder.dim, config.num_groups, config.num_codes, config.code_dim)
        self.target = nn.Linear(config.code_dim, config.width)
        self.guess = nn.Linear(encoder.dim, config.width)
        self.softness = config.first_softness
        self.of_a_micro_batch = "how evenly codes are used" if config.diversity_weight else ""

    def advance(self, step: int) -> None:
        """The choice of codes hardens as training goes on."""
        self.softness = max(self.config.first_softness * self.config.softness_decay**step, self.config.last_softness)

    def forward(self, batch: Batch) -> Losses:
        """Input -> contrastive loss on masked frames."""
        embedded, seen, lengths, mask = self.masked(batch)
        encoded = self.encoder.contextualise(self.hidden(embedded, mask), lengths)
        factors = frame_factors(self.masker, batch, lengths, mask)
        terms, figures, ids = self.contrast(encoded.frames, seen, mask, batch, lengths, factors)
        return Losses(terms, figures, encoded, {"code": histogram(ids, self.config.num_codes)})

    def counts(self, batch: Batch) -> dict[str, float]:
        """Term -> its count, before anything is computed."""
        mask = mask_of(self.masker, batch, from_host(self.encoder.num_encoded, batch.lengths))
        masked = float(len(places(mask)))
        return {"contrastive": num_compared(mask), "diversity": masked, "feature_penalty": masked}

    def concerns(self, figures: Mapping[str, float]) -> list[str]:
        """What the figures of a validation say that a person should know."""
        if figures.get("codes_used", _FEW) >= _FEW:
            return []
        cures = ["objective.target_gradient: 0"] if self.config.target_gradient else []
        cured = " or ".join([*cures, "optim.peak_lr lower", "optim.warmup_steps longer"])
        return [
            f"all masked frames have one code, so nothing is to be told apart and no loss says a thing; set {cured}"
        ]

    def masked(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The encoded sequence (B, T, D), what of it the quantizer sees, its lengths, and the mask."""
        if self.is_published:
            embedded, seen, lengths = self.encoder.embed_twice(batch.features, batch.lengths)  # type: ignore[attr-defined]
        else:
            embedded, lengths = self.encoder.embed(batch.features, batch.lengths)
            seen = embedded
        return embedded, seen, lengths, mask_of(self.masker, batch, lengths)

    def hidden(self, embedded: Tensor, mask: Tensor) -> Tensor:
        """(B, T, D) with one learned vector in every masked place."""
        return torch.where(mask[:, :, None], self.mask_embedding.to(embedded.dtype), embedded)

    def contrast(
        self,
        frames: Tensor,
        seen: Tensor,
        mask: Tensor,
        batch: Batch,
        lengths: Tensor,
        factors: Tensor | None,
    ) -> tuple[dict[str, Term], dict[str, tuple[Tensor, Tensor]], Tensor]:
        """(B, T, D) predictions, (B, T, D or C) unmasked -> terms, figures, (N, G) codes of the masked frames.

        The factors are on the contrastive loss: how evenly codes are used is of the batch, and of no utterance.
        """
        unmasked = scaled(rows_at(seen, mask), self.config.target_gradient)
        codes, ids, soft = self.quantise(self.norm(unmasked), mask, batch.keys)
        others = distractors(packed(mask), batch.keys, self.config.num_distractors, _NEGATIVES)
        guess, target = self.guess(rows_at(frames, mask)), self.target(codes)
        term, figures = contrastive(guess, target, ids, mask, others, self.config.temperature, factors)
        unused, perplexity = diversity(soft)
        terms = {"contrastive": term, "diversity": Term(unused.sum, unused.count, self.config.diversity_weight)}
        if self.config.feature_penalty:
            energy = rows_at(seen.float().square().mean(dim=2), mask).sum()
            terms["feature_penalty"] = Term(energy, unused.count, self.config.feature_penalty)
        figures["soft_perplexity"] = perplexity, torch.ones_like(perplexity)
        figures |= masking_figures(batch, lengths, mask)
        return terms, figures, ids

    def quantise(self, frames: Tensor, mask: Tensor, keys: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, D) -> (N, C) codes, (N, G) ids, (N, G, V): with the utterances' own Gumbel noise while training."""
        if not self.training:
            found: tuple[Tensor, Tensor, Tensor] = self.quantizer(frames, None, self.softness)
            return found
        choices = self.config.num_groups * self.config.num_codes
        real = packed(mask)
        most = real.shape[1]
        noise = rows_at(gumbel(keys, most * choices, _NOISE).view(len(keys), most, choices), real)
        drawn: tuple[Tensor, Tensor, Tensor] = self.quantizer(frames, noise, self.softness)
        return drawn


def scaled(frames: Tensor, factor: float) -> Tensor:
    """The values as they are, with a gradient that is `factor` times as large."""
    return frames if factor == 1 else frames.detach() + factor * (frames - frames.detach())
