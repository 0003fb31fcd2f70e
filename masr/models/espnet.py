"""ESPnet's own encoders, made blind to padding: with the same weights equal to ESPnet's on one utterance alone.

In a batch ESPnet lets padding into its convolutions and its batch norms, and counts frames too many for a padded
utterance. Here lengths come from the utterance alone, padding is zero before each convolution and absent from each
statistic. State dicts are ESPnet's own, below `encoder.`.

Shapes: B utterances, S feature frames, F features, T encoded frames, D model width.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from masr.config import option
from masr.errors import ConfigError, MissingPackageError, near
from masr.maths.on_host import from_host, longest
from masr.models.limits import check_numbers
from masr.models.padding_mask import PaddingMask, padding_of
from masr.models.waveform import conv_lengths, shortest_input
from masr.types import Encoded

Kind = Literal["conformer", "e_branchformer", "transformer"]
_INPUT_LAYERS = {1: "linear", 2: "conv2d2", 4: "conv2d", 6: "conv2d6", 8: "conv2d8"}
_PLAIN = ("positional_dropout_rate", "normalize_before", "concat_after", "qk_norm")
_POINTWISE = ("positionwise_layer_type", "positionwise_conv_kernel_size")
_KNOWN: dict[str, tuple[str, ...]] = {
    "conformer": (
        *_PLAIN,
        *_POINTWISE,
        *("macaron_style", "use_cnn_module", "activation_type", "zero_triu", "stochastic_depth_rate"),
        *("pos_enc_layer_type", "selfattention_layer_type", "max_pos_emb_len"),
    ),
    "e_branchformer": (
        *("positional_dropout_rate", "qk_norm", "cgmlp_linear_units", "merge_conv_kernel", "use_linear_after_conv"),
        *("gate_activation", "use_ffn", "macaron_ffn", "ffn_activation_type", "zero_triu"),
        *("pos_enc_layer_type", "attention_layer_type", "max_pos_emb_len"),
    ),
    "transformer": (*_PLAIN, *_POINTWISE, "pos_enc_layer_type"),
}
"""ESPnet's arguments that may be given beside ours; the others need CTC, name our own settings, or leak."""


@dataclass(frozen=True)
class Config:
    """Which of ESPnet's encoders; what is not here is as ESPnet's recipes have it, or given in `options`."""

    kind: Kind = option("conformer", "ConformerEncoder, EBranchformerEncoder or TransformerEncoder of espnet2")
    num_bins: int = option(80, "width of a feature frame")
    dim: int = option(256, "model width")
    num_layers: int = option(12, "blocks")
    num_heads: int = option(4, "attention heads")
    feed_forward_dim: int = option(1024, "inner width of the feed-forward modules")
    kernel: int = option(31, "frames that the depthwise convolution sees; odd")
    subsampling: Literal[1, 2, 4, 6, 8] = option(4, "feature frames to one encoded frame")
    dropout: float = option(0.1, "on every module's output")
    attention_dropout: float = option(0.0, "on attention weights")
    layer_drop: float = option(0.0, "share of blocks left out of a training step")
    options: Mapping[str, bool | int | float | str] = option(
        {}, "further arguments, by ESPnet's names: {cgmlp_linear_units: 3072}"
    )

    def __post_init__(self) -> None:
        check_numbers(self)
        if self.dim % self.num_heads:
            raise ValueError("dim must be a multiple of num_heads")
        if self.kernel % 2 == 0:
            raise ValueError("kernel must be odd, so that a frame stands in its middle")
        for name in self.options:
            if name not in _KNOWN[self.kind]:
                raise ValueError(f"options.{name} cannot be given to the {self.kind}; {near(name, _KNOWN[self.kind])}")


def build(config: Config) -> EspnetEncoder:
    """The encoder with fresh weights."""
    return EspnetEncoder(config)


