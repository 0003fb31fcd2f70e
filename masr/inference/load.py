"""A trained encoder that takes waveforms: `masr.load(DIR)`.

Shapes: B utterances, S samples, T encoded frames, D width of a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from masr.errors import AudioError, CheckpointError, UsageError
from masr.features.cmvn import normalise
from masr.features.stored_stats import read_stats
from masr.io.audio import INT16_SCALE, SAMPLE_RATE, require_ratio
from masr.io.trained import Trained
from masr.models.padding_mask import zero_past_end
from masr.models.pooling import build_pooling
from masr.models.weights import fill_encoder
from masr.types import Encoded, Features

Waveform = npt.NDArray[Any] | Tensor
Normalise = Literal["global", "speaker", "utterance", "none"]
Pooling = Literal["mean", "statistics"]

_BATCH_SAMPLES = 480 * SAMPLE_RATE
"""Samples of one batch with its padding: eight minutes of speech."""


class Model:
    """An encoder with the features and the normalisation that it was trained with."""

    def __init__(
        self, encoder: Any, features: Features | None, norm: Normalise, stats: Tensor | None, device: torch.device
    ) -> None:
        self.encoder = encoder.eval().to(device)
        self.features = features.to(device) if isinstance(features, nn.Module) else features
        self.norm: Normalise = norm
        self.stats = None if stats is None else stats.to(device)
        self.device = device
        self.takes_samples = int(encoder.num_bins) == 1
        self.sample_rate = SAMPLE_RATE if features is None else features.sample_rate
        if self.takes_samples:
            self.sample_rate = int(getattr(encoder, "sample_rate", SAMPLE_RATE))
        self.dim = int(encoder.dim)
        self.num_layers = int(encoder.num_layers)

    @overload
    def encode(self, waveform: Waveform, sample_rate: int = ..., layer: int | None = ...) -> Tensor: ...
    @overload
    def encode(self, waveform: Sequence[Waveform], sample_rate: int = ..., layer: int | None = ...) -> list[Tensor]: ...
    def encode(
        self, waveform: Waveform | Sequence[Waveform], sample_rate: int = SAMPLE_RATE, layer: int | None = None
    ) -> Tensor | list[Tensor]:
        """One waveform -> (T, D) frames; a list of them -> a list, each as it would be alone.

        `layer` 0 is the input of the first block, 1 the output of the first block; None is the encoder's last word.
        """
        alone, waves = self._waves(waveform, sample_rate)
        found: list[Tensor] = [torch.empty(0)] * len(waves)
        for rows, encoded in self._batches(waves, layer):
            for row, frames, length in zip(rows, encoded.frames, encoded.lengths.tolist(), strict=True):
                found[row] = frames[:length]
        return found[0] if alone else found

    def embed(
        self,
        waveform: Waveform | Sequence[Waveform],
        sample_rate: int = SAMPLE_RATE,
        layer: int | None = None,
        pooling: Pooling = "mean",
    ) -> Tensor:
        """One waveform -> (D,) its frames as one vector; a list of them -> (B, D)."""
        alone, waves = self._waves(waveform, sample_rate)
        pool = pool_of(pooling, self.dim)
        found: list[Tensor] = [torch.empty(0)] * len(waves)
        for rows, encoded in self._batches(waves, layer):
            for row, vector in zip(rows, pool(encoded.frames, encoded.lengths), strict=True):
                found[row] = vector
        return found[0] if alone else torch.stack(found)

    @torch.inference_mode()
    def run(self, inputs: Tensor, lengths: Tensor, layer: int | None, stats: Tensor | None = None) -> Encoded:
        """(B, S, F) frames as features make them, or (B, S) samples where the encoder takes those -> one layer.

        `stats` is (B, 2, F + 1), each utterance's speaker's, where the model was trained on speakers' statistics;
        without them an utterance counts as its own speaker.
        """
        return self.run_layers(inputs, lengths, [layer], stats)[0]

    @torch.inference_mode()
    def run_layers(
        self,
        inputs: Tensor,
        lengths: Tensor,
        layers: Sequence[int | None],
        stats: Tensor | None = None,
        embed: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None,
    ) -> list[Encoded]:
        """Several layers of one pass, each as `run` gives it; `embed` takes the place of the encoder's own."""
        for layer in layers:
            if layer is not None and not 0 <= layer <= self.num_layers:
                raise UsageError(f"layer {layer} is none of the encoder's", fix=f"give 0 to {self.num_layers}")
        inputs, lengths = self.ready(inputs, lengths, stats)
        embedded, count = (embed or self.encoder.embed)(inputs, lengths)
        within = any(layer is not None for layer in layers)
        encoded: Encoded = self.encoder.contextualise(embedded, count, with_layers=within)
        return [
            encoded if layer is None else Encoded(zero_past_end(encoded.layers[layer], count), count)
            for layer in layers
        ]

    def ready(self, inputs: Tensor, lengths: Tensor, stats: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Input as `run` takes it -> as the encoder does: on its device, normalised as in training."""
        inputs, lengths = inputs.to(self.device), lengths.to(self.device)
        if self.norm != "none" and inputs.dim() == 3:
            known = {"global": self.stats, "speaker": stats, "utterance": None}[self.norm]
            inputs = normalise(inputs, lengths, known, norm_vars=True)
        return inputs, lengths

    def _batches(self, waves: list[Tensor], layer: int | None) -> Iterator[tuple[list[int], Encoded]]:
        """Places in the list and what the encoder makes of them, the longest first."""
        order = sorted(range(len(waves)), key=lambda i: -len(waves[i]))
        while order:
            count = max(1, _BATCH_SAMPLES // max(1, len(waves[order[0]])))
            rows, order = order[:count], order[count:]
            samples = torch.zeros(len(rows), len(waves[rows[0]]), device=self.device)
            for row, place in enumerate(rows):
                samples[row, : len(waves[place])] = waves[place]
            lengths = torch.tensor([len(waves[place]) for place in rows], device=self.device)
            encoded = self._encode(samples, lengths, layer)
            require_numbers(encoded.frames, [f"waveform {place}" for place in rows])
            if not bool((encoded.lengths > 0).all()):
                short = rows[int(encoded.lengths.argmin())]
                raise AudioError(f"waveform {short} is too short: {len(waves[short])} samples give no encoded frame")
            yield rows, encoded

    @torch.inference_mode()
    def _encode(self, samples: Tensor, lengths: Tensor, layer: int | None) -> Encoded:
        if self.features is None:
            if not self.takes_samples:
                raise CheckpointError(
                    "this model was trained on features of unknown make, so it cannot take waveforms",
                    fix="give it feature archives of the same make: masr extract MODEL DATA OUT",
                )
            return self.run(samples, lengths, layer)
        return self.run(*self.features(samples, lengths), layer)

    def _waves(self, given: Waveform | Sequence[Waveform], sample_rate: int) -> tuple[bool, list[Tensor]]:
        rate = self.sample_rate
        if isinstance(given, np.ndarray | Tensor):
            return True, [_mono(given, sample_rate, rate)]
        if not len(given):
            raise UsageError("there is no waveform in the list")
        return False, [_mono(wave, sample_rate, rate) for wave in given]


def read_model(
    trained: Trained, encoder: Any, features: Features | None, norm: Normalise, device: torch.device | str = "auto"
) -> Model:
    """The model of a run, with its final weights or those of a checkpoint."""
    fill_encoder(encoder, trained.weights)
    stats = None
    if norm == "global" and int(encoder.num_bins) != 1:
        stats = read_stats(trained.run)
    return Model(encoder, features, norm, stats, device_of(device))


def read_checkpoint(folder: Path, device: torch.device | str = "auto") -> Model:
    """The model that transformers wrote to `folder`, with the normalisation that its feature extractor asks for."""
    from masr.models.pretrained import Config, build

    return Model(build(Config(checkpoint=folder, freeze="all")), None, "none", None, device_of(device))


def require_numbers(found: Tensor, names: Sequence[str]) -> None:
    """CheckpointError where what a model makes of a batch, (B, ...), is NaN or infinite for one of the names."""
    # One pass without memory of its own; a sum that overflows is looked at value by value.
    if bool(found.sum().isfinite()):
        return
    good = found.isfinite().flatten(1).all(dim=1)
    if not bool(good.all()):
        raise CheckpointError(
            f"the model's output is not a number for {names[int(good.int().argmin())]}",
            why="its training diverged, its weights were damaged, or the features of this utterance are broken",
            fix="look at the loss in metrics.jsonl of its run, and at the data: masr data validate DATA",
        )


def device_of(name: torch.device | str) -> torch.device:
    """The device of that name; `auto` is a GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def pool_of(kind: Pooling, dim: int) -> Any:
    """The pooling of that name: frames and lengths become one vector for each utterance."""
    if kind not in ("mean", "statistics"):
        raise UsageError(f"pooling cannot be {kind!r}", fix="choose mean or statistics")
    return build_pooling(kind, dim)


def _mono(waveform: Waveform, given_rate: int, wanted_rate: int) -> Tensor:
    """(S,) float32 in [-1, 1] at the rate that the features take."""
    values = waveform.detach().cpu().numpy() if isinstance(waveform, Tensor) else np.asarray(waveform)
    if values.ndim != 1:
        raise AudioError(
            f"a waveform has the shape {values.shape}, not (samples,)", fix="give one channel: waveform[:, 0]"
        )
    if values.dtype == np.int16:
        values = values / INT16_SCALE
    elif not np.issubdtype(values.dtype, np.floating):
        raise AudioError(f"a waveform is {values.dtype}", fix="give floats in [-1, 1] or 16-bit integers")
    if not np.isfinite(values).all():
        raise AudioError("a waveform holds NaN or infinite samples")
    if given_rate != wanted_rate:
        import soxr

        require_ratio(given_rate, wanted_rate)
        values = soxr.resample(values.astype(np.float32), given_rate, wanted_rate)
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
