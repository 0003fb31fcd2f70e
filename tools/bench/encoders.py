"""Conformers of one size, ours and the peers', as runners of a race: blocks only, forward and backward, dropout 0.

Everyone gets the same frames behind the front end, one width, one kernel, batch norm in the convolution module where
there is a choice, and gives a gradient to its input and its weights.
"""

from __future__ import annotations

import importlib.machinery
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from race import Turn

DIM, INNER, HEADS, KERNEL = 256, 1024, 4, 31


@dataclass(frozen=True)
class Size:
    """Of the batch and of the network."""

    batch: int
    frames: int
    layers: int


def turn(forward: Callable[[Any], Any], module: Any, size: Size) -> Turn:
    """A training step of `forward`, which takes (B, T, D) and gives (B, T, D)."""
    import torch

    torch.set_num_threads(1)
    module.train()
    frames = torch.randn(size.batch, size.frames, DIM, generator=torch.Generator().manual_seed(0)).requires_grad_()
    weights = torch.randn(size.batch, size.frames, DIM)

    def step() -> float:
        module.zero_grad(set_to_none=True)
        frames.grad = None
        (forward(frames).float() * weights).sum().backward()
        return float(size.batch * size.frames)

    return step


def masr(size: Size, positions: Literal["relative", "rotary"], bf16: bool = False, norm: str = "batch") -> Turn:
    """Our own."""
    import torch

    from masr.models.conformer import Config, build

    options: dict[str, Any] = {"dim": DIM, "feed_forward_dim": INNER, "kernel": KERNEL, "num_heads": HEADS}
    config = Config(num_layers=size.layers, positions=positions, conv_norm=norm, dropout=0.0, **options)  # type: ignore[arg-type]
    module = build(config)
    lengths = torch.full((size.batch,), size.frames)

    def forward(frames: Any) -> Any:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return module.contextualise(frames, lengths).frames

    return turn(forward, module, size)


def espnet(size: Size) -> Turn:
    """espnet2's ConformerEncoder with its latest relative positions."""
    import torch
    from espnet2.asr.encoder.conformer_encoder import ConformerEncoder

    module = ConformerEncoder(
        DIM, DIM, HEADS, INNER, size.layers, cnn_module_kernel=KERNEL, rel_pos_type="latest", macaron_style=True,
        pos_enc_layer_type="rel_pos", selfattention_layer_type="rel_selfattn", use_cnn_module=True, input_layer=None,
        dropout_rate=0.0, positional_dropout_rate=0.0, attention_dropout_rate=0.0,
    )  # fmt: skip
    lengths = torch.full((size.batch,), size.frames)
    return turn(lambda frames: module(frames, lengths)[0], module, size)


def transformers(size: Size, positions: Literal["relative", "rotary"]) -> Turn:
    """The encoder of transformers' Wav2Vec2Conformer."""
    stand_in_for_torchaudio()
    from transformers import Wav2Vec2ConformerConfig
    from transformers.models.wav2vec2_conformer.modeling_wav2vec2_conformer import Wav2Vec2ConformerEncoder

    config = Wav2Vec2ConformerConfig(
        hidden_size=DIM, num_hidden_layers=size.layers, num_attention_heads=HEADS, intermediate_size=INNER,
        conv_depthwise_kernel_size=KERNEL, position_embeddings_type=positions, hidden_dropout=0.0, layerdrop=0.0,
        attention_dropout=0.0, activation_dropout=0.0, conformer_conv_dropout=0.0, hidden_act="swish",
    )  # fmt: skip
    module = Wav2Vec2ConformerEncoder(config)  # type: ignore[no-untyped-call]
    return turn(lambda frames: module(frames).last_hidden_state, module, size)


def speechbrain(size: Size) -> Turn:
    """speechbrain's ConformerEncoder with rotary positions; layer norm in its convolution module."""
    stand_in_for_torchaudio()
    from speechbrain.lobes.models.transformer.Conformer import ConformerEncoder

    module = ConformerEncoder(size.layers, DIM, INNER, HEADS, KERNEL, dropout=0.0, attention_type="RoPEMHA")
    return turn(lambda frames: module(frames)[0], module, size)


def stand_in_for_torchaudio() -> None:
    """speechbrain and transformers import torchaudio, whose wheel wants CUDA; nothing that is raced calls it."""
    try:
        import torchaudio  # noqa: F401
    except (ImportError, OSError):
        for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
            del sys.modules[name]
        stand_in = types.ModuleType("torchaudio")
        stand_in.__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)
        stand_in.__dict__["__version__"] = "0.0.0"
        sys.modules["torchaudio"] = stand_in


def has_amx() -> bool:
    """Whether this machine multiplies bf16 matrices in hardware."""
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and "amx_bf16" in cpuinfo.read_text()