class EspnetEncoder(nn.Module):
    """An encoder of espnet2, taken apart into what masking acts on and the blocks behind."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.dim = config.dim
        self.num_layers = config.num_layers
        self.num_bins = config.num_bins
        self.subsampling: int = config.subsampling
        self.encoder = _espnet(config)
        self.padding_mask = PaddingMask(self.encoder)
        self.attentions = [m for m in self.encoder.modules() if "attn" in vars(m)]
        convolutions = [m for m in self.encoder.embed.modules() if isinstance(m, nn.Conv2d)]
        self.kernels = [int(m.kernel_size[0]) for m in convolutions]
        self.strides = [int(m.stride[0]) for m in convolutions]

    def num_encoded(self, num_frames: Tensor) -> Tensor:
        """Encoded frames of so many feature frames: a function of the utterance alone, as ESPnet's is not."""
        return conv_lengths(num_frames, self.kernels, self.strides)

    def embed(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S, F), (B,) -> (B, T, D), (B,): the sequence that masking acts on, before places are added."""
        lengths = from_host(self.num_encoded, num_frames)
        short = shortest_input(self.kernels, self.strides) - features.shape[1]
        frames = functional.pad(features, (0, 0, 0, max(0, short)))
        layer = self.encoder.embed
        if self.config.subsampling == 1:
            frames = layer[:-1](frames)
        else:
            maps = layer.conv(frames[:, None])
            frames = maps.transpose(1, 2).flatten(2)
            frames = layer.out(frames) if self.config.subsampling == 8 else layer.out[:-1](frames)
        return frames[:, : longest(lengths)], lengths

    def contextualise(self, embedded: Tensor, lengths: Tensor, with_layers: bool = False) -> Encoded:
        """(B, T, D), (B,) -> the context of every frame; with every layer's output where asked for."""
        padding = padding_of(lengths, embedded.shape[1])
        keep = None if padding is None else ~padding[:, None]
        with self.padding_mask.over(padding):
            state = self.places()(embedded)
            layers = [_frames(state)]
            for block in self.encoder.encoders:
                if self.training and self.config.layer_drop and torch.rand(()) < self.config.layer_drop:
                    continue
                state, _ = block(state, keep)
                layers.append(_frames(state))
        for attention in self.attentions:
            attention.attn = None  # ESPnet keeps the last weights for plots: memory, and nothing that can be copied
        frames = layers[-1]
        if hasattr(self.encoder, "after_norm"):
            frames = self.encoder.after_norm(frames)
        if padding is not None:
            frames = frames.masked_fill(padding[:, :, None], 0.0)
        return Encoded(frames, lengths, tuple(layers) if with_layers else ())

    def places(self) -> nn.Module:
        """The module that adds places to the embedded sequence, or puts a table of them beside it."""
        layer = self.encoder.embed
        if self.config.subsampling == 8:
            return cast(nn.Module, layer.pos_enc)
        places: nn.Module = layer[-1] if self.config.subsampling == 1 else layer.out[-1]
        return places

    def forward(self, features: Tensor, num_frames: Tensor, with_layers: bool = False) -> Encoded:
        """(B, S, F), (B,) -> (B, T, D)."""
        return self.contextualise(*self.embed(features, num_frames), with_layers=with_layers)


def _frames(state: Any) -> Tensor:
    frames: Tensor = state[0] if isinstance(state, tuple) else state
    return frames


def _espnet(config: Config) -> Any:
    """ESPnet's module, with the arguments that its recipes share."""
    module, name, arguments = _arguments(config)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints that flash attention is absent
            encoder = getattr(importlib.import_module(f"espnet2.asr.encoder.{module}"), name)
    except ImportError as error:
        raise MissingPackageError(
            f"ESPnet's {name} cannot be imported: {error}",
            fix="pip install --no-deps espnet; pip install typeguard humanfriendly packaging torch_complex",
        ) from None
    known = inspect.signature(encoder.__init__).parameters
    missing = [argument for argument in config.options if argument not in known]
    if missing:
        raise ConfigError(f"encoder.options: this ESPnet's {name} does not take {', '.join(missing)}")
    return encoder(**{key: value for key, value in arguments.items() if key in known})


def _arguments(config: Config) -> tuple[str, str, dict[str, Any]]:
    """(module, class, arguments) of one kind."""
    shared = {
        "input_size": config.num_bins,
        "output_size": config.dim,
        "attention_heads": config.num_heads,
        "num_blocks": config.num_layers,
        "linear_units": config.feed_forward_dim,
        "dropout_rate": config.dropout,
        "positional_dropout_rate": config.dropout,
        "attention_dropout_rate": config.attention_dropout,
        "input_layer": _INPUT_LAYERS[config.subsampling],
        "use_flash_attn": False,
    }
    if config.kind == "transformer":
        return "transformer_encoder", "TransformerEncoder", {**shared, **config.options}
    shared |= {"rel_pos_type": "latest", "pos_enc_layer_type": "rel_pos"}
    if config.kind == "conformer":
        own = {"selfattention_layer_type": "rel_selfattn", "macaron_style": True, "cnn_module_kernel": config.kernel}
        return "conformer_encoder", "ConformerEncoder", {**shared, **own, **config.options}
    own = {"attention_layer_type": "rel_selfattn", "cgmlp_conv_kernel": config.kernel, "use_ffn": True}
    own |= {"cgmlp_linear_units": config.feed_forward_dim, "macaron_ffn": True, "merge_conv_kernel": config.kernel}
    return "e_branchformer_encoder", "EBranchformerEncoder", {**shared, **own, **config.options}
