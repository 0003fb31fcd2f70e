"""VQ-APC (2005.08392): APC whose prediction has to pass through one code of a codebook.

The codebook stands behind the encoder's last layer, so that what is predicted is a function of the code alone. What is
taken from the model are the frames before it, as in the paper.

Shapes: N predicted frames, D width of a direction, K features of a target, V codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from masr.config import option
from masr.losses.masked_prediction import histogram
from masr.losses.reconstruction import absolute_errors, mean
from masr.models.quantizer import GumbelQuantizer
from masr.objectives.apc import Apc, Noise, Part
from masr.objectives.apc import Config as ApcConfig
from masr.types import Encoder, Masker

_NOISE = 22


@dataclass(frozen=True)
class Config(ApcConfig):
    """The paper's: one codebook, a temperature that stays as it is."""

    shift: int = option(5, "how many encoded frames beyond the last one that was seen")
    num_codes: int = option(512, "codes in the codebook")
    code_dim: int = option(512, "width of a code")
    softness: float = option(0.5, "Gumbel temperature")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.softness <= 0:
            raise ValueError(f"softness must be above 0, not {self.softness}")


def build(config: Config, encoder: Encoder, masker: Masker) -> Apc:  # noqa: ARG001 (nothing is masked here)
    """The objective around an encoder of feature frames that sees one side alone."""
    return Apc(config.shift, encoder, partial(Quantised, config))


class Quantised(nn.Module):
    """A code for each frame, by a straight-through Gumbel softmax, then one linear layer."""

    terms = ("prediction",)

    def __init__(self, config: Config, dim: int, width: int) -> None:
        super().__init__()
        self.config = config
        self.quantizer = GumbelQuantizer(dim, 1, config.num_codes, config.code_dim)
        # wav2vec 2.0 begins with scores so far apart that noise hardly moves the choice; here all codes begin alike.
        self.quantizer.scores.reset_parameters()
        nn.init.uniform_(self.quantizer.codes, -1, 1)
        self.guess = nn.Linear(config.code_dim, width)

    def errors(self, guesses: Tensor, targets: Tensor) -> Tensor:
        """(N, K), (N, K) -> (N,) distance in the measure of the loss."""
        return absolute_errors(guesses, targets)

    def forward(self, frames: Tensor, targets: Tensor, weights: Tensor | None, noise: Noise) -> Part:
        """(N, D), (N, K), (N,) -> the loss of one direction; in validation the best code is taken."""
        drawn = noise.gumbel(self.config.num_codes, _NOISE) if self.training else None
        codes, ids, _ = self.quantizer(frames, drawn, self.config.softness)
        return Part(
            {"prediction": mean(self.errors(self.guess(codes), targets), weights)},
            codes={"code": histogram(ids, self.config.num_codes)},
        )
