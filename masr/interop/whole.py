"""A model from its samples on, as one module: features, the normalisation of its training, the encoder, its head.

Shapes: B utterances, S samples, N feature frames, F features, T encoded frames, D model width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from masr.config import Named, choice, loads, option
from masr.config.plain import as_yaml
from masr.features.cmvn import normalise
from masr.interop.files import open_plugin
from masr.models.padding_mask import zero_past_end
from masr.types import Encoded, Features


@dataclass(frozen=True)
class Parts:
    """What a model is made of, as its exported configuration says it."""

    encoder: Named = choice("models", "conformer", "the encoder")
    features: Named | None = choice("features", None, "what its frames are made of; none for waveforms")
    objective: Named | None = choice("objectives", None, "what scores units or languages on top of it")
    normalise: Literal["global", "speaker", "utterance", "none"] = option("none", "of features")

    @property
    def plugins(self) -> list[tuple[str, Named]]:
        """The room and name of each."""
        named = [("models", self.encoder), ("features", self.features), ("objectives", self.objective)]
        return [(room, one) for room, one in named if one is not None]


def parts_of(settings: dict[str, Any]) -> Parts:
    """The parts that plain values describe; ConfigError where they describe none."""
    return loads(Parts, as_yaml(settings), "config.json", resolve=lambda room, name: open_plugin(room, name).Config)


class SpeechEncoder(nn.Module):
    """Samples -> frames of every layer, as `masr.load` gives them."""

    stats: Tensor | None

    def __init__(
        self, encoder: Any, features: Callable[[], Features] | None, norm: str, stats: Tensor | None = None
    ) -> None:
        """`features` makes them: their tables are no weights, so they are made where they are needed."""
        super().__init__()
        self.encoder = encoder
        self.norm = norm
        self.register_buffer("stats", stats)
        self._make, self._features = features, None

    @property
    def features(self) -> Any:
        """What makes frames of samples; None where the encoder takes samples, or nobody knows."""
        if self._features is None and self._make is not None:
            self.__dict__["_features"] = self._make()
        return self._features

    def ready(self, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S) samples or (B, N, F) features, (B,) -> what the encoder takes; features are normalised."""
        if inputs.dim() == 2 and self._make is not None:
            inputs, lengths = self.features.to(inputs.device)(inputs, lengths)
        if inputs.dim() == 3 and self.norm != "none":
            inputs = normalise(inputs, lengths, self.stats if self.norm == "global" else None, norm_vars=True)
        return inputs, lengths

    def num_encoded(self, num_samples: Tensor) -> Tensor:
        """(B,) samples -> (B,) encoded frames."""
        if self._make is not None:
            counts = [self.features.num_frames(int(count)) for count in num_samples.tolist()]
            num_samples = torch.tensor(counts, device=num_samples.device)
        found: Tensor = self.encoder.num_encoded(num_samples)
        return found

    def forward(self, inputs: Tensor, lengths: Tensor, with_layers: bool = False) -> Encoded:
        """(B, S), (B,) -> (B, T, D), every layer zero past an utterance's end."""
        embedded, counts = self.encoder.embed(*self.ready(inputs, lengths))
        encoded: Encoded = self.encoder.contextualise(embedded, counts, with_layers=with_layers)
        layers = tuple(zero_past_end(layer, counts) for layer in encoded.layers)
        return Encoded(encoded.frames, encoded.lengths, layers)


def encoder_of(parts: Parts) -> SpeechEncoder:
    """The encoder that the parts describe, with fresh weights and, where it needs some, statistics to be filled."""
    encoder = open_plugin("models", parts.encoder.name).build(parts.encoder.config)
    named = parts.features
    make = None if named is None else lambda: open_plugin("features", named.name).build(named.config)
    stats = None
    if parts.normalise == "global" and int(encoder.num_bins) != 1:
        stats = torch.zeros(2, int(encoder.num_bins) + 1, dtype=torch.float64)
    return SpeechEncoder(encoder, make, parts.normalise, stats)


def head_of(parts: Parts, encoder: nn.Module) -> Any:
    """The objective of the parts around the encoder, which stays a part of whoever has it alone."""
    assert parts.objective is not None
    objective = open_plugin("objectives", parts.objective.name).build(parts.objective.config, encoder, None)
    del objective._modules["encoder"]
    objective.__dict__["encoder"] = encoder
    return objective
