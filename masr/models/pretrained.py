"""Any speech model that transformers can load, as the encoder: from a folder on disk, without pickle or network.

For one utterance it equals transformers' own output. In a batch it still does, where transformers lets padding into
group norms (wav2vec2-base, HuBERT base), stacked position convolutions (data2vec) and batch norms.

Shapes: B utterances, S samples, C channels, T encoded frames, D model width.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn import functional

from masr.config import option, required
from masr.errors import ConfigError
from masr.maths.on_host import from_host
from masr.models.checkpoint_folder import Checkpoint, copy_description, open_checkpoint
from masr.models.padding_mask import PaddingMask, at_least_one, cut_to_longest, padding_of, zero_past_end
from masr.models.published_heads import PublishedHeads, read_heads
from masr.models.stacked_mel import StackedMel
from masr.models.waveform import channel_norm, conv_lengths, normalised, one_by_one, shortest_input
from masr.types import Encoded


@dataclass(frozen=True)
class Config:
    """A checkpoint, and which part of it learns."""

    checkpoint: Path = required("folder with config.json, preprocessor_config.json and model.safetensors")
    freeze: Literal["nothing", "front_end", "all"] = option(
        "nothing", "what keeps its weights; front_end is all that makes the sequence which masking acts on"
    )
    frozen_blocks: int = option(0, "so many of the first blocks keep their weights, and all before them")
    dropout: float | None = option(None, "every dropout of the blocks; the checkpoint's own where not given")
    layer_drop: float = option(0.0, "share of blocks left out of a training step")
    checkpoint_activations: bool = option(False, "recompute each block in the backward pass: slower, less memory")
    normalise: bool | None = option(
        None, "zero mean and unit variance of each waveform; as preprocessor_config.json says where not given"
    )

    own_heads: bool = option(
        False,
        "go on with what the checkpoint was pre-trained with, as far as the objective has it: the vector of masked "
        "frames, and of wav2vec 2.0 quantizer and projections",
    )

    def __post_init__(self) -> None:
        if self.frozen_blocks < 0:
            raise ValueError("frozen_blocks must not be negative")


def build(config: Config) -> Pretrained:
    """The encoder with the checkpoint's weights."""
    checkpoint = open_checkpoint(config.checkpoint, config.dropout, config.layer_drop, config.normalise)
    encoder = Pretrained(config, checkpoint)
    encoder.heads = read_heads(config.checkpoint) if config.own_heads else None
    return encoder


def restore(config: Config, folder: Path | None = None) -> Pretrained:
    """The encoder without its weights, as the copy that a run keeps in `folder` describes it, or the checkpoint."""
    described = (config.dropout, config.layer_drop, config.normalise)
    return Pretrained(config, open_checkpoint(folder or config.checkpoint, *described, with_weights=False))


class SampleFrontEnd:
    """Normalised samples -> the checkpoint's convolutions, which stay the model's own."""

    def __init__(self, model: Any, normalise: bool) -> None:
        self.model = model
        self.normalise = normalise
        self.kernels, self.strides = list(model.config.conv_kernel), list(model.config.conv_stride)
        self.subsampling = math.prod(self.strides)

    def num_encoded(self, num_samples: Tensor) -> Tensor:
        """(B,) -> (B,) encoded frames."""
        return conv_lengths(num_samples, self.kernels, self.strides)

    def __call__(self, waveforms: Tensor, num_samples: Tensor) -> Tensor:
        """(B, S), (B,) -> (B, T, C)."""
        return one_by_one(self.together, waveforms, num_samples)

    def together(self, waveforms: Tensor, num_samples: Tensor) -> Tensor:
        """Every utterance padded to the longest; group norms count valid frames alone."""
        given = normalised(waveforms, num_samples) if self.normalise else waveforms
        short = shortest_input(self.kernels, self.strides) - given.shape[1]
        maps, lengths = functional.pad(given, (0, max(0, short)))[:, None], num_samples
        layers = self.model.feature_extractor.conv_layers
        for layer, kernel, stride in zip(layers, self.kernels, self.strides, strict=True):
            lengths = from_host(partial(conv_lengths, kernels=[kernel], strides=[stride]), lengths)
            norm = getattr(layer, "layer_norm", None)
            if isinstance(norm, nn.GroupNorm):
                maps = layer.activation(channel_norm(norm, layer.conv(maps), lengths))
            else:
                maps = layer(maps)
        return maps.transpose(1, 2)


