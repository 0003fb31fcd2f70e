"""Ask2Mask (2202.12719): hide what a scorer is sure of, and learn more from utterances that it is sure of.

Starts of spans are drawn one after another without replacement, each with a chance in proportion to the confidence in
its frame; a start masks itself and the frames to its right. The K largest of log confidence plus Gumbel noise are
exactly such a draw, so no loop is needed.

Shapes: B utterances, T encoded frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from masr.config import option
from masr.errors import DataError
from masr.masking.confidence import utterance_confidence
from masr.maths.keyed_random import gumbel, uniform

Strategy = Literal["high", "low", "mixed", "hard", "random"]
_FIRST, _SECOND, _LAST, _TURN = 60, 61, 62, 63
_LEAST = 1e-30
"""Stands for a confidence of zero, whose logarithm is infinite: such a frame starts a span when no other is left."""


@dataclass(frozen=True)
class Config:
    """The paper's best: 40 % of the frames, in spans of 10 that start where the scorer is sure."""

    share: float = option(0.4, "share of an utterance's frames to mask, on average")
    span: int = option(10, "encoded frames that one start masks, to its right")
    strategy: Strategy = option(
        "high",
        "where spans start: drawn by confidence, by 1 - confidence, by both in turn, at the surest frames, anywhere",
    )
    scale: Literal["none", "utterance", "frame"] = option(
        "none", "factor on the loss: none, the mean confidence of the utterance (ATM+S), the confidence of each frame"
    )
    scale_over: Literal["all", "masked"] = option("all", "frames that an utterance's factor is the mean of")

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError(f"share must lie between 0 and 1, not {self.share}")
        if self.span < 1:
            raise ValueError(f"span must be at least 1, not {self.span}")

    @property
    def needs_confidence(self) -> bool:
        """Whether batches have to come with a scorer's confidences."""
        return self.strategy != "random" or self.scale != "none"


def build(config: Config) -> Ask2Mask:
    """The masker of that configuration."""
    return Ask2Mask(config)


