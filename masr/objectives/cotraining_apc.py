"""Co-training APC (2203.15840): the past predicts the code that a later frame confirms by itself.

Shapes: N predicted frames, D width of a direction, K features of a target, V codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from masr.config import option
from masr.losses.masked_prediction import histogram, right
from masr.losses.reconstruction import agreement, figure, mean
from masr.objectives.apc import Apc, Noise, Part
from masr.objectives.apc import Config as ApcConfig
from masr.types import Encoder, Masker

_NOISE = 24


@dataclass(frozen=True)
class Config(ApcConfig):
    """The paper's: 256 codes, each frame's code summed over."""

    shift: int = option(5, "how many encoded frames beyond the last one that was seen")
    num_codes: int = option(256, "codes in the codebook, each a vector of features")
    optimise: Literal["marginal", "gumbel"] = option(
        "marginal", "the mean over all codes of a frame; or one that is drawn, by a straight-through Gumbel softmax"
    )
    first_softness: float = option(2.0, "gumbel: temperature at the start")
    last_softness: float = option(0.5, "gumbel: temperature that it never falls below")
    softness_decay: float = option(0.99995, "gumbel: factor on the temperature at every step")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (0 < self.last_softness <= self.first_softness and 0 < self.softness_decay <= 1):
            raise ValueError("softness falls from first_softness to last_softness, both above 0, by a factor up to 1")


def build(config: Config, encoder: Encoder, masker: Masker) -> CotrainingApc:  # noqa: ARG001 (nothing is masked here)
    """The objective around an encoder of feature frames that sees one side alone."""
    return CotrainingApc(config.shift, encoder, partial(Views, config))


class CotrainingApc(Apc):
    """How far apart the two views' codes are, and frames from the vectors of their codes."""

    def advance(self, step: int) -> None:
        """The choice of codes hardens as training goes on."""
        for head in self.heads.values():
            if isinstance(head, Views):
                head.advance(step)


class Views(nn.Module):
    """The past's prediction of a code, and the codes' vectors by which a frame confirms its own."""

    terms = ("reconstruction", "divergence")

    def __init__(self, config: Config, dim: int, width: int) -> None:
        super().__init__()
        self.config = config
        self.guess = nn.Linear(dim, config.num_codes)
        self.codes = nn.Parameter(torch.randn(config.num_codes, width) * config.num_codes**-0.5)
        self.softness = config.first_softness

    def advance(self, step: int) -> None:
        """The temperature of this step."""
        config = self.config
        self.softness = max(config.first_softness * config.softness_decay**step, config.last_softness)

    def errors(self, guesses: Tensor, targets: Tensor) -> Tensor:
        """(N, K), (N, K) -> (N,) distance in the measure of the loss."""
        return (guesses - targets).float().square().sum(dim=1) / 2

    def forward(self, frames: Tensor, targets: Tensor, weights: Tensor | None, noise: Noise) -> Part:
        """(N, D), (N, K), (N,) -> the loss of one direction; the sum of its terms is the paper's bound, in nats."""
        logits = self.guess(frames)
        is_drawn = self.training and self.config.optimise == "gumbel"
        drawn = noise.gumbel(self.config.num_codes, _NOISE) if is_drawn else None
        found = agreement(logits, targets, self.codes, drawn, self.softness)
        confirmed, predicted = found.confirmed[:, None], logits.detach().argmax(dim=1, keepdim=True)
        return Part(
            {"reconstruction": mean(found.reconstruction, weights), "divergence": mean(found.divergence, weights)},
            {"code_accuracy": right(predicted, confirmed), "confirmed_entropy": figure(found.entropy)},
            codes={"code": histogram(confirmed, self.config.num_codes)},
            predicted={"code": histogram(predicted, self.config.num_codes)},
        )
