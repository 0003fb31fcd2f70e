"""DinoSR (2305.10005): predict, where speech is masked, the codes that a slower copy of the encoder gives it.

The teacher is a running average of the encoder and hears the speech unmasked. Frames of each of its upper blocks are
clustered as they come; from the student's last frames, one head for each of those blocks predicts the cluster.

Shapes: B utterances, T encoded frames, N masked frames, D encoder width, G clustered blocks, V codes in each.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from masr.config import option, seed_option
from masr.losses.masked_frames import frame_factors, mask_of, masked_rows, masking_figures, num_masked
from masr.losses.masked_prediction import code_counts, masked_prediction, right
from masr.maths.on_host import rows_at
from masr.maths.products import Linear
from masr.models.online_codebook import OnlineCodebook
from masr.types import Batch, Encoder, Losses, Masker

_EPSILON = 1e-5


@dataclass(frozen=True)
class Config:
    """The paper's base model; masking is its own by `masking: {share: 0.57, span: 10}`."""

    num_codes: int = option(256, "codes of each block")
    num_targets: int = option(0, "upper blocks whose frames are clustered; 0 is two thirds of them, 8 of 12")
    code_decay: float = option(0.9, "decay of the codes' running means, for each step")
    first_decay: float = option(0.999, "decay of the teacher at the start")
    last_decay: float = option(0.9999, "decay of the teacher after decay_steps")
    decay_steps: int = option(30_000, "steps over which it goes from the one to the other")
    teacher_steps: int = option(0, "steps after which the teacher stays as it is; 0 is never, the paper has 200000")
    seed: int = seed_option("of the codes at the start")

    def __post_init__(self) -> None:
        if self.num_codes < 2 or self.num_targets < 0 or self.decay_steps < 0 or self.teacher_steps < 0:
            raise ValueError("num_codes must be at least 2, and no number of blocks or steps negative")
        for name in ("code_decay", "first_decay", "last_decay"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 0 and below 1")


def build(config: Config, encoder: Encoder, masker: Masker) -> Dinosr:
    """The objective around an encoder; its teacher begins as a copy of it."""
    if config.num_targets > encoder.num_layers:
        raise ValueError(f"num_targets is {config.num_targets}, and the encoder has {encoder.num_layers} blocks")
    return Dinosr(config, encoder, masker)


class Dinosr(nn.Module):
    """Masked prediction of clusters that a running average of the encoder makes as training goes on."""

    def __init__(self, config: Config, encoder: Encoder, masker: Masker) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder
        self.masker = masker
        self.teacher: Encoder = deepcopy(encoder)
        self.teacher.requires_grad_(False).eval()  # type: ignore[attr-defined]
        self.num_targets = config.num_targets or max(1, round(2 * encoder.num_layers / 3))
        self.mask_embedding = nn.Parameter(torch.empty(encoder.dim).uniform_())
        self.codebook = OnlineCodebook(self.num_targets, config.num_codes, encoder.dim, config.code_decay, config.seed)
        self.head = Linear(encoder.dim, self.num_targets * config.num_codes)

    def train(self, mode: bool = True) -> Self:
        """The teacher never trains: no dropout, and every block there."""
        super().train(mode)
        self.teacher.eval()  # type: ignore[attr-defined]
        return self

    @torch.no_grad()
    def advance(self, step: int) -> None:
        """The teacher and its codes follow what the last step left."""
        self.codebook.advance()
        if self.config.teacher_steps and step >= self.config.teacher_steps:
            return
        share = 1 - self.decay(step)
        student: nn.Module = self.encoder  # type: ignore[assignment]
        teacher: nn.Module = self.teacher  # type: ignore[assignment]
        for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
            slow.lerp_(fast, share)
        for held, new in zip(teacher.buffers(), student.buffers(), strict=True):
            held.copy_(new)

    def decay(self, step: int) -> float:
        """The share of the teacher's weights that stays in this step; the rest comes from the encoder."""
        first, last = self.config.first_decay, self.config.last_decay
        return first + (last - first) * min(1.0, step / self.config.decay_steps) if self.config.decay_steps else last

    def forward(self, batch: Batch) -> Losses:
        """Input -> loss on masked frames, the mean over blocks; while training, the codes' frames are counted."""
        embedded, lengths = self.encoder.embed(batch.features, batch.lengths)
        mask = mask_of(self.masker, batch, lengths)
        hidden = torch.where(mask[:, :, None], self.mask_embedding.to(embedded.dtype), embedded)
        encoded = self.encoder.contextualise(hidden, lengths)
        frames = self.taught(batch, lengths, mask)
        targets = self.codebook(frames)
        if self.training:
            heard = slice(0, 0) if batch.stand_in else slice(None)
            self.codebook.observe(frames[:, heard], targets[heard])
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
        """Normalised input, nothing hidden -> (B, T, G, V) of the codes of each of the blocks, (B,) lengths."""
        encoded = self.encoder.contextualise(*self.encoder.embed(features, lengths))
        logits: Tensor = self.head(encoded.frames)
        sizes = (self.num_targets, self.config.num_codes)
        return logits.view(*logits.shape[:2], *sizes).float().log_softmax(dim=3), encoded.lengths

    @torch.no_grad()
    def taught(self, batch: Batch, lengths: Tensor, mask: Tensor) -> Tensor:
        """(G, N, D): what the teacher's upper blocks make of the masked frames, which it hears as they are.

        Each dimension has mean 0 and variance 1 over its utterance, as the paper has it: else the codes would tell
        utterances apart and not what is said in them.
        """
        embedded, _ = self.teacher.embed(batch.features, batch.lengths)
        layers = self.teacher.contextualise(embedded, lengths, with_layers=True).layers[-self.num_targets :]
        real = torch.arange(mask.shape[1], device=mask.device) < lengths[:, None]
        return torch.stack([rows_at(standardised(layer, real), mask) for layer in layers])


def standardised(frames: Tensor, real: Tensor) -> Tensor:
    """(B, T, D), (B, T) true where there is speech -> the same with mean 0 and variance 1 over each utterance."""
    frames = frames.float()
    weight = real[:, :, None] / real.sum(dim=1).clamp(min=1)[:, None, None]
    mean = (frames * weight).sum(dim=1, keepdim=True)
    variance = ((frames - mean).square() * weight).sum(dim=1, keepdim=True)
    return (frames - mean) * (variance + _EPSILON).rsqrt()