class Ask2Mask:
    """Lengths, keys and confidences become a mask, and factors on the loss."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def mask(self, lengths: Tensor, keys: Tensor, confidence: Tensor | None = None) -> Tensor:
        """(B,), (B,), (B, T) -> (B, T) true where masked; T is the longest length, at least 1.

        Starts are added until their spans cover the share, and the last of them is kept or not by the toss that makes
        the share exact on average. Spans end with the utterance; no utterance goes without one.
        """
        time = max(1, int(lengths.max()))
        if self.config.needs_confidence:
            confidence = checked(confidence, (len(lengths), time))
        outside = torch.arange(time, device=lengths.device) >= lengths[:, None]
        return grown(self.order(keys, time, confidence, outside), lengths, outside, keys, self.config.share)

    def order(self, keys: Tensor, time: int, confidence: Tensor | None, outside: Tensor) -> Tensor:
        """(B, T): the larger, the sooner the frame is covered by a span; minus infinity past the end."""
        if self.config.strategy == "random" or confidence is None:
            return self.reached(gumbel(keys, time, _FIRST), outside)
        if self.config.strategy == "hard":
            return self.reached(-places(confidence, gumbel(keys, time, _FIRST), outside), outside)
        sure = gumbel(keys, time, _FIRST) + confidence.clamp(min=_LEAST).log()
        if self.config.strategy == "high":
            return self.reached(sure, outside)
        unsure = gumbel(keys, time, _SECOND) + (1 - confidence).clamp(min=_LEAST).log()
        if self.config.strategy == "low":
            return self.reached(unsure, outside)
        turn = (uniform(keys, 1, _TURN) < 0.5).float()
        first = 2 * places(sure, None, outside) + turn
        second = 2 * places(unsure, None, outside) + (1 - turn)
        return self.reached(-torch.minimum(first, second), outside)

    def reached(self, starts: Tensor, outside: Tensor) -> Tensor:
        """(B, T) when a frame starts a span -> when the first span reaches it."""
        starts = starts.masked_fill(outside, -torch.inf)
        return window_max(starts, self.config.span).masked_fill_(outside, -torch.inf)

    def factors(self, lengths: Tensor, mask: Tensor, confidence: Tensor | None = None) -> Tensor | None:
        """(B,), (B, T), (B, T) -> (B, T) factor on the loss of each frame; None where there is none."""
        if self.config.scale == "none":
            return None
        confidence = checked(confidence, tuple(mask.shape))
        if self.config.scale == "frame":
            return confidence
        counted = mask if self.config.scale_over == "masked" else None
        return utterance_confidence(confidence, lengths, counted)[:, None].expand_as(mask)


def grown(order: Tensor, lengths: Tensor, outside: Tensor, keys: Tensor, share: float) -> Tensor:
    """(B, T) when each frame is covered -> (B, T) true where covered when spans have grown to the share.

    All frames that one start adds have its value, so the frame with which the share is reached tells the last start.
    """
    wanted, toss = lengths.float() * share, uniform(keys, 1, _LAST)[:, 0]
    reaching = (wanted.ceil().long() - 1).clamp(min=0)[:, None]
    last = order.sort(dim=1, descending=True).values.gather(1, reaching.clamp(max=order.shape[1] - 1))
    before, with_last = order > last, (order >= last) & ~outside
    fewer, more = before.sum(dim=1), with_last.sum(dim=1)
    kept = toss * (more - fewer) < wanted - fewer
    # A short utterance whose first span would be too much has a shorter one.
    most = (wanted + 1 - toss).floor().clamp(min=1)[:, None]
    only = with_last & (with_last.cumsum(dim=1) <= most)
    return torch.where((fewer == 0)[:, None], only, torch.where(kept[:, None], with_last, before))


def window_max(values: Tensor, span: int) -> Tensor:
    """(B, T) -> (B, T): the largest of each place and the span - 1 before it."""
    width = 1
    while width < min(span, values.shape[1]):
        step = min(width, span - width)
        later = torch.maximum(values[:, step:], values[:, :-step])
        values, width = torch.cat([values[:, :step], later], dim=1), width + step
    return values


def places(values: Tensor, ties: Tensor | None, outside: Tensor) -> Tensor:
    """(B, T) -> (B, T) float: 0 for the largest, 1 for the next; of equals the one with the larger of `ties`.

    A scorer's confidence is often exactly 1, and sorting alone would then prefer the front of the utterance.
    """
    values = values.masked_fill(outside, -torch.inf)
    if ties is None:
        found = values.argsort(dim=1, descending=True)
    else:
        by_ties = ties.argsort(dim=1, descending=True)
        found = by_ties.gather(1, values.gather(1, by_ties).argsort(dim=1, descending=True, stable=True))
    counted = torch.arange(values.shape[1], device=values.device, dtype=torch.float32)
    return torch.empty_like(counted.expand_as(values)).scatter_(1, found, counted.expand_as(values))


def checked(confidence: Tensor | None, shape: tuple[int, ...]) -> Tensor:
    """The confidences as float32; DataError where there are none, or not one to each encoded frame."""
    if confidence is None:
        raise DataError(
            "guided masking needs a confidence for every frame, and the batch has none",
            why="the data directory was not scored, or the batch was made by hand without `confidence`",
            fix="run stage 5: masr confidence SCORER DATA; or mask at random: masking.strategy=random",
        )
    if tuple(confidence.shape) != shape:
        raise DataError(
            f"confidences of {confidence.shape[1]} frames for {len(confidence)} utterances, and the encoder makes "
            f"{shape[1]} frames for {shape[0]}",
            why="they are of another frame rate, or of a crop that began elsewhere",
            fix="score the data by a scorer whose frames are as long as the encoder's: masr confidence SCORER DATA",
        )
    return confidence.float()
