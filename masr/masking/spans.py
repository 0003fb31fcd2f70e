"""Random spans, the rule of wav2vec 2.0, BEST-RQ and HuBERT: each place starts a span with the same chance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from masr.config import option
from masr.maths.keyed_random import uniform

_PURPOSE = 1


@dataclass(frozen=True)
class Config:
    """wav2vec 2.0: each encoded frame starts 10 masked ones with probability 0.065, 49 % of frames in all."""

    share: float = option(0.49, "share of an utterance's frames to mask, on average")
    span: int = option(10, "encoded frames that one start masks")

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError(f"share must lie between 0 and 1, not {self.share}")
        if self.span < 1:
            raise ValueError(f"span must be at least 1, not {self.span}")


def build(config: Config) -> Spans:
    """The masker of that configuration."""
    return Spans(config)


class Spans:
    """Lengths and keys become a mask."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def mask(self, lengths: Tensor, keys: Tensor, confidence: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """(B,) lengths, (B,) keys -> (B, T) true where masked; T is the longest length, at least 1.

        Spans may begin before the utterance does, so that its first frames are masked as often as all others and the
        share is exact on average at every length. An utterance that drew no span gets one.
        """
        span, time = self.config.span, max(1, int(lengths.max()))
        places = time + span - 1
        noise = uniform(keys, places, _PURPOSE)
        outside = None
        if int(lengths.min()) < time:
            outside = torch.arange(places, device=lengths.device) >= (lengths + span - 1)[:, None]
            noise.masked_fill_(outside, 2.0)
        starts = noise < self.start_probability()
        empty = noise.amin(dim=1) >= self.start_probability()
        if bool(empty.any()):
            starts[empty, noise[empty].argmin(dim=1)] = True
        masked = spans_from(starts, span)
        return masked if outside is None else masked & ~outside[:, span - 1 :]

    def factors(self, lengths: Tensor, mask: Tensor, confidence: Tensor | None = None) -> None:
        """None: all frames count alike in the loss."""

    def start_probability(self) -> float:
        """Chance of a start at each place: what is left unmasked has no start in `span` places."""
        return float(1 - (1 - self.config.share) ** (1 / self.config.span))


def spans_from(starts: Tensor, span: int) -> Tensor:
    """(B, T + span - 1) starts -> (B, T): true where any of the `span` places up to it started."""
    covered, width = starts, 1
    while width < span:
        step = min(width, span - width)
        covered, width = covered[:, step:] | covered[:, :-step], width + step
    return covered
