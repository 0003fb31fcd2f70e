"""APC (1904.03240): predict, from what lies before a frame, the frame that comes a few later.

An encoder that sees the past predicts forwards, one that sees the future backwards, and one with `context: apart` does
both, each direction with its own half of the frame.

Shapes: B utterances, T encoded frames, N predicted ones, D width of a direction, K features of a predicted one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from masr.config import option
from masr.losses.reconstruction import absolute_errors, figure, inside, mean, stacks
from masr.maths.keyed_random import gumbel
from masr.maths.on_host import from_host, places, rows_at
from masr.types import Batch, Encoder, Losses, Masker, Term

_LONGEST_SIGHT = 1 << 12
"""Feature frames that a single encoded frame could be made of; no front end comes near it."""


@dataclass(frozen=True)
class Config:
    """The paper tries 1, 2, 3, 5, 10 and 20 frames of 10 ms."""

    shift: int = option(3, "how many encoded frames beyond the last one that was seen")

    def __post_init__(self) -> None:
        if self.shift < 1:
            raise ValueError(f"shift must be at least 1, not {self.shift}: a frame that was seen is no prediction")


def build(config: Config, encoder: Encoder, masker: Masker) -> Apc:  # noqa: ARG001 (nothing is masked here)
    """The objective around an encoder of feature frames that sees one side alone."""
    return Apc(config.shift, encoder, Prediction)


@dataclass(frozen=True)
class Part:
    """What one direction gives: the parts of `Losses`, under names that do not say which direction it is."""

    terms: Mapping[str, Term]
    figures: Mapping[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    codes: Mapping[str, Tensor] = field(default_factory=dict)
    """Histograms by the name of the code; guesses at it stand in `predicted`."""
    predicted: Mapping[str, Tensor] = field(default_factory=dict)


class Prediction(nn.Module):
    """One linear layer, and the absolute error of what it says."""

    terms = ("prediction",)

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.guess = nn.Linear(dim, width)

    def errors(self, guesses: Tensor, targets: Tensor) -> Tensor:
        """(N, K), (N, K) -> (N,) distance in the measure of the loss."""
        return absolute_errors(guesses, targets)

    def forward(self, frames: Tensor, targets: Tensor, weights: Tensor | None, _noise: Noise) -> Part:
        """(N, D), (N, K), (N,) -> the loss of one direction."""
        return Part({"prediction": mean(self.errors(self.guess(frames), targets), weights)})


@dataclass(frozen=True)
class Noise:
    """Random numbers for the predicted frames, which belong to their utterances."""

    keys: Tensor
    places: Tensor
    """(B, T) which encoded frames are predicted from."""
    number: int
    """0 for the past, 1 for the future."""

    def gumbel(self, width: int, purpose: int) -> Tensor:
        """(N, width) noise; the other direction draws that of the next purpose."""
        size, time = self.places.shape
        noise = gumbel(self.keys, time * width, purpose + self.number)
        return rows_at(noise.view(size, time, width), self.places)


class Apc(nn.Module):
    """A prediction from each side that the encoder sees alone."""

    def __init__(self, shift: int, encoder: Encoder, head: Callable[[int, int], nn.Module]) -> None:
        """`head(D, K)` makes a module like `Prediction` for each direction."""
        super().__init__()
        sides = sides_of(encoder)
        self.encoder = encoder
        self.factor: int = encoder.subsampling
        sight = sight_of(encoder)
        self.offsets = {"past": sight + (shift - 1) * self.factor, "future": -shift * self.factor}
        """Where the predicted frames begin, counted from the first feature frame that an encoded frame sees."""
        self.nearest = {"past": sight - self.factor, "future": 0}
        """Where the last frames begin that the encoder saw, counted likewise."""
        width = encoder.num_bins * self.factor
        self.heads = nn.ModuleDict({side: head(encoder.dim // len(sides), width) for side in sides})

    def forward(self, batch: Batch) -> Losses:
        """Features -> the loss of each direction; utterances that are too short predict nothing."""
        embedded, lengths = self.encoder.embed(batch.features, batch.lengths)
        encoded = self.encoder.contextualise(embedded, lengths)
        parts = encoded.frames.chunk(len(self.heads), dim=2)
        terms: dict[str, Term] = {}
        figures: dict[str, tuple[Tensor, Tensor]] = {}
        histograms: dict[str, Tensor] = {}
        for number, (side, frames) in enumerate(zip(self.heads, parts, strict=True)):
            found = self.direction(side, number, frames, batch, lengths)
            prefix = self.prefix(side)
            terms |= {prefix + n: Term(t.sum, t.count, t.weight / len(self.heads)) for n, t in found.terms.items()}
            figures |= {prefix + name: value for name, value in found.figures.items()}
            histograms |= {prefix + name: counts for name, counts in found.codes.items()}
            histograms |= {f"predicted_{prefix}{name}": counts for name, counts in found.predicted.items()}
        return Losses(terms, figures, encoded, histograms)

    def counts(self, batch: Batch) -> dict[str, float]:
        """Term -> its count, before anything is computed."""
        lengths = from_host(self.encoder.num_encoded, batch.lengths)
        return {
            self.prefix(side) + term: float(len(places(self.predicted(side, batch, lengths))))
            for side, head in self.heads.items()
            for term in head.terms  # type: ignore[union-attr]
        }

    def prefix(self, side: str) -> str:
        """What names of terms and figures begin with."""
        return "" if len(self.heads) == 1 else {"past": "forward_", "future": "backward_"}[side]

    def predicted(self, side: str, batch: Batch, lengths: Tensor) -> Tensor:
        """(B,) encoded lengths -> (B, T) which frames have one to predict."""
        return from_host(partial(inside, factor=self.factor, offset=self.offsets[side]), batch.lengths, lengths)

    def direction(self, side: str, number: int, frames: Tensor, batch: Batch, lengths: Tensor) -> Part:
        """(B, T, D) -> the loss, and what saying the last seen frame again, or zero, the mean of all, would cost.

        Targets are features as the encoder gets them, without a gradient.
        """
        features, time = batch.features.detach(), frames.shape[1]
        chosen = self.predicted(side, batch, lengths)
        targets = rows_at(stacks(features, time, self.factor, self.offsets[side]), chosen)
        weights = None if batch.weights is None else rows_at(batch.weights[:, None].expand_as(chosen), chosen)
        head: Any = self.heads[side]
        found: Part = head(rows_at(frames, chosen), targets, weights, Noise(batch.keys, chosen, number))
        last = rows_at(stacks(features, time, self.factor, self.nearest[side]), chosen)
        guesses = {"copy_error": last, "zero_error": torch.zeros_like(targets)}
        figures = {name: figure(head.errors(guess, targets)) for name, guess in guesses.items()}
        return replace(found, figures={**found.figures, **figures})


def sides_of(encoder: Encoder) -> tuple[str, ...]:
    """What the encoder's halves see, or the whole of it: the past, the future; ValueError where it sees everything."""
    context: Any = getattr(getattr(encoder, "config", None), "context", "both")
    if encoder.num_bins < 2:
        raise ValueError("it predicts feature frames, and an encoder of waveforms has none")
    if context not in ("past", "future", "apart"):
        raise ValueError(
            "it would predict what the encoder sees; take a recurrent, transformer or convolutional encoder with "
            "context past, future, or apart for both directions"
        )
    return ("past", "future") if context == "apart" else (context,)


def sight_of(encoder: Encoder) -> int:
    """Feature frames from the first to the last that one encoded frame is made of, before any context."""
    counts = encoder.num_encoded(torch.arange(_LONGEST_SIGHT, device="cpu"))
    return int((counts == 0).sum())