class Pretrained(nn.Module):
    """Waveform -> the checkpoint's front end -> its blocks; state dicts are transformers' own, below `model.`."""

    def __init__(self, config: Config, checkpoint: Checkpoint) -> None:
        super().__init__()
        self.config = config
        self.model: Any = checkpoint.model
        self.heads: PublishedHeads | None = None
        """What an objective begins with; none in an encoder whose weights come from a run."""
        self.dim: int = self.model.config.hidden_size
        self.num_layers: int = self.model.config.num_hidden_layers
        self.num_bins = 1
        self.sample_rate = checkpoint.sample_rate
        self.front_end: SampleFrontEnd | StackedMel
        if checkpoint.mel is None:
            self.front_end = SampleFrontEnd(self.model, checkpoint.normalise)
        else:
            self.front_end = StackedMel(*checkpoint.mel)
        self.subsampling: int = self.front_end.subsampling
        places = getattr(self.model.encoder, "pos_conv_embed", None)
        self.padding_mask = PaddingMask(*([] if places is None else [places]))
        if config.checkpoint_activations:
            enable = getattr(self.model, "activation_checkpointing_enable", None)
            (enable or self.model.gradient_checkpointing_enable)({"use_reentrant": False})
        if config.frozen_blocks > self.num_layers:
            raise ConfigError(
                f"encoder.frozen_blocks is {config.frozen_blocks}, and there are {self.num_layers} blocks"
            )
        for module in self.frozen():
            module.requires_grad_(False)

    def frozen(self) -> list[nn.Module]:
        """The modules that stay as they are."""
        if self.config.freeze == "all":
            return [self.model]
        if self.config.freeze == "nothing" and not self.config.frozen_blocks:
            return []
        names = ["feature_extractor", "feature_projection"]
        if self.config.frozen_blocks:
            names += ["encoder.pos_conv_embed", "encoder.dropout"]
            # Where blocks norm their own input, this one stands behind the last of them.
            names += [] if getattr(self.model.config, "do_stable_layer_norm", False) else ["encoder.layer_norm"]
            names += [f"encoder.layers.{index}" for index in range(self.config.frozen_blocks)]
        return [module for name, module in self.model.named_modules() if name in names]

    def train(self, mode: bool = True) -> Pretrained:
        """Frozen modules stay in evaluation mode, so that their output has no dropout."""
        super().train(mode)
        for module in self.frozen():
            module.eval()
        return self

    def describe(self, folder: Path) -> None:
        """Writes what `restore` needs, so that a run does without the checkpoint that it began from."""
        copy_description(self.config.checkpoint, folder)

    def num_encoded(self, num_frames: Tensor) -> Tensor:
        """Encoded frames of so many samples, by transformers' formula: a function of the utterance alone."""
        return self.front_end.num_encoded(num_frames)

    def embed(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S), (B,) -> (B, T, D), (B,): the sequence that masking acts on, behind the feature projection."""
        lengths = from_host(self.num_encoded, num_frames)
        frames = cut_to_longest(self.front_end(features, num_frames), lengths)
        projected = self.model.feature_projection(frames)
        return projected[0] if isinstance(projected, tuple) else projected, lengths

    @property
    def quantised_dim(self) -> int | None:
        """C, the width of what a published quantizer sees; None where the objective's own sees what `embed` gives."""
        has_both = self.config.own_heads and isinstance(self.front_end, SampleFrontEnd)
        return int(self.model.config.conv_dim[-1]) if has_both and self.model.config.model_type == "wav2vec2" else None

    def embed_twice(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `embed`, and between its two results (B, T, C): what a published quantizer sees, normed convolutions."""
        lengths = from_host(self.num_encoded, num_frames)
        frames = cut_to_longest(self.front_end(features, num_frames), lengths)
        projected, normed = self.model.feature_projection(frames)
        return projected, normed, lengths

    def contextualise(self, embedded: Tensor, lengths: Tensor, with_layers: bool = False) -> Encoded:
        """(B, T, D), (B,) -> the context of every frame; all hidden states in transformers' order where asked for."""
        time = embedded.shape[1]
        padding, given = padding_of(lengths, time), embedded
        if padding is not None:
            # transformers writes its zeros in place: not into the caller's sequence.
            given = embedded.masked_fill(padding[:, :, None], 0.0)
        # An utterance without a frame is given one to attend to, since attention to nothing is not a number.
        hidden = padding_of(at_least_one(lengths), time)
        mask = None if hidden is None else ~hidden
        layers: list[Tensor] = []
        with (
            self.padding_mask.over(padding),
            self.recording(layers if with_layers else None),
            warnings.catch_warnings(),
        ):
            warnings.filterwarnings("ignore", "Support for mismatched")  # WavLM's mask is boolean, its bias is not
            frames = self.model.encoder(given, attention_mask=mask).last_hidden_state
        return Encoded(zero_past_end(frames, lengths), lengths, tuple(layers))

    @contextmanager
    def recording(self, layers: list[Tensor] | None) -> Iterator[None]:
        """Puts the input of the first block and the output of each into `layers`, if there is such a list."""
        handles = []
        if layers is not None:
            blocks, note = self.model.encoder.layers, layers.append
            handles = [block.register_forward_hook(lambda _, __, out: note(_first(out))) for block in blocks]
            handles.append(blocks[0].register_forward_pre_hook(lambda _, given: note(given[0])))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def forward(self, features: Tensor, num_frames: Tensor, with_layers: bool = False) -> Encoded:
        """(B, S), (B,) -> (B, T, D)."""
        return self.contextualise(*self.embed(features, num_frames), with_layers=with_layers)


def _first(output: Any) -> Tensor:
    frames: Tensor = output[0] if isinstance(output, tuple) else output
    return frames
