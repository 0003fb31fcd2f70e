"""A trained encoder, which takes speech: what `masr.load(DIR)` stands on.

Shapes: B utterances, S samples, T encoded frames, D width of a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, overload

import torch
from torch import Tensor, nn

from masr.errors import CheckpointError, UsageError
from masr.features.cmvn import normalise
from masr.features.stored_stats import read_stats
from masr.inference.speech import Channel, Recording, Speech, Taking, batches, recordings_of, require_encoded
from masr.io.audio import SAMPLE_RATE
from masr.io.trained import Trained
from masr.models.padding_mask import zero_past_end
from masr.models.pooling import build_pooling
from masr.models.weights import fill_encoder
from masr.types import Encoded, Features

Normalise = Literal["global", "speaker", "utterance", "none"]
Pooling = Literal["mean", "statistics"]


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

    @overload  # a string is a sequence of strings too, and counts as one
    def encode(  # type: ignore[overload-overlap]
        self,
        speech: Speech,
        rate: float | None = ...,
        layer: int | None = ...,
        *,
        resample: bool = ...,
        channel: Channel | None = ...,
    ) -> Tensor: ...
    @overload
    def encode(
        self,
        speech: Sequence[Speech],
        rate: float | None = ...,
        layer: int | None = ...,
        *,
        resample: bool = ...,
        channel: Channel | None = ...,
    ) -> list[Tensor]: ...
    def encode(
        self,
        speech: Speech | Sequence[Speech],
        rate: float | None = None,
        layer: int | None = None,
        *,
        resample: bool = False,
        channel: Channel | None = None,
    ) -> Tensor | list[Tensor]:
        """One thing -> (T, D) frames; a list of them -> a list, each as it would be alone.

        A thing is the path of an audio file, (samples, rate), or an array, whose `rate` stands beside it. `resample`
        lets another rate than the model's be converted; `channel` says which of several is taken: a number from 0,
        "loudest", or "mix" for their mean. `layer` 0 is the input of the first block, 1 the output of the first block;
        None is the encoder's last word.
        """
        alone, recordings = recordings_of(speech, rate, Taking(resample, channel))
        found: list[Tensor] = [torch.empty(0)] * len(recordings)
        for rows, encoded in self._batches(recordings, layer):
            for row, frames, length in zip(rows, encoded.frames, encoded.lengths.tolist(), strict=True):
                found[row] = frames[:length]
        return found[0] if alone else found

    def embed(
        self,
        speech: Speech | Sequence[Speech],
        rate: float | None = None,
        layer: int | None = None,
        pooling: Pooling = "mean",
        *,
        resample: bool = False,
        channel: Channel | None = None,
    ) -> Tensor:
        """One thing -> (D,) its frames as one vector, (2 D,) of statistics; a list of them -> (B, D).

        All but `pooling` is as for `encode`.
        """
        alone, recordings = recordings_of(speech, rate, Taking(resample, channel))
        pool = pool_of(pooling, self.dim)
        found: list[Tensor] = [torch.empty(0)] * len(recordings)
        for rows, encoded in self._batches(recordings, layer):
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

    @torch.inference_mode()
    def featurise(self, samples: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S) samples, (B,) -> the frames that the model learnt from, or the samples where it learnt from those."""
        self.require_waveforms()
        if self.features is None:
            return samples, lengths
        return self.features(samples.to(self.device), lengths.to(self.device))

    def require_waveforms(self) -> None:
        """CheckpointError where nothing says how the model's input is made of a waveform."""
        if self.features is None and not self.takes_samples:
            raise CheckpointError(
                "this model was trained on features of unknown make, so it cannot take waveforms",
                fix="give feature archives of the same make, in a data directory, to masr extract, identify or decode",
            )

    def _batches(self, recordings: Sequence[Recording], layer: int | None) -> Iterator[tuple[list[int], Encoded]]:
        """Places in the list and what the encoder makes of them, those of like length together."""
        self.require_waveforms()
        for rows, samples, lengths in batches(recordings, self.sample_rate):
            encoded = self.run(*self.featurise(samples, lengths), layer)
            heard = [recordings[row] for row in rows]
            require_numbers(encoded.frames, [one.name for one in heard])
            require_encoded(heard, encoded.lengths)
            yield rows, encoded


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
